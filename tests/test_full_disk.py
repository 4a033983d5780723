"""A disk that is full stops a batch with a clear word; nothing is half-written, and the same command goes on."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import demarche, make_articles

resource = pytest.importorskip("resource")
LIMIT = 60_000
"""Bytes that a file may have: a write past it fails like one to a disk that is full. The index stays below it."""
SCRIPT = """
import resource, sys
from multiprocessing import forkserver
from demarche.__main__ import main
from tagging import collector, in_batches
in_batches.ARTICLES_AT_ONCE, collector.ROWS_OF_A_SHARD = 4, 20
# The limit is for the process that writes; the workers unpack a model of languages.
forkserver.set_forkserver_preload(["tagging.preloaded"])
forkserver.ensure_running()
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
main()
"""


def tag_on_a_full_disk(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    script = SCRIPT.format(limit=LIMIT)
    return subprocess.run([sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True)


def files(folder: Path) -> list[str]:
    """Return the files that a user sees, and those that are half-written."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".lock", "index.sqlite")
    )


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    for number, article in enumerate(make_articles(60)[0]):
        (folder / f"{number:03}.txt").write_text(f"{article.text}\n\nThis is article number {number}.")
    return folder


@pytest.mark.parametrize("when", ["a shard", "the file"])
def test_a_batch_on_a_disk_that_is_full_goes_on_when_there_is_space(
    model: Path, inputs: Path, tmp_path: Path, when: str
) -> None:
    out = tmp_path / "out" / "tags.jsonl"
    if when == "a shard":
        rng = random.Random(1)
        words = (" ".join(f"{rng.getrandbits(40):x}" for _ in range(12)) for _ in range(900))
        (inputs / "030.txt").write_text("\n\n".join(f"The council praises {line} and the kettle." for line in words))
    command = ("tag", inputs, "--model", model, "--jobs", "1", "--out", out)
    stopped = tag_on_a_full_disk(*command)
    assert stopped.returncode == 2, stopped.stderr
    assert "File too large" in stopped.stderr
    assert f"is kept in {out}.parts; the same command goes on" in stopped.stderr
    assert len(stopped.stderr.splitlines()) < 4
    # Whole shards and the manifest: no file of tags, and no temporary one.
    assert all(name.startswith("tags.jsonl.parts/") and "/." not in name for name in files(out.parent))
    done = demarche(*command)
    assert done.exit_code == 0, done.output
    assert "went on where an earlier batch had stopped" in done.output
    assert files(out.parent) == ["tags.jsonl"]
    assert demarche(*command[:-1], tmp_path / "whole.jsonl").exit_code == 0
    assert out.read_text() == (tmp_path / "whole.jsonl").read_text()
