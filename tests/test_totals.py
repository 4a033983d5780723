"""Shares of a tagged batch, corrected for the errors of the classifier."""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.totals import BATCH, BROKEN, TEST, by_reading, confusion_of, draw, measure, read_by_people
from labels.errors import DemarcheError, Problems
from labels.files import read_jsonl
from labels.passages import Passage
from models.confusion import Case, Confusion
from models.tagger import Tagger
from tagging.totals.batch import batch_of, read_tags
from tagging.totals.by_confusion import ByConfusion
from tagging.totals.by_reading import ByReading
from tagging.totals.quantify import to_simplex, topic_shares
from tagging.totals.rectify import Ratio, Reading, rectified
from tagging.totals.totals import totals
from tests.conftest import demarche, make_articles, trained

PERFECT = replace(BATCH, found=0.9999, false=0.0, confused=((1, 0, 0), (0, 1, 0), (0, 0, 1)))


def test_with_a_perfect_classifier_the_corrected_share_is_that_of_the_tags() -> None:
    rng = np.random.default_rng(1)
    confusion = confusion_of(draw(replace(PERFECT, share=0.2), 300, rng))
    batch = draw(PERFECT, 500, rng).batch
    correction, passages = ByConfusion(batch, confusion, seed=1), np.arange(len(batch))
    topic = correction.topic(0, passages)
    assert topic.corrected == pytest.approx(batch.has(0).mean(), abs=1e-3)
    shares = [each.corrected for each in correction.stances(0, passages)]
    stance = batch.stance[batch.has(0), 0]
    assert shares == pytest.approx([(stance == place).mean() for place in range(3)], abs=1e-3)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_a_known_confusion_is_inverted_exactly(share: float) -> None:
    confusion = np.array([[[0.9, 0.05, 0.05, 0.0], [0.2, 0.1, 0.3, 0.4]]])
    seen = share * confusion[:, 1] + (1 - share) * confusion[:, 0]
    assert topic_shares(seen, confusion) == pytest.approx([share])


def test_a_share_projected_to_the_simplex_is_the_nearest_one() -> None:
    shares = np.array([[0.2, 0.3, 0.5], [1.4, -0.2, -0.2], [0.7, 0.5, -0.2]])
    assert to_simplex(shares) == pytest.approx(np.array([[0.2, 0.3, 0.5], [1, 0, 0], [0.6, 0.4, 0]]))


def reading(articles: int, each: int = 1) -> Reading:
    count = articles * each
    return Reading(np.repeat(np.arange(articles), each), np.ones(count), np.zeros(count), np.zeros(count, np.int64))


def test_predictions_that_are_constant_leave_the_mean_of_what_people_read() -> None:
    gold = np.random.default_rng(1).random(40)
    ones = np.ones(40)
    result = rectified(reading(20, 2), Ratio(gold, ones), Ratio(0.3 * ones, ones), (0.3, 1.0))
    assert result.share == pytest.approx(gold.mean())


def test_predictions_that_are_right_leave_the_share_of_the_tags_without_an_error() -> None:
    gold = (np.random.default_rng(1).random(40) < 0.3).astype(float)
    result = rectified(reading(40), Ratio(gold, np.ones(40)), Ratio(gold, np.ones(40)), (0.27, 1.0))
    assert result.share == pytest.approx(0.27)
    assert result.error == pytest.approx(0)


def test_the_estimate_is_that_of_glide() -> None:
    """glide-py 0.11 needs Python 3.12; this is what its ClusteredPPIMeanEstimator gives with power_tuning=False.

    It compares what was read with what was not, and Demarche with the whole batch: a power of 1 there is one of
    articles / unread articles here. The standard error, for articles of one length, is that of the residuals' means.
    """
    rng = np.random.default_rng(5)
    tagged = (rng.random((100, 3)) < 0.3).astype(float)
    gold = np.where(rng.random((100, 3)) < 0.85, tagged, 1 - tagged)
    ones = np.ones(75)
    result = rectified(
        reading(25, 3),
        Ratio(gold[:25].ravel(), ones),
        Ratio(tagged[:25].ravel(), ones),
        (float(tagged.mean()), 1.0),
        power=100 / 75,
    )
    assert result.share == pytest.approx(0.38222222222222213)
    residuals = (gold - 100 / 75 * tagged)[:25].mean(axis=1)
    assert result.error == pytest.approx(residuals.std(ddof=1) / 5)


@pytest.mark.parametrize("strata", [1, 3])
def test_the_standard_error_is_that_of_each_article_left_out_in_turn(strata: int) -> None:
    rng = np.random.default_rng(7)
    whole = reading(24, 2)
    whole = whole._replace(kept=np.full(48, 0.3), stratum=whole.cluster % strata)
    tagged = (rng.random(48) < 0.4).astype(float)
    gold = np.where(rng.random(48) < 0.8, tagged, 1 - tagged)
    known = np.maximum(gold, rng.random(48) < 0.6)
    # The power is that of the whole only with several strata: each of them then weighs a little more.
    power = None if strata == 1 else 0.6

    def share(kept: Reading, of: np.ndarray) -> float:
        read, model = Ratio(gold[of], known[of]), Ratio(tagged[of], np.ones(of.sum()))
        return rectified(kept, read, model, (0.35, 1.0), power=power).share

    everything = share(whole, np.ones(48, bool))
    of_stratum = 24 / strata
    squares = 0.0
    for article in range(24):
        of = whole.cluster != article
        more = np.where(whole.stratum == article % strata, of_stratum / (of_stratum - 1), 1.0)
        rest = whole.of(of)._replace(weight=more[of])
        squares += 0.7 * (1 - 1 / of_stratum) * (share(rest, of) - everything) ** 2
    result = rectified(whole, Ratio(gold, known), Ratio(tagged, np.ones(48)), (0.35, 1.0), power=power)
    assert result.error == pytest.approx(np.sqrt(squares))
    assert result.freedom == 24 - strata


def test_a_stance_of_a_topic_that_one_article_alone_has_is_not_corrected() -> None:
    """Without that article, nothing is known of its stances."""
    drawn = draw(BATCH, 200, np.random.default_rng(2))
    has = drawn.batch.article == drawn.batch.article[np.bincount(drawn.batch.article)[drawn.batch.article] > 2][0]
    stance = np.where(has, np.cumsum(has) % 2, -1)
    examples = read_by_people(drawn._replace(has=has.astype(np.int64), stance=stance), 200, np.random.default_rng(3))
    part = [example for example in examples if int(example.passage.article) % 2 == drawn.batch.article[has][0] % 2]
    estimate = ByReading.of(drawn.batch, part).stances(0, np.arange(len(drawn.batch)))[0]
    assert estimate.corrected is None
    assert "only 1 article that people read with a case" in str(estimate.caution)


def test_intervals_of_shares_with_articles_read_contain_the_truth_and_are_narrower_than_by_hand() -> None:
    topic, stance = measure(partial(by_reading, 200, 1000, BATCH), 60)
    by_hand, _ = measure(partial(by_reading, 200, 1000, BATCH, by_hand=True), 60)
    assert topic.covered >= 0.88
    assert stance.covered >= 0.85
    assert topic.width < 0.75 * by_hand.width


def test_a_batch_that_was_read_whole_has_the_share_of_the_gold() -> None:
    drawn = draw(BATCH, 60, np.random.default_rng(2))
    everything = read_by_people(drawn, 60, np.random.default_rng(3))
    estimate = ByReading.of(drawn.batch, everything).topic(0, np.arange(len(drawn.batch)))
    assert estimate.corrected == pytest.approx(drawn.has.mean())
    assert estimate.high - estimate.low == pytest.approx(0, abs=1e-9)  # type: ignore[operator]


def test_articles_chosen_with_unequal_probabilities_are_weighted() -> None:
    """Half of the articles, those in which the topic is frequent, are read ten times as often."""
    batch = replace(draw(BATCH, 400, np.random.default_rng(1)).batch)
    frequent = batch.article < 200
    has = np.random.default_rng(2).random(len(batch)) < np.where(frequent, 0.6, 0.1)
    drawn = draw(BATCH, 400, np.random.default_rng(1))._replace(has=has.astype(np.int64), stance=np.where(has, 0, -1))
    everything = read_by_people(drawn, 400, np.random.default_rng(3))
    chosen = [
        replace(each, passage=each.passage.model_copy(update={"meta": {"inclusion": 1.0 if first else 0.2}}))
        for each in everything
        if (first := int(each.passage.article) < 200) or int(each.passage.article) % 5 == 0
    ]
    estimate = ByReading.of(batch, chosen).topic(0, np.arange(len(batch)))
    assert estimate.low <= has.mean() <= estimate.high  # type: ignore[operator]
    assert estimate.corrected == pytest.approx(has.mean(), abs=0.05)


def test_an_inclusion_that_is_no_probability_is_refused() -> None:
    drawn = draw(BATCH, 60, np.random.default_rng(2))
    examples = read_by_people(drawn, 20, np.random.default_rng(3))
    passage = examples[0].passage.model_copy(update={"meta": {"inclusion": 2}})
    with pytest.raises(DemarcheError, match="inclusion is 2"):
        ByReading.of(drawn.batch, [replace(examples[0], passage=passage), *examples[1:]])


def test_more_false_tags_than_on_test_are_noticed() -> None:
    world = BROKEN["more false tags (3 % → 8 %), less sure"]
    rng = np.random.default_rng(1)
    confusion, batch = confusion_of(draw(TEST, 1000, rng)), draw(world, 3000, rng).batch
    estimate = ByConfusion(batch, confusion, seed=1).topic(0, np.arange(len(batch)))
    assert "spread otherwise than on test" in str(estimate.caution)


def test_a_topic_tagged_as_often_where_it_does_not_hold_is_not_corrected() -> None:
    rng = np.random.default_rng(1)
    confusion, batch = confusion_of(draw(replace(TEST, false=0.8), 300, rng)), draw(BATCH, 300, rng).batch
    estimate = ByConfusion(batch, confusion, seed=1).topic(0, np.arange(len(batch)))
    assert estimate.corrected is None
    assert "too alike to correct by" in str(estimate.caution)


def test_a_topic_that_no_test_passage_has_is_not_corrected() -> None:
    batch = draw(BATCH, 300, np.random.default_rng(1)).batch
    confusion = Confusion(topics=("a",), passages=(3, 2), cases=(Case(article=0, topic="a", gold="tie"),))
    correction = ByConfusion(batch, confusion, seed=1)
    assert correction.topic(0, np.arange(len(batch))).caution == "not corrected: no test passage has the topic"
    assert all(each.corrected is None for each in correction.stances(0, np.arange(len(batch))))


def test_a_trained_model_keeps_its_errors_on_test_and_corrects_the_shares_of_its_tags(store: Path) -> None:
    trained()
    assert demarche("tag", "articles.jsonl", "--model", "models:/tiny-tagger/1", "--out", "tags.csv").exit_code == 0
    assert demarche("tag", "articles.jsonl", "--model", "models:/tiny-tagger/1", "--out", "tags").exit_code == 0
    result = demarche("totals", "tags.csv", "--by", "month", "--out", "totals.csv")
    assert result.exit_code == 0, result.output
    assert "errors on test" in result.output
    assert "Nobody has read these articles" in result.output
    with Path("totals.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["period"] for row in rows} == {"", "2020-01"}
    assert {row["topic"] for row in rows} == {"tea", "rain"}
    assert demarche("totals", "tags", "--by", "month", "--out", "again.csv").exit_code == 0
    assert Path("again.csv").read_bytes() == Path("totals.csv").read_bytes()
    # All passages were read, so the shares are those of the labels.
    read = demarche("totals", "tags", "--read", "passages.jsonl", "annotations.jsonl", "--out", "read.csv")
    assert read.exit_code == 0, read.output
    _, _, annotations = make_articles()
    with Path("read.csv").open(encoding="utf-8", newline="") as stream:
        shares = {(row["topic"], row["stance"]): float(row["corrected"]) for row in csv.DictReader(stream)}
    held = [any(label.topic == "tea" for label in each.labels) for each in annotations]
    assert shares["tea", ""] == pytest.approx(np.mean(held))

    planned = demarche(
        "labels", "plan", "tags", "--share", "tea", "--by", "month", "--within", "0.2", "--out", "p.jsonl"
    )
    assert planned.exit_code == 0, planned.output
    passages = [passage for _, passage in read_jsonl(Path("p.jsonl"), Passage, Problems())]
    chosen = {passage.article for passage in passages}
    assert 10 <= len(chosen) < 60
    assert len(passages) == 3 * len(chosen)
    assert {passage.meta["inclusion"] for passage in passages} == {len(chosen) / 60}
    annotated = {annotation.passage: annotation for annotation in annotations}
    with Path("a.jsonl").open("w", encoding="utf-8") as stream:
        stream.writelines(annotated[passage.id].model_dump_json() + "\n" for passage in passages)
    read = demarche("totals", "tags", "--read", "p.jsonl", "a.jsonl")
    assert read.exit_code == 0, read.output
    assert "read by people" in read.output
    assert "Nobody has read" not in read.output


def test_a_model_without_its_errors_on_test_corrects_nothing_and_says_so(town: Path) -> None:
    assert demarche("tag", "articles.jsonl", "--model", "copy", "--out", "tags.parquet").exit_code == 0
    assert Tagger.settings_of(town / "copy").confusion is None
    result = demarche("totals", "tags.parquet")
    assert result.exit_code == 0, result.output
    assert "not corrected" in result.output
    plan = demarche("labels", "plan", "tags.parquet", "--share", "tea", "--out", "p.jsonl")
    assert plan.exit_code == 2
    assert "train it again" in plan.output
    missing = demarche("totals", "tags.parquet", "--read", "passages.jsonl")
    assert missing.exit_code == 2
    assert "--read PASSAGES ANNOTATIONS" in missing.output
    no_tags = demarche("totals", "annotations.jsonl")
    assert no_tags.exit_code == 2
    assert "annotations.jsonl: not a tags file" in no_tags.output
    table = read_tags(Path("tags.parquet"))
    assert len(batch_of(table).passages) == 180
    assert {total.topic for total in totals(table, confusion=None)} == {"tea", "rain"}


def test_a_topic_with_fewer_tags_than_errors_alone_would_be_has_no_interval_without_a_width() -> None:
    rng = np.random.default_rng(1)
    confusion = confusion_of(draw(replace(BATCH, false=0.1, share=0.2), 300, rng))
    batch = draw(replace(BATCH, false=0.0, found=0.1, share=0.002), 500, rng).batch
    estimate = ByConfusion(batch, confusion, seed=1).topic(0, np.arange(len(batch)))
    assert (estimate.corrected, estimate.low, estimate.high) == (None, None, None)
    assert "not corrected: fewer tags than the false ones alone" in str(estimate.caution)


def test_stances_that_would_be_negative_are_not_corrected() -> None:
    rng = np.random.default_rng(1)
    confusion = confusion_of(
        draw(replace(TEST, confused=((0.5, 0.25, 0.25), (0.2, 0.6, 0.2), (0.2, 0.2, 0.6))), 900, rng)
    )
    world = replace(BATCH, confused=((1, 0, 0),) * 3)
    batch = draw(world, 500, rng).batch
    estimates = ByConfusion(batch, confusion, seed=1).stances(0, np.arange(len(batch)))
    assert {each.corrected for each in estimates} == {None}
    assert "fewer tags than the false ones" in str(estimates[0].caution)
