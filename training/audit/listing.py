"""Write the passages with doubtful labels as a list that an annotator works through and an import reads back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from labels.codebook import STANCES
from labels.gold.adjudication import Example, Target
from labels.tables.columns import TableColumns
from labels.tables.worklist import FEWEST_TOPICS, NONE, PASSAGE_COLUMNS, answer_columns
from labels.tables.writers import table_writer
from training.audit.doubtful import Suspect

_LEAST_SHOWN = 0.1
"""Topics that are less probable, and not among the labels, are not shown."""


def write_list(
    path: Path, suspects: Sequence[Suspect], *, has_topics: bool, blind: bool = False, for_spreadsheet: bool = False
) -> TableColumns:
    """Write a row per passage with numbered columns for a new reading, and return the columns that an import reads.

    The columns `target_1` … hold the named targets of the labels; the others are empty. A `blind` list shows neither the
    labels nor what the model says.
    """
    targets = max((len(_named_targets(suspect.example)) for suspect in suspects), default=0)
    topics = max(FEWEST_TOPICS, *(len(suspect.example.topics) + 1 for suspect in suspects)) if has_topics else 0
    answers, columns = answer_columns(targets=targets, topics=topics)
    types: dict[str, type] = dict.fromkeys(PASSAGE_COLUMNS, str)
    if not blind:
        types |= dict.fromkeys(("doubtful", "label", "votes", "model"), str) | {"probability": float}
    types |= answers
    with table_writer(path, types, for_spreadsheet=for_spreadsheet) as write:
        write([dict.fromkeys(types) | _row(suspect, types) for suspect in suspects])
    return replace(columns, id="id", article="article", title="title", source="source", date="published")


def _row(suspect: Suspect, columns: dict[str, type]) -> dict[str, Any]:
    example, doubt = suspect.example, suspect.doubt
    row = {name: getattr(example.passage, name) for name in PASSAGE_COLUMNS}
    row |= {
        "doubtful": describe(suspect),
        "label": _labels(example),
        "votes": _votes(example),
        "model": _model(suspect),
        "probability": round(doubt.probability, 3),
    }
    for place, target in enumerate(_named_targets(example), start=1):
        start, end = target.span or (None, None)
        row |= {"target": target.text, "target_start": start, "target_end": end, f"target_{place}": target.text}
    return {name: value for name, value in row.items() if name in columns}


def describe(suspect: Suspect) -> str:
    """Return the doubtful label in a few words: `trade: against`, or `not trade`."""
    about, label = suspect.doubt.about, suspect.doubt.label
    return {"yes": about, "no": f"not {about}"}.get(label, f"{about}: {label}")


def _named_targets(example: Example) -> list[Target]:
    return [target for target in example.stances if target.topic is None]


def _name(target: Target) -> str:
    return target.topic or target.text or ""


def _labels(example: Example) -> str:
    """Return the decided labels: `trade: against; tied: transport`."""
    parts = [topic for topic in example.topics if Target(topic) not in example.stances]
    parts += [f"{_name(target)}: {stance or 'no stance'}" for target, stance in example.stances.items()]
    tied = f"tied: {', '.join(example.tied_topics)}" if example.tied_topics else ""
    return "; ".join([*parts, *([tied] if tied else [])]) or NONE


def _votes(example: Example) -> str:
    """Return the proportions of the annotators' votes."""
    parts = [f"{topic} {share:.0%}" for topic, share in example.topic_votes.items()]
    parts += [f"{_name(target)}: {_proportions(votes)}" for target, votes in example.stance_votes.items()]
    return "; ".join(parts)


def _model(suspect: Suspect) -> str:
    """Return the model's probabilities, the most probable topics first."""
    ranked = sorted(suspect.topics.items(), key=lambda item: -item[1])
    shown = [(id, p) for id, p in ranked if p >= _LEAST_SHOWN or id in suspect.example.topics]
    parts = [f"{topic} {probability:.0%}" for topic, probability in shown] or ([NONE] if ranked else [])
    parts += [f"{_name(target)}: {_proportions(each)}" for target, each in suspect.stances.items()]
    return "; ".join(parts)


def _proportions(proportions: Sequence[float]) -> str:
    named = sorted(zip(STANCES, proportions, strict=True), key=lambda item: -item[1])
    return ", ".join(f"{name} {share:.0%}" for name, share in named if share >= 0.005)
