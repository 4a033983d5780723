"""Read a sheet of an Excel workbook."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime, time
from itertools import chain, islice
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from labels.errors import Problems, one_line
from labels.file_format import FileFormat
from labels.files import open_bytes
from labels.signatures import HEAD, recognise
from labels.table_files.parquet import seekable
from labels.table_files.rows import Rows, looks_like_data, reason_not_table, repeated_names

_BROKEN = (BadZipFile, KeyError, ValueError, TypeError, AttributeError, SyntaxError, OSError, EOFError, zlib.error)
"""What openpyxl raises for workbooks that are damaged."""
_ROWS_COMPARED = 50
_LARGEST = 4_000_000_000
"""Maximum size of the unpacked workbook in bytes: a small file may unpack to any size."""


def read_workbook(path: Path, problems: Problems, format: FileFormat) -> Rows:
    """Yield (number, row) of the sheet that the user names, or else the first sheet with rows."""
    from openpyxl import load_workbook

    with open_bytes(path) as raw:
        start = raw.peek(HEAD)[:HEAD]
    kind = recognise(start)
    if kind is None or kind.suffix not in (".xlsx", ".zip"):
        problems.add(
            path, None, reason_not_table(path, start, None) or "not an Excel workbook; give it the name of its kind"
        )
        return
    try:
        with ZipFile(seekable(path)) as archive:
            if sum(member.file_size for member in archive.infolist()) > _LARGEST:
                problems.add(path, None, "a workbook that is too large; save the sheet as .csv")
                return
        book = load_workbook(seekable(path), read_only=True, data_only=True)
        name = _choose_sheet(book, path, problems, format.sheet)
        if name is not None:
            yield from _rows(book[name].iter_rows(values_only=True), path, problems, format)
    except _BROKEN as error:
        problems.add(path, None, f"not an Excel workbook, or a damaged one: {one_line(str(error))}")


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


def _rows(cells: Iterator[Sequence[Any]], path: Path, problems: Problems, format: FileFormat) -> Rows:
    lines = ((number, [_plain(cell) for cell in row]) for number, row in enumerate(cells, start=1) if _filled(row))
    number, header = (0, format.column_names) if format.names else next(lines)
    names = ["" if name is None else str(name).strip() for name in header]
    first = list(islice(lines, _ROWS_COMPARED))
    texts = [["" if cell is None else str(cell) for cell in row[: len(names)]] for _, row in first]
    if what := repeated_names(names):
        problems.add(path, number, what)
    elif not format.names and looks_like_data(names, texts):
        problems.add(
            path,
            number,
            "the first row looks like data; add a row of column names, or name them with --names id,text,…",
        )
    else:
        for number, row in chain(first, lines):
            yield number, {name: cell for name, cell in zip(names, row, strict=False) if name}


def _filled(row: Sequence[Any]) -> bool:
    return any(cell is not None and cell != "" for cell in row)


def _plain(cell: Any) -> Any:
    """Return dates as text: that of a whole day without its time."""
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    return cell if cell is None or isinstance(cell, str | int | float | bool) else str(cell)
