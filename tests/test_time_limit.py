"""The time limit for an article: one that hangs, or kills its process, is reported, and the batch goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.conftest import demarche
from tests.test_cut_short import child

TEA = "The council praises the teapot, the kettle and the samovar, and the whole town drinks to that."


@pytest.fixture
def stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that never ends, between two good ones: a pipe that nobody writes to."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "z.txt"):
        (tmp_path / name).write_text(TEA)
    os.mkfifo(tmp_path / "stuck.txt")
    return tmp_path / "stuck.txt"


def articles_in(path: Path) -> list[str]:
    return [json.loads(line)["article"] for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("jobs", [("--jobs", "1"), ()])
def test_an_article_that_hangs_is_reported_and_the_others_are_tagged(
    jobs: tuple[str, ...], model: Path, stuck: Path
) -> None:
    files = ("a.txt", "stuck.txt", "z.txt")
    result = demarche("tag", *files, "--model", model, "--out", "t.jsonl", "--time-limit", "2", *jobs)
    assert result.exit_code == 3, result.output
    assert "not read: stuck.txt: took more than 2 s; --time-limit allows more\n" in result.stderr
    assert set(articles_in(Path("t.jsonl"))) == {"a.txt", "z.txt"}


@pytest.mark.parametrize("seconds", ["inf", "nan", "0", "-1", "1e10"])
def test_a_limit_that_no_article_could_keep_or_exceed_is_refused(seconds: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEA)
    result = demarche("labels", "passages", tmp_path, "--out", tmp_path / "p.jsonl", "--time-limit", seconds)
    assert result.exit_code == 2
    assert "is not a number of seconds between 0 and 86400" in result.output


def test_an_article_that_hangs_is_left_out_of_the_passages(stuck: Path) -> None:
    result = demarche("labels", "passages", "a.txt", "stuck.txt", "z.txt", "--out", "p.jsonl", "--time-limit", "2")
    assert result.exit_code == 3, result.output
    assert "not read: stuck.txt: took more than 2 s" in result.stderr
    assert articles_in(Path("p.jsonl")) == ["a.txt", "z.txt"]


def test_nothing_is_written_if_the_only_article_hangs(model: Path, stuck: Path) -> None:
    result = demarche("tag", "stuck.txt", "--model", model, "--out", "t.jsonl", "--time-limit", "1")
    assert result.exit_code == 2
    assert result.stderr == (
        "no article could be read; nothing is written\n  stuck.txt: took more than 1 s; --time-limit allows more\n"
    )
    assert not Path("t.jsonl").exists()


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return the children of the process's fork server."""
    return [worker for child in psutil.Process(process.pid).children() for worker in child.children()]


def wait_until_read(fifo: Path) -> int:
    """Open the pipe for writing, which waits until a process opens it for reading."""
    return os.open(fifo, os.O_WRONLY)


def test_an_article_whose_process_is_killed_is_reported_and_the_others_are_tagged(model: Path, stuck: Path) -> None:
    process = child("tag", "a.txt", "stuck.txt", "z.txt", "--model", str(model), "--out", "t.jsonl")
    # It is given a second chance, alone.
    for _ in range(2):
        end = wait_until_read(stuck)
        (worker,) = workers_of(process)
        worker.kill()
        worker.wait(10)
        os.close(end)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 3, stderr
    assert stderr == "not read: stuck.txt: the worker process was killed, perhaps because memory ran out\n"
    assert set(articles_in(Path("t.jsonl"))) == {"a.txt", "z.txt"}


@pytest.mark.parametrize("command", ["tag", "labels passages"])
def test_ctrl_c_stops_at_once_while_an_article_hangs(command: str, model: Path, stuck: Path) -> None:
    options = ("--model", str(model)) if command == "tag" else ()
    process = child(*command.split(), "a.txt", "stuck.txt", *options, "--out", "t.jsonl")
    end = wait_until_read(stuck)
    workers = workers_of(process)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert time.monotonic() - start < 5
    os.close(end)
    assert (process.returncode, stderr) == (130, "interrupted\n")
    assert sorted(path.name for path in stuck.parent.iterdir()) == ["a.txt", "stuck.txt", "z.txt"]
    assert workers
    psutil.wait_procs(workers, timeout=10)
    assert not any(worker.is_running() for worker in workers)


def test_a_process_that_hangs_ends_soon_after_the_main_process_was_killed() -> None:
    program = (
        "from tagging.processes import Workers, spread\n"
        "from tests.jobs import Upper\n"
        "list(spread(Upper, iter([['a'], ['hang in a pattern']]), Workers(seconds=5, preload='tests.jobs')))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], text=True)
    while not any(worker.cpu_times().user > 0.2 for worker in workers_of(process)):
        time.sleep(0.05)
        assert process.poll() is None, "it ended before the worker was seen"
    workers = workers_of(process)
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive
