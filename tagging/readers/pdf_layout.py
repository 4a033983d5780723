"""Find the paragraphs of a PDF document by where its lines stand: gaps, indents, and sizes of letters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from statistics import median
from typing import NamedTuple

from models.markup import join_divided_words
from tagging.pages.sentences import ends_sentence

_WIDE_GAP = 1.3
"""Number of usual distances between lines from which a gap separates paragraphs."""
_OTHER_SIZE = 0.15
"""Relative difference of the sizes of letters from which a line is no part of the paragraph above."""
_INDENT = 0.6
"""Least indent of a paragraph's first line, in heights of the line."""
_SAME_PLACE = 3.0
"""Number of points by which the places of a running head on two pages may differ."""
_LINES_OF_A_PARAGRAPH = 25
"""Number of lines to a paragraph up to which the layout of a document is taken to show its paragraphs."""

_Head = tuple[str, int, int]


class PlacedLine(NamedTuple):
    """A line of a page, with its edges in points from the lower left corner of the page."""

    text: str
    left: float
    right: float
    bottom: float
    top: float

    @property
    def height(self) -> float:
        return self.top - self.bottom


class _Column(NamedTuple):
    """Lines of one size close below each other. `is_apart`: a gap or another size separates them from those above."""

    lines: list[PlacedLine]
    is_apart: bool

    def is_indented(self, line: PlacedLine) -> bool:
        lefts = Counter(round(line.left) for line in self.lines)
        left = min(left for left, count in lefts.items() if 2 * count >= max(lefts.values()))
        return len(self.lines) > 2 and _INDENT * line.height < line.left - left < 5 * line.height


def without_running_heads(pages: Sequence[Sequence[PlacedLine]]) -> list[list[PlacedLine]]:
    """Return the pages without the lines that stand above or below the others, and alike on at least half the pages."""
    counts: Counter[_Head] = Counter()
    for lines in pages:
        by_height = sorted(lines, key=lambda line: line.bottom)
        counts.update({_head(line) for line in (*by_height[:2], *by_height[-2:])} if len(lines) > 1 else ())
    heads = {head for head, count in counts.items() if count >= max(2, len(pages) / 2)}
    return [[line for line in lines if _head(line) not in heads] for lines in pages]


def _head(line: PlacedLine) -> _Head:
    """Return what the lines of one running head have in common: their words without digits, and where they stand."""
    words = re.sub(r"\d+", "", line.text).strip()
    return words, round(line.bottom / _SAME_PLACE), round(line.height)


def text_of_pages(pages: Sequence[Sequence[PlacedLine]]) -> str:
    """Return the text of the pages with a blank line between its paragraphs, each on one line.

    If the layout does not show the paragraphs, their lines stay apart, and a form feed is put between the pages.
    """
    columns = [list(_columns(lines)) for lines in pages]
    paragraphs = list(_paragraphs(list(chain.from_iterable(columns))))
    if sum(map(len, pages)) <= _LINES_OF_A_PARAGRAPH * len(paragraphs):
        whole = join_divided_words("\n\n".join(map("\n".join, paragraphs)))
        return "\n\n".join(paragraph.replace("\n", " ") for paragraph in whole.split("\n\n"))
    return "\f".join(map(_lines_of_page, columns))


def _lines_of_page(columns: Sequence[_Column]) -> str:
    parts = [
        ("\n\n" if column.is_apart else "\n") + "\n".join(line.text for line in column.lines) for column in columns
    ]
    return "".join(parts).lstrip("\n")


def _columns(lines: Sequence[PlacedLine]) -> Iterator[_Column]:
    """Yield the columns of a page, in the order in which the document has them."""
    pitch = _usual_pitch(lines)
    column = _Column(list(lines[:1]), is_apart=False)
    for above, line in pairwise(lines):
        is_apart = _is_apart(above, line, pitch)
        if is_apart or not _is_below(above, line):
            yield column
            column = _Column([line], is_apart)
        else:
            column.lines.append(line)
    if column.lines:
        yield column


def _usual_pitch(lines: Sequence[PlacedLine]) -> float:
    """Return the usual distance between a line and the next one below it, in heights of the line."""
    pitches = [
        (above.bottom - line.bottom) / line.height
        for above, line in pairwise(lines)
        if line.height > 0 and 0 < above.bottom - line.bottom < 3 * line.height
    ]
    return median(pitches) if pitches else 1.0


def _is_apart(above: PlacedLine, line: PlacedLine, pitch: float) -> bool:
    """Return whether a gap or another size of letters shows that the line begins a paragraph.

    A line at the top of the next column may go on with the paragraph above.
    """
    return _differs(above, line) or above.bottom - line.bottom > _WIDE_GAP * pitch * line.height


def _differs(above: PlacedLine, line: PlacedLine) -> bool:
    return abs(above.height - line.height) > _OTHER_SIZE * max(above.height, line.height)


def _is_below(above: PlacedLine, line: PlacedLine) -> bool:
    """Return whether the line stands in the same column below the other."""
    return above.left < line.right and line.left < above.right and line.bottom < above.bottom


def _paragraphs(columns: Sequence[_Column]) -> Iterator[list[str]]:
    """Yield the lines of each paragraph that the layout shows."""
    has_indents = any(column.is_indented(line) for column in columns for line in column.lines)
    above: PlacedLine | None = None
    paragraph: list[str] = []
    for column in columns:
        for line in column.lines:
            if line is not column.lines[0]:
                begins = column.is_indented(line)
            else:
                begins = column.is_apart or column.is_indented(line) or not _goes_on(above, line, has_indents)
            if begins and paragraph:
                yield paragraph
                paragraph = []
            paragraph.append(line.text)
            above = line
    if paragraph:
        yield paragraph


def _goes_on(above: PlacedLine | None, line: PlacedLine, has_indents: bool) -> bool:
    """Return whether the first line of a column goes on with the paragraph at the end of the column before.

    Where paragraphs are indented, a line that is not goes on, whatever stands above it.
    """
    return above is not None and not _differs(above, line) and (has_indents or not ends_sentence(above.text))
