"""Work on a stream of articles in batches, spread over worker processes."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

from labels.errors import DemarcheError
from tagging.jobs import Item
from tagging.processes import Lost
from tagging.readers import ArticleFile, ReadArticle, Unreadable, id_of

ARTICLES_AT_ONCE = 64

Result = TypeVar("Result")
Other = TypeVar("Other")


Spread = Callable[[Iterator[list[Item]]], Generator[list[list[Result | Unreadable] | Lost], None, None]]
"""Spreads the work on batches over workers, and yields the results of each batch in order."""


class Worked(NamedTuple, Generic[Result, Other]):
    """An item and the results of the work on it; the result of an item without any work is the item itself."""

    item: Item | Other
    results: list[Result | Unreadable | Other]


def in_batches(
    spread: Spread[Result],
    items: Iterable[Item | Other],
) -> Generator[list[Worked[Result, Other]], None, None]:
    """Yield each batch of articles with their results, in order.

    There is no work on items that are neither articles nor files of articles, such as an Unreadable. The result of an
    article that takes longer than the limit, or of which a worker dies, is an Unreadable. Raises DemarcheError if that is
    every article of a whole batch: then something else is wrong.
    """
    waiting: deque[list[Item | Other]] = deque()

    def batches() -> Iterator[list[Item]]:
        iterator = iter(items)
        while batch := list(islice(iterator, ARTICLES_AT_ONCE)):
            waiting.append(batch)
            yield [item for item in batch if isinstance(item, ReadArticle | ArticleFile)]

    with contextlib.closing(spread(batches())) as results_of_batches:
        for results in results_of_batches:
            if len(results) == ARTICLES_AT_ONCE and all(isinstance(result, Lost) for result in results):
                reasons = {result.reason for result in results if isinstance(result, Lost)}
                raise DemarcheError(f"none of {len(results)} articles in a row could be read: {min(reasons)}")
            remaining = iter(results)
            yield [Worked(item, _results(item, remaining)) for item in waiting.popleft()]


def _results(item: Any, remaining: Iterator[list[Any] | Lost]) -> list[Any]:
    """Return the next result if there was work on the item."""
    if not isinstance(item, ReadArticle | ArticleFile):
        return [item]
    result = next(remaining)
    return [Unreadable(id_of(item), result.reason)] if isinstance(result, Lost) else result
