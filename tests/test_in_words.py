"""Plain sentences on how good a tagger is, and on what a small test side means."""

from __future__ import annotations

import pytest

from tests.test_evaluation import predicted
from tests.test_slices import by_source, town
from training.evaluation.in_words import how_good, share_in_words, small_set, weak_slices, weakest
from training.evaluation.metrics import Scores, evaluate
from training.evaluation.predictions import Prediction
from training.evaluation.slices import find_slices


def always_favor(predictions: list[Prediction]) -> Scores:
    """The scores of a baseline that finds no topic and gives the most frequent stance."""
    return evaluate(
        [
            prediction.model_copy(
                update={
                    "topics": {
                        topic: each.model_copy(update={"assigned": False}) for topic, each in prediction.topics.items()
                    },
                    "stances": tuple(each.model_copy(update={"predicted": "favor"}) for each in prediction.stances),
                    "tags": {},
                }
            )
            for prediction in predictions
        ],
        seed=1,
    )


def judged(predictions: list[Prediction], **ceiling: float) -> str:
    named = {name.replace("_", "/", 1): value for name, value in ceiling.items()}
    baselines = {"majority": always_favor(predictions)}
    return how_good(predictions, evaluate(predictions, seed=1), baselines, on="test", ceiling=named)


def test_a_tagger_is_good_middling_or_weak_by_how_far_it_gets_from_baseline_to_ceiling() -> None:
    assert judged(town(400, wrong=0.02)) == (
        "on test, topics are good (hardly any are missed; of those assigned, none are wrong), "
        "and stance is good (hardly any are wrong)"
    )
    assert "stance is middling (three of ten are wrong)" in judged(town(400, wrong=0.3))
    assert "stance is weak (six of ten are wrong)" in judged(town(400, wrong=0.6))
    # Where annotators themselves are not sure, the same score is nearer to what can be reached.
    assert "stance is good (three of ten are wrong; the annotators themselves reach 0.75)" in judged(
        town(400, wrong=0.3), stance_macro_f1=0.75
    )


def test_the_same_score_on_fewer_passages_is_judged_more_carefully() -> None:
    assert "stance is good" in judged(town(1200, wrong=0.1))
    assert "stance is middling to good" in judged(town(60, wrong=0.1))


def test_a_tagger_that_does_not_beat_the_trivial_baseline_is_said_not_to() -> None:
    assert "stance is not clearly better than always giving the most frequent answer" in judged(town(60, wrong=0.8))


def test_a_task_that_is_not_trained_is_not_mentioned() -> None:
    stances = [each.model_copy(update={"topics": {}, "tags": {}}) for each in town(100, wrong=0.1)]
    assert judged(stances).startswith("on test, stance is ")
    topics = [each.model_copy(update={"stances": (), "tags": {}}) for each in town(100, wrong=0.1)]
    assert "stance" not in judged(topics)
    none = [predicted(f"p{n}", {"tea": (False, 0.1)}) for n in range(3)]
    assert judged(none) == "on test, the gold has nothing to measure"


def test_a_few_passages_get_no_judgement() -> None:
    assert judged(town(20, wrong=0.0)) == (
        "on test, topics are on too few passages to judge, and stance is on too few passages to judge"
    )


def test_the_weakest_topic_is_named_if_it_is_clearly_below_the_whole() -> None:
    def rainy(share: int) -> list[Prediction]:
        return [
            predicted(f"r{n}", {"tea": (False, 0.1), "rain": (True, 0.1 if n % share == 0 else 0.9)}) for n in range(40)
        ]

    clearly = [*town(200, wrong=0.0), *rainy(2)]
    assert weakest("topics", evaluate(clearly, seed=1), clearly)[0] == "rain"  # type: ignore[index]
    alike = [*town(200, wrong=0.1), *rainy(10)]
    assert weakest("topics", evaluate(alike, seed=1), alike) is None
    few = [*town(200, wrong=0.0), *rainy(2)[:9]]
    assert weakest("topics", evaluate(few, seed=1), few) is None


def test_a_small_test_side_is_told_with_the_labels_that_would_halve_the_interval() -> None:
    predictions = town(100, wrong=0.3)
    scores = evaluate(predictions, seed=1)
    sentence = small_set(predictions, scores, on="test")
    low, high = scores.metrics["joint/micro_f1"].interval[1:]
    assert sentence is not None
    assert sentence.startswith("only 100 passages of 50 articles on test: ")
    assert "about 300 more labelled passages of other articles would halve that" in sentence
    four_times = town(400, wrong=0.3)
    wider = evaluate(four_times, seed=1).metrics["joint/micro_f1"].interval
    assert wider.high - wider.low == pytest.approx((high - low) / 2, rel=0.25)
    few = town(8, wrong=0.3)
    assert "too few for a verdict on any model" in (small_set(few, evaluate(few, seed=1), on="test") or "")
    many = town(3000, wrong=0.1)
    assert small_set(many, evaluate(many, seed=1), on="test") is None


def test_worse_slices_are_named_with_their_score_and_that_of_the_rest() -> None:
    good, bad = town(200, wrong=0.1), town(60, wrong=0.5, name="q")
    parts = by_source(crier=good, herald=bad)
    sentence = weak_slices(find_slices([*good, *bad], parts, seed=1), on="test")
    assert sentence is not None
    assert sentence.startswith("worse than on the rest of test: source: herald (")
    assert "60 passages" in sentence
    halves = by_source(crier=good[:100], herald=good[100:])
    assert weak_slices(find_slices(good, halves, seed=1), on="test") == (
        "no slice of test is clearly worse than the rest (2 compared)"
    )
    assert weak_slices([], on="test") is None


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "none are"),
        (0.02, "hardly any are"),
        (0.1, "one of ten is"),
        (0.28, "three of ten are"),
        (0.98, "nearly all are"),
        (1.0, "all are"),
    ],
)
def test_shares_are_told_in_tenths(share: float, words: str) -> None:
    assert share_in_words(share) == words
