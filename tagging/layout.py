"""Fit the layout of a wrapped text: its width, its right edge, and what stands between its paragraphs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tagging.boundaries import WITHIN, Boundary, Kind

_PREFER_BREAK = 0.5
"""Log odds against joining two sentences: a wrong join spoils two paragraphs, a wrong break only one."""
_CERTAIN = 20.0
"""Log odds of a certain join."""
_LEFT_OUT = 0.04
"""Share of the continued lines that may leave more room than a full line."""

_Prior = Mapping[Kind, tuple[float, float]]
_KINDS: _Prior = {
    WITHIN: (15, 0.02),
    Kind("open", "other"): (3, 1.5),
    Kind("open", "quote"): (0.3, 0.1),
    Kind("open", "item"): (0.05, 0.3),
    Kind("colon", "small"): (0.2, 0.05),
    Kind("colon", "other"): (0.1, 0.4),
    Kind("colon", "quote"): (0.02, 0.2),
    Kind("colon", "item"): (0.02, 0.3),
    Kind("semicolon", "small"): (0.2, 0.1),
    Kind("semicolon", "other"): (0.1, 0.05),
    Kind("semicolon", "quote"): (0.02, 0.02),
    Kind("semicolon", "item"): (0.02, 0.2),
    Kind("closed", "small"): (0.2, 0.05),
    Kind("closed", "other"): (1, 7),
    Kind("closed", "quote"): (0.1, 1),
    Kind("closed", "item"): (0.05, 0.5),
}
"""Pseudo-counts of each kind within paragraphs and between them, before anything is known of a text."""
_INDENTS = {
    (0, False): (0.9, 0.2),
    (0, True): (0.05, 0.1),
    (1, False): (0.02, 0.02),
    (1, True): (0.02, 0.1),
    (-1, False): (0.05, 0.05),
    (-1, True): (0.02, 0.02),
}
"""The same for the change of the indent, and whether the lower line is indented more than most."""
_GAPS = {False: (0.95, 0.1), True: (0.05, 0.1)}
"""The same for more blank lines than within paragraphs."""

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class Layout:
    """How a text is wrapped: its width, the room that a full line may leave, and the signs of a new paragraph.

    Each sign has log odds of a boundary within a paragraph. `indent` and `gap` are those of most continued lines.
    """

    width: int
    slack: int
    indent: int
    gap: int
    prior: float
    kinds: Mapping[Kind, float]
    indents: Mapping[tuple[int, bool], float]
    gaps: Mapping[bool, float]

    def odds(self, between: Boundary) -> float:
        """Return the log odds that the paragraph goes on at the boundary."""
        if is_overlong(between, self.width):
            return _CERTAIN if between.is_sentence else -_CERTAIN
        odds = self.prior + self.kinds[between.kind] + self.indents[_indent(between, self.indent)]
        if between.gap is not None:
            odds += self.gaps[between.gap > self.gap]
        if between.is_heading:
            odds -= 3
        if between.kind.end == "closed":
            odds -= _PREFER_BREAK
        return odds + self._fullness(between)

    def _fullness(self, between: Boundary) -> float:
        """Return the log odds that the room at the end of the line is that within a paragraph."""
        by_chance = full_by_chance(self.width, self.slack + between.word)
        free = room(between, self.width)
        if free <= self.slack:
            return math.log(0.97 / by_chance)
        return math.log((0.03 if free <= most_room(self.width, self.slack) else 0.0002) / (1 - by_chance))


def fit(
    width: int,
    continued: Sequence[Boundary],
    ended: Sequence[Boundary],
    words: Counter[Kind],
    *,
    prior: float,
) -> Layout:
    """Return the layout of a text in which the paragraph goes on at some boundaries and ends at others.

    `words` are the kinds of the places between words, and `prior` the log odds of any boundary.
    """
    indent = _most_common(between.indent for between in continued)
    gap = _most_common(between.gap for between in continued if between.gap is not None)
    return Layout(
        width=width,
        slack=slack_of(width, continued),
        indent=indent,
        gap=gap,
        prior=prior,
        kinds=_log_ratios(words, Counter(between.kind for between in ended), _KINDS),
        indents=_log_ratios(
            Counter(_indent(between, indent) for between in continued),
            Counter(_indent(between, indent) for between in ended),
            _INDENTS,
        ),
        gaps=_log_ratios(
            Counter(between.gap > gap for between in continued if between.gap is not None),
            Counter(between.gap > gap for between in ended if between.gap is not None),
            _GAPS,
        ),
    )


def most_room(width: int, slack: int) -> float:
    """Return how many columns the rare continued line leaves free that leaves more than the slack."""
    return 2 * slack + 0.05 * width


def slack_of(width: int, continued: Sequence[Boundary]) -> int:
    """Return how many columns a continued line leaves free although the next word would fit."""
    return max(0, nth_largest([room(between, width) for between in continued], _LEFT_OUT))


def _log_ratios(within: Counter[T], between: Counter[T], prior: Mapping[T, tuple[float, float]]) -> dict[T, float]:
    """Return for each value the log of its probability within paragraphs over that between them."""
    first = {value: within[value] + prior[value][0] for value in prior}
    second = {value: between[value] + prior[value][1] for value in prior}
    total = math.log(sum(second.values()) / sum(first.values()))
    return {value: math.log(first[value] / second[value]) + total for value in prior}


def _indent(between: Boundary, usual: int) -> tuple[int, bool]:
    return between.shift, between.indent > usual


def room(between: Boundary, width: int) -> int:
    """Return the columns that would stay free if the next word were on the line: below zero if it has no room."""
    return width - between.edge - 1 - between.word


def full_by_chance(width: int, free: float) -> float:
    """Return the probability that the last line of a paragraph leaves no more than so many columns free."""
    return min(0.5, (1 + free) / width)


def is_overlong(between: Boundary, width: int) -> bool:
    return max(between.edge, between.below) > 1.1 * width + 2


def nth_largest(values: Sequence[int], share: float) -> int:
    """Return the largest of the values after leaving out a share of them."""
    return sorted(values, reverse=True)[int(len(values) * share)]


def _most_common(values: Iterable[int]) -> int:
    return max(Counter(values).items(), key=lambda item: item[1], default=(0, 0))[0]
