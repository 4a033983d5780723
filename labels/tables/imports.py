"""Import tables of labelled text (CSV, JSON lines, Parquet) as passages, annotations and a codebook."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from labels.codebook import Codebook, Topic, is_stub, read_codebook, write_stub
from labels.errors import DemarcheError, Problems, explain, suggest
from labels.files import check_output, jsonl_writer
from labels.passages import Annotation, Label, Passage
from labels.table_files import read_rows
from labels.tables.answers import Answers
from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.doubts import doubts
from labels.tables.rows import RowReader


@dataclass(frozen=True)
class Imported:
    """The passages and annotations of a table, and the codebook of their topics.

    `notes` say how unusual values were read, and what looks wrong.
    """

    codebook: Codebook
    passages: list[Passage]
    annotations: list[Annotation]
    notes: list[str] = field(default_factory=list)


def import_table_to_folder(
    path: Path, folder: Path, columns: TableColumns, options: ImportOptions, *, codebook: Path | None = None
) -> Imported:
    """Import a table and write passages.jsonl, annotations.jsonl and, without a codebook, codebook.yaml.

    Either all files are written or none. The codebook is a stub to be completed; one that has been edited is never
    replaced. Raises as `import_table` does, and DemarcheError if a file cannot be written.
    """
    passages_file, annotations_file, stub_file = (
        folder / name for name in ("passages.jsonl", "annotations.jsonl", "codebook.yaml")
    )
    for output in (passages_file, annotations_file, stub_file):
        check_output(output, inputs=[path])
    if codebook is None and stub_file.exists() and not is_stub(read_codebook(stub_file)):
        raise DemarcheError(f"{stub_file}: has been edited since it was made; pass it as --codebook or move it away")
    imported = import_table(path, columns, options, read_codebook(codebook) if codebook else None)
    # Write all files or none: new annotations next to the passages of an earlier import would be worse than no files.
    with jsonl_writer(passages_file) as write_passages, jsonl_writer(annotations_file) as write_annotations:
        write_passages(imported.passages)
        write_annotations(imported.annotations)
        if codebook is None:
            write_stub(stub_file, imported.codebook)
    return imported


def import_table(
    path: Path, columns: TableColumns, options: ImportOptions, codebook: Codebook | None = None
) -> Imported:
    """Read a table with one passage per row; rows with the same id and text are one passage with several labels.

    Without a codebook, make a stub of the topics in the table. Raises BadInput with every row that cannot be read,
    and DemarcheError if a column is missing.
    """
    _check_options(columns, options)
    problems = Problems()
    _check_columns(path, columns, problems)
    rows = RowReader(columns, options, codebook)
    answers = Answers(columns)
    rows.look_at(answers.watch(row for _, row in read_rows(path, Problems())))
    passages: dict[str, Passage] = {}
    first_line: dict[str, int] = {}
    row_counts: Counter[str] = Counter()
    names: dict[str, Any] = {}
    labels: dict[tuple[str, str], dict[Any, Label]] = defaultdict(dict)
    for line, row in read_rows(path, problems):
        try:
            passage = rows.passage(line, row)
            labels_by_annotator = dict(rows.labels(row, passage.text))
        except ValidationError as error:
            for what in explain(error):
                problems.add(path, line, what)
            continue
        except DemarcheError as error:
            problems.add(path, line, str(error))
            continue
        finally:
            refused = rows.vocabulary.report(path, problems)
        if refused:
            continue
        id = passage.id
        row_counts[id] += 1
        names |= dict.fromkeys(row)
        first_line.setdefault(id, line)
        if passages.setdefault(id, passage).text != passage.text:
            problems.add(path, line, f"id {id!r} has another text in line {first_line[id]}; ids must differ")
            continue
        if not answers.accepts(row, id, labels_by_annotator):
            continue
        for annotator, new in labels_by_annotator.items():
            for label in _merge_labels(labels[id, annotator], new):
                problems.add(
                    path,
                    line,
                    f"id {id!r}: {annotator!r} labels {label.topic or label.target!r} twice, with different stances; "
                    "keep one, or name the column of annotators with --annotator",
                )
    if not passages and not len(problems):
        problems.add(path, None, "has no rows")
    problems.raise_any()
    notes = rows.vocabulary.notes()
    notes += answers.settle(labels, codebook.topic_ids if codebook else rows.vocabulary.topics)
    unknown_topics = {} if codebook else rows.vocabulary.topics
    if codebook is None:
        codebook = _make_stub(path, {label.topic for known in labels.values() for label in known.values()})
    annotations = [
        Annotation(passage=id, annotator=annotator, codebook=codebook.reference, labels=tuple(known.values()))
        for (id, annotator), known in labels.items()
    ]
    read = list(passages.values())
    notes += doubts(read, annotations, row_counts, unknown_topics, columns, names)
    return Imported(codebook, read, annotations, notes)


def _check_options(columns: TableColumns, options: ImportOptions) -> None:
    if not (columns.topics or columns.stance or columns.votes or columns.gold):
        raise DemarcheError("no column of labels is named; name one with --topics, --stance, --votes or --gold")
    if options.separator == "":
        raise DemarcheError("--separator is empty; name the character between topics in one cell, e.g. ';'")


def _check_columns(path: Path, columns: TableColumns, problems: Problems) -> None:
    """Check that every named column occurs in at least one row, since JSON rows may leave columns out."""
    names = dict.fromkeys(columns.names())
    present: set[str] = set()
    for _, row in read_rows(path, Problems()):
        present |= row.keys()
        if present >= names.keys():
            break
    missing = [name for name in names if present and name not in present]
    for name in missing:
        problems.add(path, None, f"has no column {name!r}{suggest(name, present)}")
    problems.raise_any()


def _merge_labels(known: dict[Any, Label], labels: Iterable[Label]) -> list[Label]:
    """Add the labels of a row to those of earlier rows, and return the ones that contradict an earlier label."""
    return [label for label in labels if known.setdefault(label.about, label) != label]


def _make_stub(path: Path, topics: set[str | None]) -> Codebook:
    """Make a codebook of topics that have no definitions or targets yet."""
    name = re.sub(r"[\s@]+", "-", path.name.split(".")[0]) or "table"
    return Codebook(id=name, version="1.0.0", topics=tuple(Topic(id=topic) for topic in sorted(filter(None, topics))))
