"""What the rows of a workbook do not show: which sheet has certain columns, hidden rows, merged cells."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from labels.compression import DAMAGED, open_bytes
from labels.signatures import HEAD, recognise
from labels.table_files.parquet import seekable
from labels.table_files.workbook import BROKEN, reason_not_opened

_HEADER_ROWS = 20
"""Number of rows in which to look for the header."""


class SheetFound(NamedTuple):
    """The sheet with the columns: the number of hidden rows, merged cells (`B3:B5`), and the sheets beside it."""

    name: str
    hidden_rows: int
    merged: tuple[str, ...]
    others: tuple[str, ...]


def find_sheet(path: Path, columns: Collection[str]) -> SheetFound | None:
    """Return the first sheet of a workbook with a row that names all the columns.

    Returns None if no sheet has them, or the file is no workbook that can be opened; `read_workbook` says why.
    """
    from openpyxl import load_workbook

    try:
        with open_bytes(path) as raw:
            kind = recognise(raw.peek(HEAD)[:HEAD])
        if kind is None or kind.suffix not in (".xlsx", ".zip") or reason_not_opened(path):
            return None
        book = load_workbook(seekable(path), data_only=True)
    except (*BROKEN, *DAMAGED):
        return None
    for sheet in book.worksheets:
        if header := _header(sheet, columns):
            merged = sorted(str(area) for area in sheet.merged_cells.ranges if _touches(area, sheet, header))
            others = tuple(other.title for other in book.worksheets if other is not sheet)
            return SheetFound(sheet.title, _hidden(sheet, header), tuple(merged), others)
    return None


def _header(sheet: Any, columns: Collection[str]) -> int | None:
    """Return the number of the row that names the columns."""
    for number, row in enumerate(sheet.iter_rows(max_row=_HEADER_ROWS, values_only=True), start=1):
        if set(columns) <= {str(cell).strip() for cell in row if cell is not None}:
            return number
    return None


def _hidden(sheet: Any, header: int) -> int:
    """Return the number of rows with a value that are hidden, by a filter or by hand."""
    return sum(
        any(cell.value is not None for cell in row)
        for number, row in enumerate(sheet.iter_rows(min_row=header), start=header)
        if sheet.row_dimensions[number].hidden
    )


def _touches(area: Any, sheet: Any, header: int) -> bool:
    """Return whether merged cells are in a column of the table, whose header has a name, and not above it."""
    columns = range(area.min_col, area.max_col + 1)
    return area.max_row >= header and any(sheet.cell(header, column).value is not None for column in columns)
