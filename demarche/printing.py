"""How figures and progress look on the terminal."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

import typer

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from labels.bootstrap import Interval
    from tagging.readers import Unreadable
    from training.evaluation.metrics import Scores

MOST_TOLD = 50


def warn(text: str) -> None:
    typer.echo(text, err=True)


def not_read(items: Sequence[Unreadable]) -> None:
    """The files and rows that gave no article; of a great many, the first."""
    from labels.errors import one_line

    for item in items[:MOST_TOLD]:
        warn(f"not read: {one_line(item.name)}: {one_line(item.reason)}")
    if len(items) > MOST_TOLD:
        warn(f"not read: … and {len(items) - MOST_TOLD} more")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None) -> None:
    """Plain aligned columns; figures to the right. Reads the same in a pipe."""
    rows = [tuple(map(str, row)) for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(columns, *rows, strict=True)]
    right = [
        bool(rows) and not any(char.isalpha() for row in rows for char in row[place]) for place in range(len(columns))
    ]
    if title:
        typer.secho(f"\n{title}", bold=True)
    for number, row in enumerate((tuple(columns), *rows)):
        cells = [cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right, strict=True)]
        typer.secho("  ".join(cells).rstrip(), dim=number == 0)


def interval(found: Interval) -> tuple[str, str]:
    """A score, and its bounds; a dash where it does not exist."""
    if math.isnan(found.value):
        return "–", "–"
    return f"{found.value:.3f}", "–" if math.isnan(found.low) else f"{found.low:.3f}–{found.high:.3f}"


def scores_table(scores: Scores, beside: dict[str, Scores] | None = None, *, on: str = "test") -> None:
    """Headline figures with their intervals, other models beside, then a row a class."""
    beside = beside or {}
    rows = []
    for name, figure in scores.headlines().items():
        others = [f"{other.metrics[name].value:.3f}" if name in other.metrics else "–" for other in beside.values()]
        rows.append((name, *interval(figure), *others))
    table((f"on {on}", "score", "95 % interval", *beside), rows)
    figures = ("precision", "recall", "f1", "ap")
    classes = [
        (row["class"], row["gold"], row["predicted"], *("–" if row[f] is None else f"{row[f]:.3f}" for f in figures))
        for row in scores.classes
    ]
    table(("class", "gold", "predicted", *figures), classes, title="by class")
    for what, count in scores.left_out.items():
        typer.echo(f"left out of the figures: {count} {what}")


class Bar:
    """A progress bar where a person watches, nothing in a log."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._progress = Progress(
                TextColumn("{task.description:<8}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def say(self, text: str) -> None:
        """A line above the bar; to standard error in either case."""
        if self._progress is None:
            warn(text)
        else:
            self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def step(self, what: str, *, done: int, total: int) -> None:
        if self._progress is None:
            return
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total)
        self._progress.update(self._tasks[what], completed=done)
