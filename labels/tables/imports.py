"""Import tables of labelled text (CSV, JSON lines, Parquet) as passages, annotations and a codebook."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from labels.codebook import Codebook, Topic, is_stub, read_codebook, write_stub
from labels.errors import DemarcheError, Problems, explain, suggest
from labels.files import check_output, jsonl_writer, read_jsonl
from labels.passages import Annotation, Label, Passage
from labels.tables.answers import Answers
from labels.tables.cells import identifier
from labels.tables.collect import Collected
from labels.tables.columns import DEFAULT_ANNOTATOR, ImportOptions, TableColumns
from labels.tables.doubts import doubts
from labels.tables.layout import Layout, resolve
from labels.tables.patterns import placeholders
from labels.tables.report import HowRead, how_read
from labels.tables.rows import Annotated, RowReader
from labels.tables.sheet import Sheet, Texts, check_renamed, read_sheet, read_texts
from labels.tables.vocabulary import Vocabulary


@dataclass(frozen=True)
class Imported:
    """The passages and annotations of a table, the codebook of their topics, and how the table was read.

    `notes` are sentences about what is odd in the file.
    """

    codebook: Codebook
    passages: list[Passage]
    annotations: list[Annotation]
    how: HowRead
    notes: list[str]


def import_table_to_folder(
    path: Path,
    folder: Path,
    columns: TableColumns,
    options: ImportOptions,
    *,
    codebook: Path | None = None,
    texts: Path | None = None,
) -> Imported:
    """Import a table and write passages.jsonl, annotations.jsonl and, without a codebook, codebook.yaml.

    Either all files are written or none. The codebook is a stub to be completed; one that has been edited is never
    replaced. Raises as `import_table` does, and DemarcheError if a file cannot be written.
    """
    passages_file, annotations_file, stub_file = (
        folder / name for name in ("passages.jsonl", "annotations.jsonl", "codebook.yaml")
    )
    for output in (passages_file, annotations_file, stub_file):
        check_output(output, inputs=[path, *([texts] if texts else [])])
    if codebook is None and stub_file.exists() and not is_stub(read_codebook(stub_file)):
        raise DemarcheError(f"{stub_file}: has been edited since it was made; pass it as --codebook or move it away")
    _check_other_sheets(annotations_file, options.annotator)
    imported = import_table(path, columns, options, read_codebook(codebook) if codebook else None, texts=texts)
    # Write all files or none: new annotations next to the passages of an earlier import would be worse than no files.
    with jsonl_writer(passages_file) as write_passages, jsonl_writer(annotations_file) as write_annotations:
        write_passages(imported.passages)
        write_annotations(imported.annotations)
        if codebook is None:
            write_stub(stub_file, imported.codebook)
    return imported


def import_table(
    path: Path,
    columns: TableColumns,
    options: ImportOptions,
    codebook: Codebook | None = None,
    *,
    texts: Path | None = None,
) -> Imported:
    """Read a table with one passage per row; rows with the same id and text are one passage with several labels.

    `texts` is a table with the texts, joined by the column of ids, of a table that has only labels. Without a codebook,
    make a stub of the topics in the table. Raises BadInput with every row that cannot be read, and with every question
    that the options leave open; DemarcheError if a column is missing or may be read in several ways.
    """
    _check_options(columns, options)
    problems = Problems()
    sheet = read_sheet(path, columns, options, problems)
    joined = _join(texts, columns, options, sheet, problems)
    _check_columns(sheet, columns, joined, problems)
    vocabulary = Vocabulary(options, codebook)
    answers = Answers(columns)
    try:
        layout = resolve(columns, sheet.names, list(answers.watch(row for _, row in sheet.rows)), vocabulary)
    except DemarcheError as error:
        raise DemarcheError(f"{path}: {error}") from None
    vocabulary.report(path, problems)
    _check_layout(path, columns, options, layout, joined)
    rows = RowReader(columns, options, vocabulary, layout)
    collected = Collected(path, options, problems, sheet.is_survey)
    for line, id, row in _passage_rows(sheet, layout, columns, joined, problems):
        with _noted(problems, path, line):
            passage = rows.passage(line, row, id=id)
            annotated = list(rows.labels(row, passage.text, passage=id if layout.is_by_passage else None))
            if not vocabulary.report(path, problems):
                collected.add(line, passage, annotated, accepted=answers.accepts(row, passage.id, _labels(annotated)))
    if joined is not None:
        for id, (line, row) in joined.rows.items():
            if id not in collected.passages:
                with _noted(problems, joined.sheet.path, line):
                    collected.add(line, rows.passage(line, row, id=id), ())
    topics = codebook.topic_ids if codebook else vocabulary.topics
    notes = [
        *map(str, problems.notes),
        *vocabulary.notes(),
        *rows.topic_cells.notes(),
        *answers.settle(collected.labels, topics),
    ]
    labels = collected.finish(spread=rows.spread, votes_are_topics=rows.votes_are_topics)
    problems.raise_any()
    unknown_topics = {} if codebook else vocabulary.topics
    if codebook is None:
        codebook = _make_stub(path, {label.topic for known in labels.values() for label in known})
    annotations = [
        Annotation(passage=id, annotator=annotator, codebook=codebook.reference, labels=tuple(known))
        for (id, annotator), known in labels.items()
    ]
    passages = list(collected.passages.values())
    notes += doubts(passages, annotations, collected.rows, unknown_topics, columns, sheet.names)
    how = how_read(sheet, columns, layout, joined, collected, annotations, rows.empty)
    return Imported(codebook, passages, annotations, how, notes)


def _check_other_sheets(path: Path, annotator: str) -> None:
    """Raise DemarcheError if the sheet of one annotator would replace that of another."""
    if annotator == DEFAULT_ANNOTATOR or not path.exists():
        return
    others = {each.annotator for _, each in read_jsonl(path, Annotation, Problems())} - {annotator}
    if others:
        raise DemarcheError(
            f"{path}: has the annotations by {min(others)!r}, which those by {annotator!r} would replace; "
            "choose another folder for each annotator with --out"
        )


def _labels(annotated: Iterable[Annotated]) -> dict[str, list[Label]]:
    return {each.annotator: each.labels for each in annotated if each.labels is not None}


@contextlib.contextmanager
def _noted(problems: Problems, path: Path, line: int) -> Iterator[None]:
    """Add what is wrong with a row to the problems, instead of raising it."""
    try:
        yield
    except ValidationError as error:
        for what in explain(error):
            problems.add(path, line, what)
    except DemarcheError as error:
        problems.add(path, line, str(error))


def _check_options(columns: TableColumns, options: ImportOptions) -> None:
    if not (columns.label_columns() or columns.votes or columns.gold):
        raise DemarcheError("no column of labels is named; name one with --topics, --stance, --votes or --gold")
    if options.separator == "":
        raise DemarcheError("--separator is empty; name the character between topics in one cell, e.g. ';'")


def _join(
    texts: Path | None, columns: TableColumns, options: ImportOptions, sheet: Sheet, problems: Problems
) -> Texts | None:
    """Read the table of texts, if there is one."""
    if texts is None:
        check_renamed(options.rename, sheet)
        return None
    if columns.id is None:
        raise DemarcheError("--texts needs --id, the column of ids in both tables")
    other = read_sheet(texts, columns, options, problems)
    check_renamed(options.rename, sheet, other)
    return read_texts(other, columns.passage_columns(), columns.id, problems)


def _check_columns(sheet: Sheet, columns: TableColumns, joined: Texts | None, problems: Problems) -> None:
    """Check that every column that is named occurs in at least one row, since JSON rows may leave columns out."""
    if not sheet.rows or (joined and not joined.rows):
        if not len(problems):
            problems.add((joined.sheet if sheet.rows and joined else sheet).path, None, "has no rows")
        problems.raise_any()
    specs = [name for _, name in columns.label_columns()]
    plain = [*columns.plain_columns(), *(name for name in specs if name in sheet.names or not placeholders(name))]
    present = {*sheet.names, *(joined.columns if joined else ())}
    missing = [name for name in dict.fromkeys(plain) if name not in present]
    for name in missing:
        problems.add(sheet.path, None, f"has no column {name!r}{suggest(name, present)}")
    if missing:
        problems.raise_any()


def _check_layout(
    path: Path, columns: TableColumns, options: ImportOptions, layout: Layout, joined: Texts | None
) -> None:
    general = any(reading.general.has_stance for reading in layout.readings)
    if options.target is not None and not (general or columns.votes or columns.gold):
        raise DemarcheError(
            f"{path}: --toward names the target of a column of stances, but every such column has its own; leave it out"
        )
    if layout.is_by_passage and joined is None:
        raise DemarcheError(f"{path}: columns are about several passages; name the table with their texts with --texts")


def _passage_rows(
    sheet: Sheet, layout: Layout, columns: TableColumns, joined: Texts | None, problems: Problems
) -> Iterator[tuple[int, str | None, dict[str, Any]]]:
    """Yield (line, id, row) for each passage in each row, with the cells of the table of texts.

    The id is None if the row itself has it.
    """
    passages = list(dict.fromkeys(reading.passage for reading in layout.readings if reading.passage is not None))
    for line, row in sheet.rows:
        if joined is None:
            yield line, None, row
            continue
        with _noted(problems, sheet.path, line):
            for id in passages or [identifier(columns.id or "", row.get(columns.id or ""))]:
                yield line, id, joined.add(id, row)


def _make_stub(path: Path, topics: Iterable[str | None]) -> Codebook:
    """Make a codebook of topics that have no definitions or targets yet."""
    name = re.sub(r"[\s@]+", "-", path.name.split(".")[0]) or "table"
    return Codebook(id=name, version="1.0.0", topics=tuple(Topic(id=topic) for topic in sorted(filter(None, topics))))
