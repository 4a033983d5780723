"""What a coding sheet looks like: its columns, its rows, and the mark that says whose sheet it is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from labels.codebook import Codebook
from labels.errors import DemarcheError
from labels.passages import Passage
from labels.tables.cells import fold
from labels.tables.worklist import FEWEST_TOPICS, NONE

ID, TEXT, QUESTION, DOUBT, NOTE, MARK = "id", "text", "question", "doubt", "note", "sheet"
SLOT = ("topic", "stance", "holder")
"""The columns of one topic of a passage; a number follows each name."""
LONGEST_CELL = 32_767
"""Maximum length of a cell of a spreadsheet in characters; programs cut off what is longer."""
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""The characters that no cell of a workbook can hold."""
_ABOUT = {"title": "title", "source": "source", "date": "published"}
"""{column: field of a passage}, each left out if no passage has it."""


class Mark(NamedTuple):
    """Whose sheet a row belongs to, how many passages it has, and for which codebook; it stands in every row.

    The digest tells two sheets of one annotator apart: it is that of the codebook, the annotator and the passages.
    """

    annotator: str
    given: int
    codebook: str
    digest: str

    @classmethod
    def of(cls, annotator: str, codebook: Codebook, passages: Sequence[Passage]) -> Self:
        parts = [codebook.reference, annotator, *(part for each in passages for part in (each.id, each.text))]
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:10]
        return cls(annotator, len(passages), codebook.reference, digest)

    @classmethod
    def parse(cls, cell: str) -> Self | None:
        """Return the mark in a cell, or None if the cell holds something else."""
        found = re.fullmatch(r"([^/]+)/(\d+)/([^\s@]+@\d+\.\d+\.\d+)/([0-9a-f]{10})", cell.strip())
        return cls(found[1], int(found[2]), found[3], found[4]) if found else None

    def __str__(self) -> str:
        return f"{self.annotator}/{self.given}/{self.codebook}/{self.digest}"


@dataclass(frozen=True)
class Sheet:
    """The sheet of one annotator. The columns of answers are empty; `mark` stands in the last column of every row."""

    mark: Mark
    columns: tuple[str, ...]
    rows: list[Mapping[str, str]]

    @property
    def slots(self) -> int:
        """The number of topics that a row has columns for."""
        return sum(column.startswith("topic_") for column in self.columns)

    def cells(self) -> list[dict[str, str]]:
        """Return every row with all its columns."""
        return [
            {name: writable(row.get(name, "")) for name in self.columns} | {MARK: str(self.mark)} for row in self.rows
        ]


def writable(text: str) -> str:
    """Return the text without the characters that a workbook cannot hold, and with spaces for those that are spaces."""
    return _ILLEGAL.sub(lambda found: " " if found[0].isspace() else "", text)


def make_sheet(
    annotator: str,
    passages: Sequence[Passage],
    codebook: Codebook,
    *,
    slots: int,
    more: Mapping[str, Mapping[str, str]] | None = None,
) -> Sheet:
    """Make an empty sheet of these passages.

    `more` has {passage id: {column: cell}} to be shown between the text and the answers. Raises DemarcheError for what
    a sheet cannot hold.
    """
    check_fits(passages, codebook)
    about = {column: field for column, field in _ABOUT.items() if any(getattr(each, field) for each in passages)}
    shown = list(dict.fromkeys(column for cells in (more or {}).values() for column in cells))
    answers = [f"{name}_{number}" for number in range(1, slots + 1) for name in SLOT]
    rows = [
        {ID: each.id, TEXT: each.text}
        | {column: getattr(each, field) or "" for column, field in about.items()}
        | dict((more or {}).get(each.id, {}))
        for each in passages
    ]
    columns = (ID, *about, TEXT, *shown, *answers, DOUBT, NOTE, MARK)
    return Sheet(Mark.of(annotator, codebook, passages), columns, list(rows))


def slots_for(codebook: Codebook, *, at_least: int = 0) -> int:
    """Return the number of topics to make columns for: three, fewer if the codebook has fewer, more if they are needed."""
    return min(len(codebook.topics), max(FEWEST_TOPICS, at_least))


def check_fits(passages: Iterable[Passage], codebook: Codebook) -> None:
    """Raise DemarcheError if a sheet cannot hold the passages, or readings by this codebook."""
    if not codebook.topics:
        raise DemarcheError(
            f"codebook {codebook.reference} has no topics, and a sheet has columns for topics; for stances toward "
            "targets in the text, make a table with the columns text, target and stance (demarche labels import table)"
        )
    if clash := [topic.id for topic in codebook.topics if fold(topic.id) == NONE]:
        raise DemarcheError(f"topic {clash[0]!r}: in a sheet, {NONE!r} means none of the topics; rename the topic")
    for passage in passages:
        if len(passage.text) > LONGEST_CELL:
            raise DemarcheError(
                f"passage {passage.id!r} has {len(passage.text):,} characters, but a cell of a spreadsheet holds "
                f"{LONGEST_CELL:,}; cut the articles into passages with `demarche labels passages`"
            )
