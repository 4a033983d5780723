"""Slices of an evaluation set: how passages are divided, and which parts are worse than the rest beyond chance."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.codebook import STANCES, Stance
from labels.errors import DemarcheError
from labels.passages import Annotation, Label, Passage, Shares
from tests.test_evaluation import predicted
from training.evaluation.attributes import attributes, check_meta, is_unanimous
from training.evaluation.metrics import HEADLINES, evaluate
from training.evaluation.predictions import Prediction
from training.evaluation.slices import find_slices, holm, slice_rows


def passage(id: str, text: str = "The town council met on Monday.", **fields: object) -> Passage:
    return Passage.model_validate({"id": id, "article": id, "text": text, "start": 0, "end": len(text)} | fields)


def reading(annotator: str, *labels: Label) -> Annotation:
    return Annotation(passage="a", annotator=annotator, codebook="tiny@1.0.0", labels=labels)


def town(count: int, *, wrong: float, name: str = "p", seed: int = 1) -> list[Prediction]:
    """Passages of two each per article, of which the tagger gets a share wrong, both topics and stances."""
    rng = random.Random(seed)
    predictions = []
    for number in range(count):
        gold: Stance = STANCES[number % 3]
        is_wrong = rng.random() < wrong
        stance: Stance = STANCES[(number + 1) % 3] if is_wrong else gold
        predictions.append(
            predicted(
                f"{name}{number}",
                {"tea": (True, 0.1 if is_wrong else 0.9), "rain": (False, 0.2)},
                {"tea": (gold, stance)},
                {} if is_wrong else {"tea": stance},
                group=f"{name}{number // 2}",
            )
        )
    return predictions


def by_source(**parts: list[Prediction]) -> dict[str, dict[str, str]]:
    return {"source": {prediction.passage: source for source, part in parts.items() for prediction in part}}


def test_a_source_on_which_a_tagger_fails_comes_first() -> None:
    good, bad = town(200, wrong=0.1), town(60, wrong=0.5, name="q")
    slices = find_slices([*good, *bad], by_source(crier=good, herald=bad), seed=1)
    worse = [each for each in slices if each.is_worse]
    assert {each.metric for each in worse} == set(HEADLINES)
    assert {each.value for each in worse} == {"herald"}
    assert slices[: len(worse)] == worse
    assert (worse[0].passages, worse[0].articles) == (60, 30)
    for each in worse:
        assert each.score == pytest.approx(evaluate(bad, seed=1).metrics[each.metric].value)
        assert each.rest == pytest.approx(evaluate(good, seed=1).metrics[each.metric].value)
        assert each.difference.low < each.difference.value < each.difference.high < 0


def test_chance_alone_seldom_makes_a_slice_worse() -> None:
    predictions = town(240, wrong=0.3)
    alarms = 0
    for seed in range(40):
        rng = random.Random(seed)
        source = {prediction.passage: rng.choice("abcdef") for prediction in predictions}
        year = {prediction.passage: rng.choice("123") for prediction in predictions}
        slices = find_slices(predictions, {"source": source, "year": year}, seed=1)
        assert any(each.is_enough for each in slices)
        alarms += any(each.is_worse for each in slices)
    assert alarms <= 4


def test_a_tiny_slice_has_no_verdict() -> None:
    good, bad = town(200, wrong=0.0), town(28, wrong=1.0, name="q")
    (topics, *_) = slices = find_slices([*good, *bad], by_source(crier=good, herald=bad), seed=1)
    assert not any(each.is_enough or each.is_worse for each in slices)
    assert {row["verdict"] for row in slice_rows(slices)} == {"too few to tell"}
    assert np.isnan(topics.difference.low)
    of_one_article = [each.model_copy(update={"group": "one"}) for each in town(60, wrong=1.0, name="q")]
    slices = find_slices([*good, *of_one_article], by_source(crier=good, herald=of_one_article), seed=1)
    assert not any(each.is_enough for each in slices)


def test_a_stance_that_a_slice_hardly_has_does_not_decide() -> None:
    good = town(120, wrong=0.1)
    alike = [each for each in town(180, wrong=0.1, name="q") if each.stances[0].gold != "neutral"]
    rare = predicted("rare", stances={"tea": ("neutral", "favor")})
    parts = by_source(crier=good, herald=[*alike, rare])
    (slice,) = [
        each
        for each in find_slices([*good, *alike, rare], parts, seed=1)
        if each.metric == "stance/macro_f1" and each.value == "herald"
    ]
    assert slice.is_enough
    # Counted as a third of the mean, a single missed case would cost a third of the score.
    assert slice.score > 0.8
    assert not slice.is_worse


def test_passages_without_a_value_are_on_neither_side_and_one_value_is_no_slice() -> None:
    predictions = town(200, wrong=0.2)
    first, second, unknown = predictions[:60], predictions[60:120], predictions[120:]
    (one, other) = [
        s for s in find_slices(predictions, by_source(a=first, b=second), seed=1) if s.metric == HEADLINES[0]
    ]
    assert one.score == pytest.approx(other.rest)
    assert one.passages + other.passages == len(predictions) - len(unknown)
    # The two sides answer one question, which is counted once.
    assert one.p == other.p
    assert find_slices(predictions, by_source(a=predictions), seed=1) == []
    assert find_slices(predictions, {"source": {}}, seed=1) == []


def test_ties_and_tasks_that_are_not_predicted_have_no_slices() -> None:
    tied = [predicted(f"p{n}", {"tea": (None, 0.5)}, {"tea": (None, "favor")}) for n in range(80)]
    parts = by_source(a=tied[:40], b=tied[40:])
    assert find_slices(tied, parts, seed=1) == []
    stance_only = [each.model_copy(update={"topics": {}, "tags": {}}) for each in town(100, wrong=0.2)]
    slices = find_slices(stance_only, by_source(a=stance_only[:50], b=stance_only[50:]), seed=1)
    assert {each.metric for each in slices} == {"stance/macro_f1"}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_rejects_as_many_as_by_stepping_down(p_values: list[float]) -> None:
    rejected = 0
    for place, p in enumerate(sorted(p_values)):
        if p * (len(p_values) - place) >= 0.05:
            break
        rejected += 1
    corrected = holm({str(place): p for place, p in enumerate(p_values)})
    assert sum(p < 0.05 for p in corrected.values()) == rejected
    assert all(corrected[str(place)] >= p for place, p in enumerate(p_values))


def test_passages_are_divided_by_what_is_known_of_them() -> None:
    texts = [
        "one two",
        "“We shall see,” said the mayor",
        "it's the dogs' dinner of a plan for all the town and its people",
    ]
    passages = [
        passage("a", texts[0], source="crier", published="2019-05-01", meta={"part": "news", "score": 1}),
        passage("b", texts[1], published="19123", meta={"part": "", "score": 2}),
        passage("c", texts[2], source="herald", published="20190501"),
    ]
    columns = attributes(passages, [reading("one"), reading("two")], ["meta.part", "meta.score"])
    assert columns["source"] == {"a": "crier", "c": "herald"}
    assert columns["year"] == {"a": "2019", "c": "2019"}
    assert columns["length"] == {"a": "2 words", "b": "6 words", "c": "14 words"}
    assert columns["quotation"] == {"a": "no", "b": "yes", "c": "no"}
    assert columns["annotators"] == {"a": "agree"}
    assert columns["meta.part"] == {"a": "news"}
    assert columns["meta.score"] == {"a": "1", "b": "2"}


def test_many_numbers_are_divided_into_thirds_in_which_equal_ones_stay_together() -> None:
    passages = [passage(f"p{n}", meta={"score": min(n, 20)}) for n in range(30)]
    parts = attributes(passages, [], ["meta.score"])["meta.score"]
    assert [parts[f"p{n}"] for n in (0, 9, 10, 19, 20, 29)] == ["0 to 9"] * 2 + ["10 to 19"] * 2 + ["20"] * 2


def test_readers_agree_if_all_gave_the_same_topics_and_stances() -> None:
    tea, rain = Label(topic="tea", stance="favor"), Label(topic="rain", stance="favor")
    unsure = Label(topic="tea")
    assert is_unanimous([reading("one", tea), reading("two", tea)])
    assert is_unanimous([reading("one", tea), reading("two", unsure)])
    assert is_unanimous([reading("one"), reading("two")])
    assert not is_unanimous([reading("one", tea), reading("two", tea, rain)])
    assert not is_unanimous([reading("one", tea), reading("two", Label(topic="tea", stance="against"))])
    assert is_unanimous([reading("one", tea), reading("adjudicator", rain)]) is None
    named = [
        reading(who, Label(target="the mayor", stance=stance)) for who, stance in (("one", "favor"), ("two", "neutral"))
    ]
    assert not is_unanimous(named)
    for favor, unanimous in ((1.0, True), (0.75, False)):
        shares = Shares(favor=favor, neutral=1 - favor)
        assert is_unanimous([reading("votes", Label(topic="tea", shares=shares))]) is unanimous


def test_a_metadata_column_that_no_passage_has_is_refused_with_those_there_are() -> None:
    passages = [passage("a", meta={"part": "news"})]
    check_meta(["meta.part"], passages)
    with pytest.raises(DemarcheError, match=r"slices: no passage has 'prt' in its meta; did you mean 'part'"):
        check_meta(["meta.prt"], passages)
    with pytest.raises(DemarcheError, match="no passage has 'colour' in its meta; known: part"):
        check_meta(["meta.colour"], passages)
    with pytest.raises(DemarcheError, match="the passages have no meta"):
        check_meta(["meta.part"], [passage("a")])
