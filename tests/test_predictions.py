"""Predictions beside their gold, and the file that holds them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from labels.errors import BadInput, DemarcheError
from labels.files import write_jsonl
from labels.gold.adjudication import Example, adjudicate
from labels.passages import Annotation, Label, Passage
from models.calibration import Platt, StanceCalibration, TopicCalibration
from models.families.baselines import MajorityStance, MajorityTopics
from models.reader import TwoStage
from models.tagger import Tagger, TaggerSettings
from tests.conftest import BOOK
from tests.test_evaluation import predicted, towns
from training.evaluation.metrics import evaluate
from training.evaluation.predictions import Prediction, errors, predict, read_predictions


def tagger(*, topics: list[float] | None = None, stance: bool = True) -> Tagger:
    settings = TaggerSettings(
        input=("text",),
        review=0.1,
        topic_calibration=TopicCalibration(curves=(Platt(),) * 2, thresholds=(0.5,) * 2) if topics else None,
        stance_calibration=StanceCalibration(),
    )
    reader = TwoStage(MajorityTopics(topics) if topics else None, MajorityStance([0.6, 0.3, 0.1]) if stance else None)
    return Tagger(BOOK, reader, settings)


def example(id: str, *readings: list[Label]) -> Example:
    text = f"text of {id}"
    one = Passage(id=id, article=id, text=text, start=0, end=len(text))
    made = [
        Annotation(passage=id, annotator=f"annotator {n}", codebook=BOOK.reference, labels=tuple(labels))
        for n, labels in enumerate(readings)
    ]
    return adjudicate([one], made)[0]


TEA = Label(topic="tea", stance="favor")


def test_a_passage_without_labels_has_negative_gold_for_every_topic() -> None:
    (prediction,) = predict(tagger(topics=[0.9, 0.1]), [example("a", [])], ["test"])
    assert {id: topic.gold for id, topic in prediction.topics.items()} == {"tea": False, "rain": False}
    assert prediction.stances == ()
    assert prediction.tags == {"tea": "favor"}


def test_tied_annotators_leave_no_gold() -> None:
    topic_tied = example("a", [TEA], [])
    stance_tied = example("b", [TEA], [Label(topic="tea", stance="against")])
    predictions = predict(tagger(topics=[0.9, 0.1]), [topic_tied, stance_tied], ["test", "test"])
    assert predictions[0].topics["tea"].gold is None
    assert predictions[1].topics["tea"].gold is True
    assert [stance.gold for stance in predictions[1].stances] == [None]


def test_stance_is_predicted_for_gold_topics_that_the_tagger_missed() -> None:
    (prediction,) = predict(tagger(topics=[0.1, 0.1]), [example("a", [TEA])], ["test"])
    assert prediction.tags == {}
    assert [(stance.topic, stance.gold, stance.predicted) for stance in prediction.stances] == [
        ("tea", "favor", "favor")
    ]


def test_a_model_of_one_task_predicts_nothing_for_the_other() -> None:
    examples = [example("a", [TEA, Label(target="Bob", stance="against")])]
    (topics,) = predict(tagger(topics=[0.9, 0.1], stance=False), examples, ["test"])
    assert topics.stances == ()
    assert topics.tags == {"tea": None}
    (stance,) = predict(tagger(), examples, ["test"])
    assert stance.topics == stance.tags == {}
    assert {(one.topic, one.target) for one in stance.stances} == {("tea", None), (None, "Bob")}


def test_no_examples_give_no_predictions() -> None:
    assert predict(tagger(topics=[0.9, 0.1]), [], []) == []


@pytest.mark.parametrize("task", ["topics", "stance"])
def test_gold_of_another_codebook_is_refused_and_not_evaluated_in_part(task: str) -> None:
    unknown = example("a", [Label(topic="trea", stance="favor")])
    with pytest.raises(DemarcheError, match=r"'a': the model's codebook tiny@1.0.0 has no topic 'trea'; did you mean"):
        predict(tagger(topics=[0.9, 0.1] if task == "topics" else None), [unknown], ["test"])


@settings(deadline=None)
@given(town=towns())
def test_predictions_are_read_back_as_written(town: list[Prediction], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "predictions.jsonl"
    write_jsonl(path, town)
    assert read_predictions(path) == town


def test_metrics_are_the_same_after_predictions_are_read_back(tmp_path: Path) -> None:
    predictions = predict(tagger(topics=[0.9, 0.1]), [example("a", [TEA]), example("b", [])], ["test", "test_other"])
    write_jsonl(tmp_path / "predictions.jsonl", predictions)
    restored = read_predictions(tmp_path / "predictions.jsonl")
    assert restored == predictions
    before, after = evaluate(predictions, seed=1), evaluate(restored, seed=1)
    assert {n: str(m.interval) for n, m in after.metrics.items()} == {
        n: str(m.interval) for n, m in before.metrics.items()
    }
    assert (after.classes, after.left_out) == (before.classes, before.left_out)


def test_an_invalid_line_is_reported_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "predictions.jsonl"
    write_jsonl(path, [predicted("a", {"tea": (True, 0.5)})])
    path.write_text(path.read_text(encoding="utf-8") + "{\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"predictions\.jsonl:2: not JSON"):
        read_predictions(path)


def unread(town: list[Prediction]) -> list[Example]:
    """An example without votes for each prediction."""
    return [example(prediction.passage, []) for prediction in town]


def test_errors_are_sorted_by_confidence_and_exclude_ties() -> None:
    town = [
        predicted("a", {"tea": (True, 0.4), "rain": (False, 0.9)}),
        predicted(
            "b", {"tea": (None, 0.9), "rain": (True, 0.9)}, {"rain": ("favor", "against"), "tea": (None, "favor")}
        ),
        predicted("c", {"tea": (True, 0.9)}, {"tea": ("favor", "favor")}),
    ]
    rows = errors(town, unread(town))
    assert [
        tuple(row[key] for key in ("class", "task", "gold", "predicted", "probability", "passage")) for row in rows
    ] == [
        ("rain", "topic", "no", "yes", 0.9, "a"),
        ("rain", "stance", "favor", "against", 0.8, "b"),
        ("tea", "topic", "yes", "no", 0.6, "a"),
    ]
    assert list(rows[0])[:2] == ["text", "class"]


def test_an_error_shows_how_the_annotators_voted() -> None:
    against = Label(topic="tea", stance="against")
    read = [example("a", [TEA], [against], [against]), example("b", [TEA], [TEA], [])]
    rows = errors(predict(tagger(topics=[0.1, 0.1]), read, ["test"] * 2), read)
    votes = {(row["passage"], row["task"]): row["votes"] for row in rows}
    assert votes == {
        ("a", "topic"): "yes 100%",
        ("a", "stance"): "against 67%, favor 33%",
        ("b", "topic"): "yes 67%",
    }


@settings(deadline=None)
@given(town=towns())
def test_every_wrong_stance_is_an_error(town: list[Prediction]) -> None:
    rows = errors(town, unread(town))
    wrong = [row for row in rows if row["task"] == "stance"]
    decided = [stance for p in town for stance in p.stances if stance.gold is not None]
    assert len(wrong) == sum(stance.gold != stance.predicted for stance in decided)
    assert [row["probability"] for row in rows] == sorted((row["probability"] for row in rows), reverse=True)
