"""Labelled passages to a flat table, a row a label, which labels.table reads back."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labels.check import LabelledData
from labels.errors import DemarcheError
from labels.files import check_output
from labels.passages import Annotation, Label, Passage
from labels.tables.cells import NO, YES, blank, kept, listed
from labels.tables.imports import Columns, Reading
from labels.tables.writers import table_writer

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
_FIELDS = {
    "id": "id", "article": "article", "title": "title", "date": "published", "source": "source", "url": "url",
    "group": "group", "split": "split",
}  # fmt: skip
"""Column → field of a passage."""
BATCH = 1024

Row = dict[str, Any]


@dataclass(frozen=True)
class Exported:
    """`columns` is how import_table reads the table back; `lost` counts what the table does not hold."""

    columns: Columns
    rows: int
    lost: Mapping[str, int]


def check_table_output(path: Path, *, inputs: Iterable[Path]) -> None:
    """Raises DemarcheError before any work."""
    if path.suffix.lower() not in SUFFIXES:
        raise DemarcheError(f"{path}: a table goes to a file ending in {', '.join(SUFFIXES)}")
    check_output(path, inputs=inputs)


def export_table(data: LabelledData, path: Path) -> Exported:
    """A row for each label; one without a topic where a reading found none; one without an annotator for a
    passage that nobody has read. A passage's rows stand together, in the order of the passages.

    Raises DemarcheError where a name would not come back: a table does not keep white space around it.
    """
    _check_names(data)
    columns = _columns(data)
    kinds = _kinds(data, columns, path.suffix.lower())
    lost = _lost_of_passages(data, kinds, columns)
    readings: dict[str, list[Annotation]] = defaultdict(list)
    for annotation in data.annotations:
        readings[annotation.passage].append(annotation)
    count = 0
    with table_writer(path, {name: str if kind is object else kind for name, kind in kinds.items()}) as write:
        batch: list[Row] = []
        for passage in data.passages:
            about = _about(passage, columns, kinds)
            batch += [about | row for row in _rows(passage.text, readings[passage.id], columns, lost)]
            if len(batch) >= BATCH:
                write(batch)
                count, batch = count + len(batch), []
        write(batch)
        count += len(batch)
    return Exported(columns, count, {what: number for what, number in lost.items() if number})


def _check_names(data: LabelledData) -> None:
    named = {
        "passage": [passage.id for passage in data.passages],
        "article": [passage.article for passage in data.passages],
        "annotator": [annotation.annotator for annotation in data.annotations],
        "topic": [label.topic for label in _labels(data) if label.topic is not None],
    }
    for what, names in named.items():
        for name in dict.fromkeys(names):
            if name != name.strip():
                raise DemarcheError(f"{what} {name!r} has white space around it, which a table loses; rename it")
    texts = [*(passage.text for passage in data.passages), *(label.target for label in _labels(data) if label.target)]
    for text in texts:
        if blank(text):
            raise DemarcheError(f"{text!r} is a text or target that is blank in a table; take it out")


def _labels(data: LabelledData) -> Iterator[Label]:
    return (label for annotation in data.annotations for label in annotation.labels)


def _columns(data: LabelledData) -> Columns:
    """Only columns that hold something, beside those of ids and labels. Kept ones have their names first."""
    keep = tuple(dict.fromkeys(name for passage in data.passages for name in passage.meta))

    def free(name: str) -> str:
        return free(name + "_") if name in keep else name

    def used(field: str) -> bool:
        if field == "article":
            return any(passage.article != passage.id for passage in data.passages)
        return any(getattr(passage, field) for passage in data.passages)

    target = any(label.target for label in _labels(data))
    span = any(label.target_span for label in _labels(data))
    return Columns(
        text=free("text"),
        topics=(free("topic"),),
        stance=free("stance"),
        target=free("target") if target else None,
        target_start=free("target_start") if span else None,
        target_end=free("target_end") if span else None,
        annotator=free("annotator"),
        keep=keep,
        **{column: free(column) for column, field in _FIELDS.items() if used(field)},
    )


def _kinds(data: LabelledData, columns: Columns, form: str) -> dict[str, type]:
    """What each column holds, in the order of the table; `object` where each cell keeps its own kind."""
    single = [name for column in _FIELDS if (name := getattr(columns, column))]
    kinds: dict[str, type] = dict.fromkeys([*single, columns.text], str)
    for name in (columns.annotator, *columns.topics, columns.stance, columns.target):
        if name:
            kinds[name] = str
    for name in (columns.target_start, columns.target_end):
        if name:
            kinds[name] = int
    for name in columns.keep:
        kinds[name] = object if form == ".jsonl" else str
        if form == ".parquet":
            kinds[name] = _kind([passage.meta.get(name) for passage in data.passages])
    return kinds


def _kind(values: Sequence[Any]) -> type:
    """The one kind that all values have, or else text."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) != 1 or any(type(value) is int and not -(2**63) <= value < 2**63 for value in values):
        return str
    return kinds.pop()


def _as(kind: type, value: Any) -> Any:
    return value if value is None or kind in (object, type(value)) else str(value)


def _about(passage: Passage, columns: Columns, kinds: Mapping[str, type]) -> Row:
    """A row's cells but for the labels."""
    row: Row = dict.fromkeys(kinds)
    row |= {name: getattr(passage, field) for column, field in _FIELDS.items() if (name := getattr(columns, column))}
    row |= {name: _as(kinds[name], passage.meta.get(name)) for name in columns.keep}
    return row | {columns.text: passage.text}


def _rows(text: str, readings: Sequence[Annotation], columns: Columns, lost: Counter[str]) -> Iterator[Row]:
    """The cells of the labels: one row without any where nobody has read the passage."""
    if not readings:
        yield {}
    topic_column, stance_column = columns.topics[0], columns.stance or ""
    for annotation in readings:
        reader = {columns.annotator or "": annotation.annotator}
        labels = list(_flat(annotation.labels, text, lost))
        if not labels:
            yield reader
        for label in labels:
            row: Row = reader | {stance_column: label.stance}
            if label.topic is not None:
                row[topic_column] = _topic_cell(label.topic)
            if label.target is not None:
                row[columns.target or ""] = label.target
            if label.target_span is not None:
                row |= zip((columns.target_start or "", columns.target_end or ""), label.target_span, strict=True)
            yield row


def _flat(labels: Sequence[Label], text: str, lost: Counter[str]) -> Iterator[Label]:
    """The labels as rows can hold them, so that no two of them contradict each other when read back."""
    alone = {label.topic for label in labels if label.target is None}
    stances: dict[Any, str | None] = {}
    for label in labels:
        lost["holders"] += label.holder is not None
        lost["evidence spans"] += label.evidence is not None
        if label.target is None:
            yield Label(topic=label.topic, stance=label.stance)
            continue
        lost["pairings of a topic with a target (read back as two labels)"] += label.topic is not None
        # Beside a target a topic stands without a stance: one that has a row of its own stays with that.
        topic, span = None if label.topic in alone else label.topic, label.target_span
        if span is not None and text[slice(*span)] != label.target:
            lost["spans that do not cut their target out of the text"] += 1
            span = None
        if stances.setdefault((label.target, span), label.stance) == label.stance:
            yield Label(topic=topic, target=label.target, target_span=span, stance=label.stance)
        else:
            lost["second stances toward one target"] += 1
            if topic is not None:
                yield Label(topic=topic)


def _topic_cell(topic: str) -> str:
    """The topic, as a list where plain it would be taken for a list, several topics, or yes or no."""
    misread = topic[:1] in ("[", "{") or topic.casefold() in YES | NO or listed(topic, Reading().separator) != [topic]
    return json.dumps([topic], ensure_ascii=False) if misread else topic


def _lost_of_passages(data: LabelledData, kinds: Mapping[str, type], columns: Columns) -> Counter[str]:
    lost: Counter[str] = Counter()
    for passage in data.passages:
        lost["offsets in an article"] += passage.start != 0
        for field in _FIELDS.values():
            value = getattr(passage, field) or ""
            lost["titles and the like that had white space around them"] += value != value.strip()
        for name in columns.keep:
            value = passage.meta.get(name)
            back = kept(_as(kinds[name], value))
            lost["kept values that are not text (read back as text)"] += not blank(value) and (
                type(back) is not type(value) or back != value
            )
    other = [reading for reading in data.annotations if reading.codebook != data.codebook.reference]
    lost["readings' versions of the codebook"] = len(other)
    return lost
