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
from labels.wording import counted

Key = tuple[str, str]
"""(passage, annotator)."""
_DIVIDING = ("article", "group", "split")
_DESCRIBING = ("title", "source", "published", "url")
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
    _different: list[int] = field(default_factory=list)
    _blank: dict[Key, Annotated] = field(default_factory=dict)
    _order: dict[Key, None] = field(default_factory=dict)

    def add(self, line: int, passage: Passage, annotated: Iterable[Annotated], *, accepted: bool = True) -> None:
        """Add a row, and its labels if they are accepted; contradictory labels of one annotator are a problem."""
        id = passage.id
        self.rows[id] += 1
        self.lines.setdefault(id, line)
        known = self.passages.setdefault(id, passage)
        if known.text != passage.text:
            what = f"id {id!r} has another text in line {self.lines[id]}; ids must differ"
            self.problems.add(self.path, line, what)
            return
        if known != passage:
            self.passages[id] = self._join(line, known, passage)
        for each in annotated if accepted else ():
            key = id, each.annotator
            self._order.setdefault(key)
            if each.labels is None:
                self._blank.setdefault(key, each)
                continue
            labels = self.labels.setdefault(key, {})
            for label in each.labels:
                if labels.setdefault(label.about, label) != label:
                    self.problems.add(
                        self.path,
                        line,
                        f"id {id!r}: {each.annotator!r} labels {label.topic or label.target!r} twice, with different "
                        "stances; keep one, or name the column of annotators with --annotator",
                    )

    def _join(self, line: int, known: Passage, passage: Passage) -> Passage:
        """Return the passage with what only a later row says of it; what divides the data must not differ."""
        different = False
        found: dict[str, Any] = {}
        for name in (*_DIVIDING, *_DESCRIBING):
            one, other = getattr(known, name), getattr(passage, name)
            if name == "article":
                # A row without an article has the id of its passage there.
                one, other = (None if value == known.id else value for value in (one, other))
            if one is None and other is not None:
                found[name] = other
            elif other is not None and one != other and name in _DIVIDING:
                self.problems.add(
                    self.path,
                    line,
                    f"id {known.id!r} has the {name} {other!r}, but {one!r} in line {self.lines[known.id]}; the rows of "
                    "an id are one passage, so give them the same, or other ids",
                )
            else:
                different |= other is not None and one != other
        filled = {name: value for name, value in passage.meta.items() if value is not None}
        different |= any(known.meta.get(name) not in (None, value) for name, value in filled.items())
        if different:
            self._different.append(line)
        meta = {**known.meta, **{name: value for name, value in filled.items() if known.meta.get(name) is None}}
        return known.model_copy(update={**found, "meta": meta})

    def notes(self) -> list[str]:
        """Return a sentence on the rows that describe a passage in another way than its first row."""
        if not self._different:
            return []
        return [
            f"{counted(len(self._different), 'row')} with another title, date, source, url or kept column than an earlier "
            f"row of the same id, of which the first is kept (the first such row: line {self._different[0]})"
        ]

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
