"""Export labelled passages as a flat table with one row per label, which an import reads back."""

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
from labels.passages import Annotation, Label, Passage, Shares
from labels.table_files.spreadsheet import check_for_spreadsheet
from labels.tables.cells import DOUBTFUL, MISSING, NO, NONE, YES, is_blank, split_values, to_scalar, word
from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.writers import table_writer

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
_FIELDS = {
    "id": "id", "article": "article", "title": "title", "date": "published", "source": "source", "url": "url",
    "group": "group", "split": "split",
}  # fmt: skip
"""{column: field of a passage}."""
BATCH = 1024


@dataclass(frozen=True)
class Exported:
    """The result of an export.

    `import_table` reads the table back with `columns` and `values`: a target that is called NA is one, and not an empty
    cell. `lost` counts, by kind, what the table cannot hold.
    """

    columns: TableColumns
    values: Mapping[str, str]
    rows: int
    lost: Mapping[str, int]


def check_table_output(path: Path, *, inputs: Iterable[Path], for_spreadsheet: bool = False) -> None:
    """Raise DemarcheError, before any work is done, if no table can be written to `path`."""
    if path.suffix.lower() not in SUFFIXES:
        raise DemarcheError(f"{path}: not the name of a table; use a file name ending in {', '.join(SUFFIXES)}")
    if for_spreadsheet:
        check_for_spreadsheet(path)
    check_output(path, inputs=inputs)


def export_table(data: LabelledData, path: Path, *, for_spreadsheet: bool = False) -> Exported:
    """Write one row per label, with the rows of each passage together and the passages in order.

    An annotation without labels becomes a row without a topic, and a passage without annotations becomes a row without
    an annotator. Raises DemarcheError for a name with white space around it, which a table does not keep.
    """
    _check_names(data)
    columns = _columns(data)
    types = _column_types(data, columns, path.suffix.lower())
    lost = _count_losses(data, types, columns)
    annotations: dict[str, list[Annotation]] = defaultdict(list)
    for annotation in data.annotations:
        annotations[annotation.passage].append(annotation)
    count = 0
    plain_types = {name: str if type is object else type for name, type in types.items()}
    with table_writer(path, plain_types, for_spreadsheet=for_spreadsheet) as write:
        batch: list[dict[str, Any]] = []
        for passage in data.passages:
            cells = _passage_cells(passage, columns, types)
            batch += [cells | row for row in _label_rows(passage.text, annotations[passage.id], columns, lost)]
            if len(batch) >= BATCH:
                write(batch)
                count, batch = count + len(batch), []
        write(batch)
        count += len(batch)
    targets = {label.target for label in _labels(data) if label.target is not None}
    # An import looks values up without case, so NA and na are one.
    missing = {word(target).casefold(): word(target) for target in sorted(targets)}
    values = {name: name for key, name in missing.items() if key in MISSING | DOUBTFUL | NONE}
    return Exported(columns, values, count, {kind: number for kind, number in lost.items() if number})


def _check_names(data: LabelledData) -> None:
    names_by_kind = {
        "passage": [passage.id for passage in data.passages],
        "article": [passage.article for passage in data.passages],
        "annotator": [annotation.annotator for annotation in data.annotations],
        "topic": [label.topic for label in _labels(data) if label.topic is not None],
    }
    for kind, names in names_by_kind.items():
        for name in dict.fromkeys(names):
            if name != name.strip():
                raise DemarcheError(f"{kind} {name!r} has white space around it, which a table loses; rename it")
    texts = [*(passage.text for passage in data.passages), *(label.target for label in _labels(data) if label.target)]
    for text in texts:
        if is_blank(text):
            raise DemarcheError(f"the text or target {text!r} is blank in a table; remove it")


def _labels(data: LabelledData) -> Iterator[Label]:
    return (label for annotation in data.annotations for label in annotation.labels)


def _columns(data: LabelledData) -> TableColumns:
    """Name the columns: ids, labels, and every other field that has a value.

    Columns of `meta` keep their names; the other columns get names that do not clash with them.
    """
    keep = tuple(dict.fromkeys(name for passage in data.passages for name in passage.meta if name))

    def unused(name: str) -> str:
        return unused(name + "_") if name in keep else name

    def has_values(field: str) -> bool:
        if field == "article":
            return any(passage.article != passage.id for passage in data.passages)
        return any(getattr(passage, field) for passage in data.passages)

    target = any(label.target for label in _labels(data))
    span = any(label.target_span for label in _labels(data))
    shares = any(label.shares for label in _labels(data))
    passage_columns: dict[str, Any] = {column: unused(column) for column, field in _FIELDS.items() if has_values(field)}
    return TableColumns(
        text=unused("text"),
        topics=(unused("topic"),),
        stance=unused("stance"),
        favor=unused("favor") if shares else None,
        against=unused("against") if shares else None,
        neutral=unused("neutral") if shares else None,
        target=unused("target") if target else None,
        target_start=unused("target_start") if span else None,
        target_end=unused("target_end") if span else None,
        annotator=unused("annotator"),
        keep=keep,
        **passage_columns,
    )


def _column_types(data: LabelledData, columns: TableColumns, suffix: str) -> dict[str, type]:
    """Return {column: type} in the order of the table; `object` if each cell keeps its own type."""
    single = [name for column in _FIELDS if (name := getattr(columns, column))]
    types: dict[str, type] = dict.fromkeys([*single, columns.text], str)
    for name in (columns.annotator, *columns.topics, columns.stance, columns.target):
        if name:
            types[name] = str
    for name in (columns.favor, columns.against, columns.neutral):
        if name:
            types[name] = float
    for name in (columns.target_start, columns.target_end):
        if name:
            types[name] = int
    for name in columns.keep:
        types[name] = object if suffix == ".jsonl" else str
        if suffix == ".parquet":
            types[name] = _common_type([passage.meta.get(name) for passage in data.passages])
    return types


def _common_type(values: Sequence[Any]) -> type:
    """Return the type of all values, or str if they differ or Parquet has no such integer."""
    types = {type(value) for value in values if value is not None}
    if len(types) != 1 or any(type(value) is int and not -(2**63) <= value < 2**63 for value in values):
        return str
    return types.pop()


def _convert(value: Any, to: type) -> Any:
    return value if value is None or to in (object, type(value)) else str(value)


def _passage_cells(passage: Passage, columns: TableColumns, types: Mapping[str, type]) -> dict[str, Any]:
    """Return a row with every cell of the passage, and empty cells for the labels."""
    row: dict[str, Any] = dict.fromkeys(types)
    row |= {name: getattr(passage, field) for column, field in _FIELDS.items() if (name := getattr(columns, column))}
    row |= {name: _convert(passage.meta.get(name), types[name]) for name in columns.keep}
    return row | {columns.text: passage.text}


def _label_rows(
    text: str, annotations: Sequence[Annotation], columns: TableColumns, lost: Counter[str]
) -> Iterator[dict[str, Any]]:
    """Yield the cells of each label, or one empty row for a passage without annotations."""
    if not annotations:
        yield {}
    topic_column, stance_column = columns.topics[0], columns.stance or ""
    for annotation in annotations:
        annotator = {columns.annotator or "": annotation.annotator}
        labels = list(_storable_labels(annotation.labels, text, lost))
        if not labels:
            yield annotator
        for label in labels:
            row: dict[str, Any] = annotator | {stance_column: label.stance}
            if label.topic is not None:
                row[topic_column] = _topic_cell(label.topic)
            if label.shares is not None:
                names = (columns.favor or "", columns.against or "", columns.neutral or "")
                row |= zip(names, label.shares.proportions, strict=True)
            if label.target is not None:
                row[columns.target or ""] = label.target
            if label.target_span is not None:
                row |= zip((columns.target_start or "", columns.target_end or ""), label.target_span, strict=True)
            yield row


def _storable_labels(labels: Sequence[Label], text: str, lost: Counter[str]) -> Iterator[Label]:
    """Reduce the labels to what rows can hold, so that no two of them contradict each other when read back."""
    without_target = {label.topic for label in labels if label.target is None}
    stances: dict[Any, tuple[str | None, Shares | None]] = {}
    for label in labels:
        lost["holders"] += label.holder is not None
        lost["evidence spans"] += label.evidence is not None
        if label.target is None:
            yield Label(topic=label.topic, stance=label.stance, shares=label.shares)
            continue
        lost["pairings of a topic with a target (read back as two labels)"] += label.topic is not None
        # A topic beside a target has no stance. If the topic also has a label of its own, that label alone is kept.
        topic, span = None if label.topic in without_target else label.topic, label.target_span
        if span is not None and text[slice(*span)] != label.target:
            lost["target spans whose text is not the target"] += 1
            span = None
        stance = label.stance, label.shares
        if stances.setdefault((label.target, span), stance) == stance:
            yield Label(topic=topic, target=label.target, target_span=span, stance=label.stance, shares=label.shares)
        else:
            lost["second stances toward one target"] += 1
            if topic is not None:
                yield Label(topic=topic)


def _topic_cell(topic: str) -> str:
    """Return the topic, in a JSON list if plain text would be read back as a list, several topics, or yes or no."""
    ambiguous = (
        topic[:1] in ("[", "{")
        or topic.casefold() in YES | NO
        or split_values(topic, ImportOptions().separator) != [topic]
    )
    return json.dumps([topic], ensure_ascii=False) if ambiguous else topic


def _count_losses(data: LabelledData, types: Mapping[str, type], columns: TableColumns) -> Counter[str]:
    """Count the values of passages and annotations that the table cannot hold; labels are counted when written."""
    lost: Counter[str] = Counter()
    for passage in data.passages:
        lost["offsets in an article"] += passage.start != 0
        lost["values of meta without a name"] += "" in passage.meta
        for field in _FIELDS.values():
            value = getattr(passage, field) or ""
            lost["metadata fields with white space around them (read back without it)"] += value != value.strip()
        for name in columns.keep:
            value = passage.meta.get(name)
            imported = to_scalar(_convert(value, types[name]))
            lost["values of meta that are not text (read back as text)"] += not is_blank(value) and (
                type(imported) is not type(value) or imported != value
            )
    other_versions = [annotation for annotation in data.annotations if annotation.codebook != data.codebook.reference]
    lost["references to another version of the codebook"] = len(other_versions)
    lost["doubts and notes"] = sum(annotation.doubt or annotation.note is not None for annotation in data.annotations)
    return lost
