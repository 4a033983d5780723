"""What a worker process runs: batches of items, one after the other, with a report before each item.

The reports let the main process see which item a worker is stuck in, and replace the worker.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, Protocol, TypeVar

from labels.errors import DemarcheError
from models.quiet import quiet_libraries

_LEAST = 0.01
"""The limit counts anew for a part of an item only after this share of it."""

Item = TypeVar("Item", contravariant=True)
Prepared = TypeVar("Prepared")
Result = TypeVar("Result")


class Job(Protocol[Item, Prepared, Result]):
    """The work on a batch: each item alone, then all of them together."""

    def prepare(self, item: Item) -> Iterator[Prepared]:
        """Yield the parts of an item; the limit counts anew for each of them."""

    def finish(self, prepared: Sequence[Sequence[Prepared]]) -> list[Result]:
        """Return one result for each item, given the parts of each."""


class Loaded(NamedTuple):
    """The worker is ready for its first batch."""


class Started(NamedTuple):
    """The worker started the item at this position, or the next part of it; None: the work on all items together."""

    position: int | None


class Failed(NamedTuple):
    """The item at this position, or the work on all items together, failed for this reason."""

    position: int | None
    reason: str


class Done(NamedTuple):
    """The results of a batch, one for each item."""

    results: list[Any]


class Refused(NamedTuple):
    """An error that concerns every item, such as a damaged model."""

    error: Exception


def work(connection: Connection, load: Callable[[], Job[Any, Any, Any]], seconds: float, threads: int | None) -> None:
    """Load the job, then work on the batches that arrive until the main process ends.

    `seconds` is the limit for an item, and `threads` the number of threads of numerical libraries.
    """
    initialise(threads)
    try:
        job = load()
        connection.send(Loaded())
        while True:
            items = connection.recv()
            connection.send(_answer(connection, job, items, seconds))
            _end_after(0)
    except EOFError:
        return
    except Exception as error:
        if not isinstance(error, DemarcheError):
            error.add_note(f"in a worker process:\n{traceback.format_exc()}")
        connection.send(Refused(error))


def initialise(threads: int | None) -> None:
    """Limit a new process to its part of the cores, and end it when its parent process ends for any reason."""
    quiet_libraries()
    if threads is not None:
        # Torch reads this when it is imported with the model. Without the limit, threads would wait for each other.
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))

    def exit_with_parent() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=exit_with_parent, daemon=True).start()


def _answer(connection: Connection, job: Job[Any, Any, Any], items: Sequence[Any], seconds: float) -> Done | Failed:
    position: int | None = None
    since = 0.0

    def start(place: int | None, allowed: float) -> None:
        nonlocal position, since
        position, since = place, time.monotonic()
        connection.send(Started(place))
        _end_after(3 * allowed)

    prepared: list[list[Any]] = []
    try:
        for number, item in enumerate(items):
            start(number, seconds)
            prepared.append([])
            for part in job.prepare(item):
                prepared[-1].append(part)
                # Most items are quick and have a single part: a report after each would cost more than some of them.
                if time.monotonic() - since > seconds * _LEAST:
                    start(number, seconds)
        start(None, seconds * len(items))
        return Done(job.finish(prepared))
    except MemoryError:
        return Failed(position, "not enough memory")
    except Exception as error:
        # Errors of the article's own file are not raised: these concern every article, such as a full disk.
        if position is None or isinstance(error, DemarcheError | OSError):
            raise
        # Pages make parsers fail in ways that nobody has seen before: an article is left out, and the batch goes on.
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{os.path.basename(frame.filename)}:{frame.lineno}"  # noqa: PTH119 (the name of a module's file)
        return Failed(position, f"failed with {type(error).__name__}: {error} (in {place}); please report it")


def _end_after(seconds: float) -> None:
    """Have the system end this process after these seconds; 0: no longer.

    The main process ends it earlier. This is for a process that is stuck in a C function when the main process is
    killed: its other threads cannot run.
    """
    if hasattr(signal, "alarm"):
        signal.alarm(math.ceil(seconds))
