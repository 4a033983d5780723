"""Precision and recall of topics, against each other and over the threshold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score, precision_recall_curve

from models.examples import FloatArray
from training.evaluation.plots import style
from training.evaluation.results import TopicResults


def precision_recall(results: TopicResults) -> Figure:
    """Draw a precision–recall curve for each topic in the gold, with a dot at its threshold."""
    shown, more = _most_frequent(results)
    figure, panels = style.panels(shown, xlabel="recall", ylabel="precision")
    for axis, column in panels:
        gold, assigned = results.gold[:, column], results.assigned[:, column]
        precision, recall, _ = precision_recall_curve(gold, results.probabilities[:, column])
        area = average_precision_score(gold, results.probabilities[:, column])
        axis.step(recall, precision, where="post", color=style.MODEL)
        axis.axhline(gold.mean(), color=style.MUTED, linewidth=1, linestyle=":")
        if assigned.any():
            correct = (gold & assigned).sum()
            axis.plot(correct / gold.sum(), correct / assigned.sum(), "o", color=style.SECOND, clip_on=False)
        axis.set(xlim=(0, 1.02), ylim=(0, 1.04))
        axis.set_title(f"{style.name(results.topics[column])} ({gold.sum()})\nAP {area:.2f}", fontsize=10)
        style.axes(axis)
    figure.suptitle(f"Topics (gold passages): dot at the threshold, dotted line at chance{more}", fontsize=10)
    return figure


def threshold_curves(results: TopicResults, thresholds: Mapping[str, float]) -> Figure:
    """Draw precision, recall and F1 of each topic in the gold over the threshold, and mark the one that is used."""
    shown, more = _most_frequent(results)
    figure, panels = style.panels(shown, xlabel="threshold", ylabel="score")
    for axis, column in panels:
        topic, gold = results.topics[column], results.gold[:, column]
        precision, recall, at = precision_recall_curve(gold, results.probabilities[:, column])
        curves = {"precision": precision[:-1], "recall": recall[:-1], "F1": _f1(precision[:-1], recall[:-1])}
        for (label, values), colour in zip(
            curves.items(), (style.COLOURS[4], style.ANNOTATORS, style.MODEL), strict=True
        ):
            # A threshold between two probabilities selects the passages from the upper one on.
            axis.step(at, values, where="pre", color=colour, linewidth=2 if label == "F1" else 1.2, label=label)
        axis.axvline(thresholds[topic], color=style.SECOND, linestyle="--", linewidth=1.2, label="threshold in use")
        axis.set(xlim=(0, 1), ylim=(0, 1.04))
        axis.set_title(f"{style.name(topic)} ({gold.sum()})\nthreshold {thresholds[topic]:.2f}", fontsize=10)
        style.axes(axis)
    figure.suptitle(f"Topics (gold passages): scores on test by threshold{more}", fontsize=10)
    _legend(figure, panels[0][0])
    return figure


def _legend(figure: Figure, axis: Any) -> None:
    lines, labels = axis.get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=len(labels), fontsize=9, frameon=False)


def _f1(precision: FloatArray, recall: FloatArray) -> FloatArray:
    total = precision + recall
    return np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)


def _most_frequent(results: TopicResults) -> tuple[list[int], str]:
    """Return the columns of the topics in the gold, as many as there are panels, and a word on the others."""
    counts = results.gold.sum(axis=0)
    present = [column for column in range(len(results.topics)) if counts[column]]
    shown = sorted(sorted(present, key=lambda column: -counts[column])[: style.MOST_PANELS])
    return shown, style.left_out(len(shown), len(present), "topics")
