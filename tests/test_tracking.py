"""What is said of a store that does not answer, and of models that are not there."""

from __future__ import annotations

import socket
import sqlite3
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from demarche.__main__ import app
from labels.errors import DemarcheError
from training.tracking import registry
from training.tracking import runs as tracking
from training.tracking.store import tracking_uri


def test_the_store_is_a_database_in_the_working_folder(workspace: Path) -> None:
    assert tracking_uri() == f"sqlite:///{workspace}/mlflow.db"


def test_the_environment_names_another_store(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert tracking_uri() == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("http://127.0.0.1:1", "does not answer"),
        ("postgresql://user@127.0.0.1:1/mlflow", "does not answer"),
        ("sqlite:////nowhere/at/all/mlflow.db", "not there"),
        ("./mlruns", "no longer takes a folder"),
    ],
)
def test_a_store_that_does_not_answer_is_told_in_one_line_before_any_work(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, uri: str, told: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    result = CliRunner().invoke(app, ["train", "config.yaml"])
    assert result.exit_code == 2
    assert told in result.output
    assert "Traceback" not in result.output


def test_a_server_that_takes_the_call_and_says_nothing_is_given_up_on(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{mute.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(DemarcheError, match="does not answer"):
            tracking.open_store()
        # The promise to the user, not a measure of speed.
        assert time.monotonic() - began < 10


def test_a_locked_database_is_told(store: Path) -> None:
    holder = sqlite3.connect(store)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(DemarcheError, match="another program holds it"):
            tracking.open_store()
    finally:
        holder.close()


def test_a_file_that_is_no_database_is_told(workspace: Path) -> None:
    (workspace / "mlflow.db").write_text("not a database " * 100)
    with pytest.raises(DemarcheError, match="cannot be used"):
        tracking.open_store()


def test_listing_makes_no_store(workspace: Path) -> None:
    result = CliRunner().invoke(app, ["runs", "list"])
    assert result.exit_code == 2
    assert "no tracking store yet" in result.output
    assert not (workspace / "mlflow.db").exists()


@pytest.mark.parametrize("uri", ["models:/nobody@champion", "models:/nobody/1", "runs:/0123456789abcdef/tagger"])
def test_an_unknown_model_is_told_with_what_is_known(store: Path, uri: str) -> None:
    with pytest.raises(DemarcheError, match="no such model"):
        registry.fetch(uri)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("test/topics/micro_f1", "test/topics/micro_f1"),
        ("test/topics/naïve & co/f1", "test/topics/naïve _ co/f1"),
        ("test/topics/f1/制裁", "test/topics/f1/制裁"),
        ("test/topics/f1/../tea//rain/", "test/topics/f1/_/tea/_/rain/_"),
        ("test/topics/f1/" + "long " * 60, "test/topics/f1/" + "long " * 47),
    ],
)
def test_metric_names_hold_only_what_mlflow_takes(name: str, slug: str) -> None:
    from mlflow.utils.validation import _validate_metric_name

    assert tracking.slug(name) == slug
    _validate_metric_name(slug)
