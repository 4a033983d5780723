"""Differences between runs."""

from __future__ import annotations

from matplotlib.figure import Figure

from training.evaluation.compare import Difference
from training.evaluation.plots import style


def differences(rows: list[tuple[str, Difference]], *, reference: str) -> Figure:
    """Draw a dot and an interval for each run and metric; left of zero is worse than the reference run."""
    figure = style.figure(1.2 + 0.4 * len(rows))
    axis = figure.subplots()
    for row, (_, difference) in enumerate(rows):
        low, value, high = difference.difference.low, difference.difference.value, difference.difference.high
        colour = style.MODEL if difference.clear else style.MUTED
        axis.plot([low, high], [row, row], color=colour)
        axis.plot(value, row, "o", color=colour)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_yticks(
        range(len(rows)),
        [
            f"{style.name(name)} · {style.name(difference.metric, longest=style.LONGEST_ROW)}"
            for name, difference in rows
        ],
    )
    axis.invert_yaxis()
    axis.set(xlabel=f"difference to {style.name(reference)}, with 95 % interval")
    style.axes(axis, grid="x")
    return figure
