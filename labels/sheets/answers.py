"""Read what an annotator wrote into one row of a sheet."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from labels.codebook import STANCES, Codebook, Stance
from labels.errors import misspelt, one_line, suggest_value
from labels.passages import Label
from labels.sheets.layout import DOUBT, NOTE, SLOT
from labels.tables.cells import NO, SEPARATORS, YES, fold, is_blank, word
from labels.tables.vocabulary import SYNONYMS, UNCLEAR, spellings
from labels.tables.worklist import NONE

Row = Mapping[str, Any]
Report = Callable[[str], None]
"""Takes a sentence about a mistake in a row."""
_ASKS = frozenset({"?", "??", "???"})
"""What marks a doubt and says nothing else."""
_STANCE_OF = {fold(stance): stance for stance in STANCES}


class Answer(NamedTuple):
    """A reading: None if the row has no topic and no `none`; and whether the annotator was in doubt."""

    labels: tuple[Label, ...] | None
    doubt: bool = False
    note: str | None = None


class AnswerReader:
    """Reads the answers in rows whose columns have the names of a sheet."""

    def __init__(self, codebook: Codebook) -> None:
        self._codebook = codebook
        self._topics = spellings(codebook)

    def read(self, row: Row, report: Report) -> Answer:
        """Return the answer in the row, and report each mistake in it."""
        labels: dict[str, Label] = {}
        columns: dict[str, str] = {}
        """{topic: column}"""
        says_none: str | None = None
        for number in _numbers(row):
            topic, stance, holder = (row.get(f"{name}_{number}") for name in SLOT)
            column = f"topic_{number}"
            if is_blank(topic) or fold(word(topic)) == NONE:
                self._check_alone(row, number, "" if is_blank(topic) else NONE, report)
                says_none = says_none or (None if is_blank(topic) else column)
                continue
            id, read = self._topic(column, topic, report), _stance(f"stance_{number}", stance, report)
            if id in columns:
                report(f"column {column!r}: {id!r} is in {columns[id]!r} already; keep one of them")
            elif id:
                columns[id] = column
                labels[id] = Label(topic=id, stance=read, holder=word(holder) or None)
        if says_none and columns:
            report(
                f"column {says_none!r}: {NONE!r} means none of the topics, but the row has {', '.join(columns)}; keep one"
            )
        doubt, note = _doubt(row)
        return Answer(tuple(labels.values()) if labels or says_none else None, doubt, note)

    def _topic(self, column: str, cell: Any, report: Report) -> str | None:
        value = word(cell)
        if value in self._codebook.topic_ids:
            return value
        if id := self._topics.get(fold(value)):
            return id
        parts = [fold(part) for part in re.split(f"[{SEPARATORS},/+&]", value)]
        hint = (
            "; write one topic into a cell"
            if len(parts) > 1 and all(part in self._topics for part in parts)
            else suggest_value(value, {*self._codebook.topic_ids, NONE})
        )
        report(f"column {column!r}: {one_line(value)!r} is not a topic of {self._codebook.reference}{hint}")
        return None

    @staticmethod
    def _check_alone(row: Row, number: str, topic: str, report: Report) -> None:
        """Report a stance or a holder without a topic."""
        for name in SLOT[1:]:
            cell, column = row.get(f"{name}_{number}"), f"{name}_{number}"
            if is_blank(cell):
                continue
            if topic:
                report(f"column {column!r}: {word(cell)!r} beside {topic!r}, which has no {name}; empty one of them")
            else:
                report(
                    f"column {column!r}: {word(cell)!r} without a topic; write the topic into 'topic_{number}', or empty "
                    "this cell"
                )


def _numbers(row: Row) -> list[str]:
    """Return the numbers of the topics that the row has columns for, in order."""
    pattern = re.compile(rf"(?:{'|'.join(SLOT)})_(\d+)")
    numbers = {found[1] for name in row if (found := pattern.fullmatch(name))}
    return sorted(numbers, key=int)


def _stance(column: str, cell: Any, report: Report) -> Stance | None:
    value = word(cell)
    if not value or fold(value) == UNCLEAR:
        return None
    if stance := _STANCE_OF.get(fold(value)):
        return stance
    meant = next((known for known, words in SYNONYMS.items() if value.casefold() in words), None)
    meant = meant or misspelt(value, STANCES)
    hint = f"did you mean {meant!r}?" if meant else "leave it empty if the stance cannot be told"
    report(f"column {column!r}: {one_line(value)!r} is not {', '.join(STANCES[:-1])} or {STANCES[-1]}; {hint}")
    return None


def _doubt(row: Row) -> tuple[bool, str | None]:
    """Return whether the annotator was in doubt, and the note: a doubt in words is a part of it."""
    doubt, note = word(row.get(DOUBT)), word(row.get(NOTE))
    is_doubt = doubt.casefold() not in NO
    in_words = is_doubt and doubt.casefold() not in YES | _ASKS
    return is_doubt, "; ".join([*([doubt] if in_words else []), *([note] if note else [])]) or None
