"""Gather the passages and labels of the rows of a table, and what its empty cells leave open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labels.errors import Problems, suggest
from labels.passages import Label, Passage
from labels.tables.columns import DEFAULT_ANNOTATOR, Empty, ImportOptions
from labels.tables.rows import Annotated

Key = tuple[str, str]
"""(passage, annotator)."""
_SHOWN = 3


@dataclass
class Collected:
    """The passages of a table with their lines and numbers of rows, and the labels of each annotator.

    `empty` counts (meaning, column or annotator) of empty cells, once they have one.
    """

    path: Path
    options: ImportOptions
    problems: Problems
    is_survey: bool = False
    passages: dict[str, Passage] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)
    labels: dict[Key, dict[Any, Label]] = field(default_factory=dict)
    empty: Counter[tuple[Empty, str]] = field(default_factory=Counter)
    _blank: dict[Key, Annotated] = field(default_factory=dict)
    _order: dict[Key, None] = field(default_factory=dict)

    def add(self, line: int, passage: Passage, annotated: Iterable[Annotated], *, accepted: bool = True) -> None:
        """Add a row, and its labels if they are accepted; contradictory labels of one annotator are a problem."""
        id = passage.id
        self.rows[id] += 1
        self.lines.setdefault(id, line)
        if self.passages.setdefault(id, passage).text != passage.text:
            what = f"id {id!r} has another text in line {self.lines[id]}; ids must differ"
            self.problems.add(self.path, line, what)
            return
        for each in annotated if accepted else ():
            key = id, each.annotator
            self._order.setdefault(key)
            if each.labels is None:
                self._blank.setdefault(key, each)
                continue
            known = self.labels.setdefault(key, {})
            for label in each.labels:
                if known.setdefault(label.about, label) != label:
                    self.problems.add(
                        self.path,
                        line,
                        f"id {id!r}: {each.annotator!r} labels {label.topic or label.target!r} twice, with different "
                        "stances; keep one, or name the column of annotators with --annotator",
                    )

    def finish(self, *, spread: Sequence[str], votes_are_topics: bool) -> dict[Key, list[Label]]:
        """Return the labels of each annotation; what the options leave open becomes a problem."""
        self._check_names()
        if spread and self.options.one_stance is None:
            self.problems.add(
                self.path,
                None,
                f"{_rows(len(spread))} several topics and one stance (the first: {spread[0]}); if it is the stance "
                "toward each of them, add --one-stance each; if that is unknown, add --one-stance unknown, "
                "which keeps the topics and leaves out the stance",
            )
        result: dict[Key, list[Label]] = {}
        asked: Counter[str] = Counter()
        for key in dict.fromkeys([*self._order, *self.labels]):
            if key in self.labels:
                result[key] = list(self.labels[key].values())
                continue
            blank = self._blank[key]
            if blank.is_vote and not votes_are_topics:
                continue
            meaning = self._meaning(blank)
            if meaning is None:
                asked[_place(blank)] += 1
            else:
                self.empty[meaning, _place(blank)] += 1
            if meaning == "none":
                result[key] = []
        if asked:
            self._ask(asked)
        return result

    def _meaning(self, blank: Annotated) -> Empty | None:
        names = (*blank.columns, blank.annotator, "")
        said = next((self.options.empty[name] for name in names if name in self.options.empty), None)
        # A row that names its annotator and no topic is an annotation; that is how tables are exported.
        return said or ("none" if blank.is_named and not self.is_survey else None)

    def _check_names(self) -> None:
        known = {name for blank in self._blank.values() for name in (*blank.columns, blank.annotator)}
        known |= {annotator for _, annotator in self.labels}
        for name in self.options.empty:
            if name and name not in known:
                self.problems.add(
                    self.path,
                    None,
                    f"--empty {name}=…: no annotator or column of topics has this name{suggest(name, known)}",
                )

    def _ask(self, asked: Counter[str]) -> None:
        where = ", ".join(f"{place} {count}" for place, count in asked.most_common(_SHOWN))
        where += f", and {len(asked) - _SHOWN} more" if len(asked) > _SHOWN else ""
        self.problems.add(
            self.path,
            None,
            f"{empty_cells(asked.total())} ({where}): if they mean that the annotator found none of the topics, add "
            "--empty none; if they mean that the text was not read for topics, add --empty unread; for one column or "
            "annotator, --empty NAME=none or --empty NAME=unread",
        )


def _place(blank: Annotated) -> str:
    """Return where empty cells are: in one column, or in all the columns of an annotator."""
    if len(blank.columns) == 1:
        return repr(blank.columns[0])
    whose = "" if blank.annotator == DEFAULT_ANNOTATOR else f" of {blank.annotator!r}"
    return f"the {len(blank.columns)} columns{whose}"


def empty_cells(count: int) -> str:
    return "1 empty cell" if count == 1 else f"{count} empty cells"


def _rows(count: int) -> str:
    return "1 row has" if count == 1 else f"{count} rows have"
