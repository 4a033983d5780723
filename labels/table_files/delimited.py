"""Read tables of delimited text: CSV of any dialect, and TSV with or without quoted cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable, Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Literal, NamedTuple, TextIO

from labels.compression import DAMAGED, LARGEST_TEXT, explain_damage, suffix
from labels.errors import Problems, one_line
from labels.file_format import FileFormat
from labels.files import open_text
from labels.table_files.rows import Rows, cells_by_name, read_text_table, reason_not_names, repeated_names
from labels.wording import counted

DELIMITERS = ",;\t|"
_OTHER_DELIMITERS = ":^~&#!%/\x01\x1f"
"""What else files are divided by; in a text these are too frequent to look for."""
_LINES_TRIED = 50
"""Number of lines in which to look for the header, and of rows to compare it with."""
_CURLY = "“”„"


class _Layout(NamedTuple):
    """Where the header is, and how its line and the lines below it are cut into cells."""

    skipped: int
    """Number of lines above the header."""
    delimiter: str
    quoting: Literal[0, 3]


def read_delimited(path: Path, problems: Problems, format: FileFormat, columns: Collection[str]) -> Rows:
    """Yield (line, row) of a CSV or TSV file. What cannot be read becomes a problem.

    `columns` are the columns that the options name: a line that has one of them is the header.
    """
    # A cell may hold a whole article, which the csv module's default limit refuses; an open quote may take in the file.
    csv.field_size_limit(LARGEST_TEXT)
    return read_text_table(path, problems, format, partial(_read, columns=columns))


def _read(path: Path, problems: Problems, format: FileFormat, *, columns: Collection[str]) -> Rows:
    with open_text(path, format.encoding) as stream:
        layout = _find_layout(path, stream, format, problems)
    with open_text(path, format.encoding) as stream:
        for _ in range(layout.skipped):
            stream.readline()
        sound = _SoundLines(stream)
        reader = csv.reader(sound, delimiter=layout.delimiter, quoting=layout.quoting, strict=True)
        lines = _lines(reader, sound, layout.skipped, path, problems)
        first_line, header = (1, format.column_names) if format.names else next(lines, (1, []))
        if not header:
            if not len(problems):
                problems.add(path, 1, "empty; a header line with the column names is expected")
            return
        first = list(islice(lines, _LINES_TRIED))
        what = repeated_names(header)
        if not what and not format.names:
            what = _reason_not_header(header, [cells for _, cells in first], columns)
        if what:
            problems.add(path, first_line, what)
            return
        for line, cells in chain(first, lines):
            if any(cells[len(header) :]) or len(cells) < len(header):
                problems.add(path, line, _explain_count(cells, header, layout.delimiter))
            elif zeros := [name for name, cell in zip(header, cells, strict=False) if "\0" in cell]:
                problems.add(path, line, f"column {zeros[0]!r} contains a zero byte; the file is damaged: remove it")
            else:
                yield line, cells_by_name(header, cells)


class _SoundLines:
    """The lines of a text, up to the place from which its file is damaged."""

    def __init__(self, stream: Iterable[str]) -> None:
        self._stream = stream
        self.damage: Exception | None = None

    def __iter__(self) -> Iterator[str]:
        try:
            yield from self._stream
        except DAMAGED as error:
            self.damage = error


def _lines(
    reader: Iterator[list[str]], sound: _SoundLines, skipped: int, path: Path, problems: Problems
) -> Iterator[tuple[int, list[str]]]:
    """Yield (number of its first line, cells) for each line that is not empty, until one that cannot be read."""
    line = skipped
    try:
        for cells in reader:
            start, line = line + 1, skipped + reader.line_num  # type: ignore[attr-defined]
            if any(cells):
                yield start, cells
    except csv.Error as error:
        if not sound.damage:
            problems.add(path, line + 1, f"not a CSV table from here: {error}; a quote in a quoted cell is doubled")
    if sound.damage:
        problems.add(path, line + 1 if line else None, explain_damage(sound.damage, is_begun=line > 0))


def _reason_not_header(header: list[str], rows: list[list[str]], columns: Collection[str]) -> str | None:
    """Return why the first line does not name the columns, or None. `columns` are those that the options name."""
    widths = {len(row) for row in rows}
    if len(header) == 1 and len(widths) == 1 and (width := widths.pop()) > 1:
        return f"{one_line(header[0])!r:.60} is one cell where the lines below have {width}; remove what is above the header"
    if len(header) == 1 and (mark := _unknown_delimiter(header[0], [row[0] for row in rows if len(row) == 1])):
        return (
            f"the lines are one cell each, but all have {mark!r}; name what separates cells, e.g. --delimiter {mark!r}"
        )
    return reason_not_names(header, [row for row in rows if len(row) == len(header)], columns)


def _unknown_delimiter(header: str, lines: list[str]) -> str | None:
    """Return the character that divides the header and each line into equally many parts, or None."""
    marks = (mark for mark in _OTHER_DELIMITERS if mark in header)
    return next(
        (mark for mark in marks if lines and {line.count(mark) for line in lines} == {header.count(mark)}), None
    )


def _explain_count(cells: list[str], header: list[str], delimiter: str) -> str:
    """Return the message about a line with too many or too few cells."""
    what = f"{counted(len(cells), 'cell')} where the header has {len(header)}"
    if len(cells) < len(header):
        return f"{what}; the line is cut, or a quote is missing"
    if any(letter in cell for cell in cells for letter in _CURLY):
        return f'{what}; curly quotes (“ ”) quote no cell: put straight ones (") around it'
    return f'{what}; put quotes (") around a cell that contains {delimiter!r}'


def _find_layout(path: Path, stream: TextIO, format: FileFormat, problems: Problems) -> _Layout:
    """Find the header and the delimiter from the first lines."""
    lines = list(islice(_SoundLines(stream), _LINES_TRIED))
    said = {"tab": "\t", "\\t": "\t"}.get(format.delimiter or "", format.delimiter)
    place = 0
    if lines and (separator := re.fullmatch(r'"?sep=(.|\\t)"?[\r\n]*', lines[0], re.IGNORECASE)):
        place, said = 1, said or separator[1].replace("\\t", "\t")
    # Where no header is expected, a first line that begins with # is as much a row as any other.
    if not format.names:
        place = _skip_comments(path, lines, place, said, problems)
    delimiter = said or _find_delimiter(path, [line for line in lines[place:] if line.strip()])
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL
    if delimiter == "\t":
        with open_text(path, format.encoding) as again:
            quoting = _tsv_quoting(islice(_SoundLines(again), place, None))
    return _Layout(place, delimiter, quoting)


def _skip_comments(path: Path, lines: list[str], place: int, delimiter: str | None, problems: Problems) -> int:
    """Return the place of the header after blank lines and comments; a name may begin with # too."""
    start = place
    while place < len(lines) and (not lines[place].strip() or lines[place].startswith("#")):
        below = next((line for line in lines[place + 1 :] if line.strip() and not line.startswith("#")), "")
        between = delimiter or _find_delimiter(path, [below])
        if lines[place].strip() and lines[place].count(between) == below.count(between) > 0:
            break
        place += 1
    comments = [line for line in lines[start:place] if line.strip()]
    if comments and place < len(lines):
        count = "comment line is" if len(comments) == 1 else f"{len(comments)} comment lines are"
        problems.note(path, start + 1, f"the {count} skipped: {comments[0].strip()}")
    return place if place < len(lines) else start


def _find_delimiter(path: Path, lines: list[str]) -> str:
    """Return the delimiter that is most frequent in the header, or else in the line below it."""
    for line in lines[:2]:
        # A quoted name may contain any of the delimiters.
        unquoted = re.sub(r'"[^"]*("|$)', "", line)
        if suffix(path) == ".tsv" and "\t" in unquoted:
            return "\t"
        if any(delimiter in unquoted for delimiter in DELIMITERS):
            return max(DELIMITERS, key=unquoted.count)
    return "\t" if suffix(path) == ".tsv" else ","


def _tsv_quoting(lines: Iterator[str]) -> Literal[0, 3]:
    """Return the quoting mode of a TSV file: none if parsing quotes fails, since many files use them as plain text."""
    header = next(lines, "")
    reader = csv.reader(chain([header], lines), delimiter="\t", strict=True)
    try:
        width = len(next(reader, []))
        has_quoted_names = header.startswith('"')
        quoted = all(
            not cells or (len(cells) == width and (has_quoted_names or not _has_swallowed_rows(cells)))
            for cells in reader
        )
    except csv.Error:
        quoted = False
    return csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE


def _has_swallowed_rows(cells: list[str]) -> bool:
    """Return whether each line of a row is a row of as many cells: two stray quotes took those between them for one."""
    lines = re.split(r"\r\n|\r|\n", "\t".join(cells))
    return min(len(lines), len(cells)) > 1 and all(line.count("\t") == len(cells) - 1 for line in lines)
