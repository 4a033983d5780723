"""Read a sheet of an Excel workbook."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, time
from itertools import chain, islice
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from labels.compression import DAMAGED, open_bytes
from labels.errors import Problems, one_line
from labels.file_format import FileFormat
from labels.signatures import HEAD, recognise
from labels.table_files.parquet import seekable
from labels.table_files.rows import Rows, cells_by_name, reason_not_names, reason_not_table, repeated_names

BROKEN = (
    BadZipFile,
    NotImplementedError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    SyntaxError,
    *DAMAGED,
)
"""What openpyxl raises for workbooks that are damaged."""
_ENCRYPTED = 1
"""The bit of a member's flags in an archive that says that it has a password."""
_ROWS_COMPARED = 50
_LARGEST = 4_000_000_000
"""Maximum size of the unpacked workbook in bytes: a small file may unpack to any size."""


def read_workbook(path: Path, problems: Problems, format: FileFormat, columns: Collection[str]) -> Rows:
    """Yield (number, row) of the sheet that the user names, or else the first sheet with rows.

    `columns` are the columns that the options name: a row that has one of them is the header.
    """
    from openpyxl import load_workbook

    try:
        with open_bytes(path) as raw:
            start = raw.peek(HEAD)[:HEAD]
    except DAMAGED as error:
        problems.add(path, None, f"cannot be read: {error}")
        return
    kind = recognise(start)
    if kind is None or kind.suffix not in (".xlsx", ".zip"):
        problems.add(
            path, None, reason_not_table(path, start, None) or "not an Excel workbook; give it the name of its kind"
        )
        return
    try:
        if what := reason_not_opened(path):
            problems.add(path, None, what)
            return
        values, formulas = (load_workbook(seekable(path), read_only=True, data_only=only) for only in (True, False))
        for sheet in (*values.worksheets, *formulas.worksheets):
            # Programs that write workbooks often give a wrong size, beyond which openpyxl reads nothing.
            sheet.reset_dimensions()
        name = _choose_sheet(values, path, problems, format.sheet)
        if name is not None:
            lines = _lines(values[name], formulas[name], path, problems)
            yield from _rows(name, lines, path, problems, format, columns)
    except BROKEN as error:
        problems.add(path, None, f"not an Excel workbook, or a damaged one: {one_line(str(error))}")


def reason_not_opened(path: Path) -> str | None:
    """Return why the archive of a workbook must not or cannot be unpacked, or None."""
    with ZipFile(seekable(path)) as archive:
        members = archive.infolist()
    if any(member.flag_bits & _ENCRYPTED for member in members):
        return "a workbook with a password; save it without one"
    if sum(member.file_size for member in members) > _LARGEST:
        return "a workbook that is too large; save the sheet as .csv"
    return None


def _choose_sheet(book: Any, path: Path, problems: Problems, named: str | None) -> str | None:
    """Return the name of the sheet to read, or None after a problem; note that there are others."""
    sheets = [sheet.title for sheet in book.worksheets]
    if named is not None:
        if named not in sheets:
            problems.add(path, None, f"has no sheet {named!r}; it has {', '.join(sheets)}")
        return named if named in sheets else None
    full = [sheet.title for sheet in book.worksheets if any(_filled(row) for row in sheet.iter_rows(values_only=True))]
    if not full:
        problems.add(path, None, "has no rows in any sheet")
        return None
    if len(full) > 1:
        problems.note(path, None, f"sheet {full[0]!r} is read, of {', '.join(full)}; --sheet names another")
    return str(full[0])


def _lines(values: Any, formulas: Any, path: Path, problems: Problems) -> Iterator[tuple[int, list[Any]]]:
    """Yield (number, cells) of the rows that are not empty; those with a formula but no value become problems."""
    rows = zip(values.iter_rows(), formulas.iter_rows(values_only=True), strict=True)
    for number, (cells, written) in enumerate(rows, start=1):
        # A formula whose value is an empty text has the type of a text.
        without_value = [
            place
            for place, (cell, formula) in enumerate(zip(cells, written, strict=True), start=1)
            if cell.value is None and formula is not None and cell.data_type != "str"
        ]
        if without_value:
            problems.add(
                path,
                number,
                f"cell {_letter(without_value[0])}{number} is a formula whose value is not stored; "
                "open and save the workbook in Excel, or save the sheet as .csv",
            )
        elif _filled(row := [_plain(cell.value) for cell in cells]):
            yield number, row


def _rows(
    sheet: str,
    lines: Iterator[tuple[int, list[Any]]],
    path: Path,
    problems: Problems,
    format: FileFormat,
    columns: Collection[str],
) -> Rows:
    before = len(problems)
    number, header = (0, format.column_names) if format.names else next(lines, (0, []))
    if len(problems) > before:
        return
    if not header:
        problems.add(path, None, f"sheet {sheet!r} has no rows")
        return
    names = ["" if name is None else str(name).strip() for name in header]
    first = list(islice(lines, _ROWS_COMPARED))
    if what := repeated_names(names) or (
        None if format.names else reason_not_names(names, _texts(first, len(names)), columns)
    ):
        problems.add(path, number, what)
        return
    for number, row in chain(first, lines):
        yield number, cells_by_name(names, row, _letter)


def _texts(lines: Sequence[tuple[int, list[Any]]], width: int) -> list[list[str]]:
    """Return this many cells of each row as texts."""
    rows = ([*row[:width], *[None] * (width - len(row))] for _, row in lines)
    return [["" if cell is None else str(cell) for cell in row] for row in rows]


def _letter(place: int) -> str:
    """Return the name of a column in Excel: A for the first."""
    from openpyxl.utils import get_column_letter

    return str(get_column_letter(place))


def _filled(row: Sequence[Any]) -> bool:
    return any(cell is not None and cell != "" for cell in row)


def _plain(cell: Any) -> Any:
    """Return dates as text: that of a whole day without its time."""
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    return cell if cell is None or isinstance(cell, str | int | float | bool) else str(cell)
