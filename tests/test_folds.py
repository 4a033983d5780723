"""`train --folds`: every passage is predicted once, by a model of other articles."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.errors import DemarcheError
from labels.files import write_jsonl
from labels.passages import Passage
from tests.conftest import demarche, make_articles, make_workspace, trained
from training.evaluation.metrics import HEADLINES, evaluate
from training.evaluation.predictions import Prediction, read_predictions
from training.folds import split_into_folds
from training.tracking import runs as tracking
from training.tracking.client import open_store

# One process trains what these tests share.
pytestmark = pytest.mark.xdist_group("folds")


class Validated(NamedTuple):
    """A workspace whose store has one cross-validation."""

    output: str
    run: tracking.Summary
    folds: list[tracking.Summary]
    predictions: list[Prediction]
    columns: list[str]


@pytest.fixture(scope="module")
def validated(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Validated:
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = make_workspace(tmp_path_factory.mktemp("folds"), monkeypatch)
        shutil.copy(empty_store, folder / "mlflow.db")
        output = trained("--folds", "2").output
        *folds, run = tracking.runs()
        assert [each.id for each in tracking.runs(parts=False)] == [run.id]
        assert open_store().search_registered_models() == []
        predictions = read_predictions(tracking.fetch_artifact(run.id, tracking.PREDICTIONS))
        table = json.loads(tracking.fetch_artifact(run.id, "folds.json").read_text())
    return Validated(output, run, sorted(folds, key=lambda each: each.name), predictions, table["columns"])


def test_the_predictions_of_all_folds_are_evaluated_once(validated: Validated) -> None:
    assert [each.name for each in validated.folds] == ["tiny fold 1/2", "tiny fold 2/2"]
    assert [each.tags[tracking.FOLD] for each in validated.folds] == ["1/2", "2/2"]
    run = validated.run
    assert run.tags[tracking.FOLDS] == "2"
    assert run.status == "FINISHED"
    assert {f"test/{name}" for name in HEADLINES} <= run.metrics.keys()
    assert run.metrics["test/baseline/majority_topics_micro_f1"] < run.metrics["test/topics/micro_f1"]
    assert "interval/test/stance/macro_f1" in run.tags


def test_the_terminal_shows_folds_spread_and_that_nothing_is_registered(validated: Validated) -> None:
    rows = [line.split() for line in validated.output.splitlines() if re.match(r" *\d/2 ", line)]
    assert [row[0] for row in rows] == ["1/2", "2/2"]
    assert sum(int(row[1]) for row in rows) == 180
    assert sum(int(row[2]) for row in rows) == 60
    mean = sum(float(row[3]) for row in rows) / 2
    assert f"topics/micro_f1: mean {mean:.3f} over the folds, standard deviation" in validated.output
    assert "keeps and registers no model" in validated.output
    assert "on all folds, topics are good" in validated.output
    assert "on test" not in validated.output


def test_every_passage_is_predicted_once(validated: Validated) -> None:
    _, passages, _ = make_articles()
    assert [prediction.passage for prediction in validated.predictions] == [passage.id for passage in passages]
    value = evaluate(validated.predictions, seed=13).metrics["topics/micro_f1"].value
    assert validated.run.metrics["test/topics/micro_f1"] == pytest.approx(value)
    assert validated.columns == ["fold", "passages", "articles", *HEADLINES]


@settings(max_examples=20, deadline=None)
@given(
    articles=st.integers(4, 40), count=st.integers(2, 4), dev=st.floats(0, 0.4), seed=st.integers(0, 100),
    order=st.randoms(use_true_random=False),
)  # fmt: skip
def test_folds_divide_the_articles_whatever_their_order(
    articles: int, count: int, dev: float, seed: int, order: object
) -> None:
    _, passages, _ = make_articles(articles)
    copy = passages[0].model_copy(update={"id": "copy#1", "article": "copy"})
    passages.append(copy)
    splits = split_into_folds(passages, count, dev=dev, seed=seed)
    assert len(splits) == count
    for passage in passages:
        assert [split.places[passage.id].split for split in splits].count("test") == 1
    sizes = []
    for split in splits:
        names = ("train", "dev", "test")
        of_split = {name: {p.article for p in passages if split.places[p.id].split == name} for name in names}
        assert sum(map(len, of_split.values())) == articles + 1
        assert split.places["copy#1"].split == split.places[passages[0].id].split
        sizes.append(len(of_split["test"] - {"copy"}))
    assert max(sizes) - min(sizes) <= 1
    shuffled: list[Passage] = list(passages)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    again = split_into_folds(shuffled, count, dev=dev, seed=seed)
    assert [dict(split.places) for split in again] == [dict(split.places) for split in splits]


def test_fewer_articles_than_folds_are_refused() -> None:
    _, passages, _ = make_articles(3)
    with pytest.raises(DemarcheError, match="--folds 4: the data has only 3 articles to divide"):
        split_into_folds(passages, 4, dev=0.1, seed=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--folds", "5", "--learning-curve", "3"], "give one of them"),
        (["--folds", "5", "split={strategy: leave_target_out, target: tea}"], "use split={strategy: group}"),
        (["--folds", "1"], "greater than or equal to 2"),
    ],
)
def test_a_cross_validation_that_makes_no_sense_is_refused_before_any_work(
    workspace: Path, store: Path, arguments: list[str], message: str
) -> None:
    result = demarche("train", "config.yaml", *arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert tracking.runs() == []


def test_a_fold_without_gold_is_told_before_any_work(workspace: Path, store: Path) -> None:
    lines = [json.loads(line) for line in (workspace / "annotations.jsonl").read_text().splitlines()]
    of_one = next(line["passage"] for line in lines if line["labels"])
    for line in lines:
        if line["passage"] != of_one:
            line["labels"] = [{"topic": label["topic"]} for label in line["labels"]]
    write_jsonl(workspace / "annotations.jsonl", lines)
    result = demarche("train", "config.yaml", "--folds", "3")
    assert result.exit_code == 2
    assert (
        re.search(r"fold \d/3: split: (train|test) has no stances", result.output) or "has no stances" in result.output
    )
    assert tracking.runs() == []
