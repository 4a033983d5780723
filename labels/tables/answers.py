"""The answers of Prodigy: a row's labels hold (accept), do not hold (reject), or were not judged (ignore)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from labels.passages import Label
from labels.tables.cells import word
from labels.tables.columns import TableColumns
from labels.wording import counted

COLUMN = "answer"
ACCEPT, REJECT, IGNORE = "accept", "reject", "ignore"
Row = Mapping[str, Any]
Reading = tuple[str, str]
"""The passage and the annotator."""


class Answers:
    """Collects what was rejected, and decides at the end which readings that leaves.

    A reading lists all the topics of a passage. A rejected label says only that one topic is not among them, so a
    reading without accepted labels counts as "none of the topics" only if every topic of the table was rejected.
    """

    def __init__(self, columns: TableColumns):
        labels = (*columns.topics, *columns.votes, columns.stance, columns.target, columns.annotator, columns.gold)
        self._may_have = COLUMN not in labels
        self._words: set[str] = set()
        self._rejected: dict[Reading, set[str | None]] = defaultdict(set)
        self._ignored = 0
        self._has_stances = bool(columns.stance or columns.target)

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows, and find out whether they have answers."""
        for row in rows:
            if self._may_have and len(self._words) < 4:
                self._words.add(word(row.get(COLUMN)).casefold())
            yield row

    def accepts(self, row: Row, passage: str, readings: Mapping[str, Iterable[Label]]) -> bool:
        """Return whether the row's labels hold, and remember the ones that do not."""
        answer = word(row.get(COLUMN)).casefold() if self._are_answers else ACCEPT
        if answer == REJECT:
            for annotator, labels in readings.items():
                self._rejected[passage, annotator].update(label.topic for label in labels)
        self._ignored += answer == IGNORE
        return answer not in (REJECT, IGNORE)

    def settle(self, accepted: dict[Reading, dict[Any, Label]], topics: Iterable[str]) -> list[str]:
        """Add the readings of which every topic was rejected, and return sentences about the others."""
        asked = {*topics, *(topic for rejected in self._rejected.values() for topic in rejected if topic)}
        unknown = unasked = 0
        for reading, rejected in self._rejected.items():
            judged = rejected | {label.topic for label in accepted.get(reading, {}).values()}
            if reading in accepted:
                unasked += not judged >= asked
            elif asked and rejected >= asked and not self._has_stances:
                accepted[reading] = {}
            else:
                unknown += 1
        return [
            what
            for count, what in (
                (self._ignored, f"labels not read: {counted(self._ignored, 'row')} with the answer ignore"),
                (
                    unknown,
                    f"{counted(unknown, 'passage')} without labels, since some topics were rejected but the others not asked",
                ),
                (
                    unasked,
                    f"{counted(unasked, 'passage')} with answers on some topics only; the other topics are read as absent",
                ),
            )
            if count
        ]

    @property
    def _are_answers(self) -> bool:
        return bool(self._words - {""}) and self._words <= {ACCEPT, REJECT, IGNORE, ""}
