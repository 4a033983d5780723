"""What the readers of tables have in common: the form of a row, and checks of a header and of a file's content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from labels.files import reason_not_text
from labels.signatures import describe, recognise

Rows = Iterator[tuple[int, dict[str, Any]]]
_READABLE = (".gz", ".parquet", ".xlsx")
"""Suffixes under which a table that has another name can be read."""
_WORDS_OF_PROSE = 3


def reason_not_table(path: Path, start: bytes, encoding: str | None) -> str | None:
    """Return why a file that starts with these bytes is not a table of text, or None."""
    kind = recognise(start)
    if kind is None:
        return reason_not_text(path, start, encoding)
    if kind.suffix in _READABLE:
        return describe(kind, path)
    return f"{describe(kind, path).partition(';')[0]}, not a table; save the table as .csv or .xlsx"


def repeated_names(header: Sequence[str]) -> str | None:
    """Return the problem of a header with two columns of one name, or None."""
    repeated = sorted(name for name, count in Counter(header).items() if count > 1 and name)
    listed = ", ".join(map(repr, repeated))
    return f"columns {listed} occur twice in the header; rename one" if repeated else None


def looks_like_data(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first line of a table is a row of data: a text, beside a number or value as in other rows."""
    columns = [(name, [row[place] for row in rows]) for place, name in enumerate(header)]
    if not rows or not columns:
        return False
    # The column of texts is the one with the longest cells.
    title, texts = max(columns, key=lambda column: sum(map(len, column[1])))
    is_prose = len(title.split()) >= _WORDS_OF_PROSE or title.rstrip("\"'”’").endswith((".", "!"))
    others = [(name, cells) for name, cells in columns if cells is not texts and name.strip()]
    numbers = [(name, all(map(_is_number, cells))) for name, cells in others]
    if any(is_number and not _is_number(name) for name, is_number in numbers):
        return False
    return is_prose and (
        any(name in cells for name, cells in others)
        or any(_is_number(name) and is_number for name, is_number in numbers)
    )


def _is_number(cell: str) -> bool:
    """Return whether the cell is a number or a date in digits."""
    digits = cell.strip().replace("-", "").replace("/", "").replace(".", "").replace(":", "")
    return digits.isdecimal()
