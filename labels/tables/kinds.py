"""What kind of values the label columns of a table hold, which no single row shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labels.codebook import STANCES
from labels.errors import DemarcheError
from labels.tables.cells import (
    DOUBTFUL,
    MISSING,
    NO,
    NONE,
    YES,
    is_blank,
    is_yes,
    parse_container,
    split_values,
    to_number,
    word,
)
from labels.tables.columns import ImportOptions

Row = Mapping[str, Any]
LOGICAL = frozenset({"true", "false"})


@dataclass(frozen=True)
class Kinds:
    """What the values of a table are.

    `stance_votes`: the votes and the gold are stances and not topics. `yes_no`: the only column of topics says whether
    its own name holds. `marks`: its values look like yes and no, but it may also hold topics named 1 and 0.
    `yes_no_mappings`: a mapping of topics says of each whether it holds, and not its stance.
    """

    stance_votes: bool = False
    yes_no: bool = False
    marks: bool = False
    yes_no_mappings: bool = False


def find_kinds(
    rows: Iterable[Row],
    topics: Sequence[str],
    votes: Sequence[str],
    options: ImportOptions,
    translate: Callable[[Any], str],
    known: frozenset[str] | None,
) -> Kinds:
    """Look at the columns of topics and of votes in every row.

    `translate` applies the options of the import to a value. `known` are the topics of the codebook, if there is one.
    """
    seen = _Seen(topics, options, translate, known or frozenset())
    for row in rows:
        seen.add_topics(row)
        for name in votes:
            seen.add_vote(row.get(name))
    return seen.kinds()


class _Seen:
    """The kinds of values seen so far."""

    def __init__(
        self, columns: Sequence[str], options: ImportOptions, translate: Callable[[Any], str], known: frozenset[str]
    ):
        self._columns, self._options, self._translate, self._known = columns, options, translate, known
        self._stance_votes = self._stances_mapped = self._other_mapped = self._yes_no_mapped = False
        self._only_marks: bool | None = None
        self._only_logical: bool | None = None
        self._only_numbers: bool | None = None

    def add_topics(self, row: Row) -> None:
        for name in self._columns:
            cell = _parsed(row.get(name))
            if isinstance(cell, dict):
                self._add_mapping(cell)
            elif isinstance(cell, list):
                self._only_marks = self._only_logical = self._only_numbers = False
            elif len(self._columns) == 1:
                for value in split_values(cell, self._options.separator):
                    self._add_topic(value)

    def add_vote(self, cell: Any) -> None:
        cell = _parsed(cell)
        if isinstance(cell, dict):
            self._add_mapping(cell)
        else:
            self._stance_votes |= any(map(self._is_stance, split_values(cell, self._options.separator)))

    def kinds(self) -> Kinds:
        column = self._columns[0] if len(self._columns) == 1 else ""
        is_topic = self._translate(column) in self._known
        scores = self._only_numbers and self._options.yes_from is not None
        return Kinds(
            stance_votes=self._stance_votes,
            yes_no=bool(scores or self._only_logical or (is_topic and self._only_marks)),
            marks=bool(self._only_marks) and not self._known,
            yes_no_mappings=self._yes_no_mapped and not self._stances_mapped and not self._other_mapped,
        )

    def _add_mapping(self, cell: Mapping[str, Any]) -> None:
        for value in cell.values():
            if is_blank(value):
                continue
            number = to_number(value)
            if self._is_stance(value):
                self._stances_mapped = True
            elif is_yes(value) is not None or (
                number is not None and (0 <= number <= 1 or self._options.yes_from is not None)
            ):
                self._yes_no_mapped = True
            elif self._translate(value):
                self._other_mapped = True

    def _add_topic(self, value: Any) -> None:
        name = word(value).casefold()
        if not name or name in MISSING | DOUBTFUL | NONE:
            return
        self._only_marks = self._only_marks is not False and name.removesuffix(".0") in YES | NO
        self._only_logical = self._only_logical is not False and name in LOGICAL
        self._only_numbers = self._only_numbers is not False and to_number(value) is not None

    def _is_stance(self, value: Any) -> bool:
        name = self._translate(value)
        return name.casefold() in STANCES and name not in self._known


def _parsed(cell: Any) -> Any:
    """Parse a container; a broken one is reported when its row is read."""
    try:
        return parse_container(cell)
    except DemarcheError:
        return None
