"""Spreading the tagging of a stream over several processes."""

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

ALONE = 4
"""Batches that are done before other processes are started: it takes each a second or two."""

Batch = TypeVar("Batch")
Done = TypeVar("Done")


@dataclass(frozen=True)
class Processes:
    """How many, and the folder that each loads the tagger from."""

    count: int
    folder: Path


def cores() -> int:
    """Cores that this process may use, but no more than one process can read and write for."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, 8)


def spread(
    work: Callable[[Tagger, Batch], Done], batches: Iterator[Batch], tagger: Tagger, processes: Processes | None
) -> Generator[Done, None, None]:
    """What `work` makes of each batch, in order; over processes where there are batches enough.

    No more than a few batches are read ahead. Raises DemarcheError where a process was killed.
    """
    for batch in islice(batches, ALONE):
        yield work(tagger, batch)
    if processes is None or processes.count < 2:
        yield from (work(tagger, batch) for batch in batches)
        return
    pool = ProcessPoolExecutor(processes.count, mp_context=_context(), initializer=_begin, initargs=(processes.count,))
    under_way: deque[Future[Done]] = deque()
    try:
        for batch in batches:
            under_way.append(_submit(pool, work, processes.folder, batch))
            if len(under_way) > 2 * processes.count:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    except BrokenProcessPool:
        raise DemarcheError(
            "a process that tagged was killed, perhaps for want of memory; try --jobs 1, nothing is written"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _context() -> BaseContext:
    """Processes that share the libraries in memory, where the system can; forked from this one they could hang."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(["tagging.preloaded"])
    return context


def _submit(
    pool: ProcessPoolExecutor, work: Callable[[Tagger, Batch], Done], folder: Path, batch: Batch
) -> Future[Done]:
    """It may start processes, which are deaf to Ctrl-C from birth: this one hears it for all, once they stand."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        return pool.submit(_elsewhere, work, folder, batch)
    heard: list[int] = []
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    # Another thread may take the signal, which Python then handles in this one all the same.
    handlers = {
        number: signal.signal(number, lambda n, _: heard.append(n)) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        return pool.submit(_elsewhere, work, folder, batch)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for missed in heard:
            signal.raise_signal(missed)


def _elsewhere(work: Callable[[Tagger, Batch], Done], folder: Path, batch: Batch) -> Done:
    return work(_tagger(folder), batch)


@lru_cache(maxsize=1)
def _tagger(folder: Path) -> Tagger:
    return Tagger.load(folder)


def _begin(processes: int) -> None:
    """One of so many, each with its share of the cores; it ends with the process that started it, however that ends."""
    quiet_libraries()
    # Read when torch is loaded, which is with the model. Threads that wait for each other would take all the time.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // processes)))

    def callback() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=callback, daemon=True).start()
