"""The scores of bench-news: only what both readers said counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import news
from benchmarks.news_models import CHOOSE, FOLDS, REPORT, SEED, Bench, side_of, under_other_titles
from benchmarks.news_scores import Gold, Tagged, measure, read_gold
from labels.codebook import Codebook, Topic, write_codebook
from labels.gold.adjudication import adjudicate
from labels.passages import Annotation, Passage
from models.calibration import Platt, TopicCalibration
from models.families.baselines import RuleTopics
from models.reader import TwoStage
from models.tagger import Tagger, TaggerSettings
from tests.conftest import BOOK as TOWN
from tests.conftest import make_articles

BOOK = Codebook(id="tiny", version="1.0.0", topics=(Topic(id="tea"), Topic(id="rain")))
READINGS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "both-favor": ({"tea": "favor"}, {"tea": "favor"}),
    "both-against": ({"tea": "against"}, {"tea": "against"}),
    "stances-differ": ({"tea": "favor"}, {"tea": "neutral"}),
    "topics-differ": ({"tea": "favor", "rain": "favor"}, {"tea": "favor"}),
    "none": ({}, {}),
}


@pytest.fixture
def gold(tmp_path: Path) -> Gold:
    write_codebook(tmp_path / "codebook.yaml", BOOK)
    passages = [{"id": id, "article": id, "text": "Tea.", "start": 0, "end": 4} for id in READINGS]
    annotations = [
        {"passage": id, "annotator": reader, "codebook": BOOK.reference,
         "labels": [{"topic": topic, "stance": stance} for topic, stance in labels.items()]}
        for id, readings in READINGS.items()
        for reader, labels in zip(("reader_a", "reader_b"), readings, strict=True)
    ]  # fmt: skip
    for name, rows in (("passages", passages), ("annotations", annotations)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return read_gold(*(tmp_path / name for name in ("codebook.yaml", "passages.jsonl", "annotations.jsonl")))


def tagged(**tags: dict[str, str]) -> dict[str, Tagged]:
    """Return the tags of each passage; those that are not named are tagged as the first reader read them."""
    results: dict[str, Any] = {}
    for id, (first, _) in READINGS.items():
        given = tags.get(id.replace("-", "_"), first)
        results[id] = Tagged(passage=id, tags=given, probabilities=(1.0, 0.0), stances=first)
    return results


def test_what_the_readers_differ_on_has_no_gold(gold: Gold) -> None:
    assert gold.topics.tolist() == [[1, 0], [1, 0], [1, 0], [1, -1], [0, 0]]
    assert gold.stances.tolist() == [[0, -1], [1, -1], [-1, -1], [0, -1], [-1, -1]]


def test_tags_on_which_the_readers_differ_do_not_count(gold: Gold) -> None:
    perfect = {name: score.value for name, score in measure(gold, tagged()).metrics.items() if "F" in name}
    assert set(perfect.values()) == {1.0}
    other = measure(gold, tagged(topics_differ={"tea": "favor"}, stances_differ={"tea": "against"}))
    assert {name: score.value for name, score in other.metrics.items() if name in perfect} == perfect


def test_a_missed_topic_counts_against_topics_and_pairs_but_not_against_stance(gold: Gold) -> None:
    scores = measure(gold, tagged(both_favor={})).metrics
    assert scores["topics micro-F1"].value == pytest.approx(2 * 3 / (4 + 3))
    assert scores["together micro-F1"].value == pytest.approx(2 * 2 / (3 + 2))
    assert scores["stance F_avg"].value == 1.0


def test_a_false_topic_counts_against_precision(gold: Gold) -> None:
    measured = measure(gold, tagged(none={"rain": "neutral"}))
    assert measured.metrics["topics micro-F1"].value == pytest.approx(2 * 4 / (4 + 5))
    count, precision, _ = measured.topics["rain"]
    assert (count, precision.value) == (0, 0.0)


def test_a_wrong_stance_of_a_right_topic_counts_against_stance(gold: Gold) -> None:
    measured = measure(gold, tagged(both_against={"tea": "favor"}))
    assert measured.confusion.tolist() == [[2, 0, 0], [1, 0, 0], [0, 0, 0]]
    # favor: precision 2/3, recall 1; against: 0.
    assert measured.metrics["stance F_avg"].value == pytest.approx((0.8 + 0) / 2)
    assert measured.metrics["on gold topics"].value == 1.0


def test_the_calibration_error_is_the_gap_between_probability_and_frequency(gold: Gold) -> None:
    # Tea has probability 1 in five passages and holds in four; rain has 0 and never holds.
    assert measure(gold, tagged()).metrics["ECE"].value == pytest.approx(1 / 9)
    assert np.isfinite(measure(gold, tagged()).metrics["ECE"].low)


def test_passages_with_a_topic_do_not_count_under_other_titles(gold: Gold) -> None:
    results = tagged()
    results["none"] = results["none"].model_copy(update={"under_other_titles": 0.4})
    assert measure(gold, results).metrics["under other titles"].value == pytest.approx(0.4)
    assert measure(gold, tagged()).metrics["under other titles"].value == 0


@pytest.mark.parametrize(("text_share", "expected"), [(0.0, 1.0), (0.1, 0.0)])
def test_a_passage_without_a_topic_is_tagged_under_titles_of_others(text_share: float, expected: float) -> None:
    texts = {"kettle": "The kettle boils", "remark": "The weather stayed fine all day", "open": "A teapot, perhaps"}
    # All in one half, whatever their hashes.
    passages = [
        Passage(id=id, article="a", text=text, start=0, end=len(text), title="A teapot" if id == "kettle" else "Oslo")
        for id, text in texts.items()
    ]
    examples = adjudicate(
        passages, [Annotation(passage=id, annotator="a", codebook=TOWN.reference, labels=()) for id in texts]
    )
    gold = Gold(examples, TOWN.topic_ids, np.array([[1, 0], [0, 0], [-1, 0]]), np.full((3, 2), -1))
    settings = TaggerSettings(
        input=("title", "text"),
        review=0.1,
        topic_calibration=TopicCalibration(curves=(Platt(), Platt()), thresholds=(0.5, 0.5)),
        stance_calibration=None,
        text_share=text_share,
    )
    assert under_other_titles(Tagger(TOWN, TwoStage(RuleTopics.of(TOWN), None), settings), gold) == {1: expected}


@pytest.mark.parametrize("side", [CHOOSE, REPORT])
def test_no_model_is_scored_on_an_article_that_it_learned_from(side: str) -> None:
    _, passages, annotations = make_articles()
    examples = adjudicate(passages, annotations)
    shape = (len(examples), 2)
    bench = Bench(Path(), [], Gold(examples, ("tea", "rain"), np.zeros(shape, int), np.zeros(shape, int)), side, SEED)
    folds = list(bench.folds())
    assert len(folds) == FOLDS
    assert sorted(row for _, scored in folds for row in scored) == bench.rows
    for learned, scored in folds:
        articles = {examples[row].passage.article for row in scored}
        assert {side_of(examples[row]) for row in scored} == {side}
        assert not articles & {example.passage.article for example in learned}
        # What is decided on `choose` must not depend on `report`.
        assert side == REPORT or {side_of(example) for example in learned} == {CHOOSE}


def test_configs_may_follow_the_options(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert news.main([str(tmp_path), "--choose", "--seed", "14", str(tmp_path / "nowhere.yaml")]) == 2
    assert "nowhere.yaml: no such file" in capsys.readouterr().err
