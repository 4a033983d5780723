"""Which columns of a table hold whose labels, on which topic or target.

A pattern names several columns at once: with `--topics '{annotator}_topics' --stance '{annotator}_{topic}'`, the column
`anna_topics` holds Anna's topics and `anna_trade` her stance on trade. Columns without `{annotator}` are about every
annotator of the row, and columns without `{topic}`, `{target}` and `{n}` about all the topics that an annotator chose.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from labels.errors import DemarcheError, suggest
from labels.tables.cells import is_blank
from labels.tables.columns import Row, TableColumns
from labels.tables.patterns import literal_length, match_column
from labels.tables.vocabulary import Vocabulary
from labels.tables.yes_no import hold_answers

SHARES = ("favor", "against", "neutral")
STANCE_OPTIONS = ("stance", *SHARES)


class Column(NamedTuple):
    """A column of labels, and what its name says."""

    option: str
    name: str
    annotator: str | None = None
    topic: str | None = None
    target: str | None = None
    n: str | None = None
    id: str | None = None

    @property
    def meaning(self) -> str:
        """What the column holds, in words."""
        what = {"topics": "yes or no" if self.topic else "topics"}.get(self.option, self.option)
        about = self.topic or self.target
        return (
            what
            + (f" {'for the topic' if self.option == 'topics' else 'toward'} {about!r}" if about else "")
            + (f", number {self.n}" if self.n else "")
            + (f" by {self.annotator!r}" if self.annotator else "")
            + (f" of passage {self.id!r}" if self.id else "")
        )


@dataclass
class Slot:
    """The columns that belong together: a stance, and the topics or the target that it is about."""

    topic: str | None = None
    target: str | None = None
    number: str | None = None
    topics: list[str] = field(default_factory=list)
    yes_no: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    """{option: column} of the stance, its shares and the target."""

    @property
    def is_general(self) -> bool:
        return self.topic is None and self.target is None and self.number is None

    @property
    def has_stance(self) -> bool:
        return any(option in self.columns for option in STANCE_OPTIONS)


@dataclass
class Reading:
    """The columns with the labels of one annotator; of the row's annotator if `annotator` is None.

    `own` are the columns that this annotator filled in, and `by_passage` is set if the columns are about one passage.
    """

    annotator: str | None
    passage: str | None
    slots: list[Slot] = field(default_factory=list)
    own: list[str] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    names_topics: bool = False
    """Whether the annotator chose topics, so that empty cells may mean "none of them"."""

    def is_blank(self, row: Row) -> bool:
        """Return whether the annotator filled in none of the columns."""
        return all(is_blank(row.get(name)) for name in self.own)

    def is_unanswered(self, row: Row) -> bool:
        """Return whether the row names at most targets, but no topic and no stance toward them."""
        answers = [column.name for column in self.columns if column.option != "target" and column.name in self.own]
        return bool(answers) and all(is_blank(row.get(name)) for name in answers)

    def columns_of(self, option: str) -> list[str]:
        """Return the names of the columns of an option."""
        return [column.name for column in self.columns if column.option == option]

    @property
    def has_topics(self) -> bool:
        """Whether columns hold the topics that the annotator chose, apart from stances toward them."""
        return any(slot.yes_no or (slot.is_general and slot.topics) for slot in self.slots)

    @property
    def general(self) -> Slot:
        """The columns whose names say nothing of a topic, a target or a number."""
        return next((slot for slot in self.slots if slot.is_general), Slot())


@dataclass
class Layout:
    """The readings in each row of a table, the columns behind them, and remarks on columns that are not read.

    `shared` has the columns that are about no annotator in particular, such as the topics that all of them judged.
    """

    readings: list[Reading]
    shared: Reading
    columns: list[Column]
    remarks: list[str]

    @property
    def is_by_passage(self) -> bool:
        """Whether the names of columns say which passage they are about."""
        return any(reading.passage is not None for reading in self.readings)


def resolve(columns: TableColumns, names: Sequence[str], rows: Sequence[Row], vocabulary: Vocabulary) -> Layout:
    """Find the columns of labels among the names of a table's columns.

    Raises DemarcheError for what can be read in several ways. Topics in names that the codebook does not know are
    reported by the vocabulary.
    """
    found, remarks = _match_all(columns, names, vocabulary)
    topic_columns = [column.name for column in found if column.option == "topics"]
    vocabulary.look_at(rows, topics=topic_columns, votes=columns.vote_columns())
    found = _name_topics(found, rows, vocabulary)
    translated = [(column, vocabulary.topic(column.topic) if column.topic else None) for column in found]
    found = [column._replace(topic=name) for column, name in translated if name or not column.topic]
    _check(columns, found)
    readings = _readings(found)
    _check_shares(slot for reading in readings for slot in reading.slots)
    return Layout(readings, _reading(None, None, found), found, remarks)


def _match_all(columns: TableColumns, names: Sequence[str], vocabulary: Vocabulary) -> tuple[list[Column], list[str]]:
    """Return every column that an option names, as it is or with a pattern, and remarks on those left out."""
    specs = columns.label_columns()
    taken = {*columns.plain_columns(), *(spec for _, spec in specs)} & set(names)
    found = [Column(option, spec) for option, spec in specs if spec in names]
    patterns = [(option, spec) for option, spec in specs if spec not in names]
    ways = {name: _ways(name, patterns) for name in names if name not in taken}
    for option, spec in patterns:
        if not any(way.option == option for each in ways.values() for way in each):
            raise DemarcheError(f"no column matches --{option} {spec!r}{suggest(spec, names)}")
    certain = [way for each in ways.values() if len(each) == 1 for way in each]
    coders = {way.annotator for way in certain if way.annotator and way.option == "topics"}
    coders = coders or {way.annotator for way in certain if way.annotator}
    topics = {
        way.topic
        for each in ways.values()
        for way in each
        if way.topic and (len(each) == 1 or vocabulary.is_known(way.topic))
    }
    remarks = []
    for name, each in ways.items():
        if len(each) > 1:
            each = _most_likely(name, each, coders, topics)
        for way in each:
            if way.option != "topics" and way.annotator and coders and way.annotator not in coders:
                remarks.append(f"column {name!r} is not read: no column has topics by {way.annotator!r}")
            else:
                found.append(way)
    return sorted(found, key=lambda column: names.index(column.name)), remarks


def _ways(name: str, patterns: Sequence[tuple[str, str]]) -> list[Column]:
    """Return the ways to read a column's name with the pattern that has the most text of its own."""
    matches = [(option, spec, found) for option, spec in patterns if (found := match_column(spec, name))]
    if not matches:
        return []
    longest = max(literal_length(spec) for _, spec, _ in matches)
    best = [(option, spec, found) for option, spec, found in matches if literal_length(spec) == longest]
    if len(best) > 1:
        both = " and ".join(f"--{option} {spec!r}" for option, spec, _ in best[:2])
        raise DemarcheError(f"column {name!r} matches both {both}; rename the column with --rename")
    option, _, found = best[0]
    return [Column(option, name, **bound) for bound in found]


def _most_likely(name: str, ways: list[Column], coders: set[str], topics: set[str]) -> list[Column]:
    """Return the only way that agrees with the annotators and topics of other columns. Raises DemarcheError if none does."""
    for fits in (
        [way for way in ways if way.annotator in coders and way.topic in topics],
        [way for way in ways if way.annotator in coders or way.topic in topics],
    ):
        if len(fits) == 1:
            return fits
    readings = " or ".join(way.meaning for way in ways[:2])
    raise DemarcheError(
        f"column {name!r} may be {readings}; rename it with --rename, so that the pattern fits in one way only"
    )


def _name_topics(found: list[Column], rows: Sequence[Row], vocabulary: Vocabulary) -> list[Column]:
    """Read columns of topics that hold yes and no as columns for the topics in their names."""
    plain = [column for column in found if column._replace(name="") == Column("topics", "")]
    names = [column.name for column in plain]
    yes_no = vocabulary.kinds.yes_no if len(plain) == 1 else hold_answers(names, rows, vocabulary)
    return [column._replace(topic=column.name) if yes_no and column in plain else column for column in found]


def _check(columns: TableColumns, found: Sequence[Column]) -> None:
    """Check that each column of labels says whose label it is, and what it is about."""
    for part, what in (("annotator", "whose"), ("id", "of which passage")):
        with_it = [column for column in found if getattr(column, part)]
        without = [c for c in found if c.option in STANCE_OPTIONS and not getattr(c, part)]
        if with_it and without:
            raise DemarcheError(
                f"column {without[0].name!r} does not say {what} {without[0].option} it is, but {with_it[0].name!r} does; "
                f"name it with a pattern that has {{{part}}}"
            )
        if with_it and part == "annotator" and columns.annotator:
            raise DemarcheError(
                f"--annotator names a column of annotators, but column {with_it[0].name!r} has its own; give one of the two"
            )
    about = {(c.annotator, c.id, c.n) for c in found if c.option in ("topics", "target")}
    for column in found:
        anybody = {(None, column.id, column.n), (column.annotator, column.id, column.n), (None, None, column.n)}
        if column.option in STANCE_OPTIONS and column.n and not anybody & about:
            raise DemarcheError(
                f"column {column.name!r}: no column has topics or a target with the number {column.n}; "
                "name them with --topics or --target, e.g. 'Topic {n}'"
            )


def _check_shares(slots: Iterable[Slot]) -> None:
    for slot in slots:
        shares = [option for option in SHARES if option in slot.columns]
        for option in ("favor", "against"):
            if shares and option not in shares:
                raise DemarcheError(
                    f"column {slot.columns[shares[0]]!r} has a share of {shares[0]}, but no column has the share of {option}; "
                    f"name it with --{option}"
                )


def _readings(found: Sequence[Column]) -> list[Reading]:
    """Group the columns by annotator and passage, and within them by what they are about."""
    keys = dict.fromkeys((column.annotator, column.id) for column in found)
    whole = [key for key in keys if not any(_is_shared(key, other) for other in keys)]
    return [_reading(annotator, passage, found) for annotator, passage in whole]


def _reading(annotator: str | None, passage: str | None, found: Sequence[Column]) -> Reading:
    reading = Reading(annotator, passage)
    slots: dict[tuple[str | None, ...], Slot] = {}
    for column in found:
        if column.annotator not in (None, annotator) or column.id not in (None, passage):
            continue
        reading.columns.append(column)
        about = (column.topic, column.target, column.n)
        slot = slots.setdefault(about, Slot(*about))
        if column.option != "topics":
            slot.columns[column.option] = column.name
        elif column.topic:
            slot.yes_no = column.name
        else:
            slot.topics.append(column.name)
        if (column.annotator, column.id) == (annotator, passage):
            reading.own.append(column.name)
            reading.names_topics |= column.option == "topics" or column.topic is not None
    reading.slots = list(slots.values())
    return reading


def _is_shared(key: tuple[str | None, ...], other: tuple[str | None, ...]) -> bool:
    """Return whether the columns of a key belong to several readings, of which the other is one."""
    return key != other and all(own in (None, its) for own, its in zip(key, other, strict=True))
