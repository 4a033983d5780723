"""Pictures of a run, made to be read in the MLflow UI."""

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
    """Gold against predicted stance: all together, then for each topic; rows add up to 1."""
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
    """A curve a topic; the dot is where its threshold stands."""
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axis = figure.subplots()
    shown = [column for column in range(len(results.topics)) if results.gold[:, column].any()]
    for place, column in enumerate(shown[:20]):
        gold, said = results.gold[:, column], results.assigned[:, column]
        order = np.argsort(-results.probabilities[:, column], kind="stable")
        hits = np.cumsum(gold[order])
        colour = _COLOURS[place % len(_COLOURS)]
        style = ("-", "--", ":")[place // len(_COLOURS) % 3]
        label = f"{_literal(results.topics[column])} ({gold.sum()})"
        axis.step(hits / gold.sum(), hits / np.arange(1, len(gold) + 1), style, color=colour, label=label, where="post")
        if said.any():
            right = (gold & said).sum()
            axis.plot(right / gold.sum(), right / said.sum(), "o", color=colour)
    axis.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.04))
    axis.legend(title="topic (gold passages)", fontsize="small", loc="lower left")
    axis.set_title("Precision and recall of topics; dots at the thresholds", fontsize="medium")
    return figure


def _literal(name: str) -> str:
    """matplotlib reads what stands between two dollar signs as a formula."""
    return name.replace("$", r"\$")


def _matrix(axis: Any, counts: np.ndarray[Any, Any], title: str) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for gold in range(3):
        for predicted in range(3):
            colour = "white" if shares[gold, predicted] > 0.6 else "black"
            axis.text(predicted, gold, str(counts[gold, predicted]), ha="center", va="center", color=colour)
    axis.set_xticks(range(3), STANCES)
    axis.set_yticks(range(3), STANCES)
    axis.set(xlabel="predicted", ylabel="gold", title=title)


def differences(found: list[tuple[str, Difference]], *, reference: str) -> Figure:
    """A dot and an interval a run and metric; left of zero is worse than the yardstick."""
    figure = Figure(figsize=(7.5, 1.2 + 0.4 * len(found)), layout="constrained")
    axis = figure.subplots()
    for row, (_, difference) in enumerate(found):
        low, value, high = difference.difference.low, difference.difference.value, difference.difference.high
        colour = _COLOURS[0] if difference.clear else _COLOURS[5]
        axis.plot([low, high], [row, row], color=colour)
        axis.plot(value, row, "o", color=colour)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_yticks(range(len(found)), [_literal(f"{name} · {difference.metric}") for name, difference in found])
    axis.invert_yaxis()
    axis.set(xlabel=f"difference to {_literal(reference)}, with 95 % interval")
    return figure


def history(trials: Sequence[tuple[int, float | None]], *, metric: str) -> Figure:
    """The figure of each trial on dev, and the best so far; None where a trial was pruned."""
    figure = Figure(figsize=(7.5, 3.6), layout="constrained")
    axis = figure.subplots()
    evaluated = [(number, value) for number, value in trials if value is not None]
    numbers, values = zip(*evaluated, strict=True)
    axis.step(numbers, np.maximum.accumulate(values), where="post", color=_COLOURS[1], label="best so far")
    axis.plot(numbers, values, "o", color=_COLOURS[0], label="a trial")
    pruned = [number for number, value in trials if value is None]
    if pruned:
        axis.plot(pruned, [min(values)] * len(pruned), "x", color=_COLOURS[5], label="pruned or excluded")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set(xlabel="trial", ylabel=f"{_literal(metric)} on dev")
    axis.legend(fontsize="small", loc="best")
    return figure


def importance(shares: Mapping[str, float], *, metric: str) -> Figure:
    """How much of the spread of a figure each key explains, the most important on top."""
    figure = Figure(figsize=(7.5, 1.2 + 0.4 * len(shares)), layout="constrained")
    axis = figure.subplots()
    keys = sorted(shares, key=lambda key: shares[key])
    axis.barh([_literal(key) for key in keys], [shares[key] for key in keys], color=_COLOURS[0])
    for row, key in enumerate(keys):
        axis.text(shares[key] + 0.01, row, f"{shares[key]:.2f}", va="center", fontsize="small")
    axis.set(xlim=(0, 1.08), xlabel=f"share of importance for {_literal(metric)} (PED-ANOVA)")
    return figure


def learning_curve(curves: Mapping[str, Sequence[tuple[int, Interval]]]) -> Figure:
    """A line and a band of 95 % a headline, over the labelled passages of train and dev."""
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
