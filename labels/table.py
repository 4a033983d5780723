"""Tables of labelled text (CSV, JSON lines, Parquet) into passages, annotations and a codebook."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from labels.codebook import STANCES, Codebook, Topic
from labels.errors import DemarcheError, Problems, explain, nearest
from labels.files import read_rows
from labels.passages import GOLD, Annotation, Label, Passage

_EMPTY = (None, "", [], {})


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

    `values`: a value as it stands in the table → stance or topic. `separator` parts several topics in
    one cell. `annotator` names the reader of a table that names none.
    """

    annotator: str = "table"
    values: Mapping[str, str] = field(default_factory=dict)
    separator: str = ";"


@dataclass(frozen=True)
class Imported:
    codebook: Codebook
    passages: list[Passage]
    annotations: list[Annotation]


def import_table(path: Path, columns: Columns, reading: Reading, codebook: Codebook | None = None) -> Imported:
    """One passage a row. Rows that share an id and a text are one passage with several labels.

    Without a codebook one is drawn up from the topics found. Raises BadInput with every row that
    cannot be read, and DemarcheError where a column is missing.
    """
    problems = Problems()
    if not (columns.topics or columns.stance or columns.votes or columns.gold):
        raise DemarcheError("name what holds the labels: --topics, --stance, --votes or --gold")
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
            problems.add(path, line, f"id {passage.id!r} has another text in line {first_line[passage.id]}; ids must differ")
            continue
        for annotator, labels in readings.items():
            have = {label.about: label for label in found[passage.id, annotator]}
            for label in labels:
                if have.setdefault(label.about, label) != label:
                    problems.add(path, line, f"id {passage.id!r}: {annotator!r} labels {label.topic or label.target!r} twice")
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
        self.values = {key.strip().casefold(): value for key, value in reading.values.items()}

    def passage(self, line: int, row: Mapping[str, Any]) -> Passage:
        columns = self.columns
        text = row.get(columns.text)
        if not isinstance(text, str) or not text.strip():
            raise DemarcheError(f"column {columns.text!r} is empty; every row needs a text")
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
            meta={name: row[name] for name in columns.keep},
        )

    def readings(self, row: Mapping[str, Any], text: str) -> Iterator[tuple[str, list[Label]]]:
        """(annotator, labels) of each reading in the row."""
        columns = self.columns
        target = self._target(row, text)
        if columns.topics or columns.stance:
            annotator = _plain(row, columns.annotator) or self.reading.annotator
            yield annotator, self._topics_and_stance(row, target)
        for number, vote in enumerate(self._votes(row), start=1):
            if vote is not None:
                yield f"{columns.votes[0]}-{number}", self._labels(vote, target)
        if columns.gold and row.get(columns.gold) not in (None, ""):
            yield GOLD, self._labels(row[columns.gold], target)

    def _votes(self, row: Mapping[str, Any]) -> list[Any]:
        columns = self.columns.votes
        if len(columns) == 1:
            votes = _listed(row.get(columns[0]), self.reading.separator)
        else:
            votes = [row.get(name) for name in columns]
        return [None if vote in (None, "") else vote for vote in votes]

    def _target(self, row: Mapping[str, Any], text: str) -> dict[str, Any] | None:
        columns = self.columns
        target = row.get(columns.target) if columns.target else None
        if target is None or not str(target).strip():
            return None
        target = str(target)
        if columns.target_start is None or row.get(columns.target_start) in (None, ""):
            return {"target": target}
        start = _whole_number(row, columns.target_start)
        end = _whole_number(row, columns.target_end) if columns.target_end else start + len(target)
        if text[start:end] != target:
            raise DemarcheError(
                f"{columns.target_start} {start} and end {end} cut {text[start:end]!r} out of the text, "
                f"not the target {target!r}; offsets count Unicode code points, end not included"
            )
        return {"target": target, "target_span": (start, end)}

    def _topics_and_stance(self, row: Mapping[str, Any], target: dict[str, Any] | None) -> list[Label]:
        columns = self.columns
        topics: list[str] = []
        stances: dict[str, str] = {}
        if len(columns.topics) > 1:
            topics = [self._topic(name) for name in columns.topics if _true(name, row.get(name))]
        elif columns.topics:
            cell = _unpacked(row.get(columns.topics[0]))
            if isinstance(cell, dict):
                stances = {self._topic(name): self._stance(value) for name, value in cell.items()}
                topics = list(stances)
            else:
                topics = [self._topic(name) for name in _listed(cell, self.reading.separator)]
        value = row.get(columns.stance) if columns.stance else None
        stance = None if value in (None, "") else self._stance(value)
        labels = [Label.model_validate({"topic": topic, "stance": stances.get(topic)}) for topic in topics]
        if target is not None:
            # With a target of its own, the stance is toward that and not toward the topics.
            return [*labels, Label.model_validate({**target, "stance": stance})]
        if stance is None:
            return labels
        if not topics:
            raise DemarcheError(f"a stance ({stance}) toward nothing; name --target or --topics")
        return [label.model_copy(update={"stance": stance}) for label in labels]

    def _labels(self, vote: Any, target: dict[str, Any] | None) -> list[Label]:
        """A vote or gold cell: a stance toward the target, {topic: stance}, or topics."""
        vote = _unpacked(vote)
        if isinstance(vote, dict):
            return [
                Label.model_validate({"topic": self._topic(topic), "stance": self._stance(stance)})
                for topic, stance in vote.items()
            ]
        if target is not None:
            return [Label.model_validate({**target, "stance": self._stance(vote)})]
        return [Label(topic=self._topic(name)) for name in _listed(vote, self.reading.separator)]

    def _stance(self, value: Any) -> str:
        word = str(value).strip()
        stance = self.values.get(word.casefold(), word).casefold()
        if stance not in STANCES:
            raise DemarcheError(
                f"stance {word!r} is none of {', '.join(STANCES)}; say which it means, e.g. --value {word}=neutral"
            )
        return stance

    def _topic(self, value: Any) -> str:
        word = str(value).strip()
        topic = self.values.get(word.casefold(), word)
        if self.topics is not None and topic not in self.topics:
            raise DemarcheError(
                f"topic {word!r} is not in the codebook{nearest(topic, self.topics)} (or --value {word}=TOPIC)"
            )
        return topic


def _check_columns(path: Path, columns: Columns, problems: Problems) -> None:
    """The first rows must know the columns named; JSON rows may leave some out."""
    known: set[str] = set()
    for count, (_, row) in enumerate(read_rows(path, Problems())):
        known |= row.keys()
        if count >= 1000:
            break
    missing = [name for name in dict.fromkeys(columns.named()) if known and name not in known]
    for name in missing:
        problems.add(path, None, f"has no column {name!r}{nearest(name, known)}")
    problems.raise_any()


def _plain(row: Mapping[str, Any], column: str | None) -> str | None:
    value = row.get(column) if column else None
    return None if value is None or not str(value).strip() else str(value).strip()


def _whole_number(row: Mapping[str, Any], column: str) -> int:
    try:
        return int(row.get(column))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise DemarcheError(f"column {column!r}: {row.get(column)!r} is not a whole number") from None


def _unpacked(cell: Any) -> Any:
    """A cell of a CSV that holds JSON (`["a", "b"]`, `{"a": "favor"}`), or the cell as it is."""
    if isinstance(cell, str) and cell.strip()[:1] in ("[", "{"):
        try:
            return json.loads(cell)
        except json.JSONDecodeError:
            raise DemarcheError(f"{cell[:40]!r} looks like JSON but is not") from None
    return cell


def _listed(cell: Any, separator: str) -> list[Any]:
    cell = _unpacked(cell)
    if cell in _EMPTY:
        return []
    if isinstance(cell, list):
        return cell
    if isinstance(cell, str):
        return [part.strip() for part in cell.split(separator) if part.strip()]
    return [cell]


def _true(column: str, cell: Any) -> bool:
    word = str("" if cell is None else cell).strip().casefold()
    if word in {"1", "1.0", "true", "yes", "y", "x", "t"}:
        return True
    if word in {"", "0", "0.0", "false", "no", "n", "f", "none", "nan"}:
        return False
    raise DemarcheError(f"column {column!r}: {cell!r} is neither true nor false (1/0, true/false, yes/no)")


def _draw_up(path: Path, topics: set[str]) -> Codebook:
    """A codebook stub: the topics found, to be filled in with definitions and targets."""
    name = path.name.split(".")[0].replace(" ", "-").replace("@", "-") or "table"
    return Codebook(id=name, version="1.0.0", topics=tuple(Topic(id=topic) for topic in sorted(topics)))
