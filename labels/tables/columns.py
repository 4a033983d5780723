"""The columns of a table of labels, and how an import reads them.

The command line turns each field of `TableColumns` into an option, with the annotated text as its help. It imports this
module at start-up, so import nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from labels.file_format import AS_FOUND, FileFormat

Row = Mapping[str, Any]
"""{column: cell} of a row of a table."""
Empty = Literal["none", "unread"]
"""What empty cells mean: the annotator found none of the topics, or did not read the text."""
OneStance = Literal["each", "unknown"]
"""What the only stance of a row with several topics is about: each of them, or an unknown one of them."""

DEFAULT_ANNOTATOR = "table"


@dataclass(frozen=True)
class TableColumns:
    """The name of each column that an import reads. Only the text is required.

    Columns of labels (`topics`, `stance`, `target`, `favor`, `against`, `neutral`) may be patterns: see `layout`.
    """

    text: Annotated[str, "Column of the text."] = "text"
    id: Annotated[str | None, "Column of the id.  [default: the line number]"] = None
    title: Annotated[str | None, "Column of the title."] = None
    date: Annotated[str | None, "Column of the date, or of any value that sorts by time."] = None
    source: Annotated[str | None, "Column of the source."] = None
    url: Annotated[str | None, "Column of the URL."] = None
    article: Annotated[str | None, "Column of the article's id, if each row is a passage of an article."] = None
    start: Annotated[str | None, "Column of the offset of the passage's first character in the article."] = None
    group: Annotated[str | None, "Column of the group. The rows of a group stay in the same split."] = None
    split: Annotated[str | None, "Column of the predefined split of the data set."] = None
    topics: Annotated[
        tuple[str, ...],
        "Column of topics (a list, or values separated by --separator). Repeat the option for one yes/no column per "
        "topic, or for several columns of topics. A pattern names several columns: '{annotator}_topics'.",
    ] = ()
    stance: Annotated[
        str | None, "Column of the stance, or a pattern: '{topic}_stance', '{annotator}_{topic}', 'Stance {n}'."
    ] = None
    favor: Annotated[
        str | None, "Column of the share, percentage or number of favor, or a pattern: '{topic}_favor'."
    ] = None
    against: Annotated[str | None, "Column of the share, percentage or number of against, or a pattern."] = None
    neutral: Annotated[str | None, "Column of the share, percentage or number of neutral, or a pattern."] = None
    target: Annotated[str | None, "Column of the stance target, or a pattern: 'Target {n}'."] = None
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

    def passage_columns(self) -> list[str]:
        """Return the name of every column about the passage that is set."""
        single = (
            self.text, self.id, self.title, self.date, self.source, self.url, self.article, self.start, self.group,
            self.split,
        )  # fmt: skip
        return [name for name in (*single, *self.keep) if name]

    def label_columns(self) -> list[tuple[str, str]]:
        """Return (option, column or pattern) of every option that may be a pattern."""
        single = ("stance", "favor", "against", "neutral", "target")
        named = [(option, getattr(self, option)) for option in single]
        return [*(("topics", name) for name in self.topics), *((option, name) for option, name in named if name)]

    def vote_columns(self) -> list[str]:
        """Return the columns of votes, and the column of the decided label."""
        return [*self.votes, *([self.gold] if self.gold else [])]

    def plain_columns(self) -> list[str]:
        """Return the name of every other column that is set; these are no patterns."""
        single = (self.target_start, self.target_end, self.annotator, self.gold)
        return [*self.passage_columns(), *(name for name in (*single, *self.votes) if name)]


@dataclass(frozen=True)
class ImportOptions:
    """How an import interprets the cells of a table.

    `values` maps a value of the table to a stance or a topic, or to "" to ignore it. `separator` separates several
    topics in one cell; without it, a semicolon, a vertical bar and a line end do. `yes_from` is the smallest score that
    means yes, in columns and mappings of scores. `annotator` is used for rows that name no annotator. `target` is the
    target of every stance in a table without a column of targets. `rename` maps a column to a new name. `empty` maps a
    column or an annotator to the meaning of empty cells, "" to that of all others; without it, an import asks.
    `one_stance` says what the only stance of a row with several topics is about; without it, an import asks. `format`
    is what the user says about the form of the file.
    """

    annotator: str = DEFAULT_ANNOTATOR
    values: Mapping[str, str] = field(default_factory=dict)
    separator: str | None = None
    yes_from: float | None = None
    target: str | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    empty: Mapping[str, Empty] = field(default_factory=dict)
    one_stance: OneStance | None = None
    format: FileFormat = AS_FOUND
