"""The columns of a table of labels, and how an import reads them.

The command line turns each field of `TableColumns` into an option, with the annotated text as its help. It imports this
module at start-up, so import nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated


@dataclass(frozen=True)
class TableColumns:
    """The name of each column that an import reads. Only the text is required."""

    text: Annotated[str, "Column of the text."] = "text"
    id: Annotated[str | None, "Column of the id.  [default: the line number]"] = None
    title: Annotated[str | None, "Column of the title."] = None
    date: Annotated[str | None, "Column of the date, or of any value that sorts by time."] = None
    source: Annotated[str | None, "Column of the source."] = None
    url: Annotated[str | None, "Column of the URL."] = None
    article: Annotated[str | None, "Column of the article's id, if each row is a passage of an article."] = None
    group: Annotated[str | None, "Column of the group. The rows of a group stay in the same split."] = None
    split: Annotated[str | None, "Column of the predefined split of the data set."] = None
    topics: Annotated[
        tuple[str, ...],
        "Column of topics (a list, or values separated by --separator). Repeat the option for one yes/no column per topic.",
    ] = ()
    stance: Annotated[str | None, "Column of the stance."] = None
    target: Annotated[str | None, "Column of the stance target."] = None
    target_start: Annotated[str | None, "Column of the offset of the target's first character."] = None
    target_end: Annotated[str | None, "Column of the target's end offset (exclusive)."] = None
    annotator: Annotated[str | None, "Column of the annotator, if several annotators labelled a text."] = None
    votes: Annotated[
        tuple[str, ...],
        "Column with a list of votes. Repeat the option for one column per annotator. "
        "Votes are interpreted as stances if all values are stances, otherwise as topics.",
    ] = ()
    gold: Annotated[str | None, "Column of the decided label, which takes precedence over the votes."] = None
    keep: Annotated[tuple[str, ...], "Another column to keep with the passage. Repeatable."] = ()

    def names(self) -> list[str]:
        """Return the name of every column that is set."""
        single = (
            self.text, self.id, self.title, self.date, self.source, self.url, self.article, self.group, self.split,
            self.stance, self.target, self.target_start, self.target_end, self.annotator, self.gold,
        )  # fmt: skip
        return [name for name in (*single, *self.topics, *self.votes, *self.keep) if name]


@dataclass(frozen=True)
class ImportOptions:
    """How an import interprets the cells of a table.

    `values` maps a value of the table to a stance or a topic, or to "" to ignore it. `separator` separates several
    topics in one cell. `annotator` is used for rows that name no annotator. `target` is the target of every stance in a
    table without a column of targets. With `for_spreadsheet`, the apostrophes are taken off that keep texts from being
    formulas.
    """

    annotator: str = "table"
    values: Mapping[str, str] = field(default_factory=dict)
    separator: str = ";"
    target: str | None = None
    for_spreadsheet: bool = False
