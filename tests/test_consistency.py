"""Taggers are asked counterfactuals: what answers cannot both be right, and how sure the shares are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labels.errors import DemarcheError
from labels.gold.adjudication import Example
from labels.passages import Annotation
from models.calibration import Platt, StanceCalibration, TopicCalibration
from models.examples import BoolArray, FloatArray, Query
from models.reader import NeedsStance, Reading
from models.tagger import Tagger, TaggerSettings
from tests.test_counterfactuals import BOOK, VILLAGE, WORLD, labelled, made
from training.evaluation.counterfactuals.answers import (
    CONSISTENCY,
    compare_counterfactuals,
    counterfactual_metrics,
    counterfactuals_of,
    evaluate_counterfactuals,
    wilson,
)
from training.evaluation.counterfactuals.card import card_lines
from training.evaluation.counterfactuals.make import sample


class Partial:
    """A reader that favors whatever Russia is named beside, and finds dams only there."""

    def __init__(self, *, topics: bool = True, stance: bool = True) -> None:
        self.reads_topics, self.reads_stance = topics, stance
        self.rounds = False

    def read(self, texts: Sequence[str], targets: Sequence[str], needs_stance: NeedsStance) -> Reading:
        stances = np.stack([self.stances([Query(text, target) for target in targets]) for text in texts])
        return Reading(self.topics(texts), stances)

    def topics(self, texts: Sequence[str]) -> FloatArray:
        return np.array([[0.9 if "Russia" in text else 0.1, 0.9] for text in texts]).reshape(len(texts), 2)

    def stances(self, queries: Sequence[Query]) -> FloatArray:
        favors: BoolArray = np.array(["Russia" in query.text for query in queries])
        return np.where(favors[:, np.newaxis], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1])

    def save(self, folder: Path) -> None:
        raise NotImplementedError


def tagger(*, topics: bool = True, stance: bool = True) -> Tagger:
    calibration = TopicCalibration(curves=(Platt(), Platt()), thresholds=(0.5, 0.5)) if topics else None
    settings = TaggerSettings(
        input=("text",), review=0, topic_calibration=calibration, stance_calibration=StanceCalibration() if stance else None
    )  # fmt: skip
    return Tagger(BOOK, Partial(topics=topics, stance=stance), settings)


def shares(tagger: Tagger, *, seed: int = 13) -> dict[tuple[str, str], float]:
    scores = evaluate_counterfactuals(tagger, made(*WORLD), seed=seed)
    return {(each.kind, each.task): each.wrong.value for each in scores.kinds}


def test_answers_that_cannot_both_be_right_are_counted() -> None:
    # Masked: p0 and p3 lose Russia (dams go, wells stay), p1 had Moscow alone. Exchanged: the same text, the same stance.
    assert shares(tagger()) == {
        ("holder swapped", "topic"): 0,
        ("holder swapped", "stance"): 0,
        ("actor masked", "topic"): pytest.approx(1 / 3),
        ("actor masked", "stance"): pytest.approx(2 / 3),
        ("act negated", "stance"): 1,
        ("target exchanged", "stance"): 1,
    }


def test_taggers_of_one_task_are_asked_for_that_task() -> None:
    assert {task for _, task in shares(tagger(topics=False))} == {"stance"}
    assert set(shares(tagger(stance=False))) == {("holder swapped", "topic"), ("actor masked", "topic")}


def many(count: int) -> tuple[list[Example], list[Annotation]]:
    """Stances of Russia, which every other text calls Moscow."""
    names = ["Russia", "Moscow"] * count
    return labelled(*((f"{names[n]} backed dam {n}.", "dams", "favor", "Russia") for n in range(count)))


def test_consistency_is_the_mean_of_the_kinds_with_enough_pairs() -> None:
    assert CONSISTENCY not in counterfactual_metrics(tagger(), *WORLD, seed=13, rules=VILLAGE)
    metrics = counterfactual_metrics(tagger(), *many(30), seed=13, rules=VILLAGE)
    assert metrics["counterfactuals/actor_masked/stance"].value == 0.5
    assert metrics[CONSISTENCY].value == pytest.approx(
        np.mean([m.value for n, m in metrics.items() if n != CONSISTENCY])
    )


def test_two_taggers_are_compared_on_the_same_pairs() -> None:
    scores = evaluate_counterfactuals(tagger(), made(*many(30)), seed=13)
    same = compare_counterfactuals(scores, scores, seed=13)
    assert (same.difference.value, same.difference.low, same.difference.high) == (0, 0, 0)
    assert same.passages == same.articles == 30
    assert 0 < same.first == same.second < 1


@pytest.mark.parametrize(
    ("count", "topics", "message"),
    [(29, True, "counterfactuals: at most 29 pairs of a kind"), (30, False, "one model predicts topics or stance")],
)
def test_taggers_that_cannot_be_compared_are_refused(count: int, topics: bool, message: str) -> None:
    with pytest.raises(DemarcheError, match=message):
        compare_counterfactuals(
            *(
                evaluate_counterfactuals(each, made(*many(count)), seed=13)
                for each in (tagger(), tagger(topics=topics))
            ),
            seed=13,
        )


def test_the_card_says_what_the_shares_mean() -> None:
    lines = "\n".join(card_lines(evaluate_counterfactuals(tagger(), made(*WORLD), seed=13)))
    assert '67 % of stances change when the actors become "Country A" and the like' in lines
    assert "3 pairs only: too few to tell; 95 % interval 21 to 94 %" in lines
    assert "holder swapped: 3 stances left out, 2 because the holder is no listed actor" in lines


def test_shares_that_resampling_cannot_vary_have_the_interval_of_wilson_over_articles() -> None:
    few, more = (evaluate_counterfactuals(tagger(), each, seed=13).kinds for each in (made(*WORLD), made(*many(30))))
    all_wrong = [each for each in (*few, *more) if each.kind == "target exchanged"]
    assert [each.pairs for each in all_wrong] == [3, 30]
    for each in all_wrong:
        # Wilson (1927): of n, all are at least n / (n + z²).
        assert each.wrong == pytest.approx((1, each.articles / (each.articles + 1.96**2), 1), abs=0.001)


@given(st.integers(1, 40), st.data())
def test_wilsons_interval_has_the_share_and_is_wider_for_fewer_articles(pairs: int, data: st.DataObject) -> None:
    wrong, articles = data.draw(st.integers(0, pairs)), data.draw(st.integers(1, pairs))
    share = wilson(wrong, pairs, articles)
    assert 0 <= share.low <= share.value <= share.high <= 1
    assert share.high - share.low >= wilson(wrong, pairs, pairs).high - wilson(wrong, pairs, pairs).low - 1e-9


def test_a_sample_of_passages_has_stances_and_is_the_same_for_a_seed() -> None:
    examples, _ = many(30)
    chosen = sample(examples, most=7, seed=3)
    assert len(chosen) == 7
    assert chosen == sample(examples, most=7, seed=3) != sample(examples, most=7, seed=4)
    assert sample(examples, most=100, seed=3) == examples
    assert sample([replace(examples[0], stances={})], most=7, seed=3) == []


def test_gold_without_stances_has_no_counterfactuals() -> None:
    with pytest.raises(
        DemarcheError, match="no counterfactuals can be made of these passages: the gold has no stances"
    ):
        evaluate_counterfactuals(tagger(), counterfactuals_of(BOOK, [], [], seed=1), seed=1)
