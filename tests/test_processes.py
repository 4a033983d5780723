"""Tagging spread over processes: the same rows in the same order, and no process left behind."""

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
from tagging.processes import BATCHES_BEFORE_POOL, Processes, spread
from tagging.readers import ArticleColumns
from tests.conftest import make_articles


@pytest.fixture
def articles_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """More articles than are tagged before other processes are started."""
    monkeypatch.setattr(batches, "ARTICLES_AT_ONCE", 8)
    articles, _, _ = make_articles((BATCHES_BEFORE_POOL + 4) * 8)
    write_jsonl(tmp_path / "articles.jsonl", [Article(id=a.id, text=a.text) for a in articles])
    return tmp_path / "articles.jsonl"


def test_several_processes_write_the_same_rows_as_one(model: Path, articles_file: Path, tmp_path: Path) -> None:
    for count in (1, 2):
        out = tmp_path / f"{count}.jsonl"
        summary = tag_batch(
            [articles_file],
            Tagger.load(model),
            out,
            model="m",
            columns=ArticleColumns(),
            processes=Processes(count, model),
        )
        assert summary.articles == (BATCHES_BEFORE_POOL + 4) * 8
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()


def _process_id(tagger: Tagger, batch: int) -> int:
    return os.getpid()


def _kill_process(tagger: Tagger, batch: int) -> int:
    if batch >= BATCHES_BEFORE_POOL:
        os.kill(os.getpid(), signal.SIGKILL)
    return batch


def _fail(tagger: Tagger, batch: int) -> int:
    if batch > BATCHES_BEFORE_POOL:
        raise DemarcheError(f"batch {batch} cannot be")
    return batch


def test_only_a_large_batch_starts_processes(model: Path) -> None:
    tagger, processes = Tagger.load(model), Processes(2, model)
    assert set(spread(_process_id, iter(range(BATCHES_BEFORE_POOL)), tagger, processes)) == {os.getpid()}
    process_ids = list(spread(_process_id, iter(range(BATCHES_BEFORE_POOL + 6)), tagger, processes))
    assert set(process_ids[:BATCHES_BEFORE_POOL]) == {os.getpid()}
    assert os.getpid() not in process_ids[BATCHES_BEFORE_POOL:]


def test_no_more_than_a_few_batches_are_read_ahead(model: Path) -> None:
    taken: list[int] = []

    def batches_read() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    results = spread(_process_id, batches_read(), Tagger.load(model), Processes(2, model))
    for done in range(1, BATCHES_BEFORE_POOL + 5):
        next(results)
        assert len(taken) <= done + 5
    results.close()
    assert _workers_end()


def _workers_end() -> bool:
    """Return whether the children of the fork server end soon; the server itself stays for the next pool."""
    for _ in range(50):
        if not any(child.children() for child in psutil.Process().children()):
            return True
        time.sleep(0.1)
    return False


def test_a_killed_process_is_an_error_that_says_what_to_do(model: Path) -> None:
    with pytest.raises(DemarcheError, match=r"a tagging process was killed.*nothing was written; try --jobs 1"):
        list(spread(_kill_process, iter(range(BATCHES_BEFORE_POOL + 4)), Tagger.load(model), Processes(2, model)))


def test_an_error_in_another_process_is_raised_here(model: Path) -> None:
    with pytest.raises(DemarcheError, match=f"batch {BATCHES_BEFORE_POOL + 1} cannot be"):
        list(spread(_fail, iter(range(BATCHES_BEFORE_POOL + 4)), Tagger.load(model), Processes(2, model)))
