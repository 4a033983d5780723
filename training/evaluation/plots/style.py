"""The one style of all plots: colours, sizes, names from data, and grids of panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from matplotlib.figure import Figure

from labels.wording import printable

COLOURS = ("#1f6f8b", "#c1553b", "#6a8d3f", "#8a5fa8", "#c99a2e", "#5b6b7a", "#b2487f", "#3f7f6a")
MODEL, SECOND, ANNOTATORS, MUTED = COLOURS[0], COLOURS[1], COLOURS[2], COLOURS[5]
WIDTH = 6.6
"""Inches. The UI shows plots about 600 pixels wide, so that letters of 10 points are nearly as large as its own."""
MOST_PANELS = 24
LONGEST_ROW = 45
"""Characters of a name beside a row that has the figure to itself."""
_LONGEST = 26

T = TypeVar("T")


def figure(height: float, *, width: float = WIDTH) -> Figure:
    """Return an empty figure of this height in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def name(text: str, *, longest: int = _LONGEST) -> str:
    """Return a name from data as matplotlib draws it literally: on one line, shortened, with no formula in it."""
    text = printable(text)
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    return text.replace("$", r"\$")


def axes(axis: Any, *, grid: str | None = "both") -> None:
    """Draw an axis as all plots do: no frame above and to the right, and a light grid behind the data."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_axisbelow(True)
    if grid:
        axis.grid(axis=grid, color="#dddddd", linewidth=0.6)


def panels(items: Sequence[T], *, xlabel: str, ylabel: str, height: float = 2.1) -> tuple[Figure, list[tuple[Any, T]]]:
    """Return a figure with a panel for each item, up to three in a row; the axes share their scale."""
    columns = min(len(items), 3)
    rows = -(-len(items) // columns)
    drawn = figure(height * rows + 0.9, width=WIDTH if columns > 1 else 4.4)
    grid = drawn.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axis in grid.flat[len(items) :]:
        axis.axis("off")
    for place in range(columns):
        # Panels that end a column above an empty place have ticks of their own.
        last = (len(items) - 1 - place) // columns
        grid[last][place].tick_params(labelbottom=True)
        grid[last][place].set_xlabel(xlabel)
    for row in grid:
        row[0].set_ylabel(ylabel)
    return drawn, list(zip(grid.flat, items, strict=False))


def left_out(shown: int, total: int, what: str) -> str:
    """Say on a line of its own which of many panels are shown, if not all are."""
    return "" if shown == total else f"\nthe {shown} {what} with the most gold, of {total}"
