"""Whether a text is like the training texts, by the share of its words that occur in them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np

from labels.files import Frozen
from models.cleaning import clean
from models.saved_parts import Fraction

FEWEST = 1000
"""Fewer training texts do not show which share of known words is unusual."""
_RAREST = 0.001
"""A text is unfamiliar if its share of known words is below that of all but this fraction of the training texts."""
_PRIOR = 10.0
"""Short texts are judged as if they had this many more words, of which an average share is known."""
# Names tell little about what a text is like: only words in lower case count, and single characters in Chinese and
# Japanese, which have neither case nor spaces.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\d_]+")


class Familiarity(Frozen):
    """The words of the training texts, and the lowest share of known words of a familiar text."""

    words: tuple[str, ...]
    mean: Fraction
    lowest: Fraction

    @classmethod
    def of(cls, texts: Sequence[str], groups: Sequence[str]) -> Self | None:
        """Learn from the training texts, each compared with those of the other groups; None if they are too few."""
        if len(texts) < FEWEST:
            return None
        words_of = [_words(text) for text in texts]
        by_group: dict[str, set[str]] = {}
        for group, words in zip(groups, words_of, strict=True):
            by_group.setdefault(group, set()).update(words)
        counts = Counter(word for words in by_group.values() for word in words)
        known = np.array([sum(counts[word] > 1 for word in words) for words in words_of])
        sizes = np.array([len(words) for words in words_of])
        mean = float(known.sum() / max(sizes.sum(), 1))
        shares = (known + _PRIOR * mean) / (sizes + _PRIOR)
        return cls(words=tuple(sorted(counts)), mean=mean, lowest=float(np.quantile(shares, _RAREST)))

    def unfamiliar(self, texts: Iterable[str]) -> list[bool]:
        known = frozenset(self.words)
        shares = []
        for text in texts:
            words = _words(text)
            shares.append((len(words & known) + _PRIOR * self.mean) / (len(words) + _PRIOR))
        return [share < self.lowest for share in shares]


def count_words(text: str) -> int:
    """Return the number of words; in Chinese and Japanese, of characters."""
    return len(_WORD.findall(clean(text)))


def _words(text: str) -> set[str]:
    return {word for word in _WORD.findall(clean(text)) if word == word.lower()}
