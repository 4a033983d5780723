"""The annotator ceiling: annotators and the model against the labels of the other annotators."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from labels.codebook import STANCES, Stance
from labels.gold.adjudication import adjudicate
from labels.passages import Annotation, Label, Passage, Shares, place_in_list
from models.calibration import Platt, StanceCalibration, TopicCalibration
from models.families.baselines import MajorityStance, MajorityTopics
from models.reader import TwoStage
from models.tagger import Tagger, TaggerSettings
from tests.conftest import BOOK
from training.evaluation.ceiling import Ceiling, ceiling
from training.evaluation.predictions import predict

Readings = dict[str, list[Label]]
"""The labels of each annotator of a passage."""


def tagger(*, topics: bool = True, stance: bool = True) -> Tagger:
    """A tagger that always says tea and never rain, and `favor` toward everything."""
    reader = TwoStage(
        MajorityTopics([0.9, 0.1]) if topics else None, MajorityStance([0.6, 0.3, 0.1]) if stance else None
    )
    calibration = TopicCalibration(curves=(Platt(),) * 2, thresholds=(0.5,) * 2)
    return Tagger(
        BOOK,
        reader,
        TaggerSettings(
            input=("text",),
            review=0.1,
            topic_calibration=calibration if topics else None,
            stance_calibration=StanceCalibration() if stance else None,
        ),
    )


def ceiling_of(*readings: Readings, model: Tagger | None = None, target: str | None = None) -> Ceiling | None:
    model = model or tagger()
    passages, annotations = [], []
    for number, each in enumerate(readings):
        text = f"text {number}"
        passages.append(Passage(id=text, article=text, text=text, start=0, end=len(text)))
        annotations += [
            Annotation(passage=text, annotator=who, codebook=BOOK.reference, labels=tuple(labels))
            for who, labels in each.items()
        ]
    examples = adjudicate(passages, annotations)
    predictions = predict(model, examples, ["test"] * len(examples))
    return ceiling(model, predictions, examples, annotations, target=target, seed=1)


def values(found: Ceiling | None) -> tuple[dict[str, float], dict[str, float]]:
    assert found is not None
    annotators, model = (
        {name: metric.value for name, metric in each.metrics.items()} for each in (found.annotators, found.model)
    )
    return annotators, model


def tea(stance: Stance | None = "favor") -> Label:
    return Label(topic="tea", stance=stance)


def test_of_two_annotators_the_other_is_the_gold() -> None:
    found = ceiling_of(
        {"ann": [tea()], "bob": [tea("against")]},
        {"ann": [tea()], "bob": [Label(topic="rain", stance="neutral")]},
        {"ann": [], "bob": []},
    )
    annotators, model = values(found)
    assert found is not None
    assert (found.passages, found.readings) == (3, 6)
    # Of four topics assigned by ann and bob, two are the other's as well.
    assert annotators["topics/micro_f1"] == pytest.approx(0.5)
    assert annotators["stance/accuracy"] == 0
    assert annotators["joint/micro_f1"] == 0
    # The model says tea, in favor, six times; the gold says so of tea three times and of tea in favor twice.
    assert model["topics/micro_f1"] == pytest.approx(2 * 3 / (6 + 4))
    assert model["joint/micro_f1"] == pytest.approx(2 * 2 / (6 + 4))
    assert model["stance/accuracy"] == 0.5


def test_a_topic_that_an_annotator_missed_is_an_error_of_topics_and_pairs_but_no_wrong_stance() -> None:
    annotators, _ = values(ceiling_of({"ann": [tea()], "bob": [tea()]}, {"ann": [tea()], "bob": []}))
    assert annotators["stance/accuracy"] == 1
    assert annotators["joint/recall"] == pytest.approx(2 / 3)
    assert annotators["joint/precision"] == pytest.approx(2 / 3)


def test_who_decides_has_seen_the_labels_of_the_others_and_is_neither_scored_nor_gold() -> None:
    votes: Readings = {"ann": [tea()], "bob": [tea("against")]}
    decided = values(ceiling_of(votes | {"adjudicator": [tea()], "gold": []}))
    assert decided == values(ceiling_of(votes))
    assert ceiling_of({"ann": [tea()], "gold": [tea()]}) is None


def test_without_a_second_reading_there_is_no_ceiling() -> None:
    assert ceiling_of({"ann": [tea()]}, {"bob": []}) is None


def test_passages_without_any_label_have_no_ceiling() -> None:
    assert ceiling_of({"ann": [], "bob": []}) is None


def test_annotator_and_model_are_scored_on_the_same_pairs_where_a_stance_could_not_be_told() -> None:
    annotators, model = values(
        ceiling_of(
            {"ann": [tea(None)], "bob": [tea()]}, {"ann": [tea()], "bob": [tea()]}, {"ann": [tea(None)], "bob": []}
        )
    )
    # Ann's two readings without a stance are no pairs, and bob's beside them have no gold of pairs.
    assert annotators["joint/micro_f1"] == model["joint/micro_f1"] == 1
    assert annotators["stance/accuracy"] == model["stance/accuracy"] == 1
    assert annotators["topics/recall/tea"] == pytest.approx(4 / 5)


def test_the_gold_of_the_others_that_is_tied_is_left_out_for_both() -> None:
    found = ceiling_of(
        {"ann": [tea()], "bob": [tea("against")], "cyd": [tea("neutral")]}, {"ann": [tea()], "bob": [tea()]}
    )
    annotators, model = values(found)
    assert annotators["stance/accuracy"] == model["stance/accuracy"] == 1
    assert annotators["topics/micro_f1"] == 1


@pytest.mark.parametrize(("topics", "stance"), [(True, False), (False, True)])
def test_only_what_the_model_predicts_is_scored(topics: bool, stance: bool) -> None:
    found = ceiling_of({"ann": [tea()], "bob": [tea("against")]}, model=tagger(topics=topics, stance=stance))
    annotators, model = values(found)
    assert annotators.keys() == model.keys()
    assert {name.partition("/")[0] for name in annotators} == {"topics" if topics else "stance"}


def test_the_stance_toward_one_target_alone_can_be_scored() -> None:
    readings: Readings = {
        "ann": [tea(), Label(target="Bob", stance="favor")],
        "bob": [tea("against"), Label(target="Bob", stance="favor")],
    }
    assert values(ceiling_of(readings, target="Bob"))[0]["stance/accuracy"] == 1
    assert values(ceiling_of(readings, target="tea"))[0]["stance/accuracy"] == 0


def test_shares_of_unnamed_readers_count_as_their_most_frequent_stance() -> None:
    shares = Label(topic="tea", shares=Shares(favor=0.2, against=0.8))
    annotators, _ = values(ceiling_of({"ann": [shares], "bob": [tea("against")]}))
    assert annotators["stance/accuracy"] == 1


@settings(deadline=None, max_examples=30)
@given(votes=st.lists(st.lists(st.sampled_from(STANCES), min_size=2, max_size=8), min_size=1, max_size=8))
def test_places_in_lists_of_votes_are_scored_like_people(votes: list[list[Stance]]) -> None:
    places = [
        {place_in_list("votes", n): [Label(target="Bob", stance=stance)] for n, stance in enumerate(row)}
        for row in votes
    ]
    found = ceiling_of(*places, model=tagger(topics=False))
    gold: list[Stance] = []
    chosen: list[Stance] = []
    for row in votes:
        for n, stance in enumerate(row):
            others = row[:n] + row[n + 1 :]
            top = [each for each in STANCES if others.count(each) == max(map(others.count, STANCES))]
            if len(top) == 1:
                gold.append(top[0])
                chosen.append(stance)
    if not gold:
        assert found is None
        return
    present = sorted({*gold, *chosen})
    annotators, model = values(found)
    assert annotators["stance/macro_f1"] == pytest.approx(f1_score(gold, chosen, labels=present, average="macro"))
    assert model["stance/f1/favor"] == pytest.approx(
        f1_score(gold, ["favor"] * len(gold), labels=["favor"], average="macro", zero_division=0)
    )
