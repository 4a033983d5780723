"""Runs are written to themselves alone; a store that cannot be used, and a missing model, are clear errors."""

from __future__ import annotations

import contextlib
import signal
import socket
import sqlite3
import time
from pathlib import Path
from typing import Any

import mlflow
import pytest
from matplotlib.figure import Figure
from mlflow.exceptions import MlflowException
from typer.testing import CliRunner

from demarche.__main__ import app
from labels.errors import DemarcheError
from training.sweeps.study import STUDY
from training.tracking import registry
from training.tracking import runs as tracking
from training.tracking import store as store_module
from training.tracking.client import open_store, store_errors
from training.tracking.run import Dataset, slug
from training.tracking.store import TRACKING, Store, check_store, redact_password, tracking_uri


def test_the_store_is_a_database_in_the_working_folder(workspace: Path) -> None:
    assert tracking_uri() == f"sqlite:///{workspace}/mlflow.db"


def test_the_environment_names_another_store(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert tracking_uri() == "http://127.0.0.1:1"


@pytest.mark.usefixtures("signals_of_a_terminal")
def test_an_interrupt_just_after_the_store_created_a_run_marks_it_killed(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_run = mlflow.MlflowClient.create_run

    def create_and_interrupt(*arguments: Any, **named: Any) -> Any:
        run = create_run(*arguments, **named)
        signal.raise_signal(signal.SIGINT)
        return run

    monkeypatch.setattr(mlflow.MlflowClient, "create_run", create_and_interrupt)
    with pytest.raises(KeyboardInterrupt), tracking.start_run("tests", "cut short"):
        pytest.fail("the interrupt was lost")
    (run,) = tracking.runs()
    assert run.status == "KILLED"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_run_is_written_to_itself_while_a_nested_run_is_open(store: Path, model: Path, workspace: Path) -> None:
    with (
        tracking.start_run("tests", "outer") as outer,
        tracking.start_run("tests", "inner", parent=outer.id) as inner,
    ):
        outer.tags({"colour": "green"})
        outer.params({"c": 4})
        outer.metrics({"loss": 0.5, "missing": float("nan")}, step=2)
        outer.describe("**outer**")
        outer.text("a note", "note.txt")
        outer.file(workspace / "config.yaml", "configs")
        outer.figure(Figure(), "plots/plot.png")
        outer.table([{"topic": "tea", "f1": 0.5}], "classes.json")
        passages = Dataset("passages", "0123")
        outer.dataset([{"passage": "a"}], passages, source="p.jsonl", context="train")
        id = outer.model(model, digest="abc")
        outer.metrics({"test/f1": 0.7}, model_id=id, dataset=passages)
        inner.metrics({"loss": 0.25})
        assert mlflow.active_run() is None
    client = open_store()
    first, second = client.get_run(outer.id), client.get_run(inner.id)
    assert first.data.tags.items() >= {"colour": "green", "mlflow.note.content": "**outer**"}.items()
    assert first.data.tags.keys() >= {"mlflow.user", "mlflow.source.name", "mlflow.source.type"}
    assert "demarche.owner" not in first.data.tags
    assert first.data.params == {"c": "4"}
    assert first.data.metrics == {"loss": 0.5, "test/f1": 0.7}
    assert [metric.step for metric in client.get_metric_history(outer.id, "loss")] == [2]
    assert [dataset.dataset.digest for dataset in first.inputs.dataset_inputs] == ["0123"]
    assert [tag.value for tag in first.inputs.dataset_inputs[0].tags] == ["train"]
    (output,) = first.outputs.model_outputs
    logged = client.get_logged_model(output.model_id)
    assert logged.source_run_id == outer.id
    assert logged.experiment_id == first.info.experiment_id
    # The page of the model shows the metric beside the data set that it was measured on.
    (metric,) = logged.metrics
    assert (metric.key, metric.dataset_name, metric.dataset_digest) == ("test/f1", "passages", "0123")
    files = ["classes.json", "configs", "note.txt", "plots"]
    assert [file.path for file in client.list_artifacts(outer.id)] == files
    assert second.data.tags["mlflow.parentRunId"] == outer.id
    assert second.data.tags.keys().isdisjoint({"colour", "mlflow.note.content"})
    assert (second.data.params, second.data.metrics, second.inputs.dataset_inputs) == ({}, {"loss": 0.25}, [])
    assert client.list_artifacts(inner.id) == []
    assert [run.info.status for run in (first, second)] == ["FINISHED", "FINISHED"]


def test_an_ended_run_is_resumed_by_its_id(store: Path) -> None:
    id = tracking.new_run("tests", "shared")
    with pytest.raises(KeyboardInterrupt), tracking.resume_run(id):
        raise KeyboardInterrupt
    assert tracking.summary(id).status == "KILLED"
    with tracking.resume_run(id) as run:
        assert tracking.summary(id).status == "RUNNING"
        assert run.name == "shared"
    assert tracking.summary(id).status == "FINISHED"
    assert "demarche.reason" not in tracking.run_tags(id)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("http://127.0.0.1:1", "does not answer"),
        ("postgresql://user@127.0.0.1:1/mlflow", "does not answer"),
        ("sqlite:////nowhere/at/all/mlflow.db", "does not exist"),
        ("./mlruns", "a plain folder cannot be used"),
    ],
)
def test_a_store_that_does_not_answer_is_an_error_of_one_line_before_any_work(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, uri: str, message: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    result = CliRunner().invoke(app, ["train", "config.yaml"])
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_a_server_that_accepts_a_connection_and_never_answers_is_given_up_within_seconds(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store_module._TIMEOUT <= 5
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{mute.getsockname()[1]}")
        monkeypatch.setattr(store_module, "_TIMEOUT", 0.5)
        began = time.monotonic()
        with pytest.raises(DemarcheError, match="does not answer"):
            open_store()
        # The limit holds for the whole answer, retries included.
        assert time.monotonic() - began < 5


def test_a_locked_database_is_an_error(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_TIMEOUT", 0.5)
    holder = sqlite3.connect(store)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(DemarcheError, match="another program has locked it"):
            open_store()
    finally:
        holder.close()


def test_a_file_that_is_no_database_is_an_error(workspace: Path) -> None:
    (workspace / "mlflow.db").write_text("not a database " * 100)
    with pytest.raises(DemarcheError, match="cannot be used"):
        open_store()


def test_damage_is_not_taken_for_a_lock(workspace: Path) -> None:
    with contextlib.closing(sqlite3.connect(workspace / "mlflow.db", isolation_level=None)) as database:
        database.execute("CREATE TABLE locked (a)")
        database.execute("PRAGMA writable_schema = ON")
        database.execute("UPDATE sqlite_master SET sql = 'damaged'")
    with pytest.raises(DemarcheError, match=r"malformed database schema \(locked\).*repair it"):
        open_store()


def test_an_upgrade_is_advised_only_where_the_schema_is_of_another_version(store: Path) -> None:
    with pytest.raises(DemarcheError) as raised, store_errors():
        raise MlflowException("a param named schema")
    assert "mlflow db upgrade" not in str(raised.value)
    with contextlib.closing(sqlite3.connect(store)) as database:
        database.execute("UPDATE alembic_version SET version_num = 'acf3f17fdcc7'")
        database.commit()
    with pytest.raises(DemarcheError, match="mlflow db upgrade"):
        tracking.runs()


@pytest.mark.parametrize("store", [TRACKING, STUDY])
@pytest.mark.parametrize(
    ("url", "port"),
    [("mysql+pymysql://user:secret@db/x", 3306), ("mariadb://db/x", 3306), ("postgresql://db/x", 5432),
     ("mssql+pyodbc://db/x", 1433), ("mysql://db:3307/x", 3307)],
)  # fmt: skip
def test_a_database_without_a_port_is_checked_at_the_usual_one(
    monkeypatch: pytest.MonkeyPatch, store: Store, url: str, port: int
) -> None:
    addresses = []

    def refuse(address: tuple[str, int], timeout: float) -> None:
        addresses.append(address)
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(DemarcheError, match="does not answer") as raised:
        check_store(url, store)
    assert addresses == [("db", port)]
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [("mysql://user:p@ss/word@db/x", "mysql://user:***@db/x"), ("http://user:secret@host:5000", "http://user:***@host:5000"),
     ("http://host:5000/a:b", "http://host:5000/a:b"), ("sqlite:////a/b.db", "sqlite:////a/b.db")],
)  # fmt: skip
def test_no_password_is_shown(url: str, shown: str) -> None:
    assert redact_password(url) == shown


def test_listing_creates_no_store(workspace: Path) -> None:
    result = CliRunner().invoke(app, ["runs", "list"])
    assert result.exit_code == 2
    assert "the tracking store does not exist yet" in result.output
    assert not (workspace / "mlflow.db").exists()


@pytest.mark.parametrize("uri", ["models:/nobody@champion", "models:/nobody/1", "runs:/0123456789abcdef/tagger"])
def test_an_unknown_model_is_an_error(store: Path, uri: str) -> None:
    with pytest.raises(DemarcheError, match="no such model"):
        registry.fetch(uri)


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("test/topics/micro_f1", "test/topics/micro_f1"),
        ("test/topics/naïve & co/f1", "test/topics/naïve _ co/f1"),
        ("test/topics/f1/制裁", "test/topics/f1/制裁"),
        ("test/topics/f1/../tea//rain/", "test/topics/f1/_/tea/_/rain/_"),
        ("test/topics/f1/" + "long " * 60, "test/topics/f1/" + "long " * 47),
    ],
)
def test_metric_names_hold_only_what_mlflow_accepts(name: str, accepted: str) -> None:
    from mlflow.utils.validation import _validate_metric_name

    assert slug(name) == accepted
    _validate_metric_name(accepted)
