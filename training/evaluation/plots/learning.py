"""Learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from labels.bootstrap import Interval
from training.evaluation.plots import style


def learning_curve(curves: Mapping[str, Sequence[tuple[int, Interval]]]) -> Figure:
    """Draw each headline metric, with its 95 % band, over the number of labelled passages of train and dev."""
    figure = style.figure(4.2)
    axis = figure.subplots()
    for place, (name, points) in enumerate(curves.items()):
        passages, colour = [count for count, _ in points], style.COLOURS[place % len(style.COLOURS)]
        axis.fill_between(
            passages, [p.low for _, p in points], [p.high for _, p in points], color=colour, alpha=0.15, lw=0
        )
        axis.plot(passages, [p.value for _, p in points], "o-", color=colour, label=style.name(name))
    axis.set(xlabel="labelled passages of train and dev", ylabel="on test, with 95 % interval", ylim=(None, 1.0))
    axis.set_xlim(left=0)
    style.axes(axis)
    axis.legend(fontsize=9, frameon=False)
    return figure
