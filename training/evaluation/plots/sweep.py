"""The trials of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from training.evaluation.plots import style


def history(trials: Sequence[tuple[int, float | None]], *, metric: str) -> Figure:
    """Draw the dev metric of each trial and the best so far. The value of a pruned trial is None."""
    figure = style.figure(3.6)
    axis = figure.subplots()
    evaluated = [(number, value) for number, value in trials if value is not None]
    numbers, values = zip(*evaluated, strict=True)
    axis.step(numbers, np.maximum.accumulate(values), where="post", color=style.SECOND, label="best so far")
    axis.plot(numbers, values, "o", color=style.MODEL, label="trial")
    pruned = [number for number, value in trials if value is None]
    if pruned:
        axis.plot(pruned, [min(values)] * len(pruned), "x", color=style.MUTED, label="pruned or excluded")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set(xlabel="trial", ylabel=f"{style.name(metric)} on dev")
    style.axes(axis)
    axis.legend(fontsize=9, frameon=False)
    return figure


def importance(importances: Mapping[str, float], *, metric: str) -> Figure:
    """Draw how much of the variance of a metric each key explains, the most important on top."""
    figure = style.figure(1.2 + 0.4 * len(importances))
    axis = figure.subplots()
    keys = sorted(importances, key=lambda key: importances[key])
    axis.barh(range(len(keys)), [importances[key] for key in keys], color=style.MODEL)
    axis.set_yticks(range(len(keys)), [style.name(key, longest=style.LONGEST_ROW) for key in keys])
    for row, key in enumerate(keys):
        axis.text(importances[key] + 0.01, row, f"{importances[key]:.2f}", va="center", fontsize=9)
    style.axes(axis, grid="x")
    axis.set(xlim=(0, 1.08), xlabel=f"proportion of importance for {style.name(metric)} (PED-ANOVA)")
    return figure
