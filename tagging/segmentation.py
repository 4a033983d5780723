"""Split an article into passages: its paragraphs, with their offsets, and the boilerplate between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from labels.passages import Article, Passage
from models.cleaning import clean
from models.language import detect_language
from tagging import boilerplate
from tagging.lines import Line, Offsets, as_one_line, read_lines, trim
from tagging.wrapping import continued

LONGEST = 250
"""Maximum number of words in a paragraph that is not split at sentences."""
_PART = 150
"""Maximum number of words in each part of a split paragraph, where its sentences allow."""
_WIDEST = 5000
"""Maximum number of characters in a passage. Only text without spaces, or text that is not prose, reaches it."""


class Piece(NamedTuple):
    """A passage of an article and its kind of boilerplate, or None for the article's own text."""

    passage: Passage
    boilerplate: str | None


def segment(article: Article) -> list[Piece]:
    """Split the article into pieces, in order.

    Every character is in exactly one of them, but for white space and the marks (`> `) that begin quoted paragraphs.
    """
    spans = list(paragraphs(article.text))
    texts = [clean(as_one_line(article.text[start:end])) for start, end in spans]
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
    """Yield the offsets of the paragraphs: the lines of the text, or the runs of lines that were wrapped."""
    lines = read_lines(text)
    start = end = 0
    passed: list[Line] = []
    for line, is_continued in zip(lines, continued(text, lines), strict=True):
        if line.is_page_mark:
            passed.append(line)
        elif is_continued:
            end, passed = line.end, []
        else:
            if end:
                yield start, end
            yield from ((mark.start, mark.end) for mark in passed)
            start, end, passed = line.start, line.end, []
    if end:
        yield start, end
    yield from ((mark.start, mark.end) for mark in passed)


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
        yield from filter(None, [trim(text, start, at)])
        start = at
    yield from filter(None, [trim(text, start, end)])


def _sentences(text: str, start: int, end: int) -> Iterator[Offsets]:
    """Yield the sentences of a paragraph, splitting those of more than LONGEST words into runs of words."""
    from sentencex import get_sentence_boundaries

    paragraph = as_one_line(text[start:end])
    for boundary in get_sentence_boundaries(_sentence_rules(paragraph), paragraph):
        sentence = trim(text, start + boundary["start_index"], start + boundary["end_index"])
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
