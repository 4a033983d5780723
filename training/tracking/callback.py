"""What becomes of the progress of a fit: the terminal's bar, the run's curves, checkpoints."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from models.cache import cache_folder
from training.reporter import Reporter
from training.tracking.runs import Run

_KEPT = 30 * 24 * 3600.0  # seconds


class RunCallback:
    """Logs loss and dev figures by epoch to the run, and keeps checkpoints until the run is done."""

    def __init__(self, run: Run, reporter: Reporter):
        self._run = run
        self._reporter = reporter
        self._locks: dict[Path, FileLock] = {}

    def step(self, what: str, *, done: int, total: int) -> None:
        self._reporter.step(what, done=done, total=total)

    def epoch(self, what: str, number: int, figures: Mapping[str, float]) -> None:
        self._run.metrics({f"training/{what}/{name}": value for name, value in figures.items()}, step=number)

    def checkpoints(self, key: str) -> Path | None:
        folder = cache_folder("checkpoints") / key
        lock = FileLock(folder.with_suffix(".lock"))
        if folder not in self._locks:
            try:
                lock.acquire(timeout=0)
            except Timeout:
                # The same training is going on in another process; this one does without.
                return None
            self._locks[folder] = lock
        folder.mkdir(exist_ok=True)
        _forget_old(folder.parent)
        return folder

    def done(self) -> None:
        """The checkpoints have served: the run has its model."""
        for folder, lock in self._locks.items():
            shutil.rmtree(folder, ignore_errors=True)
            lock.release()
            Path(lock.lock_file).unlink(missing_ok=True)
        self._locks.clear()


def _forget_old(checkpoints: Path) -> None:
    """Of trainings that were killed and that nobody has gone on with since."""
    for folder in checkpoints.glob("*/"):
        # Of two that start at once the other may be as far; in a folder that is shared not all is ours.
        with contextlib.suppress(OSError, Timeout):
            if time.time() - folder.stat().st_mtime > _KEPT:
                with FileLock(folder.with_suffix(".lock")).acquire(timeout=0):
                    shutil.rmtree(folder)
                    folder.with_suffix(".lock").unlink()
