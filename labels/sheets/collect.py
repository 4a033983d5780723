"""Bring the sheets that annotators returned back as annotations, and count who has read what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from labels.check import read_passages
from labels.codebook import read_codebook
from labels.compression import suffix
from labels.errors import BadInput, DemarcheError, Problem, Problems, quoted_list
from labels.files import check_jsonl_output, read_jsonl, write_jsonl
from labels.passages import Annotation
from labels.sheets.answers import Answer
from labels.sheets.layout import Mark
from labels.sheets.rows import SheetReader, SheetRow
from labels.wording import counted

_SHEETS = (".xlsx", ".csv", ".tsv")
_OTHER_SPREADSHEETS = (".ods", ".xls", ".xlsm", ".numbers", ".fods")
_LOCKS = ("~$", ".")
"""What names of files begin with that a spreadsheet program keeps beside an open one."""


class Returned(NamedTuple):
    """What came back from an annotator: rows given and not returned, passages read, of them without topics and in doubt.

    `missing` has the ids of the rows that were not returned, as far as another file of the annotator has them.
    """

    annotator: str
    given: int
    not_returned: int
    read: int
    none: int
    in_doubt: int
    missing: tuple[str, ...]

    @property
    def unread(self) -> int:
        """The number of rows that came back without a reading."""
        return self.given - self.not_returned - self.read


@dataclass(frozen=True)
class ImportedSheets:
    """The readings of the sheets in a folder, in the order of the passages, and who has read what."""

    annotations: list[Annotation]
    returned: list[Returned]
    notes: list[Problem]

    @property
    def in_doubt(self) -> list[Annotation]:
        return [annotation for annotation in self.annotations if annotation.doubt]


def import_sheets_to_file(
    inputs: Sequence[Path], out: Path, *, codebook: Path, passages: Path, encoding: str | None = None
) -> ImportedSheets:
    """Read the sheets in folders or files, and write their annotations to one file.

    Raises BadInput with every mistake in all of them; then nothing is written. A reading that `out` has already is never
    lost.
    """
    check_jsonl_output(out, inputs=[codebook, passages, *inputs])
    imported = import_sheets(inputs, codebook=codebook, passages=passages, encoding=encoding)
    _check_kept(out, imported.annotations)
    write_jsonl(out, imported.annotations)
    return imported


def import_sheets(
    inputs: Sequence[Path], *, codebook: Path, passages: Path, encoding: str | None = None
) -> ImportedSheets:
    """Read the sheets in folders or files. Raises BadInput with every mistake in all of them."""
    problems = Problems()
    book, known = read_codebook(codebook), read_passages(passages)
    reader = SheetReader(book, known, passages, problems, encoding=encoding)
    rows: list[SheetRow] = []
    for path in _files(inputs, problems):
        try:
            rows += reader.read(path)
        except BadInput as error:
            for problem in error.problems:
                problems.add(*problem)
    chosen = _readings(rows, problems)
    problems.raise_any()
    if not chosen:
        raise DemarcheError(
            f"{', '.join(map(str, inputs))}: no row has a topic or 'none', so nothing was read; fill in the sheets first"
        )
    order = {passage.id: place for place, passage in enumerate(known)}
    annotations = [
        Annotation(
            passage=row.passage,
            annotator=row.mark.annotator,
            codebook=row.mark.codebook,
            labels=row.answer.labels or (),
            doubt=row.answer.doubt,
            note=row.answer.note,
        )
        for row in sorted(chosen, key=lambda row: (order[row.passage], row.mark.annotator))
    ]
    return ImportedSheets(annotations, _count(rows, annotations), problems.notes)


def _files(inputs: Iterable[Path], problems: Problems) -> list[Path]:
    """Return the files to read. Spreadsheets of another kind become problems, and other files are named."""
    files: list[Path] = []
    for given in inputs:
        if not given.exists():
            raise DemarcheError(f"{given}: no such folder or file; name the folder with the returned sheets")
        inside = sorted(path for path in given.iterdir() if path.is_file()) if given.is_dir() else [given]
        visible = [path for path in inside if not path.name.startswith(_LOCKS)]
        found = [path for path in visible if suffix(path) in _SHEETS]
        for path in visible:
            if path.suffix.lower() in _OTHER_SPREADSHEETS:
                problems.add(path, None, "a spreadsheet of another kind; save it as .xlsx or .csv")
        if others := [each.name for each in visible if each not in found and suffix(each) not in _OTHER_SPREADSHEETS]:
            problems.note(given, None, f"not a sheet, and not read: {quoted_list(others)}")
        if not found and not len(problems):
            problems.add(given, None, f"has no sheet ({', '.join(_SHEETS)}); name the folder with the returned sheets")
        files += found
    return list(dict.fromkeys(files))


def _readings(rows: Iterable[SheetRow], problems: Problems) -> list[SheetRow]:
    """Return one filled row for each annotator and passage; two that differ are a problem at both places."""
    chosen: dict[tuple[str, str], SheetRow] = {}
    for row in rows:
        if row.answer.labels is None:
            continue
        first = chosen.setdefault((row.mark.annotator, row.passage), row)
        if _comparable(first.answer) != _comparable(row.answer):
            problems.add(
                row.file,
                row.line,
                f"another reading of passage {row.passage!r} by {row.mark.annotator!r} than in {first.file}:{first.line}; "
                "make them the same, or empty one of the two",
            )
    return list(chosen.values())


def _comparable(answer: Answer) -> tuple[object, ...]:
    """Return the answer without the order of its topics."""
    return frozenset(answer.labels or ()), answer.doubt, answer.note


def _count(rows: Sequence[SheetRow], annotations: Sequence[Annotation]) -> list[Returned]:
    """Count what each annotator was given, returned and read."""
    by_mark: dict[Mark, dict[Path, set[str]]] = defaultdict(lambda: defaultdict(set))
    filled: dict[Mark, set[Path]] = defaultdict(set)
    for row in rows:
        by_mark[row.mark][row.file].add(row.passage)
        if row.answer.labels is not None:
            filled[row.mark].add(row.file)
    returned = []
    for annotator in dict.fromkeys(mark.annotator for mark in sorted(by_mark)):
        marks = [mark for mark in by_mark if mark.annotator == annotator]
        read = [each for each in annotations if each.annotator == annotator]
        given, missing = sum(mark.given for mark in marks), []
        not_returned = 0
        for mark in marks:
            # A copy that nobody filled in only tells which rows there were.
            copies = by_mark[mark]
            back = set().union(*(ids for file, ids in copies.items() if file in filled[mark] or not filled[mark]))
            not_returned += max(mark.given - len(back), 0)
            missing += sorted(set().union(*copies.values()) - back)
        returned.append(
            Returned(
                annotator=annotator,
                given=given,
                not_returned=not_returned,
                read=len(read),
                none=sum(not each.labels for each in read),
                in_doubt=sum(each.doubt for each in read),
                missing=tuple(missing),
            )
        )
    return returned


def _check_kept(out: Path, annotations: Iterable[Annotation]) -> None:
    """Raise DemarcheError if the file has a reading that would be lost, such as one of an earlier batch, or other lines."""
    if not out.exists():
        return
    problems = Problems()
    new = {(each.passage, each.annotator) for each in annotations}
    known = [(each.passage, each.annotator) for _, each in read_jsonl(out, Annotation, problems)]
    problems.raise_any()
    if lost := [each for each in known if each not in new]:
        passage, annotator = lost[0]
        raise DemarcheError(
            f"{out}: has {counted(len(lost), 'reading')} that these sheets do not have (passage {passage!r} by "
            f"{annotator!r} is the first); choose another file with --out, or delete this one if it is out of date"
        )
