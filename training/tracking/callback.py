"""Report the progress of a fit to the terminal's bar and the run's curves, and keep its checkpoints."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from models.cache import cache_folder
from training.reporter import Reporter
from training.tracking.run import Run

_KEPT = 30 * 24 * 3600.0  # seconds


class RunCallback:
    """A TrainingCallback that logs loss and dev metrics by epoch, and keeps checkpoints until the run is done."""

    def __init__(self, run: Run, reporter: Reporter):
        self._run = run
        self._reporter = reporter
        self._locks: dict[Path, FileLock] = {}

    def step(self, what: str, *, done: int, total: int) -> None:
        self._reporter.step(what, done=done, total=total)

    def epoch(self, what: str, number: int, metrics: Mapping[str, float]) -> None:
        """Log the metrics of an epoch, rounded: the UI shows every digit that it is given."""
        self._run.metrics(
            {f"training/{what}/{name}": float(f"{value:.4g}") for name, value in metrics.items()}, step=number
        )

    def checkpoints(self, key: str) -> Path | None:
        """Return the folder for the checkpoints of a fit, or None if another process runs the same fit."""
        folder = cache_folder("checkpoints") / key
        lock = FileLock(folder.with_suffix(".lock"))
        if folder not in self._locks:
            try:
                lock.acquire(timeout=0)
            except Timeout:
                # Another process is running the same training, so this one does without checkpoints.
                return None
            self._locks[folder] = lock
        folder.mkdir(exist_ok=True)
        _delete_old(folder.parent)
        return folder

    def done(self) -> None:
        """Delete the checkpoints: the run has its model."""
        for folder, lock in self._locks.items():
            shutil.rmtree(folder, ignore_errors=True)
            lock.release()
            Path(lock.lock_file).unlink(missing_ok=True)
        self._locks.clear()


def _delete_old(checkpoints: Path) -> None:
    """Delete checkpoints of trainings that were killed and not resumed within 30 days."""
    for folder in checkpoints.glob("*/"):
        # Another process may delete the same folder; in a shared cache some folders are not ours.
        with contextlib.suppress(OSError, Timeout):
            if time.time() - folder.stat().st_mtime > _KEPT:
                with FileLock(folder.with_suffix(".lock")).acquire(timeout=0):
                    shutil.rmtree(folder)
                    folder.with_suffix(".lock").unlink()
