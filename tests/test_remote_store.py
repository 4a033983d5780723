"""A shared tracking server, on PostgreSQL, that keeps the artifacts: train, compare, promote and tag through it."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import demarche, make_workspace, trained
from tests.postgres import Server, postgres
from training.tracking import aliases, registry
from training.tracking import runs as tracking
from training.tracking.client import open_store

# One server, which the last test kills.
pytestmark = pytest.mark.xdist_group("remote store")

_PROMOTE = """\
import sys
from demarche.printing import TerminalReporter
from training.promotion import promote as promotion
from training.tracking.aliases import Overtaken

with TerminalReporter() as reporter:
    decision = promotion.consider(sys.argv[1], reporter=reporter)
print("ready", flush=True)
sys.stdin.readline()
try:
    promotion.promote(decision)
    print("promoted")
except Overtaken as error:
    print(error)
"""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server with three equal versions of a model, and the folder that they were trained in."""
    with postgres() as database, pytest.MonkeyPatch.context() as monkeypatch:
        server = Server(database, tmp_path_factory.mktemp("server"))
        try:
            folder = make_workspace(tmp_path_factory.mktemp("remote"), monkeypatch)
            server.wait()
            monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
            for name in ("one", "two", "three"):
                trained(f"name={name}", "topics={kind: rules}", "stance=null", "split.test=0.4")
            yield server, folder
        finally:
            server.kill()


@pytest.fixture
def server(started: tuple[Server, Path], monkeypatch: pytest.MonkeyPatch) -> Server:
    server, folder = started
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    return server


def test_what_was_trained_is_compared_promoted_and_tags_through_the_server(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(downloads))
    run = tracking.runs(most=1)[0]
    assert open_store().get_run(run.id).info.artifact_uri.startswith("mlflow-artifacts:/")
    assert list(server.artifacts.rglob("predictions/test.jsonl"))
    assert not Path("mlruns").exists()
    compared = demarche("runs", "compare", "one", "two")
    assert compared.exit_code == 0
    assert "topics/micro_f1" in compared.output
    promoted = demarche("runs", "promote", "two")
    assert promoted.exit_code == 0, promoted.output
    assert "models:/tiny-tagger@champion is now version 2, in place of version 1" in promoted.output
    assert "tiny-tagger/2 (champion)" in demarche("runs", "list").output
    tagged = demarche("tag", "articles.jsonl", "--model", "models:/tiny-tagger@champion", "--out", "tags.csv")
    assert tagged.exit_code == 0, tagged.output
    with Path("tags.csv").open(newline="") as file:
        assert {row["model"] for row in csv.DictReader(file)} == {"tiny-tagger/2"}
    # What is downloaded lies in one folder, which the end of the program deletes.
    # Left to itself, MLflow downloads to folders that nobody deletes.
    assert not list(downloads.glob("tmp*"))


def test_of_two_processes_that_promote_at_once_one_loses_and_is_told(server: Server, tmp_path: Path) -> None:
    before = registry.champion_of(open_store(), "tiny-tagger")
    others = [version for version in ("1", "2", "3") if version != before]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _PROMOTE, f"tiny-tagger/{version}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)},
        )
        for version in others
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    told = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert list(tmp_path.iterdir()) == []
    (won,) = [version for version, output in zip(others, told, strict=True) if output == "promoted\n"]
    (lost,) = [version for version in others if version != won]
    assert f"tiny-tagger/{lost}: not promoted, because the champion changed in the meantime" in "".join(told)
    client = open_store()
    assert registry.champion_of(client, "tiny-tagger") == won
    assert registry.holder_of(client, "tiny-tagger", "previous") == before
    last = dict(aliases.events("tiny-tagger"))
    assert (last[won].what, last[won].other) == ("promoted", before)
    assert (last[lost].what, last[lost].other) == ("overtaken", won)


def test_a_server_that_dies_in_the_middle_is_reported_within_seconds(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder_of = aliases.holder_of

    def dies(*arguments: Any) -> str | None:
        server.kill()
        return holder_of(*arguments)

    champion = registry.champion_of(open_store(), "tiny-tagger")
    other = "1" if champion != "1" else "2"
    monkeypatch.setattr(aliases, "holder_of", dies)
    began = time.monotonic()
    result = demarche("runs", "promote", f"tiny-tagger/{other}")
    assert result.exit_code == 2
    assert result.output.splitlines()[-1].startswith(f"{server.url}: the tracking store failed (")
    assert "Traceback" not in result.output
    assert time.monotonic() - began < 60
    began = time.monotonic()
    assert "the tracking server does not answer" in demarche("runs", "rollback").output
    assert time.monotonic() - began < 10
