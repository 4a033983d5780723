"""Read the lines of a text: where they are, how far they are indented, and what stands between them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from models.cleaning import INVISIBLE

_QUOTE_MARKS = re.compile(r"[ \t]*>[ \t>]*")
_PAGE_NUMBER = re.compile(
    r"(?:page )?[-–—\[(]{0,2} ?(?:\d{1,4}|[ivxl]{1,7}) ?[-–—\])]{0,2}|(?:page )?\d{1,4} ?(?:/|of) ?\d{1,4}|\[\[page .{1,12}\]\]",
    re.IGNORECASE,
)

Offsets = tuple[int, int]


class Line(NamedTuple):
    """A line that is not blank.

    `start` and `end` leave out white space and quotation marks (`> `). `depth` is the number of these marks, `indent`
    the columns between them and the line, `gap` the number of blank lines above it. `on_new_page` says that a form
    feed is above it. `is_page_mark` says that it is a page number or a running head.
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
        marks = _QUOTE_MARKS.match(raw)
        left = start + (marks.end() if marks else 0)
        stripped = trim(text, left, start + len(raw))
        if stripped is None:
            gap += 1
        else:
            depth = marks.group().count(">") if marks else 0
            indent = len(text[left : stripped[0]].expandtabs())
            is_number = stripped[1] - stripped[0] <= 20 and _PAGE_NUMBER.fullmatch(text, *stripped) is not None
            lines.append(Line(*stripped, indent, depth, gap, on_new_page, is_number))
            gap, on_new_page = 0, False
        on_new_page = on_new_page or raw.endswith("\f")
        start += len(raw)
    return _mark_running_heads(text, lines)


def trim(text: str, start: int, end: int) -> Offsets | None:
    """Return the offsets without white space and invisible characters at the ends, or None if nothing remains."""
    line = text[start:end]
    left = len(line) - len(line.lstrip().lstrip(INVISIBLE).lstrip())
    kept = line.strip().strip(INVISIBLE).strip()
    return (start + left, start + left + len(kept)) if kept else None


def _mark_running_heads(text: str, lines: list[Line]) -> list[Line]:
    """Mark the lines that stand at the top or the bottom of three pages or more."""
    places = {place for place in _page_edges(lines) if place >= 0}
    repeated = Counter(_without_digits(text, lines[place]) for place in places)
    return [
        line._replace(is_page_mark=True) if place in places and repeated[_without_digits(text, line)] > 2 else line
        for place, line in enumerate(lines)
    ]


def _page_edges(lines: list[Line]) -> Iterator[int]:
    """Yield the positions of the last line and the first of two pages, and of those beside a page number there."""
    for place, line in enumerate(lines):
        if line.on_new_page:
            above, below = place - 1, place
            yield from (above, above - 1) if above > 0 and lines[above].is_page_mark else (above,)
            yield from (below, below + 1) if below + 1 < len(lines) and line.is_page_mark else (below,)


def _without_digits(text: str, line: Line) -> str:
    return re.sub(r"\d+", "", text[line.start : line.end])
