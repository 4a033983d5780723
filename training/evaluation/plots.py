"""Plots of a run, for the MLflow UI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from labels.bootstrap import Interval
from labels.codebook import STANCES
from training.evaluation.compare import Difference
from training.evaluation.metrics import StanceResults, TopicResults

_COLOURS = ("#1f6f8b", "#c1553b", "#6a8d3f", "#8a5fa8", "#c99a2e", "#5b6b7a", "#b2487f", "#3f7f6a")


def confusion(results: StanceResults) -> Figure:
    """Draw confusion matrices of stance for all targets and for each topic; colours show proportions of a row."""
    topics = sorted(set(results.topics) - {""})
    panels = [("all targets", np.ones(len(results.gold), dtype=bool))]
    if len(topics) > 1:
        panels += [(_literal(topic), np.array(results.topics) == topic) for topic in topics[:11]]
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(3.4 * columns, 3.2 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.axis("off")
    for axis, (title, kept) in zip(axes.flat, panels, strict=False):
        counts = np.zeros((3, 3), dtype=int)
        np.add.at(counts, (results.gold[kept], results.predicted[kept]), 1)
        _matrix(axis, counts, title)
    return figure


def precision_recall(results: TopicResults) -> Figure:
    """Draw a precision–recall curve for each topic in the gold, with a dot at its threshold."""
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axis = figure.subplots()
    shown = [column for column in range(len(results.topics)) if results.gold[:, column].any()]
    for place, column in enumerate(shown[:20]):
        gold, assigned = results.gold[:, column], results.assigned[:, column]
        order = np.argsort(-results.probabilities[:, column], kind="stable")
        hits = np.cumsum(gold[order])
        colour = _COLOURS[place % len(_COLOURS)]
        style = ("-", "--", ":")[place // len(_COLOURS) % 3]
        label = f"{_literal(results.topics[column])} ({gold.sum()})"
        axis.step(hits / gold.sum(), hits / np.arange(1, len(gold) + 1), style, color=colour, label=label, where="post")
        if assigned.any():
            correct = (gold & assigned).sum()
            axis.plot(correct / gold.sum(), correct / assigned.sum(), "o", color=colour)
    axis.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.04))
    axis.legend(title="topic (gold passages)", fontsize="small", loc="lower left")
    axis.set_title("Precision and recall of topics; dots at the thresholds", fontsize="medium")
    return figure


def _literal(name: str) -> str:
    """Escape dollar signs: matplotlib reads text between two of them as a formula."""
    return name.replace("$", r"\$")


def _matrix(axis: Any, counts: np.ndarray[Any, Any], title: str) -> None:
    proportions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axis.imshow(proportions, cmap="Blues", vmin=0, vmax=1)
    for gold in range(3):
        for predicted in range(3):
            colour = "white" if proportions[gold, predicted] > 0.6 else "black"
            axis.text(predicted, gold, str(counts[gold, predicted]), ha="center", va="center", color=colour)
    axis.set_xticks(range(3), STANCES)
    axis.set_yticks(range(3), STANCES)
    axis.set(xlabel="predicted", ylabel="gold", title=title)


def differences(rows: Sequence[tuple[str, Difference, bool]], *, reference: str) -> Figure:
    """Draw a dot and an interval for each run and metric, in colour if it is clear; left of zero is worse."""
    figure = Figure(figsize=(7.5, 1.2 + 0.4 * len(rows)), layout="constrained")
    axis = figure.subplots()
    for row, (_, difference, clear) in enumerate(rows):
        low, value, high = difference.difference.low, difference.difference.value, difference.difference.high
        colour = _COLOURS[0] if clear else _COLOURS[5]
        axis.plot([low, high], [row, row], color=colour)
        axis.plot(value, row, "o", color=colour)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_yticks(range(len(rows)), [_literal(f"{name} · {difference.metric}") for name, difference, _ in rows])
    axis.invert_yaxis()
    axis.set(xlabel=f"difference to {_literal(reference)}, with 95 % interval")
    return figure


def history(trials: Sequence[tuple[int, float | None]], *, metric: str) -> Figure:
    """Draw the dev metric of each trial and the best so far. The value of a pruned trial is None."""
    figure = Figure(figsize=(7.5, 3.6), layout="constrained")
    axis = figure.subplots()
    evaluated = [(number, value) for number, value in trials if value is not None]
    numbers, values = zip(*evaluated, strict=True)
    axis.step(numbers, np.maximum.accumulate(values), where="post", color=_COLOURS[1], label="best so far")
    axis.plot(numbers, values, "o", color=_COLOURS[0], label="trial")
    pruned = [number for number, value in trials if value is None]
    if pruned:
        axis.plot(pruned, [min(values)] * len(pruned), "x", color=_COLOURS[5], label="pruned or excluded")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set(xlabel="trial", ylabel=f"{_literal(metric)} on dev")
    axis.legend(fontsize="small", loc="best")
    return figure


def importance(importances: Mapping[str, float], *, metric: str) -> Figure:
    """Draw how much of the variance of a metric each key explains, the most important on top."""
    figure = Figure(figsize=(7.5, 1.2 + 0.4 * len(importances)), layout="constrained")
    axis = figure.subplots()
    keys = sorted(importances, key=lambda key: importances[key])
    axis.barh([_literal(key) for key in keys], [importances[key] for key in keys], color=_COLOURS[0])
    for row, key in enumerate(keys):
        axis.text(importances[key] + 0.01, row, f"{importances[key]:.2f}", va="center", fontsize="small")
    axis.set(xlim=(0, 1.08), xlabel=f"proportion of importance for {_literal(metric)} (PED-ANOVA)")
    return figure


def learning_curve(curves: Mapping[str, Sequence[tuple[int, Interval]]]) -> Figure:
    """Draw each headline metric, with its 95 % band, over the number of labelled passages of train and dev."""
    figure = Figure(figsize=(7.5, 4.2), layout="constrained")
    axis = figure.subplots()
    for place, (name, points) in enumerate(curves.items()):
        passages, colour = [count for count, _ in points], _COLOURS[place % len(_COLOURS)]
        axis.fill_between(
            passages, [p.low for _, p in points], [p.high for _, p in points], color=colour, alpha=0.15, lw=0
        )
        axis.plot(passages, [p.value for _, p in points], "o-", color=colour, label=_literal(name))
    axis.set(xlabel="labelled passages of train and dev", ylabel="on test, with 95 % interval", ylim=(None, 1.0))
    axis.set_xlim(left=0)
    axis.grid(axis="y", alpha=0.3)
    axis.legend(fontsize="small", loc="best")
    return figure
