"""Decide about all line ends of a text together: its paragraphs have similar lengths."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

_CERTAIN = 3.5
"""Log odds, in either direction, beyond which a line end is decided by itself."""
_MOST_CUTS = 25
"""Maximum number of doubtful line ends within a paragraph."""
_GEOMETRIC = 5.0
"""Weight of the geometric distribution beside the lengths that are counted, in paragraphs."""


def decide_together(odds: Sequence[float]) -> list[bool]:
    """Return for each line end whether the paragraph goes on, given the log odds of each by itself.

    The paragraphs are the most probable ones, where the number of lines in a paragraph has the distribution of a first
    decision by the odds alone. The odds imply a geometric distribution, which this one replaces.
    """
    lengths = _LengthScores(_lengths([each > 0 for each in odds]))
    joined = [True] * len(odds)
    start = 0
    for end in [place + 1 for place, each in enumerate(odds) if each < -_CERTAIN] + [len(odds) + 1]:
        if end <= len(odds):
            joined[end - 1] = False
        for cut in _best_cuts(odds[start : end - 1], lengths):
            joined[start + cut - 1] = False
        start = end
    return joined


def _lengths(joined: Sequence[bool]) -> list[int]:
    """Return the number of lines in each paragraph."""
    lengths = [1]
    for goes_on in joined:
        if goes_on:
            lengths[-1] += 1
        else:
            lengths.append(1)
    return lengths


class _LengthScores:
    """The log of the probability of a paragraph's length over that of the geometric distribution."""

    def __init__(self, lengths: Sequence[int]):
        self.total = len(lengths)
        self.end = len(lengths) / sum(lengths)
        self.counts: Counter[int] = Counter()
        for length, count in Counter(lengths).items():
            for near, weight in ((-1, 0.25), (0, 0.5), (1, 0.25)):
                self.counts[max(1, length + near)] += count * weight  # type: ignore[assignment]

    def __call__(self, length: int) -> float:
        geometric = max((1 - self.end) ** (length - 1) * self.end, 1e-6)
        return math.log((self.counts[length] / geometric + _GEOMETRIC) / (self.total + _GEOMETRIC))


def _best_cuts(odds: Sequence[float], score: _LengthScores) -> list[int]:
    """Return the numbers of the lines after which the lines between two certain breaks are cut (Viterbi)."""
    places = [0, *(place + 1 for place, each in enumerate(odds) if each < _CERTAIN), len(odds) + 1]
    sums = [0.0]
    for each in odds:
        sums.append(sums[-1] + each)
    best: dict[int, tuple[float, int]] = {0: (0.0, 0)}
    for number, end in enumerate(places[1:], start=1):
        best[end] = max(
            (best[start][0] + sums[end - 1] - sums[start] + score(end - start), start)
            for start in places[max(0, number - _MOST_CUTS) : number]
        )
    cuts: list[int] = []
    end = best[places[-1]][1]
    while end:
        cuts.append(end)
        end = best[end][1]
    return cuts
