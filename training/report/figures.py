"""Log the plots and tables of a run: what people look at on its page in the UI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.tagger import Tagger
from training.evaluation import plots
from training.evaluation.ceiling import Ceiling
from training.evaluation.metrics import Scores
from training.evaluation.predictions import Prediction
from training.evaluation.reliability import Reliability, stance_reliability, topic_reliability
from training.evaluation.results import stance_results, topic_results
from training.tracking.run import Run

_FOLDER = "figures"


def log_plots(
    run: Run,
    tagger: Tagger,
    predictions: Sequence[Prediction],
    scores: Scores,
    baselines: Mapping[str, Scores],
    ceiling: Ceiling | None,
) -> None:
    """Log the plots of a tagger on test."""
    figures = {
        "f1_by_topic": plots.f1_by_topic(
            scores, baselines, ceiling, prefix="topics/f1/", total="topics/micro_f1", title="F1 of topics on test"
        ),
        "stance_by_topic": plots.f1_by_topic(
            scores,
            baselines,
            ceiling,
            prefix="stance/macro_f1_by_topic/",
            total="stance/macro_f1",
            title="Macro-F1 of stance on test, given the gold topics",
        ),
        "f1_by_stance": plots.f1_by_topic(
            scores, baselines, ceiling, prefix="stance/f1/", total="stance/macro_f1", title="F1 of stances on test"
        ),
    }
    topics, stance = topic_results(predictions), stance_results(predictions)
    calibration = tagger.settings.topic_calibration
    if topics is not None and topics.gold.any() and calibration is not None:
        thresholds = dict(zip(tagger.codebook.topic_ids, calibration.thresholds, strict=True))
        figures["precision_recall"] = plots.precision_recall(topics)
        figures["thresholds"] = plots.threshold_curves(topics, thresholds)
    if stance is not None:
        figures["stance_confusion"] = plots.confusion(stance)
    measured = reliabilities(predictions)
    if measured:
        figures["reliability"] = plots.reliability(measured)
    for name, figure in figures.items():
        if figure is not None:
            run.figure(figure, f"{_FOLDER}/{name}.png")


def reliabilities(predictions: Sequence[Prediction]) -> dict[str, Reliability]:
    """Return the calibration of each task that the predictions and their gold have."""
    topics, stance = topic_results(predictions), stance_results(predictions)
    measured = {}
    if topics is not None:
        measured["topics"] = topic_reliability(topics)
    if stance is not None:
        measured["stance"] = stance_reliability(stance)
    return measured


def class_rows(scores: Scores) -> list[dict[str, Any]]:
    """Return the rows of the table of classes, with the columns that people read first; n is the number in the gold."""
    return [
        {
            "class": row["class"],
            "task": row["task"],
            "precision": _rounded(row["precision"]),
            "recall": _rounded(row["recall"]),
            "f1": _rounded(row["f1"]),
            "ap": _rounded(row["ap"]),
            "n": row["gold"],
            "predicted": row["predicted"],
        }
        for row in scores.classes
    ]


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 4)
