"""Metrics against counts by hand and against scikit-learn."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, precision_score, recall_score

from labels.bootstrap import Groups
from labels.codebook import STANCES, Stance
from labels.errors import DemarcheError
from training.evaluation.metrics import HEADLINES, evaluate
from training.evaluation.predictions import Prediction, StancePrediction, TopicPrediction
from training.evaluation.results import StanceResults, TopicResults, joint_results, stance_results, topic_results

GoldAndProbability = tuple[bool | None, float]
"""The gold of a topic and its probability; it is assigned from 0.5 on."""


def predicted(
    passage: str,
    topics: dict[str, GoldAndProbability] | None = None,
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
                predicted=predicted,
                **{stance: 0.8 if stance == predicted else 0.1 for stance in STANCES},
            )
            for topic, (gold, predicted) in (stances or {}).items()
        ),
        tags=tags or {},
    )


# Four passages: tea has two true positives, a false positive and a false negative; rain is missed.
TOWN = [
    predicted("a", {"tea": (True, 0.9), "rain": (False, 0.1)}),
    predicted("b", {"tea": (True, 0.6), "rain": (True, 0.4)}),
    predicted("c", {"tea": (False, 0.7), "rain": (False, 0.2)}),
    predicted("d", {"tea": (True, 0.2), "rain": (False, 0.0)}),
]


def values(predictions: list[Prediction]) -> dict[str, float]:
    return {name: metric.value for name, metric in evaluate(predictions, seed=1).metrics.items()}


def test_topic_metrics_equal_those_by_hand() -> None:
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


def test_stance_is_evaluated_on_gold_topics_whether_or_not_they_are_predicted() -> None:
    metrics = values(
        [
            predicted("a", stances={"tea": ("favor", "favor")}),
            predicted("b", stances={"tea": ("favor", "against"), "rain": ("neutral", "neutral")}),
            predicted("c", stances={"rain": ("against", "against")}),
        ]
    )
    favor, against, neutral = 2 / (2 + 1), 2 / (1 + 2), 1.0
    assert metrics == pytest.approx(
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


def test_a_joint_prediction_is_correct_only_with_topic_and_stance() -> None:
    topics: dict[str, GoldAndProbability] = {"tea": (True, 0.9), "rain": (False, 0.1)}
    metrics = values(
        [
            predicted("correct", topics, {"tea": ("favor", "favor")}, {"tea": "favor"}),
            predicted("stance wrong", topics, {"tea": ("favor", "against")}, {"tea": "against"}),
            predicted("missed", topics, {"tea": ("favor", "favor")}, {}),
            predicted("one too many", topics, {"tea": ("favor", "favor")}, {"tea": "favor", "rain": "neutral"}),
            predicted("correctly none", {"tea": (False, 0.1), "rain": (False, 0.1)}),
        ]
    )
    assert metrics["joint/micro_f1"] == pytest.approx(2 * 2 / (4 + 4))
    assert metrics["joint/precision"] == pytest.approx(2 / 4)
    assert metrics["joint/recall"] == pytest.approx(2 / 4)


rows_of_topics = st.lists(
    st.tuples(*[st.tuples(st.booleans(), st.booleans(), st.integers(0, 5))] * 3), min_size=1, max_size=30
)


@settings(max_examples=40, deadline=None)
@given(rows=rows_of_topics)
def test_topic_metrics_agree_with_scikit_learn(rows: list[tuple[tuple[bool, bool, int], ...]]) -> None:
    gold = np.array([[cell[0] for cell in row] for row in rows])
    assigned = np.array([[cell[1] for cell in row] for row in rows])
    probabilities = np.array([[cell[2] / 5 for cell in row] for row in rows])
    groups = Groups([f"a{n}" for n in range(len(rows))])
    results = TopicResults(["x", "y", "z"], groups, gold, probabilities, assigned)
    metrics = {name: score(np.ones((1, len(rows))))[0] for name, score in results.scores().items()}
    micro = f1_score(gold, assigned, average="micro", zero_division=0)
    assert metrics.get("topics/micro_f1") == (pytest.approx(micro) if gold.any() else None)
    assert metrics["topics/subset_accuracy"] == pytest.approx(accuracy_score(gold, assigned))
    evaluated = np.flatnonzero(gold.any(axis=0))
    for column in evaluated:
        topic = results.topics[column]
        pair = gold[:, column], assigned[:, column]
        assert metrics[f"topics/f1/{topic}"] == pytest.approx(f1_score(*pair, zero_division=0))
        assert metrics[f"topics/precision/{topic}"] == pytest.approx(precision_score(*pair, zero_division=0))
        assert metrics[f"topics/recall/{topic}"] == pytest.approx(recall_score(*pair, zero_division=0))
        assert metrics[f"topics/ap/{topic}"] == pytest.approx(
            average_precision_score(gold[:, column], probabilities[:, column])
        )
    if len(evaluated):
        macro = np.mean([f1_score(gold[:, c], assigned[:, c], zero_division=0) for c in evaluated])
        assert metrics["topics/macro_f1"] == pytest.approx(macro)
        assert metrics["topics/map"] == pytest.approx(
            np.mean([average_precision_score(gold[:, c], probabilities[:, c]) for c in evaluated])
        )
    else:
        assert np.isnan([metrics["topics/macro_f1"], metrics["topics/map"]]).all()


@settings(max_examples=50, deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30))
def test_stance_metrics_agree_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    gold, predictions = (np.array(stances) for stances in zip(*pairs, strict=True))
    groups = Groups([f"a{n}" for n in range(len(gold))])
    results = StanceResults([""] * len(gold), groups, gold, np.eye(3)[predictions], predictions)
    metrics = {name: score(np.ones((1, len(gold))))[0] for name, score in results.scores().items()}
    assert metrics["stance/macro_f1"] == pytest.approx(f1_score(gold, predictions, average="macro"))
    assert metrics["stance/f_avg"] == pytest.approx(
        f1_score(gold, predictions, labels=[0, 1], average="macro", zero_division=0)
    )
    assert metrics["stance/accuracy"] == pytest.approx(accuracy_score(gold, predictions))


@st.composite
def towns(draw: Callable[..., object]) -> list[Prediction]:
    """Predictions of both tasks, with ties, in articles of one or more passages."""
    stance = st.sampled_from(STANCES)
    passages = []
    for number in range(draw(st.integers(2, 12))):  # type: ignore[call-overload]
        gold = {topic: draw(st.sampled_from([True, True, False, None])) for topic in ("tea", "rain")}
        topics = {topic: (holds, draw(st.integers(0, 10)) / 10) for topic, holds in gold.items()}  # type: ignore[operator]
        stances = {topic: (draw(st.none() | stance), draw(stance)) for topic, holds in gold.items() if holds}
        tags = {topic: draw(stance) for topic, (_, probability) in topics.items() if probability >= 0.5}
        group = f"article {draw(st.integers(0, 4))}"
        passages.append(predicted(f"p{number}", topics, stances, tags, group))  # type: ignore[arg-type]
    return passages


@settings(max_examples=10, deadline=None)
@given(town=towns(), seed=st.integers(0, 100))
def test_the_order_of_passages_changes_no_metric_and_no_interval(town: list[Prediction], seed: int) -> None:
    shuffled = random.Random(seed).sample(town, len(town))
    try:
        one = evaluate(town, seed=3)
    except DemarcheError:
        with pytest.raises(DemarcheError, match="nothing to evaluate"):
            evaluate(shuffled, seed=3)
        return
    other = evaluate(shuffled, seed=3)
    assert one.metrics.keys() == other.metrics.keys()
    for name, metric in one.metrics.items():
        assert tuple(other.metrics[name].interval) == pytest.approx(tuple(metric.interval), nan_ok=True), name
    assert one.classes == other.classes
    assert one.left_out == other.left_out


def test_the_table_of_classes_shows_the_f1_of_the_metrics() -> None:
    """F1 is 14 / 27 = 0.5185…: rounded to four digits first, it would be shown as 0.518."""
    town = [predicted(f"p{n}", {"tea": (n < 20, 0.9 if n < 7 else 0.1), "rain": (True, 0.9)}) for n in range(60)]
    evaluated = evaluate(town, seed=1)
    row = next(row for row in evaluated.classes if row["class"] == "tea")
    assert f"{row['f1']:.3f}" == f"{evaluated.metrics['topics/f1/tea'].value:.3f}" == "0.519"


def test_draws_without_a_rare_topic_do_not_lower_its_interval() -> None:
    """All topics are predicted correctly, so every draw that has the topic scores 1."""
    town = [predicted(f"p{n}", {"tea": (True, 0.9), "rain": (n < 2, 0.9 if n < 2 else 0.1)}) for n in range(12)]
    for name, metric in evaluate(town, seed=1).metrics.items():
        if "precision" not in name:
            assert metric.resampled.interval() == (1, 1, 1), name


@pytest.mark.parametrize(("cases", "has_interval"), [(9, False), (10, True)])
def test_a_class_has_an_interval_from_ten_gold_cases_on(cases: int, has_interval: bool) -> None:
    town = [
        predicted(
            f"p{n}",
            {"tea": (n < cases, 0.9 if n < 8 else 0.1), "rain": (True, 0.9)},
            {"rain": ("favor" if n < cases else "against", "favor")},
        )
        for n in range(30)
    ]
    metrics = evaluate(town, seed=1).metrics
    for name in ("topics/f1/tea", "topics/recall/tea", "topics/precision/tea", "topics/ap/tea", "stance/f1/favor"):
        assert metrics[name].interval.has_bounds == has_interval, name
        assert ("too few" in str(metrics[name].interval)) != has_interval
    for name in ("topics/f1/rain", "topics/micro_f1", "stance/f1/against", "stance/macro_f1_by_topic/rain"):
        assert metrics[name].interval.has_bounds, name


@pytest.mark.parametrize(("articles", "has_interval"), [(4, False), (5, True)])
def test_a_class_has_an_interval_if_its_gold_cases_are_in_five_articles(articles: int, has_interval: bool) -> None:
    town = [
        predicted(
            f"p{n}",
            {"tea": (n < 12, 0.9 if n % 4 else 0.1), "rain": (True, 0.9)},
            {"rain": ("favor" if n < 12 else "against", "favor")},
            group=f"a{n % articles}" if n < 12 else f"b{n}",
        )
        for n in range(30)
    ]
    metrics = evaluate(town, seed=1).metrics
    for name in ("topics/f1/tea", "stance/f1/favor"):
        assert metrics[name].interval.has_bounds == has_interval, name
    assert metrics["topics/f1/rain"].interval.has_bounds


def test_every_metric_lies_within_its_interval() -> None:
    rng = random.Random(1)
    town = [
        predicted(f"p{n}", {"tea": (rng.random() < 0.4, rng.random()), "rain": (rng.random() < 0.4, rng.random())})
        for n in range(80)
    ]
    for name, metric in evaluate(town, seed=1).metrics.items():
        assert 0 <= metric.interval.low <= metric.value <= metric.interval.high <= 1, name


# Ties and gaps


def test_a_tied_topic_leaves_its_passage_out_and_is_counted() -> None:
    tied = predicted("tied", {"tea": (None, 0.9), "rain": (True, 0.9)}, {"rain": ("favor", "favor")}, {"rain": "favor"})
    scores = evaluate([*TOWN, tied], seed=1)
    assert {name: scores.metrics[name].value for name in values(TOWN)} == values(TOWN)
    assert scores.left_out == {"passages with a tied topic": 1}
    # The stance of the other topic still counts.
    assert scores.metrics["stance/accuracy"].value == 1


def test_a_tied_stance_is_left_out_and_counted() -> None:
    decided = predicted("decided", {"tea": (True, 0.9)}, {"tea": ("favor", "favor")}, {"tea": "favor"})
    tied = predicted("tied", {"tea": (True, 0.9)}, {"tea": (None, "against")}, {"tea": "against"})
    scores = evaluate([decided, tied], seed=1)
    assert scores.left_out == {"targets whose stance is tied or missing": 1}
    assert scores.metrics["stance/macro_f1"].value == 1
    assert scores.metrics["joint/micro_f1"].value == 1
    assert len(topic_results([decided, tied]).gold) == 2  # type: ignore[union-attr]


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
def test_predictions_without_gold_are_refused(town: list[Prediction]) -> None:
    with pytest.raises(DemarcheError, match="nothing to evaluate"):
        evaluate(town, seed=1)


def test_a_model_of_topics_alone_has_no_joint_metric() -> None:
    town = [predicted("a", {"tea": (True, 0.9)}, tags={"tea": None}), predicted("b", {"tea": (False, 0.9)})]
    assert joint_results(town) is None
    assert list(evaluate(town, seed=1).headlines()) == ["topics/micro_f1"]


def test_headlines_are_in_order() -> None:
    town = [predicted("a", {"tea": (True, 0.9)}, {"tea": ("favor", "favor")}, {"tea": "favor"})] * 2
    assert tuple(evaluate(town, seed=1).headlines()) == HEADLINES


def test_a_topic_without_gold_does_not_count_in_macro_averages() -> None:
    with_snow = [
        p.model_copy(
            update={"topics": {**p.topics, "snow": TopicPrediction(gold=False, probability=0.9, assigned=True)}}
        )
        for p in TOWN
    ]
    metrics, before = values(with_snow), values(TOWN)
    assert metrics["topics/macro_f1"] == before["topics/macro_f1"]
    assert metrics["topics/map"] == before["topics/map"]
    assert metrics["topics/micro_f1"] < before["topics/micro_f1"]  # its false positives count there
    assert not any("snow" in name for name in metrics)
    snow = next(row for row in evaluate(with_snow, seed=1).classes if row["class"] == "snow")
    assert (snow["gold"], snow["predicted"], snow["precision"], snow["ap"]) == (0, 4, 0.0, None)


def test_passages_without_topics_are_evaluated_without_a_warning() -> None:
    metrics = values([predicted("a", {"tea": (False, 0.1)}), predicted("b", {"tea": (False, 0.2)})])
    assert metrics["topics/subset_accuracy"] == 1
    assert "topics/micro_f1" not in metrics
    assert np.isnan(metrics["topics/macro_f1"])


@pytest.mark.parametrize("stance", STANCES)
def test_macro_f1_is_over_the_stances_that_occur(stance: Stance) -> None:
    metrics = values([predicted(f"p{n}", stances={"tea": (stance, stance)}) for n in range(3)])
    assert metrics["stance/macro_f1"] == metrics["stance/accuracy"] == 1


def test_the_order_of_rows_with_equal_probabilities_does_not_change_average_precision() -> None:
    rows = [predicted(f"p{n}", {"tea": (n == 0, 0.5)}) for n in range(4)]
    assert values(rows)["topics/ap/tea"] == values(rows[::-1])["topics/ap/tea"] == 0.25


def test_intervals_over_a_single_article_have_no_width() -> None:
    town = [p.model_copy(update={"group": "the same"}) for p in TOWN]
    for metric in evaluate(town, seed=1).metrics.values():
        interval = metric.resampled.interval()
        assert interval.low == metric.value == interval.high


def test_more_passages_of_the_same_articles_do_not_narrow_the_interval() -> None:
    repeated = [p.model_copy(update={"passage": f"{p.passage}{n}"}) for p in TOWN for n in range(10)]
    one, other = (evaluate(town, seed=1).headlines()["topics/micro_f1"] for town in (TOWN, repeated))
    assert tuple(one) == pytest.approx(tuple(other))


def test_a_topic_named_like_a_metric_hides_none() -> None:
    names = {"macro_f1": (True, 0.9), "micro_f1": (False, 0.1), "f1": (True, 0.2)}
    metrics = values([predicted("a", names), predicted("b", names)])
    assert metrics["topics/macro_f1"] == 0.5
    assert metrics["topics/f1/macro_f1"] == 1


def test_stance_toward_named_targets_has_no_metric_by_topic() -> None:
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
