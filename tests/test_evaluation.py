"""Figures against hand-made counts and against scikit-learn."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, precision_score, recall_score

from labels.codebook import STANCES, Stance
from labels.errors import DemarcheError
from training.evaluation.metrics import (
    HEADLINES,
    StanceResults,
    TopicResults,
    evaluate,
    joint_results,
    stance_results,
    stance_scores,
    topic_results,
    topic_scores,
)
from training.evaluation.predictions import Prediction, StancePrediction, TopicPrediction

Said = tuple[bool | None, float]
"""Gold of a topic, and its probability; a half and more is assigned."""


def predicted(
    passage: str,
    topics: dict[str, Said] | None = None,
    stances: dict[str, tuple[Stance | None, Stance]] | None = None,
    tags: dict[str, Stance | None] | None = None,
    group: str | None = None,
) -> Prediction:
    return Prediction(
        passage=passage,
        group=group or passage,
        split="test",
        text=f"text of {passage}",
        topics={
            topic: TopicPrediction(gold=gold, probability=p, assigned=p >= 0.5)
            for topic, (gold, p) in (topics or {}).items()
        },
        stances=tuple(
            StancePrediction(
                topic=topic,
                gold=gold,
                predicted=said,
                **{stance: 0.8 if stance == said else 0.1 for stance in STANCES},
            )
            for topic, (gold, said) in (stances or {}).items()
        ),
        tags=tags or {},
    )


# Four passages; tea is found twice of three times, once where it is not; rain is missed.
TOWN = [
    predicted("a", {"tea": (True, 0.9), "rain": (False, 0.1)}),
    predicted("b", {"tea": (True, 0.6), "rain": (True, 0.4)}),
    predicted("c", {"tea": (False, 0.7), "rain": (False, 0.2)}),
    predicted("d", {"tea": (True, 0.2), "rain": (False, 0.0)}),
]


def values(predictions: list[Prediction]) -> dict[str, float]:
    return {name: figure.value for name, figure in evaluate(predictions, seed=1).metrics.items()}


def test_topics_of_a_small_town_are_judged_as_by_hand() -> None:
    assert values(TOWN) == pytest.approx(
        {
            "topics/micro_f1": 2 * 2 / (4 + 3),
            "topics/macro_f1": (2 * 2 / (3 + 3) + 0) / 2,
            "topics/map": ((1 + 2 / 3 + 3 / 4) / 3 + 1) / 2,  # tea is ranked yes, no, yes, yes; rain first
            "topics/subset_accuracy": 1 / 4,
            "topics/f1/tea": 2 / 3,
            "topics/precision/tea": 2 / 3,
            "topics/recall/tea": 2 / 3,
            "topics/ap/tea": (1 + 2 / 3 + 3 / 4) / 3,
            "topics/f1/rain": 0,
            "topics/precision/rain": 0,
            "topics/recall/rain": 0,
            "topics/ap/rain": 1,
        }
    )


def test_stances_are_judged_toward_what_the_gold_has_found_or_not() -> None:
    found = values(
        [
            predicted("a", stances={"tea": ("favor", "favor")}),
            predicted("b", stances={"tea": ("favor", "against"), "rain": ("neutral", "neutral")}),
            predicted("c", stances={"rain": ("against", "against")}),
        ]
    )
    favor, against, neutral = 2 / (2 + 1), 2 / (1 + 2), 1.0
    assert found == pytest.approx(
        {
            "stance/macro_f1": (favor + against + neutral) / 3,
            "stance/f_avg": (favor + against) / 2,
            "stance/accuracy": 3 / 4,
            "stance/f1/favor": favor,
            "stance/f1/against": against,
            "stance/f1/neutral": neutral,
            "stance/macro_f1_by_topic/tea": (2 / 3 + 0) / 2,
            "stance/macro_f1_by_topic/rain": 1.0,
        }
    )


def test_jointly_a_topic_counts_only_with_its_stance() -> None:
    there: dict[str, Said] = {"tea": (True, 0.9), "rain": (False, 0.1)}
    found = values(
        [
            predicted("right", there, {"tea": ("favor", "favor")}, {"tea": "favor"}),
            predicted("stance wrong", there, {"tea": ("favor", "against")}, {"tea": "against"}),
            predicted("missed", there, {"tea": ("favor", "favor")}, {}),
            predicted("one too many", there, {"tea": ("favor", "favor")}, {"tea": "favor", "rain": "neutral"}),
            predicted("rightly nothing", {"tea": (False, 0.1), "rain": (False, 0.1)}),
        ]
    )
    assert found["joint/micro_f1"] == pytest.approx(2 * 2 / (4 + 4))
    assert found["joint/precision"] == pytest.approx(2 / 4)
    assert found["joint/recall"] == pytest.approx(2 / 4)


rows_of_topics = st.lists(
    st.tuples(*[st.tuples(st.booleans(), st.booleans(), st.integers(0, 5))] * 3), min_size=1, max_size=30
)


@settings(max_examples=40, deadline=None)
@given(rows=rows_of_topics)
def test_topic_figures_agree_with_scikit_learn(rows: list[tuple[tuple[bool, bool, int], ...]]) -> None:
    gold = np.array([[cell[0] for cell in row] for row in rows])
    assigned = np.array([[cell[1] for cell in row] for row in rows])
    probabilities = np.array([[cell[2] / 5 for cell in row] for row in rows])
    results = TopicResults(["x", "y", "z"], [f"u{n}" for n in range(len(rows))], gold, probabilities, assigned)
    found = {name: score(np.ones(len(rows))) for name, score in topic_scores(results).items()}
    assert found["topics/micro_f1"] == pytest.approx(f1_score(gold, assigned, average="micro", zero_division=0))
    assert found["topics/subset_accuracy"] == pytest.approx(accuracy_score(gold, assigned))
    evaluated = np.flatnonzero(gold.any(axis=0))
    for column in evaluated:
        topic = results.topics[column]
        pair = gold[:, column], assigned[:, column]
        assert found[f"topics/f1/{topic}"] == pytest.approx(f1_score(*pair, zero_division=0))
        assert found[f"topics/precision/{topic}"] == pytest.approx(precision_score(*pair, zero_division=0))
        assert found[f"topics/recall/{topic}"] == pytest.approx(recall_score(*pair, zero_division=0))
        assert found[f"topics/ap/{topic}"] == pytest.approx(
            average_precision_score(gold[:, column], probabilities[:, column])
        )
    if len(evaluated):
        macro = np.mean([f1_score(gold[:, c], assigned[:, c], zero_division=0) for c in evaluated])
        assert found["topics/macro_f1"] == pytest.approx(macro)
        assert found["topics/map"] == pytest.approx(
            np.mean([average_precision_score(gold[:, c], probabilities[:, c]) for c in evaluated])
        )
    else:
        assert np.isnan([found["topics/macro_f1"], found["topics/map"]]).all()


@settings(max_examples=50, deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30))
def test_stance_figures_agree_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    gold, said = (np.array(side) for side in zip(*pairs, strict=True))
    units = [f"u{n}" for n in range(len(gold))]
    results = StanceResults([""] * len(gold), units, gold, np.eye(3)[said], said)
    found = {name: score(np.ones(len(gold))) for name, score in stance_scores(results).items()}
    assert found["stance/macro_f1"] == pytest.approx(f1_score(gold, said, average="macro"))
    assert found["stance/f_avg"] == pytest.approx(f1_score(gold, said, labels=[0, 1], average="macro", zero_division=0))
    assert found["stance/accuracy"] == pytest.approx(accuracy_score(gold, said))


@st.composite
def towns(draw: Callable[..., object]) -> list[Prediction]:
    """Predictions of both tasks, with ties, in articles of one or more passages."""
    stance = st.sampled_from(STANCES)
    found = []
    for number in range(draw(st.integers(2, 12))):  # type: ignore[call-overload]
        gold = {topic: draw(st.sampled_from([True, True, False, None])) for topic in ("tea", "rain")}
        topics = {topic: (holds, draw(st.integers(0, 10)) / 10) for topic, holds in gold.items()}  # type: ignore[operator]
        stances = {topic: (draw(st.none() | stance), draw(stance)) for topic, holds in gold.items() if holds}
        tags = {topic: draw(stance) for topic, (_, probability) in topics.items() if probability >= 0.5}
        unit = f"article {draw(st.integers(0, 4))}"
        found.append(predicted(f"p{number}", topics, stances, tags, unit))  # type: ignore[arg-type]
    return found


@settings(max_examples=10, deadline=None)
@given(town=towns(), seed=st.integers(0, 100))
def test_permuting_the_passages_changes_no_figure_and_no_interval(town: list[Prediction], seed: int) -> None:
    shuffled = random.Random(seed).sample(town, len(town))
    try:
        one = evaluate(town, seed=3)
    except DemarcheError:
        with pytest.raises(DemarcheError, match="nothing to judge"):
            evaluate(shuffled, seed=3)
        return
    other = evaluate(shuffled, seed=3)
    assert one.metrics.keys() == other.metrics.keys()
    for name, figure in one.metrics.items():
        assert tuple(other.metrics[name]) == pytest.approx(tuple(figure), nan_ok=True), name
    assert one.classes == other.classes
    assert one.left_out == other.left_out


@settings(max_examples=50, deadline=None)
@given(rows=rows_of_topics, weights=st.lists(st.integers(0, 3), min_size=30, max_size=30))
def test_a_row_of_weight_three_is_three_rows(
    rows: list[tuple[tuple[bool, bool, int], ...]], weights: list[int]
) -> None:
    cells, times = np.array(rows), np.array(weights[: len(rows)])
    gold, assigned, probabilities = cells[:, :, 0] > 0, cells[:, :, 1] > 0, cells[:, :, 2] / 5
    topics = [TopicResults(["x", "y", "z"], [""] * len(rows), gold, probabilities, assigned)]
    topics.append(
        TopicResults(["x", "y", "z"], [], *(np.repeat(a, times, axis=0) for a in (gold, probabilities, assigned)))
    )
    said = cells[:, :, 2].clip(0, 2)
    stances = [StanceResults(["x"] * len(rows), [], said[:, 0], probabilities, said[:, 1])]
    stances.append(
        StanceResults(
            ["x"] * int(times.sum()),
            [],
            *(np.repeat(a, times, axis=0) for a in (said[:, 0], probabilities, said[:, 1])),
        )
    )
    for weighted, repeated in (map(topic_scores, topics), map(stance_scores, stances)):
        for name, score in repeated.items():
            found = weighted[name](times.astype(float))
            assert found == pytest.approx(score(np.ones(times.sum())), nan_ok=True), name


def test_an_interval_is_not_pulled_down_by_draws_without_the_rare_topic() -> None:
    """Tea is always found and rain, in two articles, too: there is nothing that a draw could lose."""
    town = [predicted(f"p{n}", {"tea": (True, 0.9), "rain": (n < 2, 0.9 if n < 2 else 0.1)}) for n in range(12)]
    for name, figure in evaluate(town, seed=1).metrics.items():
        if "precision" not in name:
            assert figure == (1, 1, 1), name


def test_every_figure_lies_within_its_interval_or_near() -> None:
    rng = random.Random(1)
    town = [
        predicted(f"p{n}", {"tea": (rng.random() < 0.4, rng.random()), "rain": (rng.random() < 0.4, rng.random())})
        for n in range(80)
    ]
    for name, figure in evaluate(town, seed=1).metrics.items():
        assert 0 <= figure.low <= figure.value <= figure.high <= 1, name


# Ties and gaps


def test_a_tied_topic_leaves_its_passage_out_and_is_counted() -> None:
    tied = predicted("tied", {"tea": (None, 0.9), "rain": (True, 0.9)}, {"rain": ("favor", "favor")}, {"rain": "favor"})
    scores = evaluate([*TOWN, tied], seed=1)
    assert {name: scores.metrics[name].value for name in values(TOWN)} == values(TOWN)
    assert scores.left_out == {"passages with a tied topic": 1}
    # The stance of the topic that is not tied is judged all the same.
    assert scores.metrics["stance/accuracy"].value == 1


def test_a_tied_stance_is_left_out_and_counted() -> None:
    told = predicted("told", {"tea": (True, 0.9)}, {"tea": ("favor", "favor")}, {"tea": "favor"})
    tied = predicted("tied", {"tea": (True, 0.9)}, {"tea": (None, "against")}, {"tea": "against"})
    scores = evaluate([told, tied], seed=1)
    assert scores.left_out == {"targets whose stance is tied or not told": 1}
    assert scores.metrics["stance/macro_f1"].value == 1
    assert scores.metrics["joint/micro_f1"].value == 1
    assert len(topic_results([told, tied]).groups) == 2  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "town",
    [
        [],
        [predicted("a")],
        [predicted("a", {"tea": (None, 0.9)})],
        [predicted("a", stances={"tea": (None, "favor")})],
    ],
    ids=["no passage", "nothing read", "all topics tied", "all stances tied"],
)
def test_without_any_gold_there_is_nothing_to_judge(town: list[Prediction]) -> None:
    with pytest.raises(DemarcheError, match="nothing to judge"):
        evaluate(town, seed=1)


def test_a_model_of_topics_alone_has_no_joint_figure() -> None:
    town = [predicted("a", {"tea": (True, 0.9)}, tags={"tea": None}), predicted("b", {"tea": (False, 0.9)})]
    assert joint_results(town) is None
    assert list(evaluate(town, seed=1).headlines()) == ["topics/micro_f1"]


def test_headlines_come_in_their_order() -> None:
    town = [predicted("a", {"tea": (True, 0.9)}, {"tea": ("favor", "favor")}, {"tea": "favor"})] * 2
    assert tuple(evaluate(town, seed=1).headlines()) == HEADLINES


def test_a_topic_that_the_gold_never_has_is_no_part_of_macro_figures() -> None:
    with_snow = [p.model_copy(update={"topics": {**p.topics, "snow": _said(False, 0.9)}}) for p in TOWN]
    found, before = values(with_snow), values(TOWN)
    assert found["topics/macro_f1"] == before["topics/macro_f1"]
    assert found["topics/map"] == before["topics/map"]
    assert found["topics/micro_f1"] < before["topics/micro_f1"]  # but what is wrongly found counts
    assert not any("snow" in name for name in found)
    snow = next(row for row in evaluate(with_snow, seed=1).classes if row["class"] == "snow")
    assert (snow["gold"], snow["found"], snow["precision"], snow["ap"]) == (0, 4, 0.0, None)


def test_passages_without_any_topic_are_judged_without_a_warning() -> None:
    found = values([predicted("a", {"tea": (False, 0.1)}), predicted("b", {"tea": (False, 0.2)})])
    assert found["topics/subset_accuracy"] == 1
    assert found["topics/micro_f1"] == 0
    assert np.isnan(found["topics/macro_f1"])


@pytest.mark.parametrize("stance", STANCES)
def test_one_stance_alone_is_judged_on_what_there_is(stance: Stance) -> None:
    found = values([predicted(f"p{n}", stances={"tea": (stance, stance)}) for n in range(3)])
    assert found["stance/macro_f1"] == found["stance/accuracy"] == 1


def test_equal_probabilities_give_no_credit_for_the_order_of_rows() -> None:
    rows = [predicted(f"p{n}", {"tea": (n == 0, 0.5)}) for n in range(4)]
    assert values(rows)["topics/ap/tea"] == values(rows[::-1])["topics/ap/tea"] == 0.25


def test_a_passage_of_one_article_gives_an_interval_of_no_width() -> None:
    town = [p.model_copy(update={"group": "the same"}) for p in TOWN]
    for figure in evaluate(town, seed=1).metrics.values():
        assert figure.low == figure.value == figure.high


def test_more_passages_of_the_same_articles_do_not_narrow_the_interval() -> None:
    copies = [p.model_copy(update={"passage": f"{p.passage}{n}"}) for p in TOWN for n in range(10)]
    one, other = (evaluate(town, seed=1).metrics["topics/micro_f1"] for town in (TOWN, copies))
    assert tuple(one) == pytest.approx(tuple(other))


def test_a_topic_named_like_a_figure_hides_none() -> None:
    names = {"macro_f1": (True, 0.9), "micro_f1": (False, 0.1), "f1": (True, 0.2)}
    found = values([predicted("a", names), predicted("b", names)])
    assert found["topics/macro_f1"] == 0.5
    assert found["topics/f1/macro_f1"] == 1


def test_stance_toward_named_targets_has_no_row_a_topic() -> None:
    named = [
        p.model_copy(
            update={"stances": tuple(s.model_copy(update={"topic": None, "target": "Ann"}) for s in p.stances)}
        )
        for p in [
            predicted("a", stances={"x": ("favor", "favor")}),
            predicted("b", stances={"x": ("against", "favor")}),
        ]
    ]
    results = stance_results(named)
    assert results is not None
    assert results == replace(results, topics=["", ""])
    assert not {name for name in values(named) if name.count("/") == 2} - {f"stance/f1/{s}" for s in STANCES}


def _said(gold: bool, probability: float) -> TopicPrediction:
    return TopicPrediction(gold=gold, probability=probability, assigned=probability >= 0.5)
