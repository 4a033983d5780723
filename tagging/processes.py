"""Spread the work on a stream of batches over worker processes.

A worker that takes too long for an item, or dies of it, is replaced. The item is lost; the others of its batch are not.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing import get_all_start_methods, get_context, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from typing import Any, Generic, NamedTuple, TypeVar

from labels.errors import DemarcheError
from tagging.worker import Done, Failed, Job, Loaded, Refused, Started, work

BATCHES_BEFORE_MORE = 4
"""Number of batches given to the first worker before others are started, each of which loads the job again."""
TIME_LIMIT = 60.0
"""Default limit for an article, in seconds. The slowest of some ten thousand pages took under two."""
_POLLS = 20

Item = TypeVar("Item")
Result = TypeVar("Result")


class Lost(NamedTuple):
    """Stands for the result of an item on which no worker could work."""

    reason: str


@dataclass(frozen=True)
class Workers:
    """The number of worker processes, the seconds that each may take for an item, and modules that they share.

    `threads` is the number of threads of numerical libraries in each; by default, several processes share the cores.
    """

    count: int = 1
    seconds: float = TIME_LIMIT
    preload: str = "tagging.preloaded"
    threads: int | None = None


def cores() -> int:
    """Return the number of cores this process may use, at most 8: the one that reads and writes cannot feed more."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, 8)


def spread(
    load: Callable[[], Job[Item, Any, Result]], batches: Iterator[Sequence[Item]], workers: Workers
) -> Generator[list[Result | Lost], None, None]:
    """Yield the results of each batch, in order. Each worker calls `load`, which can be pickled, to get its job.

    Only a few batches are read ahead. Raises DemarcheError if the job cannot be loaded.
    """
    crew = _Crew(load, workers)
    pending: deque[Future[list[Result | Lost]]] = deque()
    try:
        crew.hire(1)
        for number, batch in enumerate(batches):
            if number == BATCHES_BEFORE_MORE:
                crew.hire(workers.count - 1)
            pending.append(crew.submit(batch))
            if len(pending) > 2 * workers.count:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        crew.dismiss()


class _Crew(Generic[Item, Result]):
    """Workers, each with a thread that hands it batches and waits for their results."""

    def __init__(self, load: Callable[[], Job[Item, Any, Result]], workers: Workers) -> None:
        self._load, self._settings = load, workers
        self._workers: list[Worker[Item, Result]] = []
        self._batches: SimpleQueue[tuple[Sequence[Item], Future[list[Result | Lost]]] | None] = SimpleQueue()
        # It unblocks the signals of the thread that starts it, so start it here.
        resource_tracker.ensure_running()

    def hire(self, count: int) -> None:
        for _ in range(count):
            worker = Worker(self._load, self._settings)
            self._workers.append(worker)
            threading.Thread(target=self._serve, args=(worker,), daemon=True).start()

    def submit(self, batch: Sequence[Item]) -> Future[list[Result | Lost]]:
        future: Future[list[Result | Lost]] = Future()
        self._batches.put((batch, future))
        return future

    def dismiss(self) -> None:
        """End all workers at once, whatever they are doing."""
        for worker in self._workers:
            worker.dismiss()
            self._batches.put(None)

    def _serve(self, worker: Worker[Item, Result]) -> None:
        # Processes inherit the blocked signals of the thread that starts them: only the main thread handles Ctrl-C.
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        while (task := self._batches.get()) is not None and not worker.dismissed:
            batch, future = task
            try:
                future.set_result(worker.results(batch))
            except BaseException as error:  # raised again where the result is awaited
                future.set_exception(error)


class _Stopped(Exception):
    """The worker did not finish the item at this position; None: the work on all items together."""

    def __init__(self, position: int | None, reason: str, *, crashed: bool = False) -> None:
        super().__init__(reason)
        self.position, self.reason, self.crashed = position, reason, crashed


class Worker(Generic[Item, Result]):
    """A process that works on one batch at a time; it is started when it is needed and not there."""

    def __init__(self, load: Callable[[], Job[Item, Any, Result]], settings: Workers) -> None:
        self._load, self._settings = load, settings
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self.dismissed = False

    def results(self, items: Sequence[Item], *, again: bool = True) -> list[Result | Lost]:
        """Return the result of each item, working again on the others if one of them stops the process.

        `again`: an item that is alone when the process dies has a second chance, since others may have taken the memory.
        """
        if not items:
            return []
        try:
            return self._work(items)
        except _Stopped as stopped:
            if self.dismissed:
                raise
            if len(items) == 1:
                return self.results(items, again=False) if stopped.crashed and again else [Lost(stopped.reason)]
            at = stopped.position
            if at is None:
                return [result for item in items for result in self.results([item])]
            this = self.results([items[at]], again=False) if stopped.crashed else [Lost(stopped.reason)]
            return [*self.results(items[:at]), *this, *self.results(items[at + 1 :])]

    def dismiss(self) -> None:
        """End the process from another thread; the worker's own thread cleans up."""
        self.dismissed = True
        if (process := self._process) is not None:
            process.kill()

    def _work(self, items: Sequence[Item]) -> list[Result | Lost]:
        connection = self._connection or self._start()
        position: int | None = 0
        try:
            connection.send(items)
            while isinstance(message := self._receive(connection, position, len(items)), Started):
                position = message.position
        except (EOFError, OSError):
            raise _Stopped(position, f"the worker process {self._cause_of_death()}", crashed=True) from None
        if isinstance(message, Failed):
            raise _Stopped(message.position, message.reason)
        if isinstance(message, Refused):
            raise message.error
        assert isinstance(message, Done)
        return message.results

    def _receive(self, connection: Connection, position: int | None, items: int) -> Any:
        allowed = self._settings.seconds * (items if position is None else 1)
        # Count the waiting rather than look at a clock, which also runs while the whole program is suspended.
        if not any(connection.poll(allowed / _POLLS) for _ in range(_POLLS)):
            self._kill()
            raise _Stopped(position, f"took more than {self._settings.seconds:g} s; --time-limit allows more")
        return connection.recv()

    def _start(self) -> Connection:
        connection = self._start_process()
        if self.dismissed:
            self._kill()
        try:
            message = connection.recv()
        except (EOFError, OSError):
            raise DemarcheError(
                f"a worker process {self._cause_of_death()} as it started; try --jobs 1, or a machine with more memory"
            ) from None
        if isinstance(message, Refused):
            raise message.error
        assert isinstance(message, Loaded)
        return connection

    def _start_process(self) -> Connection:
        context = get_context("forkserver") if "forkserver" in get_all_start_methods() else get_context("spawn")
        # The processes share these libraries in memory. They are not forked from this one: they could hang.
        context.set_forkserver_preload([self._settings.preload])
        ours, theirs = context.Pipe()
        count = self._settings.count
        threads = self._settings.threads or (max(1, cores() // count) if count > 1 else None)
        process = context.Process(target=work, args=(theirs, self._load, self._settings.seconds, threads), daemon=True)
        try:
            process.start()
        except (EOFError, OSError) as error:
            raise DemarcheError(
                f"a worker process cannot be started ({type(error).__name__}: {error}); free some memory and disk space"
            ) from None
        self._process, self._connection = process, ours
        theirs.close()
        return ours

    def _cause_of_death(self) -> str:
        process = self._process
        code = None
        if process is not None:
            process.join(10)
            code = process.exitcode
        self._kill()
        if code == -signal.SIGKILL:
            return "was killed, perhaps because memory ran out"
        if code is not None and code < 0:
            return f"crashed ({signal.Signals(-code).name})"
        return f"ended with code {code}"

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join(10)
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None
