"""Show how far a batch of articles has come: as a bar on a terminal, or as JSON lines for a scheduler."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from demarche.printing import progress_bar, warn
from labels.wording import counted

if TYPE_CHECKING:
    from tagging.progress import State

_SECONDS = 1.0
"""Time between two lines of JSON, at least."""


class ProgressKind(StrEnum):
    """The values of `--progress`."""

    BAR = "bar"
    JSON = "json"
    NONE = "none"


class Shown(Protocol):
    """A progress that is shown while its block runs."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def update(self, state: State) -> None: ...


def shown_progress(kind: ProgressKind | None) -> Shown:
    """Return the progress of this kind; by default a bar if standard error is a terminal, otherwise nothing."""
    if kind is ProgressKind.JSON:
        return JsonLines()
    if kind is ProgressKind.BAR or (kind is None and sys.stderr.isatty()):
        return Bar()
    return Nothing()


class Nothing(contextlib.AbstractContextManager["Nothing"]):
    """Shows nothing."""

    def __exit__(self, *_: object) -> None: ...

    def update(self, state: State) -> None: ...


class Bar:
    """A bar with the numbers of articles, passages and tags, and the time left if the number of articles is known."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

        self._clock = _Clock()
        self._progress = progress_bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[counts]}", markup=False),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[left]}", markup=False),
        )
        self._task = self._progress.add_task("loading", total=None, counts="", left="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, state: State) -> None:
        rate = self._clock.rate(state)
        total = state.total if state.stage == "tagging" else None
        of = "" if state.total is None else f" of {state.total:,}"
        counts = [f"{state.articles:,}{of} articles", f"{rate:,.0f} passages/s", counted(state.tags, "tag")]
        if state.total is None and state.files_left:
            counts.insert(1, f"{counted(state.files_left, 'file')} left")
        self._progress.update(
            self._task,
            description=state.stage,
            completed=state.done,
            total=total,
            counts=", ".join(counts),
            left="" if total is None else "left",
        )


class JsonLines:
    """An object a line on standard error, at most once a second, and one at the end that says how it ended."""

    def __init__(self) -> None:
        self._clock = _Clock()
        self._line: dict[str, Any] = {}
        self._written = float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write({**self._line, "stage": "done" if error is None else "stopped", "seconds": self._clock.seconds})

    def update(self, state: State) -> None:
        rate = self._clock.rate(state)
        self._line = {
            "stage": state.stage,
            "articles": state.articles,
            "passages": state.passages,
            "tags": state.tags,
            "seconds": self._clock.seconds,
            "passages_per_second": round(rate, 1),
            "files": state.files,
            "files_left": state.files_left,
            "articles_left": None if state.total is None else state.total - state.done,
        }
        if time.monotonic() - self._written >= _SECONDS:
            self._write(self._line)

    def _write(self, line: dict[str, Any]) -> None:
        warn(json.dumps(line))
        self._written = time.monotonic()


class _Clock:
    """The time since the progress is shown."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self._start, 1)

    def rate(self, state: State) -> float:
        """Return the passages per second of this run of the command."""
        return (state.passages - state.earlier) / max(time.monotonic() - self._start, 1e-3)
