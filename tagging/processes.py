"""Spread the tagging of a stream over several processes."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from multiprocessing import get_all_start_methods, get_context, parent_process
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import TypeVar

from labels.errors import DemarcheError
from models.quiet import quiet_libraries
from models.tagger import Tagger

BATCHES_BEFORE_POOL = 4
"""Number of batches to tag before starting other processes, each of which takes a second or two to start."""

Batch = TypeVar("Batch")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Processes:
    """The number of processes, and the folder that each loads the tagger from."""

    count: int
    folder: Path


def cores() -> int:
    """Return the number of cores this process may use, at most 8: the one that reads and writes cannot feed more."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, 8)


def spread(
    work: Callable[[Tagger, Batch], Result], batches: Iterator[Batch], tagger: Tagger, processes: Processes | None
) -> Generator[Result, None, None]:
    """Yield the result of `work` for each batch, in order; use several processes if there are enough batches.

    Only a few batches are read ahead. Raises DemarcheError if a process is killed.
    """
    for batch in islice(batches, BATCHES_BEFORE_POOL):
        yield work(tagger, batch)
    if processes is None or processes.count < 2:
        yield from (work(tagger, batch) for batch in batches)
        return
    pool = ProcessPoolExecutor(
        processes.count, mp_context=_context(), initializer=_initialise, initargs=(processes.count,)
    )
    pending: deque[Future[Result]] = deque()
    try:
        for batch in batches:
            pending.append(_submit(pool, work, processes.folder, batch))
            if len(pending) > 2 * processes.count:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool:
        raise DemarcheError(
            "a tagging process was killed, perhaps because memory ran out; nothing was written; try --jobs 1"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _context() -> BaseContext:
    """Return a context whose processes share the libraries in memory, if the system can.

    The processes are not forked from this one, because they could hang.
    """
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(["tagging.preloaded"])
    return context


def _submit(
    pool: ProcessPoolExecutor, work: Callable[[Tagger, Batch], Result], folder: Path, batch: Batch
) -> Future[Result]:
    """Submit a batch to the pool, which may start processes.

    The processes start with Ctrl-C blocked, so that only this process handles it. A signal that arrives in the meantime
    is raised again afterwards.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        return pool.submit(_work_in_pool, work, folder, batch)
    missed: list[int] = []
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    # Another thread may receive the signal; Python would still handle it in this one.
    handlers = {
        number: signal.signal(number, lambda n, _: missed.append(n)) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        return pool.submit(_work_in_pool, work, folder, batch)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for late in missed:
            signal.raise_signal(late)


def _work_in_pool(work: Callable[[Tagger, Batch], Result], folder: Path, batch: Batch) -> Result:
    return work(_load_tagger(folder), batch)


@lru_cache(maxsize=1)
def _load_tagger(folder: Path) -> Tagger:
    return Tagger.load(folder)


def _initialise(processes: int) -> None:
    """Limit a new process to its part of the cores, and end it when its parent process ends for any reason."""
    quiet_libraries()
    # Torch reads this when it is imported with the model. Without the limit, threads would mostly wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // processes)))

    def exit_with_parent() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=exit_with_parent, daemon=True).start()
