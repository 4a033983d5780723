"""Find the lines of a text that continue the line above: those of hard-wrapped paragraphs.

The whole text shows how it is wrapped. A line that ends within a sentence, before a line that begins with a small
letter, is continued; a line with room for the next word is not. These lines show the width of the text, how ragged its
right edge is, and what stands between paragraphs: a blank line, an indent, or nothing. The other lines are decided by
naive Bayes, with what these lines show.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from tagging.boundaries import WITHIN, Boundary, Kind, boundary, kinds_of_words, read_script
from tagging.lines import Line
from tagging.paragraph_lengths import decide_together

_NARROWEST, _WIDEST = 12, 200
"""Limits of the width of wrapped text, in characters."""
_PREFER_BREAK = 0.5
"""Log odds against joining two sentences: a wrong join spoils two paragraphs, a wrong break only one."""
_CERTAIN = 20.0
"""Log odds of a certain join."""


class _Rule(NamedTuple):
    """What is demanded of a text's continued lines before it counts as wrapped.

    `room` is the share of the width that a line may leave free, `full` the share of the lines that leave no more,
    `lines` the share of all lines that these are; `proof` is a number of them that is enough, `least` one below which
    nothing is.
    """

    room: float
    full: float
    lines: float
    least: int
    proof: float


_WITH_CASE = _Rule(room=0.3, full=0.6, lines=0.2, least=1, proof=3)
# Without case, headings and items of a list also end within a sentence: only lines of one length are wrapped.
_WITHOUT_CASE = _Rule(room=0.1, full=0.7, lines=0.4, least=3, proof=math.inf)

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


def continued(text: str, lines: Sequence[Line]) -> list[bool]:
    """Return for each line whether it continues the paragraph of the line above. Page marks are passed over."""
    joined = [False] * len(lines)
    by_depth: dict[int, dict[int, Boundary]] = defaultdict(dict)
    content = [place for place, line in enumerate(lines) if not line.is_page_mark]
    for above, below in itertools.pairwise(content):
        if lines[above].depth == lines[below].depth:
            by_depth[lines[below].depth][below] = boundary(text, lines[above : below + 1])
    for depth, boundaries in by_depth.items():
        decided = _decide(list(boundaries.values()), text, [line for line in lines if line.depth == depth])
        for place, is_continued in zip(boundaries, decided, strict=True):
            joined[place] = is_continued
    return joined


def _decide(boundaries: Sequence[Boundary], text: str, lines: Sequence[Line]) -> list[bool]:
    """Return whether the paragraph goes on at each boundary between the lines."""
    script = read_script(text, lines)
    words = kinds_of_words(text, lines)
    if not script.has_case:
        boundaries = [between._replace(kind=_without_case(between.kind)) for between in boundaries]
        words = Counter(map(_without_case, words.elements()))
    layout = find_layout(boundaries, words, has_case=script.has_case) if script.is_prose else None
    if layout is None:
        return [script.has_case and between.is_sentence for between in boundaries]
    return decide_together([layout.odds(between) for between in boundaries])


def _without_case(kind: Kind) -> Kind:
    return Kind(kind.end, "other") if kind.start == "small" else kind


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
        if _is_overlong(between, self.width):
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
        by_chance = _full_by_chance(self.width, self.slack + between.word)
        room = _room(between, self.width)
        if room <= self.slack:
            return math.log(0.97 / by_chance)
        return math.log((0.03 if room <= 2 * self.slack + 0.05 * self.width else 0.0002) / (1 - by_chance))


def find_layout(boundaries: Sequence[Boundary], words: Counter[Kind], *, has_case: bool) -> Layout | None:
    """Return how the lines are wrapped, or None if they are not. `words` are the kinds of places between words."""
    within = WITHIN if has_case else _without_case(WITHIN)
    short = [between for between in boundaries if max(between.edge, between.below) <= _WIDEST]
    candidates = [between for between in short if between.kind == within]
    if not candidates:
        return None
    width = _large([between.edge for between in candidates], 0.02)
    rule = _WITH_CASE if has_case else _WITHOUT_CASE
    full = [between for between in candidates if _room(between, width) <= rule.room * width + 1]
    if not _is_enough(rule, len(full), len(candidates), boundaries, width):
        return None
    slack = max(0, _large([_room(between, width) for between in full], 0.04))
    ends = [between for between in short if between.kind != within and _room(between, width) > slack]
    indent = _most_common(between.indent for between in full)
    gap = _most_common(between.gap for between in full if between.gap is not None)
    share = (words[within] + _KINDS[WITHIN][0]) / (words.total() + 20)
    by_chance = _full_by_chance(width, slack + 5)
    return Layout(
        width=width,
        slack=slack,
        indent=indent,
        gap=gap,
        prior=math.log((len(full) / share + 1) / ((len(ends) + 0.5) / (1 - by_chance))),
        kinds=_log_ratios(words, Counter(between.kind for between in ends), _KINDS),
        indents=_log_ratios(
            Counter(_indent(between, indent) for between in full),
            Counter(_indent(between, indent) for between in ends),
            _INDENTS,
        ),
        gaps=_log_ratios(
            Counter(between.gap > gap for between in full if between.gap is not None),
            Counter(between.gap > gap for between in ends if between.gap is not None),
            _GAPS,
        ),
    )


def _is_enough(rule: _Rule, full: int, candidates: int, boundaries: Sequence[Boundary], width: int) -> bool:
    """Return whether so many full lines among the candidates show that the text is wrapped to the width."""
    overlong = sum(_is_overlong(between, width) for between in boundaries)
    return (
        width >= _NARROWEST
        and full >= max(rule.least, rule.full * candidates, overlong)
        and (full >= rule.lines * len(boundaries) or full >= rule.proof)
    )


def _log_ratios(within: Counter[T], between: Counter[T], prior: Mapping[T, tuple[float, float]]) -> dict[T, float]:
    """Return for each value the log of its probability within paragraphs over that between them."""
    first = {value: within[value] + prior[value][0] for value in prior}
    second = {value: between[value] + prior[value][1] for value in prior}
    total = math.log(sum(second.values()) / sum(first.values()))
    return {value: math.log(first[value] / second[value]) + total for value in prior}


def _indent(between: Boundary, usual: int) -> tuple[int, bool]:
    return between.shift, between.indent > usual


def _room(between: Boundary, width: int) -> int:
    """Return the columns that would stay free if the next word were on the line: below zero if it has no room."""
    return width - between.edge - 1 - between.word


def _full_by_chance(width: int, free: int) -> float:
    """Return the probability that the last line of a paragraph leaves no more than so many columns free."""
    return min(0.5, (1 + free) / width)


def _is_overlong(between: Boundary, width: int) -> bool:
    return max(between.edge, between.below) > 1.1 * width + 2


def _large(values: Sequence[int], share: float) -> int:
    """Return the largest of the values after leaving out a share of them."""
    return sorted(values, reverse=True)[int(len(values) * share)]


def _most_common(values: Iterable[int]) -> int:
    return max(Counter(values).items(), key=lambda item: item[1], default=(0, 0))[0]
