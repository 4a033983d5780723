"""Scores by topic, beside the baselines and the annotators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from training.evaluation.ceiling import Ceiling
from training.evaluation.metrics import Metric, Scores
from training.evaluation.plots import style

_MOST = 40
_MARKERS = ("D", "s", "^", "v", "P", "X")


def f1_by_topic(
    scores: Scores, baselines: Mapping[str, Scores], ceiling: Ceiling | None, *, prefix: str, total: str, title: str
) -> Figure | None:
    """Draw the F1 of each topic with its interval, over the baselines and the annotators; None if there are no topics.

    Metrics that begin with `prefix` are rows, below the metric `total`.
    """
    names = sorted((name for name in scores.metrics if name.startswith(prefix)), key=lambda n: -scores.metrics[n].value)
    if not names or total not in scores.metrics:
        return None
    rows = [total, *names[:_MOST]]
    figure = style.figure(1.4 + 0.32 * len(rows))
    axis = figure.subplots()
    if ceiling is not None:
        _annotators(axis, rows, ceiling.annotators.metrics)
    for (baseline, of_baseline), marker in zip(baselines.items(), _MARKERS, strict=False):
        found = [(row, of_baseline.metrics[name].value) for row, name in enumerate(rows) if name in of_baseline.metrics]
        if found:
            at, values = zip(*found, strict=True)
            axis.plot(values, at, marker, color=style.MUTED, fillstyle="none", markersize=6, label=style.name(baseline))
    _model(axis, rows, scores.metrics)
    axis.set_yticks(range(len(rows)), [total, *(style.name(name.removeprefix(prefix)) for name in rows[1:])])
    axis.get_yticklabels()[0].set_fontweight("bold")
    axis.axhline(0.5, color="#bbbbbb", linewidth=0.8)
    axis.set(xlim=(-0.02, 1.02), ylim=(len(rows) - 0.5, -0.5))
    style.axes(axis)
    more = f" (the best {_MOST} of {len(names)} topics)" if len(names) > _MOST else ""
    axis.set_title(title + more, fontsize=10, loc="left")
    lines, labels = axis.get_legend_handles_labels()
    figure.legend(lines[::-1], labels[::-1], loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    return figure


def _model(axis: Any, rows: list[str], metrics: Mapping[str, Metric]) -> None:
    for row, name in enumerate(rows):
        _, low, high = metrics[name].interval
        axis.plot([low, high], [row, row], color=style.MODEL, linewidth=2.5, solid_capstyle="butt")
    values = [metrics[name].value for name in rows]
    axis.plot(values, range(len(rows)), "o", color=style.MODEL, markersize=7, label="this run, 95 % interval")


def _annotators(axis: Any, rows: list[str], metrics: Mapping[str, Metric]) -> None:
    """Draw a line at what annotators reach against the others, and a band for its interval."""
    label: str | None = "annotator against the others, 95 % interval"
    for row, name in enumerate(rows):
        if name not in metrics:
            continue
        value, low, high = metrics[name].interval
        axis.fill_betweenx([row - 0.38, row + 0.38], low, high, color=style.ANNOTATORS, alpha=0.2, linewidth=0)
        axis.plot([value, value], [row - 0.38, row + 0.38], color=style.ANNOTATORS, linewidth=2, label=label)
        label = None
