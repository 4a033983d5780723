"""From an article to its passages: paragraphs as they stand, with offsets, furniture told apart."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from labels.passages import Article, Passage
from tagging import boilerplate as boilerplate

LONGEST = 250
"""Words from which a paragraph is split at sentences."""
_PART = 150  # words that its parts have at most, where sentences allow
_WIDEST = 5000
"""Characters of a passage at most: of text without spaces, or that is none."""
NO_WIDTH = "\ufeff\u200b\u200c\u200d\u2060\xad"

Offsets = tuple[int, int]


class Piece(NamedTuple):
    """A passage of the article, or furniture and what kind of it."""

    passage: Passage
    boilerplate: str | None


def segment(article: Article) -> list[Piece]:
    """Every character of the text that is not white space is in exactly one piece, in order."""
    spans = list(paragraphs(article.text))
    texts = [article.text[start:end] for start, end in spans]
    kinds = boilerplate.recognise(texts)
    title = article.title or _headline(texts, kinds)
    pieces: list[Piece] = []
    for (start, end), kind in zip(spans, kinds, strict=True):
        parts = [(start, end)] if kind else _parts(article.text, start, end)
        for part_start, part_end in (cut for part in parts for cut in _cut(article.text, *part)):
            passage = Passage(
                id=f"{article.id}#{len(pieces) + 1}",
                article=article.id,
                text=article.text[part_start:part_end],
                start=part_start,
                end=part_end,
                title=title,
                source=article.source,
                published=article.published,
                url=article.url,
            )
            pieces.append(Piece(passage, kind))
    return pieces


def paragraphs(text: str) -> Iterator[Offsets]:
    """Offsets of the paragraphs: parted by blank lines, or by line ends where lines are not wrapped."""
    for block in _blocks(text):
        if _is_wrapped([text[start:end] for start, end in block]):
            yield block[0][0], block[-1][1]
        else:
            yield from block


def _blocks(text: str) -> Iterator[list[Offsets]]:
    """Lines that hang together, without the white space around each."""
    block: list[Offsets] = []
    start = 0
    for line in text.splitlines(keepends=True):
        stripped = _trimmed(text, start, start + len(line))
        start += len(line)
        if stripped is not None:
            block.append(stripped)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _trimmed(text: str, start: int, end: int) -> Offsets | None:
    line = text[start:end]
    left = len(line) - len(line.lstrip().lstrip(NO_WIDTH).lstrip())
    kept = line.strip().strip(NO_WIDTH).strip()
    return (start + left, start + left + len(kept)) if kept else None


def _is_wrapped(lines: list[str]) -> bool:
    """Whether the lines are one paragraph wrapped to a width: no line had room for the next one's first word."""
    if len(lines) < 2:
        return False
    width = max(map(len, lines))
    if not 40 <= width <= 130:
        return False
    full = [len(line) + 1 + len(after.split(maxsplit=1)[0]) > width for line, after in itertools.pairwise(lines)]
    return sum(full) >= 0.9 * len(full)


def _headline(texts: list[str], kinds: list[str | None]) -> str | None:
    """The article's headline, where the text has one."""
    if len(texts) < 2:
        return None
    position = boilerplate.headline([" ".join(text.split()) for text in texts], kinds)
    return None if position is None else " ".join(texts[position].lstrip("# ").split())


def _parts(text: str, start: int, end: int) -> list[Offsets]:
    """An over-long paragraph in parts of whole sentences; a sentence that is too long itself, in parts of words."""
    if len(text[start:end].split()) <= LONGEST:
        return [(start, end)]
    parts: list[Offsets] = []
    words = _PART
    for sentence_start, sentence_end in _sentences(text, start, end):
        length = len(text[sentence_start:sentence_end].split())
        if words + length > _PART or not parts:
            parts.append((sentence_start, sentence_end))
            words = length
        else:
            parts[-1] = (parts[-1][0], sentence_end)
            words += length
    return parts


def _cut(text: str, start: int, end: int) -> Iterator[Offsets]:
    """A part in pieces of at most _WIDEST characters, at white space where there is some."""
    while end - start > _WIDEST:
        at = max(text.rfind(space, start + 1, start + _WIDEST) for space in " \n\t")
        at = at if at > start else start + _WIDEST
        yield from filter(None, [_trimmed(text, start, at)])
        start = at
    yield from filter(None, [_trimmed(text, start, end)])


def _sentences(text: str, start: int, end: int) -> Iterator[Offsets]:
    from sentencex import get_sentence_boundaries

    for found in get_sentence_boundaries("en", text[start:end]):
        span = _trimmed(text, start + found["start_index"], start + found["end_index"])
        if span is not None:
            yield from _word_runs(text, *span)


def _word_runs(text: str, start: int, end: int) -> Iterator[Offsets]:
    """A sentence whole, unless it has more than LONGEST words."""
    words = text[start:end].split()
    if len(words) <= LONGEST:
        yield start, end
        return
    at = start
    for first in range(0, len(words), _PART):
        run_start = run_end = at
        for position, word in enumerate(words[first : first + _PART]):
            where = text.index(word, at)
            run_start = where if position == 0 else run_start
            at = run_end = where + len(word)
        yield run_start, run_end
