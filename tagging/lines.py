"""Read the lines of a text: where they are, how far they are indented, and what stands between them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from models.cleaning import INVISIBLE
from models.markup import is_comparison

_QUOTATION_MARKS = re.compile(r"[ \t]*>[ \t>]*")
_PAGE_NUMBER = re.compile(
    r"(?:page )?[-–—\[(]{0,2} ?(?:\d{1,4}|[ivx]{1,5}) ?[-–—\])]{0,2}"
    r"|(?:page )?\d{1,4} ?(?:/|of) ?\d{1,4}"
    r"|\[\[page .{1,12}\]\]",
    re.IGNORECASE,
)
_LONGEST_PAGE_NUMBER = 24
_TAB = 4
_FEW_PAGES = 3
"""Minimum number of pages with the same first or last line, for it to be a running head."""

Offsets = tuple[int, int]


class Line(NamedTuple):
    """A line that is not blank.

    `start` and `end` leave out white space and the marks of quoted mail (`> `). `depth` is the number of these marks,
    `indent` the columns between them and the line, `gap` the number of blank lines above it. `on_new_page` says that a
    form feed is above it, `is_page_mark` that it is a page number or a running head.
    """

    start: int
    end: int
    indent: int
    depth: int
    gap: int
    on_new_page: bool
    is_page_mark: bool


def read_lines(text: str) -> list[Line]:
    """Return the lines of the text that are not blank, in order. A line of quotation marks alone is blank."""
    lines: list[Line] = []
    start = gap = 0
    on_new_page = False
    for raw in text.splitlines(keepends=True):
        marks = _quotation_marks(raw)
        left = start + len(marks)
        stripped = trim(text, left, start + len(raw))
        if stripped is None:
            gap += 1
        else:
            indent = len(text[left : stripped[0]].expandtabs(_TAB))
            depth = marks.count(">")
            lines.append(Line(*stripped, indent, depth, gap, on_new_page, is_page_mark=False))
            gap, on_new_page = 0, False
        on_new_page = on_new_page or raw.endswith("\f")
        start += len(raw)
    return _mark_running_heads(text, _mark_page_numbers(text, lines))


def trim(text: str, start: int, end: int) -> Offsets | None:
    """Return the offsets without white space and invisible characters at the ends, or None if nothing remains."""
    line = text[start:end]
    left = len(line) - len(line.lstrip().lstrip(INVISIBLE).lstrip())
    kept = line.strip().strip(INVISIBLE).strip()
    return (start + left, start + left + len(kept)) if kept else None


def as_one_line(paragraph: str) -> str:
    """Return a paragraph of the same length, with spaces for line ends, quotation marks and page numbers within it."""
    first, *rest = paragraph.splitlines(keepends=True)
    return "".join(map(_blank, [first, *map(_without_marks, rest)]))


def _quotation_marks(line: str) -> str:
    """Return the marks of quoted mail at the start of the line, and the white space around them."""
    marks = _QUOTATION_MARKS.match(line)
    if marks is None or (marks[0].count(">") == 1 and is_comparison(line, marks.end())):
        return ""
    return marks[0]


def _without_marks(line: str) -> str:
    marks = len(_quotation_marks(line))
    line = " " * marks + line[marks:]
    return " " * len(line) if _is_page_number(line.strip()) else line


def _blank(line: str) -> str:
    return re.sub(r"\s", " ", line)


def _is_page_number(line: str) -> bool:
    return len(line) <= _LONGEST_PAGE_NUMBER and _PAGE_NUMBER.fullmatch(line) is not None


def _mark_page_numbers(text: str, lines: list[Line]) -> list[Line]:
    """Mark the page numbers: they stand apart, or at the top or the bottom of a page."""
    ends_page = [line.on_new_page for line in lines[1:]] + [True] * bool(lines)
    return [
        line._replace(is_page_mark=True)
        if (line.gap or line.on_new_page or is_last) and _is_page_number(text[line.start : line.end])
        else line
        for line, is_last in zip(lines, ends_page, strict=True)
    ]


def _mark_running_heads(text: str, lines: list[Line]) -> list[Line]:
    """Mark the lines that stand, with another number, at the top or the bottom of several pages."""
    places = {place for place in _page_edges(lines) if place >= 0}
    repeated = Counter(_without_digits(text, lines[place]) for place in places)
    return [
        line._replace(is_page_mark=True)
        if place in places and repeated[_without_digits(text, line)] >= _FEW_PAGES
        else line
        for place, line in enumerate(lines)
    ]


def _page_edges(lines: list[Line]) -> Iterator[int]:
    """Yield the positions of the last line and the first of two pages, and of those beside a page number there."""
    for place, line in enumerate(lines):
        if line.on_new_page:
            yield from (place - 1, place - 2) if lines[place - 1].is_page_mark else (place - 1,)
            yield from (place, place + 1) if line.is_page_mark and place + 1 < len(lines) else (place,)


def _without_digits(text: str, line: Line) -> str:
    return re.sub(r"\d+", "", text[line.start : line.end])
