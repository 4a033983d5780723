"""A comparison as Markdown, as JSON and as the rows of a table."""

from __future__ import annotations

import json
import math
from typing import Any

from labels.wording import markdown
from training.comparison.contenders import Contender
from training.comparison.runs import Compared, Comparison, Tested

COLUMNS = ("run", "metric", "passages", "reference", "run's", "difference", "95 % interval", "p", "")


def cells(run: str, tested: Tested) -> tuple[str, ...]:
    """Return the cells of a row under COLUMNS."""
    of = tested.difference
    value, low, high = of.difference
    bounds = f"{low:+.3f} to {high:+.3f}" if of.difference.has_bounds else "–"
    scores = ("–" if math.isnan(score) else f"{score:.3f}" for score in (of.first, of.second))
    difference = "–" if math.isnan(value) else f"{value:+.3f}"
    return (run, of.metric, str(of.passages), *scores, difference, bounds, p_value(tested.p), tested.verdict)


def p_value(p: float) -> str:
    """Return a p-value with three digits, or a dash if there is none."""
    return "–" if math.isnan(p) else "<0.001" if p < 0.001 else f"{p:.3f}"


def as_markdown(comparison: Comparison, *, link: bool = False) -> str:
    """Return the sentences and a table of a comparison; with `link`, the runs are links in the MLflow UI."""
    name = _linked if link else lambda contender: markdown(contender.title)
    lines = [f"Reference: {name(comparison.reference)}. Compared on {markdown(comparison.on)}."]
    for each, sentence in zip(comparison.compared, comparison.sentences(), strict=True):
        lines += ["", markdown(sentence), *(f"\n{markdown(note)}." for note in each.notes)]
    lines += ["", "| " + " | ".join([*COLUMNS[:-1], "verdict"]) + " |", "|---" * len(COLUMNS) + "|"]
    for each in comparison.compared:
        for tested in (*each.metrics, *each.topics):
            _, *others = cells("", tested)
            lines.append("| " + " | ".join([name(each.contender), *map(markdown, others)]) + " |")
    lines += ["", markdown(METHOD)]
    return "\n".join(lines)


METHOD = (
    "Differences are to the reference run. Intervals: 95 %, paired bootstrap over articles (BCa). p: approximate "
    "randomisation by article; corrected for their number (Holm) in the rows of topics."
)


def _linked(contender: Contender) -> str:
    return f"[{markdown(contender.title)}](#/experiments/{contender.run.experiment_id}/runs/{contender.run.id})"


def as_json(comparison: Comparison) -> str:
    """Return a comparison as JSON; what has no value is null."""
    content = {
        "on": comparison.on,
        "reference": _run(comparison.reference),
        "seed": comparison.seed,
        "runs": [
            _run(each.contender)
            | {
                "verdict": sentence,
                "notes": each.notes,
                "metrics": [_row(tested) for tested in each.metrics],
                "topics": [_row(tested) for tested in each.topics],
            }
            for each, sentence in zip(comparison.compared, comparison.sentences(), strict=True)
        ],
    }
    return json.dumps(content, indent=1, allow_nan=False)


def _run(contender: Contender) -> dict[str, Any]:
    run = contender.run
    return {"id": run.id, "name": run.name, "experiment": run.experiment, "seeds": len(contender.predictions)}


def _row(tested: Tested) -> dict[str, Any]:
    of = tested.difference
    numbers = {
        "reference": of.first,
        "value": of.second,
        "difference": of.difference.value,
        "low": of.difference.low,
        "high": of.difference.high,
        "p": tested.p,
    }
    return (
        {"metric": of.metric, "passages": of.passages, "articles": of.articles}
        | {name: None if math.isnan(number) else number for name, number in numbers.items()}
        | {"p_corrected": tested.corrected, "verdict": tested.verdict}
    )


def rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Return a row for each run and metric, for the table that a run logs."""
    return [{"run": each.contender.title} | _row(tested) for each, tested in _tested(comparison)]


def _tested(comparison: Comparison) -> list[tuple[Compared, Tested]]:
    return [(each, tested) for each in comparison.compared for tested in (*each.metrics, *each.topics)]
