"""An interrupt never leaves the tracking store half written: each of its calls is whole, and a model is logged whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow.entities import LoggedModelStatus
from sqlalchemy import event
from sqlalchemy.orm import Session

from tests.conftest import demarche, from_terminal, trained
from training.tracking import registry
from training.tracking import runs as tracking
from training.tracking.client import open_store
from training.tracking.interrupts import TERMINATION, interrupts_delayed, termination_interrupts

pytestmark = pytest.mark.usefixtures("signals_of_a_terminal")


@pytest.mark.parametrize("number", TERMINATION)
def test_a_signal_is_delivered_at_the_end_of_the_block(number: int) -> None:
    done = []

    @termination_interrupts()
    @interrupts_delayed()
    def work() -> None:
        with interrupts_delayed():
            signal.raise_signal(number)
        done.append("inner")
        done.append("outer")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["inner", "outer"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_second_signal_is_delivered_at_once() -> None:
    done = []

    @interrupts_delayed()
    def work() -> None:
        signal.raise_signal(signal.SIGINT)
        done.append("first")
        signal.raise_signal(signal.SIGINT)
        done.append("second")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["first"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_that_is_ignored_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with termination_interrupts(), interrupts_delayed():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_interrupt_in_the_middle_of_a_transaction_does_not_undo_it(store: Path) -> None:
    def interrupt(session: Session) -> None:
        signal.raise_signal(signal.SIGINT)

    def work() -> None:
        with tracking.start_run("tests", "cut short") as run:
            event.listen(Session, "before_commit", interrupt, once=True)
            run.tags({"colour": "green"})
            pytest.fail("the interrupt was lost")

    with pytest.raises(KeyboardInterrupt):
        work()
    (cut_short,) = tracking.runs()
    assert cut_short.status == "KILLED"
    assert cut_short.tags["colour"] == "green"


def test_an_interrupt_while_a_model_is_logged_waits_until_it_is_whole(
    store: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_in(monkeypatch, "log_model_artifacts")
    with pytest.raises(KeyboardInterrupt), tracking.start_run("tests", "cut short") as run:
        run.model(model, digest="abc")
    (output,) = open_store().get_run(run.id).outputs.model_outputs
    assert open_store().get_logged_model(output.model_id).status == LoggedModelStatus.READY


def test_a_model_that_was_not_logged_whole_is_marked_failed(
    store: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_short(*arguments: Any, **named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(mlflow.MlflowClient, "log_model_artifacts", cut_short)
    with pytest.raises(KeyboardInterrupt), tracking.start_run("tests", "cut short") as run:
        run.model(model, digest="abc")
    (output,) = open_store().get_run(run.id).outputs.model_outputs
    assert open_store().get_logged_model(output.model_id).status == LoggedModelStatus.FAILED


def test_an_interrupt_while_a_model_is_registered_waits_for_its_alias(
    store: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_in(monkeypatch, "create_model_version")
    assert demarche("train", "config.yaml", "stance=null").exit_code == 130
    (run,) = tracking.runs()
    assert run.status == "FINISHED"
    assert run.tags["demarche.registered"] == "tiny-tagger/1"
    assert registry.champion_of(open_store(), "tiny-tagger") == "1"


def test_a_version_is_registered_only_when_its_run_has_finished(
    store: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = mlflow.MlflowClient.create_model_version
    statuses = []

    def watch(client: Any, name: str, source: str, **named: Any) -> Any:
        statuses.append(client.get_run(named["run_id"]).info.status)
        return create(client, name, source, **named)

    monkeypatch.setattr(mlflow.MlflowClient, "create_model_version", watch)
    trained("stance=null")
    assert statuses == ["FINISHED"]


def test_a_model_without_a_champion_is_an_error_that_says_how_to_promote_one(store: Path, workspace: Path) -> None:
    trained("stance=null")
    open_store().delete_registered_model_alias("tiny-tagger", registry.CHAMPION)
    result = demarche("evaluate", "models:/tiny-tagger@champion", "passages.jsonl", "annotations.jsonl")
    assert result.exit_code == 2
    assert "no version of tiny-tagger is the champion; `demarche runs promote tiny-tagger/VERSION`" in result.output


def test_a_database_begun_by_a_killed_process_is_removed_by_the_next(workspace: Path) -> None:
    begin = "from training.tracking.client import open_store; open_store(create=True)"
    process = subprocess.Popen(
        [sys.executable, "-c", begin], stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    while not list(workspace.glob(".mlflow.db.*")):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert list(workspace.glob(".mlflow.db.*"))
    open_store(create=True)
    assert not list(workspace.glob(".mlflow.db.*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_no_signal_ends_with_exit_code_0(number: int, tmp_path: Path) -> None:
    # As a library that swallows the interrupt would do it.
    program = (
        "import contextlib, os\n"
        "from demarche.__main__ import app, main\n"
        "@app.command('work')\n"
        "def work():\n"
        "    with contextlib.suppress(BaseException):\n"
        f"        os.kill(os.getpid(), {int(number)})\n"
        "main()\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", program, "work"], capture_output=True, text=True, timeout=60,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=from_terminal,
    )  # fmt: skip
    assert (process.returncode, process.stderr) == (130, "interrupted\n")


def test_an_interrupt_that_a_library_reports_as_its_own_error_is_one_line(tmp_path: Path) -> None:
    program = (
        "import os, signal\n"
        "from demarche.__main__ import app, main\n"
        "@app.command('work')\n"
        "def work():\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    except KeyboardInterrupt:\n"
        "        raise ValueError('the callback failed') from None\n"
        "main()\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", program, "work"], capture_output=True, text=True, timeout=60,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, preexec_fn=from_terminal,
    )  # fmt: skip
    assert (process.returncode, process.stderr) == (130, "interrupted\n")


def interrupt_in(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Send this process an interrupt during the next call of a method of the client."""
    call = getattr(mlflow.MlflowClient, method)

    def interrupted(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(mlflow.MlflowClient, method, call)
        signal.raise_signal(signal.SIGINT)
        return call(*arguments, **named)

    monkeypatch.setattr(mlflow.MlflowClient, method, interrupted)
