"""The columns of a worklist, in which an annotator writes a reading: numbered, for as many topics and targets as a passage may need."""

from __future__ import annotations

from typing import NamedTuple

from labels.tables.columns import TableColumns

NONE = "none"
"""What an annotator writes as the only topic of a passage that has none."""
FEWEST_TOPICS = 3
PASSAGE_COLUMNS = ("id", "article", "title", "source", "published", "text")


class EmptyColumns(NamedTuple):
    """The types of the empty columns, and the columns that an import reads."""

    types: dict[str, type]
    columns: TableColumns


def answer_columns(*, targets: int = 0, topics: int) -> EmptyColumns:
    """Return columns for the stances toward this many named targets, then for this many topics with their stances."""
    if targets == 1 and not topics:
        # Only columns without a number can hold where the text names the target.
        types: dict[str, type] = {"target": str, "target_start": int, "target_end": int, "stance": str}
        columns = TableColumns(target="target", target_start="target_start", target_end="target_end", stance="stance")
        return EmptyColumns(types, columns)
    types = {}
    for number in range(1, targets + topics + 1):
        types |= {f"{'target' if number <= targets else 'topic'}_{number}": str, f"stance_{number}": str}
    columns = TableColumns(
        topics=("topic_{n}",) if topics else (), target="target_{n}" if targets else None, stance="stance_{n}"
    )
    return EmptyColumns(types, columns)
