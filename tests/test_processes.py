"""Tagging spread over processes: the same rows in the same order, and nothing left behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from labels.errors import DemarcheError
from labels.files import write_jsonl
from labels.passages import Article
from models.tagger import Tagger
from tagging import batch as batches
from tagging.batch import tag_batch
from tagging.processes import ALONE, Processes, spread
from tagging.readers import Columns
from tests.conftest import make_articles


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """More articles than are tagged before other processes are started."""
    monkeypatch.setattr(batches, "ARTICLES_AT_ONCE", 8)
    articles, _, _ = make_articles((ALONE + 4) * 8)
    write_jsonl(tmp_path / "articles.jsonl", [Article(id=a.id, text=a.text) for a in articles])
    return tmp_path / "articles.jsonl"


def test_several_processes_write_the_rows_of_one(model: Path, many: Path, tmp_path: Path) -> None:
    for count in (1, 2):
        out = tmp_path / f"{count}.jsonl"
        summary = tag_batch(
            [many], Tagger.load(model), out, model="m", columns=Columns(), processes=Processes(count, model)
        )
        assert summary.articles == (ALONE + 4) * 8
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()


def _who(tagger: Tagger, batch: int) -> int:
    return os.getpid()


def _kill(tagger: Tagger, batch: int) -> int:
    if batch >= ALONE:
        os.kill(os.getpid(), signal.SIGKILL)
    return batch


def _fail(tagger: Tagger, batch: int) -> int:
    if batch > ALONE:
        raise DemarcheError(f"batch {batch} cannot be")
    return batch


def test_a_small_batch_starts_no_process_and_a_large_one_does(model: Path) -> None:
    tagger, processes = Tagger.load(model), Processes(2, model)
    assert set(spread(_who, iter(range(ALONE)), tagger, processes)) == {os.getpid()}
    found = list(spread(_who, iter(range(ALONE + 6)), tagger, processes))
    assert set(found[:ALONE]) == {os.getpid()}
    assert os.getpid() not in found[ALONE:]


def test_no_more_than_a_few_batches_are_read_ahead(model: Path) -> None:
    taken: list[int] = []

    def reading() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    found = spread(_who, reading(), Tagger.load(model), Processes(2, model))
    for done in range(1, ALONE + 5):
        next(found)
        assert len(taken) <= done + 5
    found.close()
    assert _workers_end()


def _workers_end() -> bool:
    """Whether the children of the server that starts them are gone soon; the server itself stays for the next."""
    for _ in range(50):
        if not any(child.children() for child in psutil.Process().children()):
            return True
        time.sleep(0.1)
    return False


def test_a_killed_process_is_told_with_what_to_do(model: Path) -> None:
    with pytest.raises(DemarcheError, match=r"a process that tagged was killed.*--jobs 1, nothing is written"):
        list(spread(_kill, iter(range(ALONE + 4)), Tagger.load(model), Processes(2, model)))


def test_what_fails_elsewhere_fails_here(model: Path) -> None:
    with pytest.raises(DemarcheError, match=f"batch {ALONE + 1} cannot be"):
        list(spread(_fail, iter(range(ALONE + 4)), Tagger.load(model), Processes(2, model)))
