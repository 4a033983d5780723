"""Reliability diagrams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from scipy.stats import binomtest

from training.evaluation.plots import style
from training.evaluation.reliability import Reliability


def reliability(tasks: Mapping[str, Reliability]) -> Figure:
    """Draw how often labels are right at each predicted probability, by task, above the number of labels in each bin."""
    figure = style.figure(3.9, width=style.WIDTH if len(tasks) > 1 else 4.4)
    grid = figure.subplots(2, len(tasks), squeeze=False, sharex=True, height_ratios=(4, 1))
    for column, (task, measured) in enumerate(tasks.items()):
        upper, lower = grid[:, column]
        _diagram(upper, measured)
        upper.set_title(f"{task}: ECE {measured.ece:.3f}, Brier {measured.brier:.3f}", fontsize=10)
        lower.bar(
            [each.predicted for each in measured.bins],
            [each.labels for each in measured.bins],
            width=0.05,
            color=style.MUTED,
        )
        lower.set_yscale("log")
        lower.yaxis.set_major_formatter("{x:g}")
        lower.yaxis.set_minor_formatter(NullFormatter())
        # A bin of one label has a bar too.
        lower.set_ylim(bottom=0.5)
        lower.set(xlabel="predicted probability", ylabel="labels", xlim=(0, 1))
        style.axes(lower, grid="y")
    grid[0, 0].set_ylabel("observed frequency")
    return figure


def _diagram(axis: Any, measured: Reliability) -> None:
    axis.plot([0, 1], [0, 1], color=style.MUTED, linestyle=":", linewidth=1)
    for each in measured.bins:
        bounds = binomtest(each.positive, each.labels).proportion_ci(method="wilson")
        axis.plot([each.predicted] * 2, [bounds.low, bounds.high], color=style.MODEL, linewidth=1.2, alpha=0.6)
    axis.plot(
        [b.predicted for b in measured.bins],
        [b.observed for b in measured.bins],
        "o-",
        color=style.MODEL,
        clip_on=False,
    )
    axis.set(xlim=(0, 1), ylim=(0, 1))
    style.axes(axis)
