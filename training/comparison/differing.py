"""The passages on which two runs differ, as a table to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from labels.tables.exports import check_table_output
from labels.tables.writers import table_writer
from training.comparison.runs import Comparison
from training.evaluation.predictions import Prediction, StancePrediction

_COLUMNS = ("passage", "article", "about", "gold", "reference", "run", "tag", "right", "text")
NONE = "none"


def check_differing_output(out: Path, *, inputs: Sequence[Path], for_spreadsheet: bool) -> None:
    """Raise DemarcheError if the table cannot be written to `out`."""
    check_table_output(out, inputs=inputs, for_spreadsheet=for_spreadsheet)


def write_differing(comparison: Comparison, out: Path, *, for_spreadsheet: bool = False) -> int:
    """Write a row for each tag in which a run differs from the reference run, and return their number.

    Of a run with several seeds, the tags are those of the first.
    """
    rows = [
        {"run": each.contender.title} | row
        for each in comparison.compared
        for row in differing(comparison.reference.predictions[0], each.contender.predictions[0])
    ]
    with table_writer(out, dict.fromkeys(_COLUMNS, str), for_spreadsheet=for_spreadsheet) as write:
        write({column: row[column] for column in _COLUMNS} for row in rows)
    return len(rows)


def differing(reference: Sequence[Prediction], other: Sequence[Prediction]) -> Iterator[dict[str, str]]:
    """Yield a row for each topic or target of a passage that the two runs tag differently.

    Runs that both find topics are compared as tagged in use, and others by their stances toward the targets of the gold.
    A tag is a stance, `none`, or `topic` if one of the runs does not predict stance. `right` says which run has the
    gold's tag: `reference`, `run`, `neither`, or nothing if the gold is undecided.
    """
    both = (reference, other)
    of_topics = all(any(each.topics for each in run) for run in both)
    of_stance = all(any(each.stances for each in run) for run in both)
    by_passage = {prediction.passage: prediction for prediction in other}
    for one in reference:
        two = by_passage[one.passage]
        if of_topics:
            gold = _gold_topics(one, of_stance=of_stance)
            first, second = (_tags(each, of_stance=of_stance) for each in (one, two))
        else:
            gold = {_about(stance): stance.gold for stance in one.stances}
            first, second = ({_about(stance): stance.predicted for stance in each.stances} for each in (one, two))
        for about in dict.fromkeys((*first, *second)):
            tags, wanted = (first.get(about, NONE), second.get(about, NONE)), gold.get(about, NONE)
            if tags[0] != tags[1]:
                yield {
                    "passage": one.passage,
                    "article": one.group,
                    "about": about,
                    "gold": wanted or "undecided",
                    "reference": tags[0],
                    "tag": tags[1],
                    "right": _right(tags, wanted),
                    "text": one.text,
                }


def _right(tags: tuple[str, str], wanted: str | None) -> str:
    if wanted is None:
        return ""
    return "reference" if tags[0] == wanted else "run" if tags[1] == wanted else "neither"


def _about(stance: StancePrediction) -> str:
    return stance.topic or stance.target or ""


def _tags(prediction: Prediction, *, of_stance: bool) -> Mapping[str, str]:
    return {topic: (of_stance and stance) or "topic" for topic, stance in prediction.tags.items()}


def _gold_topics(prediction: Prediction, *, of_stance: bool) -> Mapping[str, str | None]:
    """Return the gold's tag of each topic; None where the annotators were tied."""
    stances = {_about(stance): stance.gold for stance in prediction.stances}
    assigned = {id: stances.get(id) if of_stance else "topic" for id in prediction.topics}
    return {
        id: None if topic.gold is None else assigned[id] if topic.gold else NONE
        for id, topic in prediction.topics.items()
    }
