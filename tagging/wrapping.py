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
from collections.abc import Sequence
from typing import NamedTuple

from tagging.boundaries import WITHIN, Boundary, Kind, boundary, kinds_of_words, read_script
from tagging.layout import Layout, fit, full_by_chance, is_overlong, most_room, nth_largest, room, slack_of
from tagging.lines import Line
from tagging.paragraph_lengths import decide_together

_NARROWEST, _WIDEST = 12, 200
"""Limits of the width of wrapped text, in characters."""
_FEW = 2
_WORD = 5
"""The usual length of a word."""


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


def continued(text: str, lines: Sequence[Line]) -> list[bool]:
    """Return for each line whether it continues the paragraph of the line above. Page marks are passed over."""
    joined = [False] * len(lines)
    boundaries: dict[int, dict[int, Boundary]] = defaultdict(dict)
    by_depth: dict[int, list[Line]] = defaultdict(list)
    content = [place for place, line in enumerate(lines) if not line.is_page_mark]
    for place in content:
        by_depth[lines[place].depth].append(lines[place])
    for above, below in itertools.pairwise(content):
        if lines[above].depth == lines[below].depth:
            boundaries[lines[below].depth][below] = boundary(text, lines[above : below + 1])
    for depth, found in boundaries.items():
        decided = _decide(list(found.values()), text, by_depth[depth])
        for place, is_continued in zip(found, decided, strict=True):
            joined[place] = is_continued
    return joined


def _decide(boundaries: Sequence[Boundary], text: str, lines: Sequence[Line]) -> list[bool]:
    """Return whether the paragraph goes on at each boundary between the lines."""
    script = read_script(text, lines)
    if not script.has_case:
        boundaries = [between._replace(kind=_without_case(between.kind)) for between in boundaries]
    layout = None
    # Most texts have no line that ends within a sentence; their words need not be looked at.
    if script.is_prose and _candidates(boundaries, has_case=script.has_case):
        words = kinds_of_words(text, lines)
        if not script.has_case:
            words = Counter(map(_without_case, words.elements()))
        layout = find_layout(boundaries, words, has_case=script.has_case)
    if layout is None:
        return [script.has_case and between.is_sentence for between in boundaries]
    return decide_together([layout.odds(between) for between in boundaries])


def _without_case(kind: Kind) -> Kind:
    return Kind(kind.end, "other") if kind.start == "small" else kind


def find_layout(boundaries: Sequence[Boundary], words: Counter[Kind], *, has_case: bool) -> Layout | None:
    """Return how the lines are wrapped, or None if they are not. `words` are the kinds of the places between words."""
    within = WITHIN if has_case else _without_case(WITHIN)
    rule = _WITH_CASE if has_case else _WITHOUT_CASE
    short = _short(boundaries)
    candidates = _candidates(boundaries, has_case=has_case)
    if not candidates:
        return None
    width = _width(candidates)
    full = [between for between in candidates if room(between, width) <= rule.room * width + 1]
    if not _is_enough(rule, len(full), len(candidates), boundaries, width):
        return None
    most = most_room(width, slack_of(width, full))
    ended = [between for between in short if between.kind != within and room(between, width) > most]
    # Of the continued lines, only those that end within a sentence are counted; of the others, those that are not full.
    continued_share = (words[within] + 15) / (words.total() + 20)
    ended_share = 1 - full_by_chance(width, most + _WORD)
    prior = math.log((len(full) / continued_share + 1) / (len(ended) / ended_share + 1))
    layout = fit(width, full, ended, words, prior=prior)
    # Once more, with all boundaries as they are decided by now.
    odds = [(between, layout.odds(between)) for between in short]
    full = [between for between, each in odds if each > 0]
    ended = [between for between, each in odds if each <= 0]
    if not full:
        return layout
    return fit(width, full, ended, words, prior=math.log((len(full) + 1) / (len(ended) + 1)))


def _short(boundaries: Sequence[Boundary]) -> list[Boundary]:
    """Return the boundaries between lines that are short enough to be wrapped."""
    return [between for between in boundaries if max(between.edge, between.below) <= _WIDEST]


def _candidates(boundaries: Sequence[Boundary], *, has_case: bool) -> list[Boundary]:
    """Return the boundaries within a sentence, at which a paragraph may go on."""
    within = WITHIN if has_case else _without_case(WITHIN)
    return [between for between in _short(boundaries) if between.kind == within]


def _width(candidates: Sequence[Boundary]) -> int:
    """Return the column of the right edge, from lines that are not indented where there are some (tabs mislead)."""
    even = [between.edge for between in candidates if between.shift == 0]
    return nth_largest(even if len(even) >= _FEW else [between.edge for between in candidates], 0.02)


def _is_enough(rule: _Rule, full: int, candidates: int, boundaries: Sequence[Boundary], width: int) -> bool:
    """Return whether so many full lines among the candidates show that the text is wrapped to the width."""
    overlong = sum(is_overlong(between, width) for between in boundaries)
    return (
        width >= _NARROWEST
        and full >= max(rule.least, rule.full * candidates, overlong)
        and (full >= rule.lines * len(boundaries) or full >= rule.proof)
    )
