"""Confusion matrices of stance."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix

from labels.codebook import STANCES
from training.evaluation.plots import style
from training.evaluation.results import StanceResults


def confusion(results: StanceResults) -> Figure:
    """Draw confusion matrices of stance, for all targets and for each topic; colours are proportions of a row."""
    of_row = np.array(results.topics)
    counts = Counter(topic for topic in results.topics if topic)
    everything = ("all targets", np.ones(len(results.gold), dtype=bool))
    topics = [topic for topic, _ in counts.most_common(style.MOST_PANELS - 1)]
    several = len(counts) > 1 or (len(counts) == 1 and "" in results.topics)
    shown = [everything, *((style.name(topic), of_row == topic) for topic in topics if several)]
    figure, drawn = style.panels(shown, xlabel="predicted", ylabel="gold", height=2.35)
    for axis, (title, rows) in drawn:
        _matrix(axis, confusion_matrix(results.gold[rows], results.predicted[rows], labels=range(len(STANCES))), title)
    more = style.left_out(len(topics), len(counts), "topics") if several else ""
    figure.suptitle(f"Stance: percent of a gold stance, and number of targets{more}", fontsize=10)
    return figure


def _matrix(axis: Any, counts: np.ndarray[Any, Any], title: str) -> None:
    sizes = counts.sum(axis=1, keepdims=True)
    proportions = counts / np.maximum(sizes, 1)
    axis.imshow(proportions, cmap="Blues", vmin=0, vmax=1)
    for gold in range(len(STANCES)):
        for predicted in range(len(STANCES)):
            colour = "white" if proportions[gold, predicted] > 0.6 else "black"
            text = f"{proportions[gold, predicted]:.0%}\n({counts[gold, predicted]})" if sizes[gold] else "–"
            axis.text(predicted, gold, text, ha="center", va="center", color=colour, fontsize=8.5)
    axis.set_xticks(range(len(STANCES)), STANCES)
    axis.set_yticks(range(len(STANCES)), STANCES)
    axis.tick_params(length=0, labelsize=9)
    axis.set_title(f"{title} ({counts.sum()})", fontsize=10)
