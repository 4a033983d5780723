"""Print tables, scores and progress on the terminal."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import typer

from labels.wording import printable

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

    from labels.bootstrap import Interval
    from training.evaluation.ceiling import Ceiling
    from training.evaluation.metrics import Scores

_MOST_LISTED = 50
_SECONDS_OF_A_STEP = 5.0
"""Minimum time before a further line about the same work, where there is no bar."""


def echo(line: object = "", *, err: bool = False) -> None:
    """Print a line, with control characters escaped: all output but a table's and the progress bar's goes through here."""
    typer.echo(printable(str(line)), err=err)


def warn(line: str) -> None:
    """Print a line to standard error."""
    echo(line, err=True)


def print_lines(text: str) -> None:
    """Print a text of several lines."""
    for line in text.splitlines():
        echo(line)


def heading(line: str) -> None:
    """Print a line in bold type after an empty one."""
    echo()
    typer.secho(printable(line), bold=True)


class NotRead(Protocol):
    """Something that could not be read, and why."""

    @property
    def name(self) -> str: ...

    @property
    def reason(self) -> str: ...


def not_read(items: Sequence[NotRead]) -> None:
    """Print the files, rows and passages that could not be read, up to the first 50."""
    from labels.errors import one_line

    for item in items[:_MOST_LISTED]:
        warn(f"not read: {one_line(item.name)}: {one_line(item.reason)}")
    if len(items) > _MOST_LISTED:
        warn(f"not read: … and {len(items) - _MOST_LISTED} more")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None) -> None:
    """Print a table of plain text with numbers right-aligned; the output is the same in a pipe."""
    rows = [tuple(printable(str(cell)) for cell in row) for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(columns, *rows, strict=True)]
    right = [
        bool(rows) and not any(char.isalpha() for row in rows for char in row[place]) for place in range(len(columns))
    ]
    if title:
        heading(title)
    for number, row in enumerate((tuple(columns), *rows)):
        cells = [cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right, strict=True)]
        typer.secho("  ".join(cells).rstrip(), dim=number == 0)


def interval(score: Interval) -> tuple[str, str]:
    """Format a score and its interval: a dash for an undefined score, and a word where the data are too few."""
    if math.isnan(score.value):
        return "–", "–"
    return f"{score.value:.3f}", f"{score.low:.3f}–{score.high:.3f}" if score.has_bounds else "too few"


def scores_table(
    scores: Scores, baselines: Mapping[str, Scores] | None = None, ceiling: Ceiling | None = None, *, on: str = "test"
) -> None:
    """Print the headline metrics with intervals, next to the baselines and the annotators, then a row for each class."""
    baselines = baselines or {}
    rows = []
    for name, score in scores.headlines().items():
        others = [f"{other.metrics[name].value:.3f}" if name in other.metrics else "–" for other in baselines.values()]
        rows.append((name, *interval(score), *others))
    table((f"on {on}", "score", "95 % interval", *baselines), rows)
    if ceiling is not None:
        _ceiling_table(ceiling)
    metrics = ("precision", "recall", "ap", "f1")
    classes = [
        (
            row["class"],
            row["gold"],
            row["predicted"],
            *("–" if row[m] is None else f"{row[m]:.3f}" for m in metrics),
            interval(scores.f1(row))[1],
        )
        for row in scores.classes
        if row["gold"]
    ]
    table(("class", "gold", "predicted", *metrics, "95 % of f1"), classes, title="by class")
    absent = [f"{row['class']} (predicted {row['predicted']})" for row in scores.classes if not row["gold"]]
    if absent:
        echo(f"not in the gold: {', '.join(absent)}")
    for what, count in scores.left_out.items():
        echo(f"left out of the metrics: {count} {what}")


def _ceiling_table(ceiling: Ceiling) -> None:
    """Print how well annotators and the model meet the labels of the other annotators."""
    model = ceiling.model.headlines()
    rows = [
        (name, *interval(score), *(interval(model[name]) if name in model else ("–", "–")))
        for name, score in ceiling.annotators.headlines().items()
    ]
    title = f"each annotator against the others, and the model against the same labels ({ceiling.counts})"
    table(("", "annotators", "95 % interval", "model", "95 % interval"), rows, title=title)


def progress_bar(*columns: ProgressColumn) -> Progress:
    """Return a progress bar on standard error, which disappears at the end."""
    from rich.console import Console
    from rich.progress import Progress

    return Progress(*columns, console=Console(stderr=True), transient=True)


class TerminalReporter:
    """A reporter that writes to standard error: with a progress bar if it is a terminal, otherwise in a line now and then."""

    def __init__(self, *, prefix: str = "") -> None:
        self._prefix = prefix
        self._begun: set[str] = set()
        self._written = float("-inf")
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

            self._progress = progress_bar(
                TextColumn("{task.description:<8}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
            )
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def log(self, text: str) -> None:
        """Print a line above the bar."""
        if self._progress is None:
            warn(self._prefix + text)
            self._written = time.monotonic()
        else:
            self._progress.console.print(printable(self._prefix + text), markup=False, highlight=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        self.log(f"warning: {text}")

    def step(self, what: str, *, done: int, total: int) -> None:
        if self._progress is None:
            self._step_in_a_line(what, done=done, total=total)
            return
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(printable(what), total=total)
        self._progress.update(self._tasks[what], completed=done)

    def _step_in_a_line(self, what: str, *, done: int, total: int) -> None:
        """Print the step in a line of its own if it is the first or last of its work, or the last line is some seconds old."""
        if what in self._begun and done < total and time.monotonic() - self._written < _SECONDS_OF_A_STEP:
            return
        self._begun.add(what)
        self.log(f"{what}: {done} of {total} done")
