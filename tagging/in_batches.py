"""Work on a stream of articles in batches, spread over worker processes."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from labels.errors import DemarcheError
from tagging.jobs import Item
from tagging.processes import Lost, Workers, spread
from tagging.readers import Unreadable, id_of
from tagging.worker import Job

ARTICLES_AT_ONCE = 64

Result = TypeVar("Result")


def in_batches(
    load: Callable[[], Job[Item, Any, list[Result | Unreadable]]],
    items: Iterable[Item | Unreadable],
    workers: Workers,
) -> Generator[list[Result | Unreadable], None, None]:
    """Yield the results of each batch of articles, in order.

    An article that takes longer than the limit, or of which a worker dies, becomes an Unreadable. Raises DemarcheError
    if that is every article of a whole batch: then something else is wrong.
    """
    waiting: deque[list[Item | Unreadable]] = deque()

    def batches() -> Iterator[list[Item]]:
        iterator = iter(items)
        while batch := list(islice(iterator, ARTICLES_AT_ONCE)):
            waiting.append(batch)
            yield [item for item in batch if not isinstance(item, Unreadable)]

    with contextlib.closing(spread(load, batches(), workers)) as results_of_batches:
        for results in results_of_batches:
            if len(results) == ARTICLES_AT_ONCE and all(isinstance(result, Lost) for result in results):
                reasons = {result.reason for result in results if isinstance(result, Lost)}
                raise DemarcheError(
                    f"none of {len(results)} articles in a row could be read: {min(reasons)}; nothing was written"
                )
            remaining = iter(results)
            yield [part for item in waiting.popleft() for part in _parts(item, remaining)]


def _parts(item: Item | Unreadable, results: Iterator[list[Result | Unreadable] | Lost]) -> list[Result | Unreadable]:
    """Return the item if it is unreadable, and otherwise the next result."""
    if isinstance(item, Unreadable):
        return [item]
    result = next(results)
    return [Unreadable(id_of(item), result.reason)] if isinstance(result, Lost) else result
