"""A sweep chooses on dev, shares its trials between processes, survives being killed, and evaluates on test once."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from typer.testing import CliRunner, Result

from demarche.__main__ import app
from labels.files import write_jsonl
from models.examples import NoCallback
from tests.conftest import from_terminal, make_articles, tiny_encoder
from training.config import Dimension, read_config
from training.sweeps.search import Axis, axes, override
from training.sweeps.study import PruningCallback, Study, Trial, propose
from training.tracking import registry
from training.tracking import runs as tracking
from training.tracking.client import open_store

SEARCH = """\
search:
  metric: stance/macro_f1
  space:
    topics.c: {low: 1, high: 1000, log: true}
    stance.own_from: {low: 20, high: 200, step: 20}
    stance.ngrams.chars: {choices: [null, [2, 3]]}
"""


@pytest.fixture
def town(store: Path, workspace: Path) -> Path:
    """The workspace with few articles and a search in its config."""
    _, passages, annotations = make_articles(30)
    write_jsonl(workspace / "passages.jsonl", passages)
    write_jsonl(workspace / "annotations.jsonl", annotations)
    with (workspace / "config.yaml").open("a") as config:
        config.write(SEARCH)
    return workspace


def demarche(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def child(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "demarche", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=from_terminal,
    )  # fmt: skip


def trials() -> list[tracking.Summary]:
    return [run for run in tracking.runs(most=100) if "demarche.trial" in run.tags]


def others() -> dict[str, tracking.Summary]:
    return {run.name: run for run in tracking.runs(most=100) if "demarche.trial" not in run.tags}


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_the_best_trial_on_dev_is_trained_again_and_alone_evaluated_on_test(town: Path) -> None:
    result = demarche("sweep", "config.yaml", "--trials", "2", "review=0.2")
    assert result.exit_code == 0, result.output
    parent, best = others()["tiny sweep"], others()["tiny"]
    assert len(trials()) == 2
    for run in [*trials(), best]:
        assert run.status == "FINISHED"
        assert run.tags["mlflow.parentRunId"] == parent.id
        assert {"demarche.config", "demarche.data", "demarche.split"} <= run.tags.keys()
        assert "dev/stance/macro_f1" in run.metrics
    assert not [name for run in trials() for name in run.metrics if name.startswith("test")]
    assert "test/stance/macro_f1" in best.metrics
    assert best.tags["demarche.registered"] == "tiny-tagger/1"
    assert parent.status == "FINISHED"
    assert parent.metrics["dev/stance/macro_f1"] == max(run.metrics["dev/stance/macro_f1"] for run in trials())
    assert tracking.fetch_artifact(parent.id, "figures/history.png").stat().st_size > 0
    listed = demarche("runs", "list").output, demarche("runs", "list", "--parts").output
    assert ["trial 0" in output for output in listed] == [False, True]
    # The line that it prints is the config of the best run.
    (line,) = [line for line in result.output.splitlines() if line.startswith("again")]
    program, command, path, *overrides = shlex.split(line.removeprefix("again"))
    assert (program, command) == ("demarche", "train")
    again = demarche("train", path, *overrides)
    assert again.exit_code == 0, again.output
    assert others()["tiny"].tags["demarche.config"] == best.tags["demarche.config"]
    assert others()["tiny"].metrics == best.metrics


def test_the_same_command_resumes_a_study_and_a_changed_config_starts_another(town: Path) -> None:
    first = demarche("sweep", "config.yaml", "--trials", "1").output
    assert demarche("sweep", "config.yaml", "--trials", "1").output.splitlines()[-6:] == first.splitlines()[-6:]
    assert len(trials()) == 1
    assert demarche("sweep", "config.yaml", "--trials", "2").exit_code == 0
    assert len(trials()) == 2
    assert len({run.tags["mlflow.parentRunId"] for run in trials()}) == 1
    assert demarche("sweep", "config.yaml", "--trials", "1", "review=0.3").exit_code == 0
    assert len({run.tags["mlflow.parentRunId"] for run in trials()}) == 2


@pytest.mark.slow
def test_two_processes_share_the_trials_and_one_of_them_ends_the_sweep(town: Path) -> None:
    both = [child("sweep", "config.yaml", "--trials", "6") for _ in range(2)]
    outputs = [process.communicate(timeout=240) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert len(trials()) == 6
    assert len({run.tags["demarche.overrides"] for run in trials()}) == 6
    assert all("/6  trial" in messages for _, messages in outputs)
    # One parent and one best run, whose metrics both processes print.
    assert sorted(run.name for run in tracking.runs() if "demarche.trial" not in run.tags) == ["tiny", "tiny sweep"]
    assert outputs[0][0] == outputs[1][0]
    assert others()["tiny sweep"].status == "FINISHED"
    assert registry.champion_of(open_store(), "tiny-tagger") == "1"


def test_a_killed_sweep_is_resumed_by_the_same_command(town: Path) -> None:
    process = child("sweep", "config.yaml", "--trials", "3")
    wait_for(lambda: len(trials()) == 2)
    process.kill()
    process.communicate()
    done = {run.tags["demarche.overrides"] for run in trials() if "demarche.overrides" in run.tags}
    result = demarche("sweep", "config.yaml", "--trials", "3")
    assert result.exit_code == 0, result.output
    finished = [run for run in trials() if run.status == "FINISHED"]
    assert len(finished) == 3
    # An interrupted trial is run again with the same values.
    assert done <= {run.tags["demarche.overrides"] for run in finished}
    assert all(run.status == "KILLED" for run in trials() if run not in finished)
    assert others()["tiny sweep"].status == "FINISHED"
    assert "demarche.reason" not in others()["tiny sweep"].tags


@pytest.mark.slow
def test_a_sweep_killed_while_it_trained_the_best_is_finished_by_the_same_command(town: Path) -> None:
    process = child("sweep", "config.yaml", "--trials", "1")
    wait_for(lambda: "tiny" in others())
    process.kill()
    process.communicate()
    result = demarche("sweep", "config.yaml", "--trials", "1")
    assert result.exit_code == 0, result.output
    assert len(trials()) == 1
    statuses = [run.status for run in tracking.runs() if run.name == "tiny"]
    assert statuses == ["FINISHED", "KILLED"] or statuses == ["FINISHED"]


@pytest.mark.slow
def test_ctrl_c_is_one_line_and_the_same_command_resumes(town: Path) -> None:
    process = child("sweep", "config.yaml", "--trials", "2")
    wait_for(trials)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert stderr.splitlines()[-1] == "interrupted"
    assert "Traceback" not in stderr
    assert others()["tiny sweep"].status == "KILLED"
    assert demarche("sweep", "config.yaml", "--trials", "2").exit_code == 0
    assert sum(run.status == "FINISHED" for run in trials()) == 2


def test_values_that_exclude_each_other_count_as_a_trial(town: Path) -> None:
    space = "{topics.ngrams.words: {choices: [null, [1, 1]]}, topics.ngrams.chars: {choices: [null, [2, 3]]}}"
    text = (town / "config.yaml").read_text().split("search:")[0].replace("chars: null", "chars: [2, 3]")
    (town / "config.yaml").write_text(f"{text}search: {{metric: topics/ap/tea, space: {space}}}\n")
    # With this seed both are null in the third trial.
    result = demarche("sweep", "config.yaml", "--trials", "4", "stance=null", "seed=14")
    assert result.exit_code == 0, result.output
    assert "excluded (topics.ngrams: neither words nor chars" in result.output
    # And the same values are not trained twice.
    assert "trial 1: topics.ngrams.chars=[2,3] topics.ngrams.words=null: as trial 0" in result.output
    assert len(trials()) == 1
    assert others()["tiny sweep"].status == "FINISHED"
    # A metric that runs have in their table of classes only can be searched for, too.
    assert re.search(r"^topics/ap/tea +[01]\.\d{3} .*[01]\.\d{3}$", result.output, re.MULTILINE)


def test_a_plain_training_ignores_the_search(town: Path) -> None:
    assert demarche("train", "config.yaml").exit_code == 0
    assert demarche("train", "config.yaml", "search=null").exit_code == 0
    first, second = tracking.runs()
    assert first.tags["demarche.config"] == second.tags["demarche.config"]


def test_a_sweep_whose_run_was_deleted_is_an_error_that_names_study(town: Path, empty_store: Path) -> None:
    assert demarche("sweep", "config.yaml", "--trials", "1").exit_code == 0
    (town / "mlflow.db").write_bytes(empty_store.read_bytes())
    result = demarche("sweep", "config.yaml", "--trials", "1")
    assert result.exit_code == 2
    assert "--study" in result.output.splitlines()[-1]


def test_a_trial_that_lags_behind_is_pruned(workspace: Path) -> None:
    study = Study(f"sqlite:///{workspace}/sweeps.db", "town", seed=1)
    reached: list[int] = []

    def work(trial: Trial) -> float:
        callback = PruningCallback(NoCallback(), trial, "stance/macro_f1")
        good = 0.9 if trial.number < 5 else 0.1
        for number in range(1, 4):
            callback.epoch("topics", number, {"dev/macro_f1": 0.0})
            callback.epoch("stance", number, {"loss": 1.0, "dev/macro_f1": good})
            reached.append(number)
        return good

    for _ in range(6):
        study.attempt(6, work)
    assert not study.attempt(6, work)
    assert [one.value for one in study.finished()] == [0.9] * 5 + [None]
    assert reached == [1, 2, 3] * 5 + [1]
    assert (study.best() or study.finished()[5]).number == 0


def test_a_family_with_epochs_reports_the_metric_after_each(town: Path) -> None:
    text = (town / "config.yaml").read_text().split("topics:")[0]
    (town / "config.yaml").write_text(
        f"{text}stance: {{kind: encoder, encoder: {tiny_encoder()}, epochs: 2, max_length: 32}}\n"
        "search: {metric: stance/macro_f1, space: {stance.learning_rate: {low: 1.0e-5, high: 1.0e-3, log: true}}}\n"
    )
    result = demarche("sweep", "config.yaml", "--trials", "1")
    assert result.exit_code == 0, result.output
    storage = "sqlite:///sweeps.db"
    (name,) = [name for name in optuna.get_all_study_names(storage) if ":" not in name]
    (trial,) = optuna.load_study(study_name=name, storage=storage).trials
    assert list(trial.intermediate_values) == [1, 2]


def test_whole_numbers_are_tried_where_the_config_accepts_no_others(town: Path) -> None:
    whole = {axis.key: axis.whole for axis in axes(Path("config.yaml"), read_config("config.yaml"))}
    assert whole == {"stance.ngrams.chars": False, "stance.own_from": True, "topics.c": False}


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "null"), ([2, 5], "[2,5]"), (12.345, "12.345"), (1e-05, "1e-05"), (7, "7"), ("null", '"null"'),
     ("dawid_skene", "dawid_skene"), (True, "true")],
)  # fmt: skip
def test_a_value_is_written_as_the_command_line_takes_it(value: object, text: str) -> None:
    assert override("topics.c", value) == f"topics.c={text}"


def test_proposals_stay_within_the_space() -> None:
    space = [
        Axis("a", Dimension(low=1, high=3), whole=True),
        Axis("b", Dimension(low=0.1, high=10.0, log=True), whole=False),
        Axis("c", Dimension(choices=(None, [2, 5])), whole=False),
    ]
    study = optuna.create_study()
    for _ in range(10):
        values = dict(pair.split("=") for pair in propose(study.ask(), space))
        assert values["a"] in ("1", "2", "3")
        assert 0.1 <= float(values["b"]) <= 10
        assert values["c"] in ("null", "[2,5]")
