"""Work spread over processes: the same results in the same order, none lost but the one that stops a process."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from labels.errors import DemarcheError
from labels.files import write_jsonl
from labels.passages import Article
from tagging import in_batches
from tagging.batch import tag_files
from tagging.outputs import Outputs
from tagging.processes import BATCHES_BEFORE_MORE, Lost, Workers, spread
from tagging.readers import ArticleColumns
from tests.conftest import make_articles
from tests.jobs import Upper, die, load_slowly, refuse


def results(*batches: list[str], count: int = 1, seconds: float = 2) -> list[list[str | Lost]]:
    return list(spread(Upper, iter(batches), Workers(count, seconds)))


def reasons(*batches: list[str], seconds: float = 2) -> dict[str, str]:
    """Return why each item was lost; all the others must be there."""
    done = results(*batches, seconds=seconds)
    lost = {}
    for items, outcomes in zip(batches, done, strict=True):
        for item, outcome in zip(items, outcomes, strict=True):
            if isinstance(outcome, Lost):
                lost[item] = outcome.reason
            else:
                assert outcome == item.upper()
    return lost


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("hang", "took more than 2 s; --time-limit allows more"),
        ("hang in a pattern", "took more than 2 s; --time-limit allows more"),
        ("hang later", "took more than 2 s; --time-limit allows more"),
        ("be killed", "the worker process was killed, perhaps because memory ran out"),
        ("crash", "the worker process crashed (SIGSEGV)"),
        ("crash later", "the worker process crashed (SIGSEGV)"),
        ("exit", "the worker process ended with code 7"),
        ("take all memory", "not enough memory"),
    ],
)
def test_an_item_that_stops_its_process_is_lost_alone(item: str, reason: str) -> None:
    assert reasons(["a", "b", item, "c"], [item], ["d"]) == {item: reason}


def test_an_item_that_fails_unexpectedly_is_lost_with_the_place_in_the_code() -> None:
    assert re.fullmatch(
        r"failed with KeyError: 'odd' \(in jobs.py:\d+\); please report it", reasons(["a", "be odd"])["be odd"]
    )


def test_several_items_of_a_batch_may_be_lost() -> None:
    lost = reasons(["crash", "a", "be killed", "hang", "b", "be odd", "c", "exit"], ["d"])
    assert lost.keys() == {"crash", "be killed", "hang", "be odd", "exit"}


def test_the_limit_counts_anew_for_each_part_of_an_item() -> None:
    assert results(["be slow, part by part"]) == [["a b c BE SLOW, PART BY PART"]]


def test_the_limit_does_not_count_the_time_to_load() -> None:
    assert list(spread(partial(load_slowly, 1.5), iter([["a"]]), Workers(seconds=1))) == [["A"]]


def test_an_error_of_the_whole_job_is_raised_here() -> None:
    with pytest.raises(DemarcheError, match="the model cannot read this"):
        results(["a"], ["be refused"], ["b"])
    with pytest.raises(ZeroDivisionError) as raised:
        results(["fail"])
    assert "in finish" in "".join(raised.value.__notes__)
    with pytest.raises(DemarcheError, match="no such model"):
        list(spread(refuse, iter([["a"]]), Workers()))
    with pytest.raises(DemarcheError, match="was killed, perhaps because memory ran out as it started; try --jobs 1"):
        list(spread(die, iter([["a"]]), Workers()))
    assert _workers_end()


def test_only_many_batches_start_several_processes() -> None:
    few = results(*[["who"]] * BATCHES_BEFORE_MORE, count=3)
    assert len({batch[0] for batch in few}) == 1
    assert str(os.getpid()) not in few[0]
    many = results(*[["who", "be slow, part by part"]] * (BATCHES_BEFORE_MORE + 3), count=3)
    assert len({batch[0] for batch in many}) > 1


def test_no_more_than_a_few_batches_are_read_ahead() -> None:
    taken: list[int] = []

    def batches_read() -> Iterator[list[str]]:
        for number in range(100):
            taken.append(number)
            yield [str(number)]

    stream = spread(Upper, batches_read(), Workers(2))
    for done in range(1, BATCHES_BEFORE_MORE + 5):
        next(stream)
        assert len(taken) <= done + 5
    stream.close()
    assert _workers_end()


def _workers_end() -> bool:
    """Return whether the children of the fork server end soon; the server itself stays for the next workers."""
    for _ in range(50):
        if not any(child.children() for child in psutil.Process().children()):
            return True
        time.sleep(0.1)
    return False


def test_closing_ends_a_process_that_hangs() -> None:
    stream = spread(Upper, iter([["a"], ["hang in a pattern"], ["b"]]), Workers(seconds=1000))
    assert next(stream) == ["A"]
    start = time.monotonic()
    stream.close()
    assert _workers_end()
    assert time.monotonic() - start < 10


def test_several_processes_write_the_same_rows_as_one(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_batches, "ARTICLES_AT_ONCE", 8)
    articles, _, _ = make_articles((BATCHES_BEFORE_MORE + 4) * 8)
    write_jsonl(tmp_path / "articles.jsonl", [Article(id=a.id, text=a.text) for a in articles])
    for count in (1, 2):
        out = tmp_path / f"{count}.jsonl"
        summary = tag_files(
            [tmp_path / "articles.jsonl"], model, Outputs(out), model="m", columns=ArticleColumns(), jobs=count
        )
        assert summary.articles == (BATCHES_BEFORE_MORE + 4) * 8
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()
