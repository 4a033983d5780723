"""One row of a table: its passage, and the labels of each annotator."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from labels.errors import DemarcheError
from labels.passages import GOLD, Label, Passage, place_in_list
from labels.tables.cells import (
    SPREADSHEET_ERRORS,
    identifier,
    is_blank,
    join_paragraphs,
    parse_container,
    parse_integer,
    split_values,
    to_scalar,
    word,
)
from labels.tables.columns import DEFAULT_ANNOTATOR, ImportOptions, Row, TableColumns
from labels.tables.layout import SHARES, Layout, Reading, Slot
from labels.tables.shares import read_shares
from labels.tables.topic_cells import Stance, TopicCells, stance_field
from labels.tables.vocabulary import Vocabulary


class Annotated(NamedTuple):
    """The labels of an annotator in a row; None if all of the annotator's cells are empty.

    `columns` are those cells. `is_vote` says that they are votes, which may turn out to be stances; `is_named`, that
    the row names its annotator.
    """

    annotator: str
    labels: list[Label] | None
    columns: Sequence[str] = ()
    is_vote: bool = False
    is_named: bool = False


class RowReader:
    """Reads the passage and the labels of each row. Errors do not name the line: the caller adds it."""

    def __init__(self, columns: TableColumns, options: ImportOptions, vocabulary: Vocabulary, layout: Layout):
        self.columns = columns
        self.options = options
        self.vocabulary = vocabulary
        self.layout = layout
        self.topic_cells = TopicCells(vocabulary, options.separator)
        self._readings: dict[str | None, list[Reading]] = {}
        for reading in layout.readings:
            self._readings.setdefault(reading.passage, []).append(reading)
        self.spread: list[str] = []
        """The topics and the stance of each row with several topics and only one stance."""
        self.votes_are_topics = False
        self.empty: Counter[str] = Counter()
        """What the empty cells between filled ones are read as."""
        self._first_line: dict[str, int] = {}

    def passage(self, line: int, row: Row, *, id: str | None = None) -> Passage:
        """Return the row's passage.

        Without a column of ids, the line number is the id; with a row per annotator, it is the first line that has
        the same text, and with a sheet per annotator a digest of the text.
        """
        columns = self.columns
        self.vocabulary.line = line
        text = join_paragraphs(row.get(columns.text))
        if not isinstance(text, str) or not text.strip():
            raise DemarcheError(f"column {columns.text!r} is empty or not text; every row needs a text")
        if text.strip().casefold() in SPREADSHEET_ERRORS:
            raise DemarcheError(
                f"column {columns.text!r} is {text.strip()!r}, an error of a spreadsheet and no text; correct or remove the row"
            )
        if id is None:
            id = _id(row, columns.id) or self._own_id(line, text)
        start = self._start(row)
        return Passage(
            id=id,
            article=_id(row, columns.article) or id,
            text=text,
            start=start,
            end=start + len(text),
            title=_text(row, columns.title),
            source=_text(row, columns.source),
            published=_text(row, columns.date),
            url=_text(row, columns.url),
            group=_id(row, columns.group),
            split=_text(row, columns.split),
            meta={name: to_scalar(row.get(name)) for name in columns.keep},
        )

    def _start(self, row: Row) -> int:
        """Return the offset of the passage in its article, 0 if the row does not tell it."""
        column = self.columns.start
        return 0 if column is None or is_blank(row.get(column)) else parse_integer(column, row.get(column))

    def _own_id(self, line: int, text: str) -> str:
        if self.options.annotator != DEFAULT_ANNOTATOR and not self.columns.id:
            return hashlib.sha256(text.encode()).hexdigest()[:12]
        if self.columns.annotator and not self.columns.id:
            line = self._first_line.setdefault(text, line)
        return f"{line}"

    def labels(self, row: Row, text: str, *, passage: str | None = None) -> Iterator[Annotated]:
        """Yield each annotation in the row; with `passage`, only those in columns about that passage.

        If the votes and gold are stances, the row's target and topics apply to each of them.
        """
        readings = self._readings.get(passage, [])
        row = self.vocabulary.without_missing(
            row,
            topics=list(dict.fromkeys(name for each in readings for name in each.columns_of("topics"))),
            votes=self.columns.vote_columns(),
            stances=list(dict.fromkeys(name for each in readings for name in each.columns_of("stance"))),
        )
        votes = list(self._votes(row))
        topics, target = {}, None
        if votes:
            topics, target = self._topics(row, self.layout.shared), self._target(row, text, self.layout.shared.general)
            if any(self._is_stance_vote(vote, target) for _, vote, _ in votes if not is_blank(vote)):
                # The topics of the row are those that the votes are about, and no annotation of their own.
                readings = [each for each in readings if each.annotator or any(slot.has_stance for slot in each.slots)]
        for reading in readings:
            yield from self._reading(row, text, reading)
        for name, vote, column in votes:
            labels = None if is_blank(vote) else self._vote_labels(vote, topics, target)
            yield Annotated(name, labels, [column], is_vote=True)

    def _reading(self, row: Row, text: str, reading: Reading) -> Iterator[Annotated]:
        name = _text(row, self.columns.annotator)
        annotator = reading.annotator or name or self.options.annotator
        is_unread = self.options.empty.get("") == "unread" and reading.is_unanswered(row)
        if reading.is_blank(row) or is_unread:
            # A row that names neither an annotator nor labels is a text that nobody labelled.
            if reading.names_topics and (name or not self.columns.annotator):
                yield Annotated(annotator, None, reading.own, is_named=name is not None)
            return
        self._count_empty(row, reading)
        labels = self._labels(row, text, reading)
        # An empty annotation means "none of the topics", which a row without target and stance does not mean.
        if labels or reading.names_topics:
            yield Annotated(annotator, labels, reading.own)

    def _count_empty(self, row: Row, reading: Reading) -> None:
        for slot in reading.slots:
            if slot.yes_no is not None:
                self.empty["in columns of yes and no read as no"] += is_blank(row.get(slot.yes_no))
            elif slot.topic is not None and not reading.has_topics:
                self.empty["in columns of stances read as: not about the topic"] += _is_blank(row, slot)

    def _labels(self, row: Row, text: str, reading: Reading) -> list[Label]:
        """Return the labels in the columns of one annotator."""
        topics = self._topics(row, reading)
        labels: list[Label] = []
        for slot in reading.slots:
            if slot.topic is not None and slot.has_stance:
                unclear = self.vocabulary.is_unclear(row.get(slot.columns.get("stance", "")))
                self._add_stance(topics, slot, self._stance(row, slot), unclear=unclear, chosen=reading.has_topics)
            elif slot.target is not None and not _is_blank(row, slot):
                labels.append(_label(self._stance(row, slot), target=slot.target))
            elif slot.number is not None:
                labels += self._slot_labels(row, text, slot, self._names(row, slot.topics))
        return [*self._slot_labels(row, text, reading.general, topics), *labels]

    def _slot_labels(self, row: Row, text: str, slot: Slot, topics: dict[str, Stance]) -> list[Label]:
        """Return the labels of the topics and the target in a slot, with the stance in its column."""
        paired = None
        if len(slot.topics) == 1 and "stance" in slot.columns:
            paired = self.topic_cells.paired(row.get(slot.topics[0]), row.get(slot.columns["stance"]))
        stance = self._stance(row, slot) if paired is None else {}
        return self._make_labels(topics | (paired or {}), self._target(row, text, slot), stance, slot)

    @staticmethod
    def _add_stance(topics: dict[str, Stance], slot: Slot, stance: Stance, *, unclear: bool, chosen: bool) -> None:
        """Give a topic the stance in its own column. Where annotators choose no topics, the stance makes the topic."""
        if not stance and not unclear:
            return
        if chosen and slot.topic not in topics:
            name = next(iter(slot.columns.values()))
            raise DemarcheError(
                f"column {name!r} has a stance toward {slot.topic!r}, which is not among the topics of the row; "
                "add the topic or remove the stance"
            )
        topics[slot.topic or ""] = stance

    def _stance(self, row: Row, slot: Slot) -> Stance:
        """Return the stance or the shares in a slot."""
        stance = (
            stance_field(self.vocabulary.stance(row.get(slot.columns["stance"]))) if "stance" in slot.columns else {}
        )
        shares = read_shares({name: row.get(slot.columns[name]) for name in SHARES if name in slot.columns})
        return stance | ({"shares": shares} if shares is not None else {})

    def _target(self, row: Row, text: str, slot: Slot) -> dict[str, Any] | None:
        """Return the `target` and `target_span` of a label, or None if the row has no target."""
        columns = self.columns
        target = row.get(slot.columns["target"]) if "target" in slot.columns else self._constant_target(slot)
        if is_blank(target) or ("target" in slot.columns and not self.vocabulary.is_target(target)):
            return None
        target = str(target)
        start_cell = row.get(columns.target_start) if columns.target_start and slot.is_general else None
        if columns.target_start is None or is_blank(start_cell):
            return {"target": target}
        start = parse_integer(columns.target_start, start_cell)
        end = parse_integer(columns.target_end, row.get(columns.target_end)) if columns.target_end else None
        end = start + len(target) if end is None else end
        if text[start:end] != target:
            raise DemarcheError(
                f"{columns.target_start} {start} and end {end} select {text[start:end]!r} in the text, "
                f"not the target {target!r}; offsets count Unicode code points, end not included"
            )
        return {"target": target, "target_span": (start, end)}

    def _constant_target(self, slot: Slot) -> str | None:
        votes = self.columns.votes or self.columns.gold
        return self.options.target if slot.is_general and (slot.has_stance or votes) else None

    def _topics(self, row: Row, reading: Reading) -> dict[str, Stance]:
        """Return {topic: stance} of the topics that an annotator chose; only a mapping gives them stances."""
        chosen = {
            slot.topic: Stance()
            for slot in reading.slots
            if slot.topic is not None
            and slot.yes_no is not None
            and self.vocabulary.yes_no(slot.yes_no, row.get(slot.yes_no))
        }
        return chosen | self._names(row, reading.general.topics)

    def _names(self, row: Row, columns: Iterable[str]) -> dict[str, Stance]:
        """Return {topic: stance} of the topics that the cells name."""
        named: dict[str, Stance] = {}
        for name in columns:
            named |= self.topic_cells.topics(row.get(name))
        return named

    def _votes(self, row: Row) -> Iterator[tuple[str, Any, str]]:
        """Yield (annotator, vote, column) from one list of votes or a column per annotator, then the decided label."""
        columns = self.columns.votes
        if len(columns) == 1:
            votes = split_values(row.get(columns[0]), self.options.separator)
            for number, vote in enumerate(votes, start=1):
                if not is_blank(vote) and not self.vocabulary.is_empty(vote, is_vote=True):
                    yield place_in_list(columns[0], number), parse_container(vote), columns[0]
        else:
            yield from ((name, parse_container(row.get(name)), name) for name in columns)
        if self.columns.gold:
            yield GOLD, parse_container(row.get(self.columns.gold)), self.columns.gold

    def _is_stance_vote(self, vote: Any, target: dict[str, Any] | None) -> bool:
        if isinstance(vote, list | dict):
            return False
        return target is not None or self.vocabulary.is_stance_vote(vote)

    def _vote_labels(self, vote: Any, topics: Mapping[str, Stance], target: dict[str, Any] | None) -> list[Label]:
        """Return the labels of a vote: a stance toward the target or the row's topics, {topic: stance}, or topics."""
        if self._is_stance_vote(vote, target):
            return self._make_labels(topics, target, stance_field(self.vocabulary.stance(vote)), Slot())
        self.votes_are_topics = True
        return self._make_labels(self.topic_cells.topics(vote), None, {}, Slot())

    def _make_labels(
        self, topics: Mapping[str, Stance], target: dict[str, Any] | None, stance: Stance, slot: Slot
    ) -> list[Label]:
        """Make the labels of one slot. With a target, the stance is toward the target and not the topics."""
        if target is not None:
            return [*(_label(own, topic=topic) for topic, own in topics.items()), _label(stance, **target)]
        if stance and not topics:
            what = f"the stance {stance['stance']!r} has" if "stance" in stance else "the shares have"
            raise DemarcheError(f"{what} no {_missing(slot)}")
        open = [topic for topic, own in topics.items() if not own]
        if stance and len(open) > 1:
            self.spread.append(f"{'; '.join(open)!r:.60} with {_written(stance)!r}")
            if self.options.one_stance == "unknown":
                stance = {}
        return [_label(own or stance, topic=topic) for topic, own in topics.items()]


def _label(stance: Stance, **about: Any) -> Label:
    return Label.model_validate(about | stance)


def _written(stance: Stance) -> str:
    return stance.get("stance") or "shares"


def _missing(slot: Slot) -> str:
    if slot.topics or slot.columns.get("target"):
        columns = [*slot.topics, *([slot.columns["target"]] if "target" in slot.columns else [])]
        return f"topic or target: {', '.join(map(repr, columns))} is empty; fill it in, or remove the stance"
    return "target; name --target or --topics"


def _is_blank(row: Row, slot: Slot) -> bool:
    return all(is_blank(row.get(name)) for name in slot.columns.values())


def _id(row: Row, column: str | None) -> str | None:
    """Return the cell as an id, or None if it is blank or the table has no such column."""
    return (identifier(column, row.get(column)) if column else None) or None


def _text(row: Row, column: str | None) -> str | None:
    """Return the cell as text, or None if it is blank or the table has no such column."""
    return (word(row.get(column)) if column else None) or None
