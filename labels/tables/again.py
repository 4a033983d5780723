"""Write the passages that a new version of the codebook asks to read again, with their earlier labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from labels.migration import Migration
from labels.passages import Annotation, Passage
from labels.tables.columns import TableColumns
from labels.tables.report import stance_word
from labels.tables.worklist import FEWEST_TOPICS, NONE, PASSAGE_COLUMNS, answer_columns
from labels.tables.writers import table_writer


def write_again(
    path: Path, passages: Iterable[Passage], migration: Migration, *, for_spreadsheet: bool = False
) -> TableColumns:
    """Write a row per passage with empty columns for a reading, and return the columns that an import reads."""
    most = max((len(each.labels) for readings in migration.earlier.values() for each in readings), default=0)
    answers, columns = answer_columns(topics=max(FEWEST_TOPICS, most + 1))
    types: dict[str, type] = dict.fromkeys((*PASSAGE_COLUMNS, "reason", "earlier"), str) | answers.copy()
    with table_writer(path, types, for_spreadsheet=for_spreadsheet) as write:
        write([dict.fromkeys(types) | _row(each, migration) for each in passages if each.id in migration.again])
    return replace(columns, id="id", article="article", title="title", source="source", date="published")


def _row(passage: Passage, migration: Migration) -> dict[str, Any]:
    row = {name: getattr(passage, name) for name in PASSAGE_COLUMNS}
    return row | {
        "reason": "; ".join(migration.again[passage.id]),
        "earlier": " | ".join(_in_words(migration.earlier[passage.id])),
    }


def _in_words(readings: Sequence[Annotation]) -> list[str]:
    """Return each annotator's labels: `anna: trade (against), energy (favor)`."""
    return [
        f"{each.annotator}: "
        + (", ".join(f"{label.topic or label.target} ({stance_word(label)})" for label in each.labels) or NONE)
        for each in readings
    ]
