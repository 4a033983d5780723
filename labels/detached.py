"""Passages without their text, and their text filled in again from a copy of the articles.

Labels can be shared where the articles cannot. A digest of the text shows whether a copy of the article has the same
text. A second digest, of the normalised text, still agrees if only white space, quotation marks or the Unicode form
differ.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from operator import itemgetter
from typing import Annotated

from pydantic import Field, model_validator

from labels.codebook import Name
from labels.files import Frozen
from labels.passages import LONGEST, Article, Passage

NEAR = 500
"""Distance in code points within which a passage that begins or ends inside a word is searched."""
_AROUND = 500
"""Number of words around the expected place of a passage that are searched before all words of the article."""
_MOST_SEARCHED = 5_000_000
"""Number of words searched in an article without finding a passage, before the search of all its words is given up."""
_LONGEST_WORD = 10_000
"""Longer words keep their Unicode form: the time that NFKC takes grows with the square of a run of combining marks."""
_STRAIGHT = str.maketrans("‘’‚‛“”„‟", "''''\"\"\"\"")

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 of a text in UTF-8, in hexadecimal."""
_Span = tuple[int, int]
"""Start and end in the text of an article, in code points."""
_start = itemgetter(0)


class DetachedPassage(Frozen):
    """A passage without its text; lengths and offsets are in Unicode code points."""

    id: Name
    article: Name
    start: Annotated[int, Field(ge=0)]
    end: int
    length: Annotated[int, Field(gt=0)]
    sha256: Digest
    normalised_length: Annotated[int, Field(ge=0)]
    normalised_sha256: Digest
    group: str | None = None
    split: str | None = None
    published: str | None = None
    source: str | None = None

    @model_validator(mode="after")
    def _length_fits(self) -> DetachedPassage:
        if self.end - self.start != self.length:
            raise ValueError(f"start {self.start} and end {self.end} do not span the length of {self.length}")
        return self


@dataclass
class Attached:
    """The result of `attach`: the passages with their text, and those whose text was not found.

    `moved` and `normalised` are among `passages`. The text of `moved` is the same at other offsets; that of
    `normalised` is the same after normalisation. The articles of `changed` do not contain the passage.
    """

    passages: list[Passage] = field(default_factory=list)
    moved: list[Passage] = field(default_factory=list)
    normalised: list[Passage] = field(default_factory=list)
    missing: list[DetachedPassage] = field(default_factory=list)
    changed: list[DetachedPassage] = field(default_factory=list)


def normalise(text: str) -> str:
    """Return the text in Unicode form NFKC, with straight quotation marks and single spaces."""
    return " ".join(word for _, _, word in _words(text))


def _words(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the offsets of each word, and the word in normal form.

    No character combines with the white space beside it, so normalising each word alone normalises the text.
    """
    for match in re.finditer(r"\S+", text):
        word = match[0]
        if len(word) <= _LONGEST_WORD:
            word = unicodedata.normalize("NFKC", word).translate(_STRAIGHT)
        yield match.start(), match.end(), " ".join(word.split())


def detach(passage: Passage) -> DetachedPassage:
    """Return the passage without its text, title, url and meta."""
    normal = normalise(passage.text)
    return DetachedPassage(
        id=passage.id,
        article=passage.article,
        start=passage.start,
        end=passage.end,
        length=len(passage.text),
        sha256=_digest(passage.text),
        normalised_length=len(normal),
        normalised_sha256=_digest(normal),
        group=passage.group,
        split=passage.split,
        published=passage.published,
        source=passage.source,
    )


def attach(detached: Iterable[DetachedPassage], articles: Iterable[Article]) -> Attached:
    """Fill in the text of passages from articles, and verify every digest.

    The articles are read once, and only their passages are kept. The title and url, and any `published` or `source`
    that a passage lacks, are those of the article.
    """
    detached = list(detached)
    by_article: dict[str, list[DetachedPassage]] = defaultdict(list)
    for passage in detached:
        by_article[passage.article].append(passage)
    found: dict[str, Passage | None] = {}
    for article in articles:
        wanted = by_article.get(article.id, [])
        copy = _Copy(article.text, wanted)
        for passage in wanted:
            span = copy.find(passage)
            found[passage.id] = None if span is None else _with_text(passage, article, span)
    attached = Attached()
    for passage in detached:
        if passage.id not in found:
            attached.missing.append(passage)
        elif (whole := found[passage.id]) is None:
            attached.changed.append(passage)
        else:
            attached.passages.append(whole)
            if _digest(whole.text) != passage.sha256:
                attached.normalised.append(whole)
            elif whole.start != passage.start:
                attached.moved.append(whole)
    return attached


def _with_text(passage: DetachedPassage, article: Article, span: _Span) -> Passage:
    start, end = span
    return Passage(
        id=passage.id,
        article=passage.article,
        text=article.text[start:end],
        start=start,
        end=end,
        title=article.title,
        source=article.source if passage.source is None else passage.source,
        published=article.published if passage.published is None else passage.published,
        url=article.url,
        group=passage.group,
        split=passage.split,
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class _Copy:
    """A copy of an article's text, in which its passages are searched by their digests."""

    def __init__(self, text: str, passages: Iterable[DetachedPassage]) -> None:
        self._text = text
        self._digests: dict[int, set[str]] = defaultdict(set)
        """The digests of the normalised passages, by normalised length."""
        for passage in passages:
            self._digests[passage.normalised_length].add(passage.normalised_sha256)
        self._spans: dict[int, dict[str, list[_Span]]] = {}
        """The results of `_find_all`, by normalised length."""
        self._searched = 0
        """How many words were searched since a passage was found among all words."""
        self._shift = 0
        """How far the last passage that was found has moved."""

    def find(self, passage: DetachedPassage) -> _Span | None:
        """Return the offsets of the passage, as near to its own as possible, or None."""
        if self._is_at(passage.start, passage):
            span: _Span | None = (passage.start, passage.end)
        else:
            span = self._find_words(passage) or self._find_near(passage)
        if span is not None:
            self._shift = span[0] - passage.start
        return span

    def _is_at(self, start: int, passage: DetachedPassage) -> bool:
        end = start + passage.length
        return end <= len(self._text) and _digest(self._text[start:end]) == passage.sha256

    def _find_words(self, passage: DetachedPassage) -> _Span | None:
        """Return the offsets of the words that are the passage once they are normalised.

        Most passages moved about as far as the one before. Otherwise the whole article is searched, but once for all
        passages of a length: a search for each would take time that grows with the square of the article's length. The
        searches of a very long article end when many passages in a row were not found: it has other words.
        """
        length, digest = passage.normalised_length, passage.normalised_sha256
        around = islice(_nearest_first(self._index.spans, passage.start + self._shift), _AROUND)
        span = next((span for other, span in self._index.stretches(around, length) if other == digest), None)
        if span is not None and self._index.is_nearest(span[0], length, passage.start):
            return span
        if length not in self._spans:
            if self._searched > _MOST_SEARCHED:
                return None
            self._spans[length] = self._find_all(length)
            self._searched += len(self._index.spans)
        spans = self._spans[length].get(digest, [])
        if spans:
            self._searched = 0
        return next((spans[number] for number in _nearest_first(spans, passage.start)), None)

    def _find_all(self, length: int) -> dict[str, list[_Span]]:
        """Return the ascending offsets of all places of the passages with this normalised length, by digest."""
        spans: dict[str, list[_Span]] = defaultdict(list)
        for digest, span in self._index.stretches(range(len(self._index.spans)), length):
            if digest in self._digests[length]:
                spans[digest].append(span)
        return spans

    def _find_near(self, passage: DetachedPassage) -> _Span | None:
        """Return the offsets of the unchanged text close to its own offsets; it may begin or end inside a word."""
        starts = range(max(0, passage.start - NEAR), passage.start + NEAR + 1)
        for start in sorted(starts, key=lambda start: abs(start - passage.start)):
            if self._is_at(start, passage):
                return start, start + passage.length
        return None

    @cached_property
    def _index(self) -> _Index:
        """The normalised text; it is made only if a passage is not at its own offsets."""
        spans, words, begins, ends = [], [], [], {}
        position = 0
        for number, (start, end, word) in enumerate(_words(self._text)):
            spans.append((start, end))
            words.append(word)
            begins.append(position)
            ends[position + len(word)] = number
            position += len(word) + 1
        return _Index(" ".join(words), spans, begins, ends)


@dataclass(frozen=True)
class _Index:
    """A normalised text, and the places of its words.

    `spans` are the offsets of the words in the original text. `begins` are their offsets in the normalised text, and
    `ends` maps the offset of an end in it to the number of the word.
    """

    text: str
    spans: list[_Span]
    begins: list[int]
    ends: dict[int, int]

    def stretches(self, numbers: Iterable[int], length: int) -> Iterator[tuple[str, _Span]]:
        """Yield the digest and the original offsets of each stretch of words with this normalised length.

        `numbers` are those of the words at which a stretch may begin.
        """
        for first in numbers:
            begin = self.begins[first]
            last = self.ends.get(begin + length)
            if last is None:
                continue
            start, end = self.spans[first][0], self.spans[last][1]
            if end - start <= LONGEST:
                yield _digest(self.text[begin : begin + length]), (start, end)

    def is_nearest(self, start: int, length: int, offset: int) -> bool:
        """Return whether the stretch that starts at `start` occurs nowhere else as near to `offset`.

        Its text is known, so that this is a fast search for a string. It may be False if the same text also occurs
        within other words.
        """
        distance = abs(start - offset)
        first = bisect_left(self.spans, offset - distance, key=_start)
        last = bisect_right(self.spans, offset + distance, key=_start) - 1
        begin, end = self.begins[bisect_left(self.spans, start, key=_start)], self.begins[last] + length
        text = self.text[begin : begin + length]
        return self.text.find(text, self.begins[first], end) == begin and self.text.find(text, begin + 1, end) == -1


def _nearest_first(spans: Sequence[_Span], offset: int) -> Iterator[int]:
    """Yield the numbers of the ascending spans, in order of the distance of their starts from the offset."""
    right = bisect_left(spans, offset, key=_start)
    left = right - 1
    while left >= 0 or right < len(spans):
        if right == len(spans) or (left >= 0 and offset - spans[left][0] <= spans[right][0] - offset):
            yield left
            left -= 1
        else:
            yield right
            right += 1
