"""Recognise boilerplate: the parts of a web page that a scraper brings along with the article.

The steps run in this order: classify paragraphs by their own words (`match_rules`); find where the article begins
(after the menus and mastheads before the headline) and ends (author's note, comments, lists of links); classify
paragraphs by their neighbours (repeats, pull quotes, runs of links, section headings). The patterns are in
`tagging.boilerplate_rules`.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from tagging.boilerplate_rules import (
    AFTER_END,
    AUTHOR_NOTE,
    DATE,
    LIST_ITEM,
    NON_HEADLINE_END,
    PROSE_END,
    QUOTE_MARKS,
    RULES,
    SENTENCE_END,
    TIME_WORDS,
)

_LONGEST = 5000
"""Maximum number of characters of a text matched against the rules: longer ones would take minutes."""
_LEAD_WORDS = 12
"""Minimum number of words in a sentence that counts as the beginning of the article's body."""

Kinds = list[str | None]
"""The kind of boilerplate that each paragraph of an article is, or None for the article's own text."""


def recognise(paragraphs: Sequence[str]) -> Kinds:
    """Classify each paragraph of an article as a kind of boilerplate, or as None for the article's own text."""
    texts = [" ".join(paragraph.split()) for paragraph in paragraphs]
    kinds = [match_rules(text) for text in texts]
    headline = find_headline(texts, kinds)
    _mark_masthead(texts, kinds, headline)
    _mark_repeats(texts, kinds, headline)
    _mark_link_lists(texts, kinds, headline)
    end = _find_end(texts, kinds)
    if end is None:
        _mark_closing_note(texts, kinds)
    else:
        _mark_after_the_end(kinds, end)
    _mark_pull_quotes(texts, kinds)
    _mark_headings(texts, kinds, headline)
    return kinds


def match_rules(text: str) -> str | None:
    """Return the kind of boilerplate that the rules recognise in a single paragraph, or None."""
    if not any(character.isalnum() for character in text):
        return "ornament"
    if len(text) > _LONGEST:
        return None
    words = len(text.split())
    if words <= 20 and _is_dateline(text):
        return "dateline"
    return next((rule.kind for rule in RULES if words <= rule.max_words and rule.pattern.search(text)), None)


def _is_dateline(text: str) -> bool:
    """Return whether the text is a date or an age, with at most three words that do not belong to one."""
    return bool(DATE.search(text)) and len(re.findall(r"\w+", TIME_WORDS.sub("", DATE.sub("", text)))) <= 3


def find_headline(texts: Sequence[str], kinds: Sequence[str | None]) -> int | None:
    """Return the position of the headline: the longest line that is not a sentence, before the first long sentence."""
    candidates: list[int] = []
    for position, text in enumerate(texts):
        if kinds[position] is not None or len(text) > _LONGEST:
            continue
        words = len(text.split())
        if words >= _LEAD_WORDS and PROSE_END.search(text):
            break
        if 2 <= words <= 30 and not NON_HEADLINE_END.search(text) and not LIST_ITEM.match(text):
            candidates.append(position)
    return max(candidates, key=lambda position: len(texts[position].split()), default=None)


def _mark_masthead(texts: Sequence[str], kinds: Kinds, headline: int | None) -> None:
    """Mark the short lines before the headline: mastheads, sections and menus."""
    for position in range(headline or 0):
        if kinds[position] is None and _is_short_line(texts[position], max_words=8):
            kinds[position] = "masthead"


def _mark_repeats(texts: Sequence[str], kinds: Kinds, headline: int | None) -> None:
    """Mark repeated lines.

    A line repeated immediately is a picture's caption and its alternative text; a later repeat is a box.
    """
    first_positions: dict[str, int] = {}
    for position, text in enumerate(texts):
        first = first_positions.setdefault(text.casefold(), position)
        if first == position:
            continue
        kinds[position] = kinds[position] or "repeated"
        if position - first == 1 and len(text.split()) > 2 and first != headline:
            kinds[first] = kinds[first] or "caption"


def _mark_link_lists(texts: Sequence[str], kinds: Kinds, headline: int | None) -> None:
    """Mark runs of three or more short lines, and shorter runs below the heading of a list of links.

    Items with bullets or numbers belong to the article, unless such a heading precedes them.
    """
    for run in _short_line_runs(texts, kinds, start=(headline or 0) + 1):
        has_heading = kinds[run[0] - 1] in ("link list", "link", "tags", "navigation")
        is_itemised = sum(bool(LIST_ITEM.match(texts[position])) for position in run) * 2 > len(run)
        if has_heading or (len(run) >= 3 and not is_itemised):
            for position in run:
                kinds[position] = kinds[position] or "link list"


def _short_line_runs(texts: Sequence[str], kinds: Kinds, *, start: int) -> Iterator[list[int]]:
    """Yield the positions of each run of short lines that may be links."""

    def may_be_link(position: int) -> bool:
        return kinds[position] in (None, "link") and _is_short_line(texts[position], max_words=16)

    for are_links, positions in itertools.groupby(range(start, len(texts)), key=may_be_link):
        if are_links:
            yield list(positions)


def _find_end(texts: Sequence[str], kinds: Kinds) -> int | None:
    """Return the position of the line that ends the article, such as "About the writer" or "Comments", or None."""
    total = sum(map(len, texts)) or 1
    seen = 0
    for position, text in enumerate(texts):
        if seen / total > 0.6 and AFTER_END.match(text):
            is_author_note = "author" in text.casefold() or "writer" in text.casefold()
            # If long paragraphs follow, this is a box within the article, unless it is an author's note.
            rest = range(position + 1, len(texts))
            if is_author_note or all(kinds[later] or len(texts[later].split()) <= 45 for later in rest):
                return position
        seen += len(text)
    return None


def _mark_after_the_end(kinds: Kinds, end: int) -> None:
    """Mark everything from the end of the article on."""
    kinds[end] = kinds[end] or "link list"
    for position in range(end + 1, len(kinds)):
        kinds[position] = kinds[position] or "after the end"


def _mark_closing_note(texts: Sequence[str], kinds: Kinds) -> None:
    """Mark an author's note that closes the article without a heading."""
    body = [position for position, kind in enumerate(kinds) if kind is None]
    if len(body) > 3 and len(texts[body[-1]].split()) <= 60 and AUTHOR_NOTE.match(texts[body[-1]]):
        kinds[body[-1]] = "author note"


def _mark_pull_quotes(texts: Sequence[str], kinds: Kinds) -> None:
    """Mark sentences, or parts of sentences, that another paragraph contains as well."""
    folded = [text.casefold() for text in texts]
    positions_by_word: dict[str, list[int]] = defaultdict(list)
    for position, text in enumerate(folded):
        for word in set(text.split()):
            positions_by_word[word].append(position)
    for position, text in enumerate(texts):
        quote = QUOTE_MARKS.sub("", text).casefold()
        words = quote.split()
        if kinds[position] is None and 4 <= len(words) <= 40:
            # The source of a quote contains its inner words whole: search only paragraphs with the rarest of them.
            candidates = min((positions_by_word.get(word, []) for word in words[1:-1]), key=len)
            longer = (other for other in candidates if other != position and len(texts[other]) > len(quote) + 20)
            if any(quote in folded[other] for other in longer):
                kinds[position] = "pull quote"


def _mark_headings(texts: Sequence[str], kinds: Kinds, headline: int | None) -> None:
    """Mark short lines between paragraphs that are not sentences: section headings, labels, stray links."""
    for position, text in enumerate(texts):
        if kinds[position] is None and position != headline and _is_short_line(text, max_words=8):
            is_quoted = text.startswith(('"', "“", "«", "‘"))
            if not is_quoted and not LIST_ITEM.match(text):
                kinds[position] = "heading"


def _is_short_line(text: str, *, max_words: int) -> bool:
    """Return whether the text has at most `max_words` words and does not end like a sentence."""
    return len(text.split()) <= max_words and not SENTENCE_END.search(text)
