"""Tables of labelled text (CSV, JSON lines, Parquet) into passages, annotations and a codebook."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from labels.codebook import STANCES, Codebook, Topic
from labels.errors import DemarcheError, Problems, explain, suggest
from labels.passages import GOLD, Annotation, Label, Passage, place_in_list
from labels.table_files import read_rows
from labels.tables.cells import NO, YES, blank, kept, listed, unpacked, whole_number, word, yes


@dataclass(frozen=True)
class Columns:
    """Which columns of a table hold what; only `text` must be there."""

    text: str = "text"
    id: str | None = None
    title: str | None = None
    date: str | None = None
    source: str | None = None
    url: str | None = None
    article: str | None = None
    group: str | None = None
    split: str | None = None
    topics: Sequence[str] = ()
    stance: str | None = None
    target: str | None = None
    target_start: str | None = None
    target_end: str | None = None
    annotator: str | None = None
    votes: Sequence[str] = ()
    gold: str | None = None
    keep: Sequence[str] = ()

    def named(self) -> list[str]:
        single = (
            self.text, self.id, self.title, self.date, self.source, self.url, self.article, self.group, self.split,
            self.stance, self.target, self.target_start, self.target_end, self.annotator, self.gold,
        )  # fmt: skip
        return [name for name in (*single, *self.topics, *self.votes, *self.keep) if name]


@dataclass(frozen=True)
class Reading:
    """How the cells of a table are to be read.

    `values`: a value as it stands in the table → stance or topic, "" for none. `separator` parts
    several topics in one cell. `annotator` names the reader of a table that names none, `target` what
    every stance of a table without a column of targets is toward.
    """

    annotator: str = "table"
    values: Mapping[str, str] = field(default_factory=dict)
    separator: str = ";"
    target: str | None = None


@dataclass(frozen=True)
class Imported:
    codebook: Codebook
    passages: list[Passage]
    annotations: list[Annotation]


def import_table(path: Path, columns: Columns, reading: Reading, codebook: Codebook | None = None) -> Imported:
    """One passage a row. Rows that share an id and a text are one passage with several labels.

    Without a column of ids the line is the id; of a row per annotator, the first line with its text.
    Without a codebook one is drawn up from the topics found. Raises BadInput with every row that
    cannot be read, and DemarcheError where a column is missing.
    """
    problems = Problems()
    if not (columns.topics or columns.stance or columns.votes or columns.gold):
        raise DemarcheError("name what holds the labels: --topics, --stance, --votes or --gold")
    if not reading.separator:
        raise DemarcheError("--separator is empty; name the character between topics in one cell, e.g. ';'")
    passages: dict[str, Passage] = {}
    first_line: dict[str, int] = {}
    found: dict[tuple[str, str], list[Label]] = defaultdict(list)
    cells = Cells(columns, reading, codebook)
    _check_columns(path, columns, problems)
    for line, row in read_rows(path, problems):
        try:
            passage = cells.passage(line, row)
            readings = dict(cells.readings(row, passage.text))
        except ValidationError as error:
            for what in explain(error):
                problems.add(path, line, what)
            continue
        except DemarcheError as error:
            problems.add(path, line, str(error))
            continue
        known = passages.setdefault(passage.id, passage)
        first_line.setdefault(passage.id, line)
        if known.text != passage.text:
            problems.add(
                path, line, f"id {passage.id!r} has another text in line {first_line[passage.id]}; ids must differ"
            )
            continue
        for annotator, labels in readings.items():
            have = {label.about: label for label in found[passage.id, annotator]}
            for label in labels:
                if have.setdefault(label.about, label) != label:
                    problems.add(
                        path,
                        line,
                        f"id {passage.id!r}: {annotator!r} labels {label.topic or label.target!r} twice, "
                        "not alike; keep one, or name the readers with --annotator",
                    )
            found[passage.id, annotator] = list(have.values())
    if not passages and not len(problems):
        problems.add(path, None, "holds no rows")
    problems.raise_any()
    if codebook is None:
        codebook = _draw_up(path, {label.topic for labels in found.values() for label in labels if label.topic})
    annotations = [
        Annotation(passage=id, annotator=annotator, codebook=codebook.reference, labels=tuple(labels))
        for (id, annotator), labels in found.items()
    ]
    return Imported(codebook, list(passages.values()), annotations)


class Cells:
    """Reads the cells of one row after another."""

    def __init__(self, columns: Columns, reading: Reading, codebook: Codebook | None):
        self.columns = columns
        self.reading = reading
        self.topics = set(codebook.topic_ids) if codebook else None
        self.values = {key.strip().casefold(): value.strip() for key, value in reading.values.items()}
        self.line_of_text: dict[str, int] = {}
        self.kinds: dict[bool, str] = {}

    def passage(self, line: int, row: Mapping[str, Any]) -> Passage:
        columns = self.columns
        text = row.get(columns.text)
        if not isinstance(text, str) or not text.strip():
            raise DemarcheError(f"column {columns.text!r} is empty or not text; every row needs a text")
        if columns.annotator and not columns.id:
            line = self.line_of_text.setdefault(text, line)
        id = _plain(row, columns.id) or f"{line}"
        return Passage(
            id=id,
            article=_plain(row, columns.article) or id,
            text=text,
            start=0,
            end=len(text),
            title=_plain(row, columns.title),
            source=_plain(row, columns.source),
            published=_plain(row, columns.date),
            url=_plain(row, columns.url),
            group=_plain(row, columns.group),
            split=_plain(row, columns.split),
            meta={name: kept(row.get(name)) for name in columns.keep},
        )

    def readings(self, row: Mapping[str, Any], text: str) -> Iterator[tuple[str, list[Label]]]:
        """(annotator, labels) of each reading in the row.

        Beside a target or topics, votes and gold may be stances; the row's topics then hold for each of them.
        """
        columns = self.columns
        target, topics = self._target(row, text), self._topics(row)
        votes = [*self._votes(row), *([(GOLD, row.get(columns.gold))] if columns.gold else [])]
        votes = [(name, unpacked(vote)) for name, vote in votes if not blank(vote)]
        on_stance = any(self._votes_stance(vote, target) for _, vote in votes)
        if columns.stance or (columns.topics and not on_stance):
            labels = self._labels(topics, target, self._stance(row.get(columns.stance)) if columns.stance else None)
            # A row without a target and a stance is not one on none of the topics.
            if labels or (columns.topics and not self._unread(row)):
                yield _plain(row, columns.annotator) or self.reading.annotator, labels
        for name, vote in votes:
            yield name, self._vote(vote, topics, target)

    def _unread(self, row: Mapping[str, Any]) -> bool:
        """Whether a row of a table of annotators names none, and no topics: nobody has read the passage."""
        columns = self.columns
        named = [columns.annotator, *columns.topics] if columns.annotator else []
        return bool(named) and all(blank(row.get(name)) for name in named if name)

    def _votes(self, row: Mapping[str, Any]) -> list[tuple[str, Any]]:
        names = self.columns.votes
        if len(names) == 1:
            votes = listed(row.get(names[0]), self.reading.separator)
            return [(place_in_list(names[0], number), vote) for number, vote in enumerate(votes, start=1)]
        return [(name, row.get(name)) for name in names]

    def _target(self, row: Mapping[str, Any], text: str) -> dict[str, Any] | None:
        columns = self.columns
        target = row.get(columns.target) if columns.target else self.reading.target
        if blank(target):
            return None
        target = str(target)
        start_cell = row.get(columns.target_start) if columns.target_start else None
        if columns.target_start is None or blank(start_cell):
            return {"target": target}
        start = whole_number(columns.target_start, start_cell)
        end = whole_number(columns.target_end, row.get(columns.target_end)) if columns.target_end else None
        end = start + len(target) if end is None else end
        if text[start:end] != target:
            raise DemarcheError(
                f"{columns.target_start} {start} and end {end} cut {text[start:end]!r} out of the text, "
                f"not the target {target!r}; offsets count Unicode code points, end not included"
            )
        return {"target": target, "target_span": (start, end)}

    def _topics(self, row: Mapping[str, Any]) -> dict[str, str | None]:
        """Topic → stance where the cell is a mapping, else None."""
        names = self.columns.topics
        if not names:
            return {}
        cell = unpacked(row.get(names[0]))
        found: dict[str, str | None]
        if len(names) > 1 or self._is_yes_or_no(names[0], cell):
            found = dict.fromkeys(name for name in names if yes(name, row.get(name)))
        elif isinstance(cell, dict):
            # Parquet gives every mapping of a column the same keys, with nulls.
            found = {name: self._stance(stance) for name, stance in cell.items() if not blank(stance)}
        else:
            found = dict.fromkeys(self._names(cell))
        return {topic: stance for name, stance in found.items() if (topic := self._topic(name))}

    def _is_yes_or_no(self, column: str, cell: Any) -> bool:
        """Whether a lone topic column is yes or no to the topic it is named for."""
        answer = word(cell).casefold()
        of_topic = self.topics is not None and self.values.get(column.casefold(), column) in self.topics
        return answer in {"true", "false"} or (of_topic and answer in YES | NO)

    def _names(self, cell: Any) -> list[Any]:
        names = [name for name in listed(cell, self.reading.separator) if not blank(name)]
        for name in names:
            if isinstance(name, list | tuple | dict):
                raise DemarcheError(f"{name!r} is not a topic; a text is expected")
        return names

    def _labels(
        self, topics: Mapping[str, str | None], target: dict[str, Any] | None, stance: str | None
    ) -> list[Label]:
        """With a target of its own, the stance is toward that and not toward the topics."""
        if target is None and stance is not None and not topics:
            raise DemarcheError(f"a stance ({stance}) toward nothing; name --target or --topics")
        toward = None if target is not None else stance
        labels = [Label.model_validate({"topic": topic, "stance": toward or own}) for topic, own in topics.items()]
        return labels if target is None else [*labels, Label.model_validate({**target, "stance": stance})]

    def _votes_stance(self, vote: Any, target: dict[str, Any] | None) -> bool:
        """Whether a vote is a stance and not a topic: all of a table are, or none is."""
        if isinstance(vote, list | dict):
            return False
        if target is not None:
            return True
        found = self.values.get(word(vote).casefold(), word(vote))
        if not found:
            return True
        is_stance = found.casefold() in STANCES and found not in (self.topics or ())
        self.kinds.setdefault(is_stance, word(vote))
        if len(self.kinds) == 2:
            raise DemarcheError(
                f"{self.kinds[True]!r} is a stance and {self.kinds[False]!r} is not; say which stance it means, "
                f"e.g. --value {self.kinds[False]}=neutral"
            )
        return is_stance

    def _vote(self, vote: Any, topics: Mapping[str, str | None], target: dict[str, Any] | None) -> list[Label]:
        """A vote or gold cell: a stance toward the target or the row's topics, {topic: stance}, or topics."""
        if isinstance(vote, dict):
            stances = {self._topic(topic): self._stance(stance) for topic, stance in vote.items() if not blank(stance)}
            return self._labels({topic: stance for topic, stance in stances.items() if topic}, None, None)
        if self._votes_stance(vote, target):
            return self._labels(topics, target, self._stance(vote))
        return self._labels({topic: None for name in self._names(vote) if (topic := self._topic(name))}, None, None)

    def _stance(self, value: Any) -> str | None:
        given = word(value)
        stance = self.values.get(given.casefold(), given).casefold()
        if stance not in ("", *STANCES):
            raise DemarcheError(
                f"stance {given!r} is none of {', '.join(STANCES)}; say which it means, e.g. --value {given}=neutral "
                f"(--value {given}= for no stance)"
            )
        return stance or None

    def _topic(self, value: Any) -> str | None:
        given = word(value)
        topic = self.values.get(given.casefold(), given)
        if topic in STANCES and (self.topics is None or given in self.topics):
            topic = given  # a number may be one stance and one topic: the value was meant for the stance
        if topic and self.topics is not None and topic not in self.topics:
            raise DemarcheError(
                f"topic {given!r} is not in the codebook{suggest(topic, self.topics)} "
                f"(--value {given}=TOPIC renames it, --value {given}= leaves it out)"
            )
        return topic or None


def _check_columns(path: Path, columns: Columns, problems: Problems) -> None:
    """Some row must know each column named; JSON rows may leave some out."""
    named = dict.fromkeys(columns.named())
    known: set[str] = set()
    for _, row in read_rows(path, Problems()):
        known |= row.keys()
        if known >= named.keys():
            break
    missing = [name for name in named if known and name not in known]
    for name in missing:
        problems.add(path, None, f"has no column {name!r}{suggest(name, known)}")
    problems.raise_any()


def _plain(row: Mapping[str, Any], column: str | None) -> str | None:
    return (word(row.get(column)) if column else None) or None


def _draw_up(path: Path, topics: set[str]) -> Codebook:
    """A codebook stub: the topics found, to be filled in with definitions and targets."""
    name = re.sub(r"[\s@]+", "-", path.name.split(".")[0]) or "table"
    return Codebook(id=name, version="1.0.0", topics=tuple(Topic(id=topic) for topic in sorted(topics)))
