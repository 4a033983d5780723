"""`demarche ui` says where the runs are once they can be seen there, and nothing else."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from demarche.ui import _address, _server
from labels.errors import DemarcheError
from tests.conftest import REPOSITORY, demarche, from_terminal
from training.tracking import runs as tracking
from training.tracking.view import _without_password


class Started(NamedTuple):
    process: subprocess.Popen[str]
    link: str
    opened: Path


@pytest.fixture
def started(store: Path, workspace: Path) -> Iterator[Started]:
    """`demarche ui --open` for a store with a run, with a browser that writes down what it is given."""
    with tracking.start_run("tests", "a run") as run:
        run.metrics({"test/topics/micro_f1": 0.5})
    opened, browser = workspace / "opened", workspace / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "demarche", "ui", "--open", "--port", str(port)], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, preexec_fn=from_terminal,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "BROWSER": f"{browser} %s"},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield Started(process, process.stdout.readline().removeprefix("MLflow UI: ").strip(), opened)
    finally:
        process.kill()
        process.communicate()


def test_the_ui_opens_the_view_prints_its_own_lines_only_and_stops_with_its_server(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, _, page = started.link.partition("/#/")
    assert page.startswith("experiments/1/runs?viewStateShareKey=demarche")
    assert b"<html" in urllib.request.urlopen(f"{server}/", timeout=60).read()
    assert (
        b"mlflow.sharedViewState.demarche"
        in urllib.request.urlopen(f"{server}/ajax-api/2.0/mlflow/experiments/get?experiment_id=1", timeout=60).read()
    )
    # A store that is a server has its own UI, and needs no other.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    assert f"MLflow UI: {started.link}" in demarche("ui").output
    started.process.send_signal(signal.SIGTERM)
    lines, errors = started.process.communicate(timeout=60)
    assert lines.splitlines() == [f"store sqlite:///{Path.cwd()}/mlflow.db; stop the UI with Ctrl-C"]
    assert set(errors.splitlines()) <= {"MLflow is starting …", "interrupted"}
    assert started.opened.read_text().strip() == started.link
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{server}/health", timeout=5)


def test_a_server_that_does_not_start_is_an_error_with_its_own_words(
    monkeypatch: pytest.MonkeyPatch, workspace: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://")
    with pytest.raises(DemarcheError, match="did not start") as raised, _server("127.0.0.1", 1, "http://127.0.0.1:1"):
        pass
    assert "nonsense" in str(raised.value)


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "http://127.0.0.1:5000"), ("0.0.0.0", "http://127.0.0.1:5000"), ("::1", "http://[::1]:5000")],
)
def test_the_link_names_an_address_that_a_browser_can_open(host: str, address: str) -> None:
    assert _address(host, 5000) == address


def test_a_link_to_a_server_shows_no_password() -> None:
    assert _without_password("https://me:secret@host:5000/mlflow") == "https://host:5000/mlflow"
