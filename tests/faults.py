"""Faults: a command that must fail with one clear message (what, where, what to do) and change nothing."""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from demarche.__main__ import app

TEXT = "The council praises the teapot, the kettle and the samovar."
TABLE = "id,text,topics,stance\n1,We like tea,tea,favor\n2,No more rain,rain,against\n"
CHECK = "labels check codebook.yaml passages.jsonl annotations.jsonl"
TAG = "tag {} --model MODEL --out out/tags.csv"
IMPORT = "labels import table {} --out out --id id --topics topics --stance stance"
EVALUATE = "evaluate MODEL passages.jsonl annotations.jsonl"
TRAIN = "train config.yaml"

Make = Callable[[Path], Any]


class Fault(NamedTuple):
    """A faulty call: `argv` is a command line in which MODEL stands for a model's folder.

    `make` prepares the working folder; the output must contain all of `messages`.
    """

    argv: str
    messages: str | tuple[str, ...]
    make: Make = lambda folder: None
    code: int = 2
    env: dict[str, str] = {}


def put(name: str, content: str | bytes) -> Make:
    """Write a file."""
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")

    def make(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(raw)

    return make


def both(*makes: Make) -> Make:
    """Do several things, one after the other."""
    return lambda folder: [make(folder) for make in makes]


def more(name: str, content: str) -> Make:
    """Append to a file."""
    return lambda folder: put(name, (folder / name).read_bytes() + content.encode("utf-8", "surrogatepass"))(folder)


def add_line(name: str, line: str) -> Make:
    """Append a line to a file."""
    return more(name, line + "\n")


def parameters(faults: Mapping[str, Fault]) -> Iterator[Any]:
    """Yield each fault as a parameter of a test, with its name as the id."""
    return (pytest.param(fault, id=name) for name, fault in faults.items())


def files(folder: Path) -> dict[str, bytes | str]:
    """Return the content of every file in a folder, except those of MLflow."""
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {
        name: path.read_bytes() if path.is_file() else "link" if path.is_symlink() else "folder or pipe"
        for name, path in paths.items()
        if not name.startswith(("mlruns", "mlflow.db"))
    }


@contextmanager
def file_size_limit(most: int) -> Iterator[None]:
    """Let no file grow past a number of bytes: a write past it fails like one to a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def check_fault(fault: Fault, town: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the command and check its exit code, its message and that no file has changed."""
    fault.make(town)
    for name, value in fault.env.items():
        monkeypatch.setenv(name, value)
    before = files(town)
    result = CliRunner().invoke(app, [part.replace("MODEL", str(model)) for part in fault.argv.split()])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code == fault.code, result.output
    for message in (fault.messages,) if isinstance(fault.messages, str) else fault.messages:
        assert message in result.output
    assert len(result.output.splitlines()) < 12
    assert all(len(line) < 800 for line in result.output.splitlines())
    assert files(town) == before
