"""Say how far a batch is from the training texts of its model, on the terminal and in MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from demarche.printing import echo, warn
from labels.errors import DemarcheError, one_line
from labels.wording import counted

if TYPE_CHECKING:
    from tagging.drift import Drift
    from tagging.summary import Summary

_SHOWN = 3
_EXCERPT = 70


def print_drift(summary: Summary) -> None:
    """Print how far the articles are from the training texts, and which passages are farthest."""
    drift = summary.drift
    if summary.articles == 0:
        return
    if drift is None:
        echo("drift: not measured; the model keeps no sample of its training texts (train it again)")
        return
    echo(in_words(drift))
    if drift.is_drift:
        for passage in drift.farthest[:_SHOWN]:
            echo(f"  far from the training texts: {one_line(passage.passage)}: {_excerpt(passage.text)}")


def in_words(drift: Drift) -> str:
    """Return the verdict in a sentence: `drift: the articles are unlike the training texts (…)`."""
    from tagging.drift import DRIFT, NONE, SLIGHTLY

    verdicts = {
        DRIFT: "drift: the articles are unlike the training texts{}; metrics of the test set may not hold for them, so "
        "label some of them",
        SLIGHTLY: "drift: slight; the articles differ somewhat from the training texts{}",
        NONE: "drift: none found; the articles are like the training texts{}",
    }
    if drift.auc is None or drift.p is None:
        return f"drift: not measured; {drift.verdict}"
    figures = (
        f"AUC {drift.auc:.2f}, where 0.5 is alike; p = {drift.p:.3f}; {counted(drift.compared, 'article')} compared"
    )
    return verdicts[drift.verdict].format(f" ({figures})")


def track_batch(summary: Summary, *, model: str, name: str, folder: Path, out: Path, seconds: float) -> None:
    """Record the batch in MLflow, next to its model. Its rows are safe: if the store fails, that is only a note."""
    from models.saved import model_digest
    from models.tagger import Tagger
    from training.tracking.batches import record_batch

    drift = summary.drift
    tags = {
        "demarche.model_version": name,
        "demarche.model_run": Tagger.settings_of(folder).run or "",
        "demarche.model_digest": model_digest(folder),
        "demarche.out": out.name,
        "demarche.status": "partly unreadable" if summary.unreadable else "complete",
        "demarche.drift": drift.verdict if drift else "not measured",
    }
    try:
        id = record_batch(model, out.name, tags=tags, metrics=_metrics(summary, seconds), report=_report(summary, name))
    except DemarcheError as error:
        warn(f"note: the tags are complete, but MLflow has no run about the batch: {error}")
    else:
        echo(f"run {id} in MLflow describes the batch")


def _metrics(summary: Summary, seconds: float) -> dict[str, float]:
    metrics: dict[str, float] = {
        "articles": summary.articles,
        "passages": summary.passages,
        "tags": summary.assigned,
        "for_review": summary.assigned_for_review + summary.candidates,
        "copies": summary.copies,
        "unreadable": len(summary.unreadable),
        "seconds": seconds,
    }
    # The counts of a batch that went on include what an earlier one had tagged, in a time that is not known.
    if not summary.goes_on:
        metrics["passages_per_second"] = summary.passages / seconds
    drift = summary.drift
    if drift is None:
        return metrics
    measured = {"drift/auc": drift.auc, "drift/p": drift.p, "mean_probability": drift.probability}
    shares = {f"share/{topic}": share for topic, (share, _) in drift.shares.items()}
    return metrics | {key: value for key, value in measured.items() if value is not None} | shares


def _report(summary: Summary, name: str) -> str:
    """Return the description of the run: the verdict, the topics here and in training, the farthest passages."""
    drift = summary.drift
    if drift is None:
        return f"Tagged by {name}. Drift was not measured: the model keeps no sample of its training texts."
    lines = [f"Tagged by {name}.", "", in_words(drift), "", "| topic | here | training texts |", "|---|---|---|"]
    lines += [f"| {topic} | {here:.1%} | {trained:.1%} |" for topic, (here, trained) in drift.shares.items()]
    if drift.probability is not None and drift.trained_probability is not None:
        lines.append(f"| mean probability of a tag | {drift.probability:.2f} | {drift.trained_probability:.2f} |")
    if drift.farthest:
        lines += ["", "Least like the training texts:", ""]
        lines += [f"- `{one_line(passage.passage)}`: {_excerpt(passage.text)}" for passage in drift.farthest]
    return "\n".join(lines)


def _excerpt(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _EXCERPT else line[:_EXCERPT].rstrip() + "…"
