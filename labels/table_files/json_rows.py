"""Read rows from JSON: lines, an array, objects one after the other, or one object that holds the rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

from labels.compression import LARGEST
from labels.errors import DemarcheError, Problems
from labels.file_format import FileFormat
from labels.files import (
    check_characters,
    explain_json_line,
    load_json,
    open_text,
    read_lines,
    unique_keys,
)
from labels.signatures import HEAD
from labels.table_files.json_shapes import rows_of_object
from labels.table_files.rows import Rows, read_text_table

_AT_ONCE = 1 << 16
"""Number of characters to read at first; more are read only for a longer value."""
_LONGEST_TOKEN = 12
"""Length of the longest thing, such as `\\ud83d\\ude00`, that a value may be cut in."""
_SPACE = re.compile(r"[ \t\r\n,]*")


def read_json(path: Path, problems: Problems, format: FileFormat) -> Rows:
    """Yield (line or place in the array, row) of a JSON file. What cannot be read becomes a problem."""
    return read_text_table(path, problems, format, _read)


def _read(path: Path, problems: Problems, format: FileFormat) -> Rows:
    read = _read_lines if _has_lines(path, format) else _read_values
    return read(path, problems, format)


def _has_lines(path: Path, format: FileFormat) -> bool:
    """Return whether each line is a value, judged by the first two: the first of them may be broken."""
    problems = Problems()
    lines = [line.decode().strip() for _, line in islice(read_lines(path, problems, format.encoding), 2)]
    first, second = (*lines, "", "")[:2]
    if first.startswith("["):
        return False
    if not second:
        return not first.startswith("{") or (len(problems) > 0 and _is_object(first))
    return not first.startswith("{") or _is_object(first) or _is_object(second)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _read_lines(path: Path, problems: Problems, format: FileFormat) -> Rows:
    for number, raw in read_lines(path, problems, format.encoding):
        try:
            row = load_json(raw.decode())
        except DemarcheError as error:
            problems.add(path, number, explain_json_line(error))
            continue
        if isinstance(row, dict):
            yield number, row
        else:
            problems.add(path, number, "not a JSON object; one object per line is expected")


def _read_values(path: Path, problems: Problems, format: FileFormat) -> Rows:
    with open_text(path, format.encoding) as stream:
        start = stream.read(HEAD).lstrip()
    with open_text(path, format.encoding) as stream:
        window = _Window(stream)
        values = _values(window)
        try:
            first_two = list(islice(values, 2))
            rows: Iterator[Any] = chain(first_two, values)
            if len(first_two) == 1 and not start.startswith("[") and isinstance(first_two[0], dict):
                window.line = 1
                rows = rows_of_object(first_two[0])
            for number, row in enumerate(rows, start=1):
                if isinstance(row, dict):
                    yield number, row
                else:
                    problems.add(path, number, "not a JSON object; an array of objects is expected")
        except DemarcheError as error:
            problems.add(path, window.line, str(error))


def _values(text: _Window) -> Iterator[Any]:
    """Yield the values of a file, or those of the arrays in it. Raises DemarcheError at the first that is not JSON."""
    in_array = False
    while mark := text.skip_space():
        if mark == ("]" if in_array else "["):
            in_array = not in_array
            text.advance(text.place + 1)
        else:
            yield text.read_value()
    if in_array:
        raise DemarcheError("not JSON: the array does not end; the file is cut")


class _Window:
    """The part of a file that holds the value to read next."""

    def __init__(self, stream: TextIO):
        self.place = 0
        self._stream = stream
        self._text = ""
        self.line = 1
        """The line of the value to read next, or that of a mistake in it."""
        self._decoder = json.JSONDecoder(object_pairs_hook=unique_keys)

    def skip_space(self) -> str:
        """Skip white space and commas, and return the character after them, or "" at the end of the file."""
        while True:
            self.advance(_SPACE.match(self._text, self.place).end())  # type: ignore[union-attr]
            if self.place < len(self._text):
                return self._text[self.place]
            if not self._read_more():
                return ""

    def read_value(self) -> Any:
        """Read the value that begins here."""
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self.place)
            except json.JSONDecodeError as error:
                is_cut = error.msg.startswith("Unterminated string") or error.pos > len(self._text) - _LONGEST_TOKEN
                if is_cut and len(self._text) > LARGEST:
                    raise DemarcheError(f"a value longer than {LARGEST / 1e6:,.0f} MB; split it") from None
                if is_cut and self._read_more():
                    continue
                self.line += self._text.count("\n", self.place, error.pos)
                raise DemarcheError(f"not JSON: {error.msg}") from None
            except RecursionError:
                raise DemarcheError("not JSON: nested too deeply") from None
            except ValueError:  # Python's limit on the digits of a number
                raise DemarcheError("not JSON: a number with too many digits") from None
            # A number may go on in what is not read yet.
            if end == len(self._text) and self._read_more():
                continue
            check_characters(value, self._text[self.place : end])
            self.advance(end)
            return value

    def advance(self, place: int) -> None:
        """Go on to this place in the text."""
        self.line += self._text.count("\n", self.place, place)
        self.place = place

    def _read_more(self) -> bool:
        """Read as much again, so that the time grows with the length of a value; return False at the end of the file."""
        more = self._stream.read(max(_AT_ONCE, len(self._text) - self.place))
        self._text, self.place = self._text[self.place :] + more, 0
        return bool(more)
