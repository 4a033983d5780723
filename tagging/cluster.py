"""Spread the work on a stream of batches over a Ray cluster.

Ray starts the workers, places them on the nodes, and starts them again where one dies. Each of them has a process of its
own for the articles, as on a single machine, so that the limits for an article are the same.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from labels.errors import DemarcheError, one_line
from models.cache import cache_folder
from models.saved import check_seal, model_digest
from tagging.processes import Lost, Worker, Workers
from tagging.readers import ArticleFile
from tagging.worker import Job

BATCHES_PER_WORKER = 2
"""Number of batches that a worker is given: the next one waits for it while it works."""
RETRIES = 2
"""Number of times that a batch is worked on again after its worker, or its node, died; then each article is, alone."""
_PATIENCE = 120.0  # seconds in which the cluster has to start a worker
_SECONDS_TO_ANSWER = 10.0

Item = TypeVar("Item")
Result = TypeVar("Result")
Files = Mapping[str, bytes]


def spread_on_ray(
    load: Callable[[Path], Job[Item, Any, Result]],
    folder: Path,
    batches: Iterator[Sequence[Item]],
    *,
    count: int | None,
    per_node: bool,
    seconds: float,
    address: str | None,
) -> Generator[list[Result | Lost], None, None]:
    """Yield the results of each batch, in order, as `tagging.processes.spread` does.

    Each worker calls `load` with a folder that holds the model in `folder`: the same path where it exists on the node,
    or else a copy. `count` is the number of workers; by default one for each CPU, or, if `per_node`, for each node. The
    cluster is that at `address`, or else the one that Ray finds (RAY_ADDRESS), or this machine. Raises DemarcheError if
    there is no cluster, the versions of Demarche differ, or the job cannot be loaded.
    """
    ray = _import_ray()
    with _connected(ray, address):
        count, cpus = _workers(ray, count, per_node=per_node)
        settings = Workers(seconds=seconds, threads=cpus)
        # In a list, the files are fetched only where they are needed.
        files = [ray.put({path.relative_to(folder).as_posix(): path.read_bytes() for path in _files(folder)})]
        # Half of the CPUs are reserved: if a node dies, its workers find a place on the others, where they share them.
        node = ray.remote(
            num_cpus=cpus // 2 or 0.5, scheduling_strategy="SPREAD", max_restarts=-1, max_task_retries=RETRIES
        )(Node)
        actors = [node.remote(load, folder.absolute(), model_digest(folder), settings) for _ in range(count)]
        pool = _Pool(ray, _started(ray, actors), files)
        for batch in batches:
            if not pool.has_free():
                yield pool.next_results()
            pool.submit(batch)
        while pool.pending:
            yield pool.next_results()


class _Pool:
    """Workers that are given batches, whose results come back in order; `pending` are the batches without results."""

    def __init__(self, ray: Any, workers: Sequence[Any], files: Sequence[Any]) -> None:
        from ray.util import ActorPool

        self.ray, self.workers, self.files = ray, workers, files
        self.pending: deque[Sequence[Any]] = deque()
        self._pool = ActorPool([*workers] * BATCHES_PER_WORKER)

    def has_free(self) -> bool:
        return bool(self._pool.has_free())

    def submit(self, batch: Sequence[Any]) -> None:
        self.pending.append(batch)
        self._pool.submit(lambda worker, items: worker.results.remote(items, self.files), batch)

    def next_results(self) -> list[Any]:
        """Return the results of the first pending batch; if its workers died, those of each item, worked on alone."""
        items = self.pending.popleft()
        try:
            return list(_unwrapped(self.ray, self._pool.get_next))
        except _WorkerDied:
            return [result for item in items for result in self._alone(item)]

    def _alone(self, item: Any) -> list[Any]:
        results = self.workers[0].results.options(max_task_retries=1)
        try:
            return list(_unwrapped(self.ray, lambda: self.ray.get(results.remote([item], self.files))))
        except _WorkerDied:
            return [Lost("its worker on the cluster died each time, perhaps because memory ran out")]


class Node:
    """A worker on a node of the cluster, with the process that it works in."""

    def __init__(
        self, load: Callable[[Path], Job[Any, Any, Any]], folder: Path, digest: str, settings: Workers
    ) -> None:
        self._load, self._folder, self._digest, self._settings = load, folder, digest, settings
        # Ray sets it to the CPUs that are reserved, and the process inherits it.
        os.environ["OMP_NUM_THREADS"] = str(settings.threads)
        self._worker: Worker[Any, Any] | None = None

    def version(self) -> str:
        return version("demarche")

    def results(self, items: Sequence[Any], files: Sequence[Any]) -> list[Any]:
        """Return the result of each item; `files` holds a reference to the files of the model.

        Raises DemarcheError if the folder of an article does not exist on this node.
        """
        for item in items:
            if isinstance(item, ArticleFile) and isinstance(item.path, Path) and not item.path.parent.is_dir():
                raise DemarcheError(
                    f"{item.path.parent}: no such folder on the node {os.uname().nodename}; files must have the same path "
                    "on every node: put them on a file system that the nodes share, or into a table of articles"
                )
        if self._worker is None:
            self._worker = Worker(partial(self._load, self._model(files)), self._settings)
        return self._worker.results(items)

    def _model(self, files: Sequence[Any]) -> Path:
        """Return the folder of the model: as on the node that the command runs on, or a copy in the cache."""
        import ray

        copy = cache_folder("models") / self._digest
        for folder in (self._folder, copy):
            with contextlib.suppress(DemarcheError, OSError):
                if model_digest(folder) == self._digest:
                    return folder
        with tempfile.TemporaryDirectory(dir=copy.parent) as temporary:
            for name, content in ray.get(files[0]).items():
                path = Path(temporary) / "model" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            check_seal(Path(temporary) / "model")
            shutil.rmtree(copy, ignore_errors=True)
            with contextlib.suppress(OSError):  # another worker of this node was first
                (Path(temporary) / "model").rename(copy)
        return copy


def _import_ray() -> Any:
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ModuleNotFoundError:
        raise DemarcheError("--engine ray needs Ray: pip install 'demarche[ray]'") from None
    return ray


@contextlib.contextmanager
def _connected(ray: Any, address: str | None) -> Iterator[None]:
    """Connect to the cluster, or start one on this machine, unless this process is connected already."""
    if ray.is_initialized():
        yield
        return
    _check_answers(address or os.environ.get("RAY_ADDRESS"))
    try:
        where = {} if address is None else {"address": address}
        ray.init(**where, include_dashboard=None if address else False, log_to_driver=False, logging_level="ERROR")
    except ConnectionError as error:
        raise DemarcheError(
            f"Ray cluster {address or os.environ.get('RAY_ADDRESS', '')}: {one_line(str(error))[:300]}; it answers, but "
            "perhaps wants a token: every node, and this one, needs the same in ~/.ray/auth_token"
        ) from None
    except (ValueError, RuntimeError, OSError) as error:
        raise DemarcheError(f"Ray cluster {address or ''}: cannot be used: {one_line(str(error))[:300]}") from None
    try:
        yield
    finally:
        ray.shutdown()


def _check_answers(address: str | None) -> None:
    """Raise DemarcheError if nothing answers at an address: Ray itself would wait for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return  # none, or a word of Ray's own such as `auto`
    try:
        socket.create_connection((host, int(port)), timeout=_SECONDS_TO_ANSWER).close()
    except OSError as error:
        raise DemarcheError(f"Ray cluster {address}: {one_line(str(error))}; is its head running there?") from None


def _workers(ray: Any, count: int | None, *, per_node: bool) -> tuple[int, int]:
    """Return the number of workers and the CPUs of each."""
    nodes = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    cpus = sum(nodes)
    if not cpus:
        raise DemarcheError("the Ray cluster has no CPU to work on")
    wanted = count or (sum(1 for each in nodes if each) if per_node else cpus)
    each = min(max(1, cpus // wanted), max(nodes))
    # More would wait for a CPU for ever.
    return min(wanted, sum(node // each for node in nodes)), each


def _started(ray: Any, actors: list[Any]) -> list[Any]:
    """Return the workers that the cluster has room for. Raises DemarcheError if there are none."""
    checks = {actor.version.remote(): actor for actor in actors}
    ready, _ = ray.wait(list(checks), num_returns=len(checks), timeout=_PATIENCE)
    if not ready:
        raise DemarcheError(f"the Ray cluster started no worker within {_PATIENCE:g} s; is it in use by others?")
    for check, actor in checks.items():
        if check not in ready:
            ray.kill(actor)
    for there in _unwrapped(ray, lambda: ray.get(ready)):
        if there != version("demarche"):
            raise DemarcheError(f"a node of the Ray cluster has Demarche {there}, this machine {version('demarche')}")
    return [checks[check] for check in ready]


class _WorkerDied(DemarcheError):
    """The worker of a batch died each time that the batch was worked on."""


def _unwrapped(ray: Any, get: Callable[[], Any]) -> Any:
    """Return what `get` does; raise an error of ours as it was raised in the worker, and _WorkerDied if that died."""
    try:
        return get()
    except ray.exceptions.RayTaskError as error:
        raise (error.cause if isinstance(error.cause, Exception) else error) from None
    except ray.exceptions.RayError as error:
        died = isinstance(error, ray.exceptions.RayActorError | ray.exceptions.OutOfMemoryError)
        what = f"the Ray cluster cannot go on: {one_line(str(error))[:300]}"
        raise (_WorkerDied if died else DemarcheError)(what) from None


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
