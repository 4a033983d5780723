"""From a config to a tracked, registered model, on a real store."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from labels.codebook import Codebook, write_codebook
from labels.errors import DemarcheError
from labels.files import write_jsonl
from models import saved
from models.tagger import Tagger
from tests.conftest import demarche, from_terminal, make_articles, make_workspace, trained
from training.comparison.find import find_run
from training.config import read_config
from training.evaluation.metrics import evaluate
from training.evaluation.predictions import read_predictions
from training.prepare import prepare
from training.tracking import registry
from training.tracking import runs as tracking
from training.tracking.client import open_store

# One process trains what these tests share.
pytestmark = pytest.mark.xdist_group("train")


class Champion(NamedTuple):
    """A workspace in which one run has made a champion."""

    folder: Path
    output: str
    run: tracking.Summary


@pytest.fixture(scope="module")
def champion_made_once(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Champion:
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = make_workspace(tmp_path_factory.mktemp("champion"), monkeypatch)
        shutil.copy(empty_store, folder / "mlflow.db")
        output = trained().output
        (run,) = tracking.runs()
    return Champion(folder, output, run)


@pytest.fixture
def champion(champion_made_once: Champion, monkeypatch: pytest.MonkeyPatch) -> Champion:
    """The champion's workspace, shared by tests that add nothing to its store and change none of its files."""
    monkeypatch.chdir(champion_made_once.folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    open_store()
    return champion_made_once


def test_a_config_becomes_a_champion(champion: Champion) -> None:
    assert "joint/micro_f1" in champion.output
    assert "models:/tiny-tagger@champion (version 1)" in champion.output
    run = champion.run
    assert run.status == "FINISHED"
    # The texts are easy to learn: a model that fails on them is broken.
    assert run.metrics["test/topics/micro_f1"] > 0.9
    assert run.metrics["test/stance/macro_f1"] > run.metrics["test/baseline/majority_stance_macro_f1"] + 0.2
    value = f"{run.metrics['test/joint/micro_f1']:.3f}"
    assert re.fullmatch(rf"{value} \[[01]\.\d+, [01]\.\d+\]", run.tags["interval/test/joint/micro_f1"])
    assert not [name for name in run.metrics if name.endswith(("_low", "_high"))]
    # Of each topic and stance, F1 alone is a metric; the rest is in the table of classes.
    assert "test/topics/f1/tea" in run.metrics
    assert not [name for name in run.metrics if re.search("/(precision|recall|ap)/", name)]
    assert all(value == round(value, 6) for value in run.metrics.values())
    params = open_store().get_run(run.id).data.params
    assert params["topics.ngrams.chars"] == params["joint"] == params["thresholds.precision"] == "none"
    assert params["topics.ngrams.words"] == "1, 2"
    assert (params["family"], params["encoder"]) == ("linear", "none")
    assert re.fullmatch("passages [0-9a-f]{6}", params["data"])
    assert run.metrics["dev/topics/micro_f1"] > 0.8
    assert {"demarche.data", "demarche.config", "demarche.model"} <= run.tags.keys()
    assert "demarche.evaluation" not in run.tags
    for name in ("config.yaml", "split.jsonl", "classes.json", "errors.json"):
        assert tracking.fetch_artifact(run.id, name).stat().st_size > 0


def test_the_same_config_data_and_seed_give_the_same_metrics_to_the_last_digit(store: Path) -> None:
    trained()
    trained()
    first, second = tracking.runs()
    assert first.metrics == second.metrics
    assert first.tags["demarche.data"] == second.tags["demarche.data"]


def test_one_changed_label_changes_the_digest_of_the_data(champion: Champion) -> None:
    assert prepare(read_config("config.yaml")).data.digest() == champion.run.tags["demarche.data"]
    lines = (champion.folder / "annotations.jsonl").read_text().splitlines()
    changed = json.loads(lines[0])
    changed["labels"] = [] if changed["labels"] else [{"topic": "tea", "stance": "favor"}]
    (champion.folder / "changed.jsonl").write_text("\n".join([json.dumps(changed), *lines[1:]]) + "\n")
    config = read_config("config.yaml", ["data.annotations=[changed.jsonl]"])
    assert prepare(config).data.digest() != champion.run.tags["demarche.data"]


def test_a_later_model_waits_to_be_promoted(store: Path) -> None:
    trained("stance=null")
    output = trained("stance=null", "topics.c=5").output
    assert "the champion is still version 1" in output
    assert "demarche runs promote tiny-tagger/2" in output
    assert demarche("runs", "promote", "tiny-tagger/2").exit_code == 0
    assert registry.champion_of(open_store(), "tiny-tagger") == "2"
    assert "tiny-tagger/2 (champion)" in demarche("runs", "list").output
    missing = demarche("runs", "promote", "tiny-tagger/9")
    assert missing.exit_code == 2
    assert "tiny-tagger/9" in missing.output


def test_every_uri_of_a_model_leads_to_the_same_model(champion: Champion) -> None:
    uris = ["models:/tiny-tagger@champion", "models:/tiny-tagger/1", f"runs:/{champion.run.id}/tagger"]
    taggers = [Tagger.load(registry.fetch(uri).folder) for uri in uris]
    assert {tagger.settings.run for tagger in taggers} == {champion.run.id}
    assert {tagger.settings.data for tagger in taggers} == {champion.run.tags["demarche.data"]}
    assert registry.fetch(uris[0]).name == "tiny-tagger/1"


def test_a_model_whose_files_were_moved_is_said_to_be_gone(store: Path, workspace: Path) -> None:
    trained("stance=null")
    (run,) = tracking.runs()
    (workspace / "mlruns").rename(workspace / "elsewhere")
    for uri in ("models:/tiny-tagger@champion", "models:/tiny-tagger/1", f"runs:/{run.id}/tagger"):
        result = demarche("tag", "articles.jsonl", "--model", uri, "--out", "tags.csv")
        assert result.exit_code == 2
        known = "logged" if uri.startswith("runs") else "registered"
        assert f"{known}, but its files were at {workspace}/mlruns/" in result.output
        assert "are gone; if the folder was moved, move it back there" in result.output


def test_a_model_whose_files_cannot_be_read_is_told_by_their_place(store: Path, workspace: Path) -> None:
    trained("stance=null")
    folder = registry.fetch("models:/tiny-tagger@champion").folder
    shutil.rmtree(folder)
    with pytest.raises(DemarcheError, match=r"registered, but its files at .* cannot be read"):
        registry.fetch("models:/tiny-tagger@champion")


def test_a_model_that_was_changed_and_sealed_again_is_refused(store: Path) -> None:
    trained("stance=null")
    folder = registry.fetch("models:/tiny-tagger@champion").folder
    settings = json.loads((folder / "tagger.json").read_text())
    (folder / "tagger.json").write_text(json.dumps(settings | {"review": 0.2}))
    saved.seal(folder)
    with pytest.raises(DemarcheError, match="not the model that was registered"):
        registry.fetch("models:/tiny-tagger@champion")


def test_a_run_may_train_one_task_alone(store: Path) -> None:
    for task, other in (("topics", "stance"), ("stance", "topics")):
        trained(f"{other}=null", f"name={task}")
        metrics = find_run(task, tracking.runs()).metrics
        assert any(name.startswith(f"test/{task}/") for name in metrics)
        assert not any(name.startswith((f"test/{other}/", "test/joint/")) for name in metrics)


def test_an_earlier_split_keeps_its_passages_where_they_were(
    champion_made_once: Champion, store: Path, workspace: Path
) -> None:
    (split,) = champion_made_once.folder.rglob(f"mlruns/**/{tracking.SPLIT}")
    before = {row["passage"]: row["split"] for row in map(json.loads, split.read_text().splitlines())}
    _, passages, annotations = make_articles(80)
    write_jsonl(workspace / "passages.jsonl", passages)
    write_jsonl(workspace / "annotations.jsonl", annotations)
    trained(f"split.from={split}", "stance=null")
    after = tracking.fetch_artifact(tracking.runs()[0].id, "split.jsonl")
    splits = {row["passage"]: row["split"] for row in map(json.loads, after.read_text().splitlines())}
    assert len(splits) == 240
    assert {id: splits[id] for id in before} == before


def test_a_model_is_evaluated_on_new_gold_with_the_metrics_of_training(champion: Champion) -> None:
    _, passages, annotations = make_articles(30, seed=7)
    write_jsonl(champion.folder / "new.jsonl", passages)
    write_jsonl(champion.folder / "gold.jsonl", annotations)
    result = demarche(
        "evaluate", "models:/tiny-tagger@champion", "new.jsonl", "gold.jsonl", "--out", "predictions.jsonl"
    )
    assert result.exit_code == 0, result.output
    assert "topics/micro_f1" in result.output
    assert len((champion.folder / "predictions.jsonl").read_text().splitlines()) == 90
    # The ids are those of training, and the warning says so.
    assert "have the id of a passage that the model was trained on" in result.output


def test_what_the_gold_does_not_hold_has_no_row(champion: Champion) -> None:
    lines = [json.loads(line) for line in (champion.folder / "annotations.jsonl").read_text().splitlines()]
    for line in lines:
        line["labels"] = [label | {"stance": "favor"} for label in line["labels"] if label["topic"] == "tea"]
    write_jsonl(champion.folder / "tea.jsonl", lines)
    output = demarche("evaluate", "models:/tiny-tagger@champion", "passages.jsonl", "tea.jsonl").output
    rows = {line.split()[0]: line.split()[1:] for line in output.splitlines() if line.strip()}
    assert {"tea", "favor"} <= rows.keys()
    assert not {"rain", "against", "neutral"} & rows.keys()
    assert re.search(
        r"^not in the gold: rain \(predicted \d+\), against \(predicted \d+\), neutral", output, re.MULTILINE
    )
    write_jsonl(champion.folder / "none.jsonl", [line | {"labels": []} for line in lines])
    output = demarche("evaluate", "models:/tiny-tagger@champion", "passages.jsonl", "none.jsonl").output
    assert "micro_f1" not in output
    assert "0.000" not in output


def test_evaluating_warns_of_gold_made_with_another_version_of_the_codebook(champion: Champion) -> None:
    gold = (champion.folder / "annotations.jsonl").read_text().replace("tiny@1.0.0", "tiny@1.0.1")
    (champion.folder / "older.jsonl").write_text(gold)
    result = demarche("evaluate", "models:/tiny-tagger@champion", "passages.jsonl", "older.jsonl")
    assert result.exit_code == 0
    assert "older.jsonl:1: made with tiny@1.0.1, read with tiny@1.0.0" in result.output


def test_a_split_named_test_does_not_hide_the_metrics_of_all_test_splits(store: Path, workspace: Path) -> None:
    lines = [json.loads(line) for line in (workspace / "passages.jsonl").read_text().splitlines()]
    for number, line in enumerate(lines):
        line["split"] = ("train", "train", "test", "test_far")[number // 3 % 4]
    write_jsonl(workspace / "passages.jsonl", lines)
    trained("split={strategy: column, dev: 0}", "stance=null")
    (run,) = tracking.runs()
    predictions = read_predictions(tracking.fetch_artifact(run.id, tracking.PREDICTIONS))
    assert {prediction.split for prediction in predictions} == {"test", "test_far"}
    assert run.metrics["test/topics/map"] == round(evaluate(predictions, seed=13).metrics["topics/map"].value, 6)
    assert "test_far/topics/map" in run.metrics


def test_a_model_whose_run_lost_its_split_can_still_be_evaluated(store: Path, workspace: Path) -> None:
    trained("stance=null")
    (kept,) = (workspace / "mlruns").rglob(tracking.SPLIT)
    kept.unlink()
    result = demarche("evaluate", "models:/tiny-tagger@champion", "passages.jsonl", "annotations.jsonl")
    assert result.exit_code == 0, result.output
    assert "it is unknown whether the model was trained on these passages" in result.output


def test_runs_are_compared_on_their_common_test_passages(store: Path, workspace: Path) -> None:
    trained("name=first", "stance=null")
    trained("name=second", "stance=null", "topics.ngrams.words=[2,2]")
    result = demarche("runs", "compare", "first", "second", "--out", "apart.png")
    assert result.exit_code == 0, result.output
    (reference, *_) = result.output.splitlines()
    assert reference == f"reference: first {find_run('first', tracking.runs()).id[:8]}, on the test split"
    assert "worse" in result.output
    assert (workspace / "apart.png").stat().st_size > 0
    refused = demarche("runs", "compare", "first", "second", "--out", "apart.xls")
    assert refused.exit_code == 2
    assert "use .png, .svg or .pdf" in refused.output
    assert demarche("runs", "compare", "first", "second", "--out", "new/apart.svg").exit_code == 0
    assert "<svg" in (workspace / "new" / "apart.svg").read_text()
    listed = demarche("runs", "list").output
    assert "first" in listed
    assert "second" in listed


def test_a_name_means_the_newest_finished_run_of_that_name(store: Path, workspace: Path) -> None:
    trained("name=second", "stance=null", "topics.c=3")
    trained("name=second", "stance=null", "topics.c=9")
    # The run that failed has no predictions: the name means one of the others.
    demarche("train", "config.yaml", "name=second", "stance=null", "topics.ngrams.words=[40,40]")
    _, newer, older = tracking.runs()
    result = demarche("runs", "compare", older.id[:12], "second")
    assert result.exit_code == 0, result.output
    first, *listed = result.stderr.splitlines()
    assert first == "second: 2 runs have this name; taking the newest of them:"
    for run, overrides, line in zip((newer, older), ("topics.c=9", "topics.c=3"), listed, strict=True):
        assert run.id[:12] in line
        assert time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started)) in line
        assert overrides in line
    assert re.search(rf"second {newer.id[:8]} +topics/micro_f1 +\d+ ", result.stdout)
    by_id = demarche("runs", "compare", older.id[:12], newer.id[:12])
    assert not by_id.stderr
    assert by_id.stdout == result.stdout


def test_a_failed_run_is_marked_with_the_reason(store: Path, workspace: Path) -> None:
    # No text is that long, which only the fit can find out.
    result = demarche("train", "config.yaml", "topics.ngrams.words=[40,40]")
    assert result.exit_code == 2
    assert "n-gram" in result.output
    (run,) = tracking.runs()
    assert run.status == "FAILED"
    assert "n-gram" in run.tags["demarche.reason"]
    assert registry.champion_of(open_store(), "tiny-tagger") is None


def test_a_split_without_gold_is_reported_before_any_work(store: Path, workspace: Path) -> None:
    lines = [json.loads(line) for line in (workspace / "annotations.jsonl").read_text().splitlines()]
    for line in lines:
        line["labels"] = [{"topic": label["topic"]} for label in line["labels"]]
    write_jsonl(workspace / "annotations.jsonl", lines)
    result = demarche("train", "config.yaml")
    assert result.exit_code == 2
    assert "split: train has no stances" in result.output
    assert tracking.runs() == []


def test_a_codebook_without_topics_is_reported_before_any_work(store: Path, workspace: Path) -> None:
    write_codebook(workspace / "codebook.yaml", Codebook(id="tiny", version="1.0.0"))
    lines = [json.loads(line) for line in (workspace / "annotations.jsonl").read_text().splitlines()]
    write_jsonl(workspace / "annotations.jsonl", [line | {"labels": []} for line in lines])
    result = demarche("train", "config.yaml")
    assert result.exit_code == 2
    assert "codebook.yaml: has no topics to train" in result.output
    assert tracking.runs() == []


@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, *(pytest.param(other, marks=pytest.mark.slow) for other in (signal.SIGTERM, signal.SIGHUP))],
)
def test_an_interrupted_run_is_marked_killed(store: Path, workspace: Path, number: int) -> None:
    process = _training()
    _wait_for_run(process)
    process.send_signal(number)
    _, output = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    (run,) = tracking.runs()
    assert run.status == "KILLED"
    assert run.tags["demarche.reason"] == "interrupted"


def test_the_next_run_closes_a_run_whose_process_was_killed(store: Path, workspace: Path) -> None:
    process = _training()
    _wait_for_run(process)
    process.kill()
    process.wait()
    assert tracking.runs()[0].status == "RUNNING"
    trained("name=next", "tracking.experiment=another", "stance=null")
    killed = next(run for run in tracking.runs() if run.name != "next")
    assert killed.status == "KILLED"
    assert "gone" in killed.tags["demarche.reason"]


def _training() -> subprocess.Popen[str]:
    """Start a training in its own process, long enough to be interrupted."""
    _, passages, annotations = make_articles(400)
    write_jsonl(Path("passages.jsonl"), passages)
    write_jsonl(Path("annotations.jsonl"), annotations)
    command = [sys.executable, "-m", "demarche", "train", "config.yaml", "topics.ngrams.chars=[1,6]"]
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=from_terminal,
    )  # fmt: skip


def _wait_for_run(process: subprocess.Popen[str]) -> None:
    """Wait until the process has started its run, however long that takes on a busy machine."""
    while not any(run.status == "RUNNING" for run in tracking.runs()):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.1)
