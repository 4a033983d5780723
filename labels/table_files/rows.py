"""What the readers of tables have in common: the form of a row, and checks of a header and of a file's content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from labels.compression import COMPRESSED, DAMAGED, explain_damage, open_bytes
from labels.encodings import not_in
from labels.errors import Problems
from labels.file_format import FileFormat
from labels.files import encoding_of, explain_file, reason_not_text
from labels.signatures import HEAD, describe, recognise

Rows = Iterator[tuple[int, dict[str, Any]]]
_READABLE = (*COMPRESSED, ".parquet", ".xlsx")
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


def read_text_table(
    path: Path, problems: Problems, format: FileFormat, read: Callable[[Path, Problems, FileFormat], Rows]
) -> Rows:
    """Yield what `read` finds in a file of text. A file that is something else, or damaged, becomes a problem."""
    line = 0
    try:
        with open_bytes(path) as raw:
            what = reason_not_table(path, raw.peek(HEAD)[:HEAD], format.encoding)
        if what:
            problems.add(path, None, what)
        else:
            for line, row in read(path, problems, format):
                yield line, row
    except UnicodeError:
        encoding = encoding_of(path, format.encoding)
        problems.add(path, None, explain_file(path) if encoding == "utf-8" else not_in(encoding))
    except DAMAGED as error:
        problems.add(path, line + 1 if line else None, explain_damage(error, is_begun=line > 0))


def cells_by_name(header: Sequence[str], cells: Sequence[Any], number: Callable[[int], str] = str) -> dict[str, Any]:
    """Return {name: cell} of a row. The filled cells of a column without a name are under its place.

    `number` writes the place of a column, counted from 1.
    """
    return {
        name or f"column {number(place)} (no name)": cell
        for place, (name, cell) in enumerate(zip_longest(header, cells), start=1)
        if name or cell not in (None, "")
    }


def repeated_names(header: Sequence[str]) -> str | None:
    """Return the problem of a header with two columns of one name, or None."""
    repeated = sorted(name for name, count in Counter(header).items() if count > 1 and name)
    listed = ", ".join(map(repr, repeated))
    return f"columns {listed} occur twice in the header; rename one" if repeated else None


def reason_not_names(header: Sequence[str], rows: Sequence[Sequence[str]], columns: Collection[str]) -> str | None:
    """Return the problem of a first line that looks like data, or None. `columns` are those that the options name."""
    if any(name in columns for name in header) or not _looks_like_data(header, rows):
        return None
    return (
        "the first line looks like data; add a header line, or name the columns with --names id,text,…; "
        "if it is the header, name one of its columns in the options, e.g. with --text"
    )


def _looks_like_data(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
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
        any(name in cells and any(cell not in ("", name) for cell in cells) for name, cells in others)
        or any(_is_number(name) and is_number for name, is_number in numbers)
    )


def _is_number(cell: str) -> bool:
    """Return whether the cell is a number or a date in digits."""
    digits = cell.strip().replace("-", "").replace("/", "").replace(".", "").replace(":", "")
    return digits.isdecimal()
