"""Tagging says when articles are unlike the texts that the model was trained on."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from labels.files import write_jsonl
from labels.passages import Article
from models.drift import FEWEST, LARGE, SIGNIFICANT, Reference
from models.saved import seal
from models.saved_parts import BadPart
from models.tagger import Tagger
from tagging.drift import DRIFT, NONE, Sample
from tests.conftest import demarche, make_articles, trained
from training.tracking import runs as tracking
from training.tracking.client import open_store

WORDS = ["harbour", "council", "budget", "vote", "school", "road", "bridge", "market", "winter", "plan", "tax", "park"]
OTHER_WORDS = ["whisk", "eggs", "sugar", "flour", "butter", "oven", "bake", "salt", "cream", "lemon", "pastry", "syrup"]


def texts(count: int, *, seed: int, words: list[str] = WORDS, length: int = 30) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(words, k=length)) for _ in range(count)]


def reference(training: list[str]) -> Reference:
    return Reference.of(training, [str(number) for number in range(len(training))], np.zeros((0, 0)), ())


TOWN = reference(texts(200, seed=1))


def test_texts_in_other_words_have_drifted() -> None:
    difference = TOWN.compare(texts(60, seed=2, words=OTHER_WORDS))
    assert difference is not None
    assert difference.p < SIGNIFICANT
    assert difference.auc > 0.95


def test_those_that_differ_among_others_score_highest() -> None:
    difference = TOWN.compare([*texts(60, seed=3), *texts(60, seed=4, words=OTHER_WORDS)])
    assert difference is not None
    assert set(np.argsort(-difference.scores)[:20]) <= set(range(60, 120))


def test_articles_of_the_same_kind_rarely_seem_to_differ() -> None:
    draws = range(100, 140)
    differences = [reference(texts(80, seed=draw)).compare(texts(40, seed=1000 + draw)) for draw in draws]
    ps = np.array([difference.p for difference in differences if difference])
    assert len(ps) == 40
    # At most 4 of 40 are expected with a probability of 0.95 at the stated rate of 0.05.
    assert (ps < 0.05).sum() <= 4
    assert (ps < SIGNIFICANT).sum() <= 1


def test_the_length_of_a_passage_plays_no_part() -> None:
    difference = TOWN.compare(texts(200, seed=5, length=120))
    assert difference is not None
    assert difference.auc < LARGE
    assert difference.p > SIGNIFICANT


def test_few_articles_are_not_compared() -> None:
    assert TOWN.compare(texts(FEWEST - 1, seed=6)) is None


def test_one_text_of_each_group_is_kept() -> None:
    kept = Reference.of(texts(300, seed=7), [str(number // 3) for number in range(300)], np.zeros((0, 0)), ())
    assert len(kept.counts) == 100


def test_the_shares_of_topics_and_the_probability_of_tags_are_kept() -> None:
    probabilities = np.array([[0.9, 0.1], [0.7, 0.2], [0.1, 0.1], [0.2, 0.1]])
    kept = Reference.of(texts(4, seed=8), list("abcd"), probabilities, (0.5, 0.5))
    assert kept.shares == (0.5, 0.0)
    assert kept.probability == pytest.approx(0.8)


def test_a_saved_reference_compares_as_before(tmp_path: Path) -> None:
    TOWN.save(tmp_path / "reference.safetensors")
    loaded = Reference.load(tmp_path / "reference.safetensors")
    articles = texts(60, seed=9)
    before, after = TOWN.compare(articles), loaded.compare(articles)
    assert before is not None
    assert after is not None
    assert (before.auc, before.p) == (after.auc, after.p)
    assert (tmp_path / "reference.safetensors").stat().st_size < 100_000


def test_a_reference_of_another_shape_is_refused(tmp_path: Path) -> None:
    wrong = Reference(TOWN.words[:, :5], TOWN.counts, (), 0.0)
    wrong.save(tmp_path / "reference.safetensors")
    with pytest.raises(BadPart, match="words has the shape"):
        Reference.load(tmp_path / "reference.safetensors")


def rows_of(count: int, *, seed: int) -> list[list[dict[str, object]]]:
    """Make the rows of articles, each with two passages."""
    return [
        [
            {"article": f"a{number}", "passage": f"a{number}#{place}", "text": text, "status": "no_topic",
             "assigned": False, "topic_probability": None}
            for place, text in enumerate(texts(2, seed=seed + number))
        ]
        for number in range(count)
    ]  # fmt: skip


def test_the_sample_does_not_depend_on_the_order_of_the_articles() -> None:
    articles = rows_of(1200, seed=10)
    one, other = Sample(), Sample()
    for rows in articles:
        one.add(rows)
    for rows in reversed(articles):
        other.add(rows)
    forwards, backwards = one.compare(TOWN, {}), other.compare(TOWN, {})
    assert forwards == backwards
    assert forwards.compared == 1000


def write_articles(path: Path, articles: list[str]) -> Path:
    write_jsonl(path, [Article(id=f"n{number}", text=text) for number, text in enumerate(articles)])
    return path


def test_the_command_and_the_manifest_name_drift_and_the_farthest_passages(town: Path) -> None:
    write_articles(town / "recipes.jsonl", texts(60, seed=11, words=OTHER_WORDS))
    result = demarche("tag", "recipes.jsonl", "--model", "copy", "--out", "archive")
    assert "drift: the articles are unlike the training texts (AUC " in result.output
    assert "far from the training texts: n" in result.output
    noted = json.loads((town / "archive/manifest.json").read_text())["drift"]
    assert noted["verdict"] == DRIFT
    assert len(noted["farthest"]) == 5
    assert noted["farthest"][0].keys() == {"article", "passage", "text"}


def test_a_batch_that_goes_on_adds_to_the_folder_with_the_noted_drift(town: Path) -> None:
    write_articles(town / "news.jsonl", texts(60, seed=11, words=OTHER_WORDS))
    first = demarche("tag", "news.jsonl", "--model", "copy", "--out", "archive")
    second = demarche("tag", "news.jsonl", "--model", "copy", "--out", "archive")
    assert (first.exit_code, second.exit_code) == (0, 0), second.output
    assert "drift" not in second.output  # nothing new


def test_articles_of_the_town_are_like_its_training_texts(town: Path) -> None:
    articles, _, _ = make_articles(120, seed=77)
    write_jsonl(town / "new.jsonl", articles)
    result = demarche("tag", "new.jsonl", "--model", "copy", "--out", "tags.jsonl")
    assert "drift: none found" in result.output, result.output
    assert NONE == "none"


def test_a_model_of_an_older_version_says_that_drift_is_not_measured(town: Path) -> None:
    (town / "copy/reference.safetensors").unlink()
    seal(town / "copy")
    assert Tagger.load(town / "copy").reference is None
    result = demarche("tag", "articles.jsonl", "--model", "copy", "--out", "tags.jsonl")
    assert "drift: not measured; the model keeps no sample" in result.output


def test_a_batch_is_a_run_of_its_own_linked_to_the_model(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained("topics={kind: rules}", "stance=null")
    before = [run.id for run in tracking.runs()]
    command = ("tag", "articles.jsonl", "--model", "models:/tiny-tagger@champion", "--out")
    result = demarche(*command, "tags.jsonl")
    assert "in MLflow describes the batch" in result.output, result.output
    assert [run.id for run in tracking.runs()] == before
    client = open_store()
    experiment = client.get_experiment_by_name("tests-tagging")
    (found,) = client.search_runs([experiment.experiment_id])
    run = client.get_run(found.info.run_id)  # a search returns no models
    assert run.data.tags["demarche.kind"] == "tagging"
    assert run.data.tags["demarche.model_version"] == "tiny-tagger/1"
    assert run.data.tags["demarche.model_run"] == before[0]
    assert run.data.metrics["passages"] > 100
    assert {"passages_per_second", "drift/auc", "drift/p"} <= run.data.metrics.keys()
    assert len(run.inputs.model_inputs) == 1

    assert "MLflow" not in demarche(*command, "others.jsonl", "--no-track").output
    assert len(client.search_runs([experiment.experiment_id])) == 1

    given: list[str] = []
    monkeypatch.setattr("demarche.tag.track_batch", lambda summary, *, model, **rest: given.append(model))
    demarche(*command, "more.jsonl")
    assert given == ["models:/tiny-tagger/1"]  # the alias may be that of another version by then


def test_a_store_that_went_away_fails_no_batch(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from demarche import tag

    trained("topics={kind: rules}", "stance=null")
    fetched = tag.resolve_model("models:/tiny-tagger@champion")
    monkeypatch.setattr(tag, "resolve_model", lambda model: fetched)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    result = demarche("tag", "articles.jsonl", "--model", "models:/tiny-tagger@champion", "--out", "tags.jsonl")
    assert result.exit_code == 0
    assert "the tags are complete, but MLflow has no run about the batch" in result.output
    assert (store.parent / "tags.jsonl").exists()
