"""Cells that name topics: one or several, as a list, as text with separators, or as a mapping to stances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from labels.errors import DemarcheError, value_option
from labels.tables.cells import SEPARATORS, is_blank, parse_container, split_values
from labels.tables.vocabulary import Vocabulary

Stance = dict[str, Any]
"""The `stance` or the `shares` of a label; empty if there is none."""
_LONGEST_NAME = 8
"""Maximum number of separators in the name of a topic."""


def stance_field(stance: str | None) -> Stance:
    """Return the stance as a field of a label."""
    return {"stance": stance} if stance else {}


class TopicCells:
    """Reads cells that name topics. `separator` is the user's, or None for the usual ones."""

    def __init__(self, vocabulary: Vocabulary, separator: str | None):
        self.vocabulary = vocabulary
        self.separator = separator
        self._counts: Counter[str] = Counter()
        self._pairs: Counter[tuple[str, str, str]] = Counter()

    def notes(self) -> list[str]:
        """Return a sentence for each two topics that are never apart: one answer may contain the separator."""
        return [
            f"topics {first!r} and {second!r} are never apart ({count} cells); if they are one answer with {mark.strip()!r} "
            f"in it, add {value_option(first + mark + second, 'TOPIC')}, where TOPIC is its name"
            for (first, mark, second), count in self._pairs.items()
            if count > 1 and count == self._counts[first] == self._counts[second]
        ]

    def topics(self, cell: Any) -> dict[str, Stance]:
        """Return {topic: stance} of the topics that a cell names; only a mapping gives them stances."""
        if isinstance(cell := parse_container(cell), dict):
            return {topic: stance_field(stance) for topic, stance in self.vocabulary.mapping(cell).items()}
        return self._translate(self.values(cell))

    def paired(self, topics: Any, stances: Any) -> dict[str, Stance] | None:
        """Return {topic: stance} if one cell lists topics and another lists a stance for each; otherwise None."""
        listed, cell = self._items(stances), parse_container(topics)
        if len(listed) < 2 or cell is None or isinstance(cell, dict):
            return None
        values = self.values(cell)
        if len(listed) == len(values) + 1 and is_blank(listed[-1]):
            listed.pop()
        if len(listed) != len(values):
            raise DemarcheError(f"topics {values} but stances {listed}; give one stance for each topic")
        paired: dict[str, Stance] = {}
        for value, each in zip(values, listed, strict=True):
            stance, topic = stance_field(self.vocabulary.stance(each)), self.vocabulary.topic(value)
            if topic and paired.setdefault(topic, stance) != stance:
                raise DemarcheError(f"topic {topic!r} has two stances in one row; keep one")
        return paired

    def values(self, cell: Any) -> list[Any]:
        """Return the values of a cell as they are written, without blank ones."""
        values = [value for value in self._split(cell) if not is_blank(value)]
        for value in values:
            if isinstance(value, list | tuple | dict):
                raise DemarcheError(f"{value!r} is not a topic; text is expected")
        return values

    def _translate(self, values: Iterable[Any]) -> dict[str, Stance]:
        """Replace each value by the topic that it names, and leave out those to be ignored."""
        return {topic: {} for value in dict.fromkeys(values) if (topic := self.vocabulary.topic(value))}

    def _split(self, cell: Any) -> list[Any]:
        """Return the values of a cell; a known topic that contains the separator stays whole."""
        if not isinstance(cell, str):
            return split_values(cell, self.separator)
        ends = [*self._separators(cell), (len(cell), len(cell))]
        values: list[str] = []
        start, place, mark = 0, 0, ""
        while place < len(ends):
            known = (
                later
                for later in range(min(place + _LONGEST_NAME, len(ends) - 1), place, -1)
                if self.vocabulary.is_known(cell[start : ends[later][0]])
            )
            place = next(known, place)
            part = cell[start : ends[place][0]]
            if values and part.strip():
                space = part[: len(part) - len(part.lstrip())]
                self._pairs[values[-1], mark + space, part.strip()] += 1
            values.append(part.strip())
            self._counts[part.strip()] += 1
            mark = cell[slice(*ends[place])]
            start, place = ends[place][1], place + 1
        return values

    def _items(self, cell: Any) -> list[Any]:
        """Return the items of a cell, keeping empty ones, since each belongs to the topic at its place."""
        if is_blank(cell):
            return []
        if isinstance(cell := parse_container(cell), list):
            return list(cell)
        if not isinstance(cell, str):
            return [cell]
        starts, ends = zip((0, 0), *self._separators(cell), (len(cell), len(cell)), strict=True)
        return [cell[start:end].strip() for start, end in zip(ends[:-1], starts[1:], strict=True)]

    def _separators(self, cell: str) -> Iterator[tuple[int, int]]:
        """Yield the start and the end of each separator in a cell."""
        marks = [self.separator] if self.separator else list(SEPARATORS)
        start = 0
        while start < len(cell):
            found = next((mark for mark in marks if cell.startswith(mark, start)), None)
            if found:
                yield start, start + len(found)
            start += len(found) if found else 1
