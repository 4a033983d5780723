"""Split an article into passages: its paragraphs, with their offsets, and the boilerplate between them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

from labels.passages import Article, Passage
from models.language import detect_language
from tagging import boilerplate

LONGEST = 250
"""Maximum number of words in a paragraph that is not split at sentences."""
_PART = 150
"""Maximum number of words in each part of a split paragraph, where its sentences allow."""
_WIDEST = 5000
"""Maximum number of characters in a passage. Only text without spaces, or text that is not prose, reaches it."""
NO_WIDTH = "\ufeff\u200b\u200c\u200d\u2060\xad"
"""Invisible characters that are trimmed from the ends of a paragraph like white space."""

Offsets = tuple[int, int]


class Piece(NamedTuple):
    """A passage of an article and its kind of boilerplate, or None for the article's own text."""

    passage: Passage
    boilerplate: str | None


def segment(article: Article) -> list[Piece]:
    """Split the article into pieces, in order. Every character but white space is in exactly one of them."""
    spans = list(paragraphs(article.text))
    texts = [article.text[start:end] for start, end in spans]
    kinds = boilerplate.recognise(texts, article.title)
    title = article.title or _headline(texts, kinds)
    pieces: list[Piece] = []
    for (start, end), kind in zip(spans, kinds, strict=True):
        parts = [(start, end)] if kind else _split_long_paragraph(article.text, start, end)
        for part_start, part_end in (chunk for part in parts for chunk in _split_wide(article.text, *part)):
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
    """Yield the offsets of the paragraphs, which end at a blank line, or at each line end if lines are not wrapped."""
    for block in _blocks(text):
        if _is_wrapped([text[start:end] for start, end in block]):
            yield block[0][0], block[-1][1]
        else:
            yield from block


def _blocks(text: str) -> Iterator[list[Offsets]]:
    """Yield the runs of lines between blank lines, each line as offsets without the white space around it."""
    block: list[Offsets] = []
    start = 0
    for line in text.splitlines(keepends=True):
        stripped = _trim(text, start, start + len(line))
        start += len(line)
        if stripped is not None:
            block.append(stripped)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _trim(text: str, start: int, end: int) -> Offsets | None:
    """Return the offsets without white space and invisible characters at the ends, or None if nothing remains."""
    line = text[start:end]
    left = len(line) - len(line.lstrip().lstrip(NO_WIDTH).lstrip())
    kept = line.strip().strip(NO_WIDTH).strip()
    return (start + left, start + left + len(kept)) if kept else None


def _is_wrapped(lines: list[str]) -> bool:
    """Return whether the lines are one wrapped paragraph: no line has room for the first word of the next."""
    if len(lines) < 2:
        return False
    width = max(map(len, lines))
    if not 40 <= width <= 130:
        return False
    full = [len(line) + 1 + len(after.split(maxsplit=1)[0]) > width for line, after in itertools.pairwise(lines)]
    return sum(full) >= 0.9 * len(full)


def _headline(texts: list[str], kinds: list[str | None]) -> str | None:
    """Return the headline, if the text has one."""
    return next(
        (" ".join(text.lstrip("# ").split()) for text, kind in zip(texts, kinds, strict=True) if kind == "headline"),
        None,
    )


def _split_long_paragraph(text: str, start: int, end: int) -> list[Offsets]:
    """Split an over-long paragraph into parts of whole sentences, and an over-long sentence into runs of words."""
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


def _split_wide(text: str, start: int, end: int) -> Iterator[Offsets]:
    """Split a part into chunks of at most _WIDEST characters, at white space if there is any."""
    while end - start > _WIDEST:
        at = max(text.rfind(space, start + 1, start + _WIDEST) for space in " \n\t")
        at = at if at > start else start + _WIDEST
        yield from filter(None, [_trim(text, start, at)])
        start = at
    yield from filter(None, [_trim(text, start, end)])


def _sentences(text: str, start: int, end: int) -> Iterator[Offsets]:
    """Yield the sentences of a paragraph, splitting those of more than LONGEST words into runs of words."""
    from sentencex import get_sentence_boundaries

    paragraph = text[start:end]
    for boundary in get_sentence_boundaries(_sentence_rules(paragraph), paragraph):
        sentence = _trim(text, start + boundary["start_index"], start + boundary["end_index"])
        if sentence is not None:
            yield from _word_runs(text, *sentence)


def _sentence_rules(paragraph: str) -> str:
    """Return the ISO 639-1 code of the sentencex rules for the paragraph.

    For a language without rules, sentencex falls back to a related language, or to English.
    """
    language = detect_language(paragraph)
    # The French rules of sentencex 1.0 end a sentence after "M." and "Dr."; its English rules do not.
    return "en" if language in (None, "fr") else language


def _word_runs(text: str, start: int, end: int) -> Iterator[Offsets]:
    """Yield the whole sentence, or runs of _PART words if it has more than LONGEST words."""
    words = [(start + match.start(), start + match.end()) for match in re.finditer(r"\S+", text[start:end])]
    if len(words) <= LONGEST:
        yield start, end
        return
    for first in range(0, len(words), _PART):
        run = words[first : first + _PART]
        yield run[0][0], run[-1][1]
