"""Recognise boilerplate: the parts of a web page that a scraper brings along with the article.

The steps run in this order: classify paragraphs by their own words (`match_rules`); find where the article begins
(after the menus and mastheads before the headline) and ends (author's note, comments, lists of links); classify
paragraphs by their neighbours (repeats, pull quotes, runs of links). The patterns are in `boilerplate.toml`.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence

from tagging.boilerplate_rules import line_pattern, match_rules, plain

_LEAD_WORDS = 12
"""Minimum number of words in a sentence that counts as the beginning of the article's body."""
_FEWEST_WORDS_AFTER_COLON = 3
"""Minimum number of words after the colon of a headline: a label such as `Location: Oslo` has fewer."""
_MOST_WORDS_OF_A_MASTHEAD = 3
"""Maximum number of words of a masthead or section: below a longer line, a line with a colon is no headline."""
_MOST_SOURCES = 20
"""Maximum number of paragraphs that are searched for a pull quote."""
_SENTENCE_ENDS = (".", "!", "?", "…", ":", ";", "。", "！", "？", "؟", "।", ",")
"""The ends of sentences, in any script, and of the parts that a quotation or a list interrupts."""
_PROSE_ENDS = (".", "!", "?", "…")
_CLOSING = "\"'”’»)]」』》）* "
_QUOTES = "\"'“”‘’«»"
_BULLETS = "•▪◦*–—-+"
_LONGEST_LABEL = 40
"""Maximum number of characters of the name before a message in a chat."""

Kinds = list[str | None]
"""The kind of boilerplate that each paragraph of an article is, or None for the article's own text."""


def recognise(paragraphs: Sequence[str], title: str | None = None) -> Kinds:
    """Classify each paragraph of an article as a kind of boilerplate, or as None for the article's own text.

    The headline is a kind of its own: it is the title, not a passage. With a known title, only a line with its words
    is the headline.
    """
    texts = [" ".join(paragraph.split()) for paragraph in paragraphs]
    kinds = [match_rules(text) for text in texts]
    headline = find_headline(texts, kinds, title)
    _mark_masthead(texts, kinds, headline)
    _mark_repeats(texts, kinds, headline)
    _mark_link_lists(texts, kinds, headline)
    end = _find_end(texts, kinds)
    if end is None:
        _mark_closing_note(texts, kinds)
    else:
        _mark_after_the_end(kinds, end)
    _mark_pull_quotes(texts, kinds)
    if headline is not None:
        kinds[headline] = "headline"
    return kinds


def find_headline(texts: Sequence[str], kinds: Sequence[str | None], title: str | None = None) -> int | None:
    """Return the position of the headline, or None.

    It is the first line with the words of the title; without a title, the longest line that is not a sentence, before
    the first sentence of the body. A text of a single line has no headline.
    """
    if title is not None:
        wanted = letters(title)
        matching = (position for position, text in enumerate(texts) if letters(text) == wanted)
        return next(matching, None) if wanted and len(texts) > 1 else None
    if len(texts) < 2:
        return None
    candidates: list[int] = []
    has_body = any(is_sentence(text, least=_LEAD_WORDS) for text in texts)
    for position, text in enumerate(texts):
        if kinds[position] is not None:
            continue
        has_headline = any(len(texts[above].split()) > _MOST_WORDS_OF_A_MASTHEAD for above in candidates)
        is_turn = _is_turn(text) and (has_headline or not _is_headline_with_colon(texts, kinds, position))
        if is_sentence(text, least=_LEAD_WORDS) or is_turn or (candidates and not has_body):
            break
        may_be = 2 <= len(text.split()) <= 30 and not text.endswith((".", "…", ":", ";", ","))
        if may_be and not _is_list_item(text) and not _is_post(text):
            candidates.append(position)
        elif candidates and is_sentence(text, least=5):
            break
    return max(candidates, key=lambda position: len(texts[position].split()), default=None)


def is_sentence(text: str, *, least: int) -> bool:
    """Return whether the text has at least so many words and ends like running text, not with a colon."""
    return len(text.split()) >= least and text.rstrip(_CLOSING).endswith(_PROSE_ENDS)


def letters(text: str) -> str:
    """Return the letters and digits of a text, by which a line is compared with a title."""
    return "".join(filter(str.isalnum, text.casefold()))


def _is_turn(text: str) -> bool:
    """Return whether the text begins with a label and a colon: who speaks, how they voted, a question."""
    if text.startswith(("Q. ", "A. ")):
        return True
    if text.startswith("["):
        # The time of a message in a chat.
        _, _, after = text.partition("] ")
        return bool(after) and ":" in after[:_LONGEST_LABEL]
    label, colon, rest = text.partition(":")
    return bool(colon and rest[:1] in ("", " ") and 1 <= len(label.split()) <= 5 and label[:1].isupper())


def _is_headline_with_colon(texts: Sequence[str], kinds: Sequence[str | None], position: int) -> bool:
    """Return whether a line like a turn is a headline: the body follows, and nobody else speaks in it."""
    label, _, rest = texts[position].partition(":")
    others = [text for text, kind in zip(texts, kinds, strict=True) if kind is None and text != texts[position]]
    below = next(
        (text for text, kind in zip(texts[position + 1 :], kinds[position + 1 :], strict=True) if not kind), ""
    )
    return (
        not label.isupper()  # Q: or A:, or the place of a dateline
        and len(rest.split()) >= _FEWEST_WORDS_AFTER_COLON
        and not label.startswith("[")
        and not rest.rstrip(_CLOSING).endswith((".", "…"))
        and is_sentence(below, least=_LEAD_WORDS)
        and not any(map(_is_turn, others))
    )


def _is_post(text: str) -> bool:
    """Return whether the text is a post of a social network: it answers somebody, or has a link."""
    return text.startswith(("@", "RT @")) or "https://" in text or "http://" in text


def _is_list_item(text: str) -> bool:
    """Return whether the text begins with a bullet or a number."""
    mark, _, rest = text.partition(" ")
    return bool(rest) and (mark in _BULLETS or (mark[:-1].isdigit() and mark[-1:] in ".)"))


def _is_entry(text: str) -> bool:
    """Return whether the text begins like an entry of a programme, a calendar or a price list, with a number."""
    return any(any(map(str.isdigit, word)) for word in text.split()[:3])


def _belongs_to_text(text: str) -> bool:
    """Return whether a short line is one of a list, a programme or a dialogue, which are not links."""
    return _is_list_item(text) or _is_turn(text) or _is_entry(text)


def _mark_masthead(texts: Sequence[str], kinds: Kinds, headline: int | None) -> None:
    """Mark the short lines before the headline: mastheads, sections and menus."""
    for position in range(headline or 0):
        if kinds[position] is None and _is_short_line(texts[position], max_words=8):
            kinds[position] = "masthead"


def _mark_repeats(texts: Sequence[str], kinds: Kinds, headline: int | None) -> None:
    """Mark repeated lines.

    A line repeated immediately is a picture's caption and its alternative text; a later repeat is a box. Short
    sentences may be said twice.
    """
    first_positions: dict[str, int] = {}
    for position, text in enumerate(texts):
        first = first_positions.setdefault(text.casefold(), position)
        words = len(text.split())
        if first == position or (words < 8 and (_is_turn(text) or is_sentence(text, least=1))):
            continue
        kinds[position] = kinds[position] or "repeated"
        if position - first == 1 and words > 2 and first != headline and _is_short_line(text, max_words=40):
            kinds[first] = kinds[first] or "caption"


def _mark_link_lists(texts: Sequence[str], kinds: Kinds, headline: int | None) -> None:
    """Mark runs of three or more short lines, and shorter runs below the heading of a list of links.

    Where an article has few sentences, its short lines are its text. Items with bullets or numbers and the turns of
    speakers belong to the article, unless such a heading precedes them.
    """
    open_words = sum(len(text.split()) for text, kind in zip(texts, kinds, strict=True) if kind is None)
    prose_words = sum(
        len(text.split())
        for text, kind in zip(texts, kinds, strict=True)
        if kind is None and is_sentence(text, least=_LEAD_WORDS)
    )
    for run in _short_line_runs(texts, kinds, start=(headline or 0) + 1):
        has_heading = kinds[run[0] - 1] in ("link list", "link", "tags", "navigation")
        is_short_prose = prose_words * 2 < open_words
        is_text = sum(_belongs_to_text(texts[position]) for position in run) * 2 > len(run)
        if has_heading or (len(run) >= 3 and not is_text and not is_short_prose):
            for position in run:
                kinds[position] = kinds[position] or "link list"


def _short_line_runs(texts: Sequence[str], kinds: Kinds, *, start: int) -> Iterator[list[int]]:
    """Yield the positions of each run of short lines that may be links."""

    def may_be_link(position: int) -> bool:
        text = texts[position]
        return kinds[position] in (None, "link") and _is_short_line(text, max_words=16) and not text[:1].islower()

    for are_links, positions in itertools.groupby(range(start, len(texts)), key=may_be_link):
        if are_links:
            yield list(positions)


def _find_end(texts: Sequence[str], kinds: Kinds) -> int | None:
    """Return the position of the line that ends the article, such as "About the writer" or "Comments", or None."""
    total = sum(map(len, texts)) or 1
    is_long = [kind is None and len(text.split()) > 45 for text, kind in zip(texts, kinds, strict=True)]
    last_long = max((position for position, long in enumerate(is_long) if long), default=-1)
    seen = 0
    for position, text in enumerate(texts):
        is_late = seen / total > 0.6 and len(text) <= 100
        if is_late and line_pattern("end of article").search(plain(text)):
            # If long paragraphs follow, this is a box within the article, unless it is a note.
            is_note = text.casefold().lstrip("#* ").startswith("about")
            if is_note or position > last_long:
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
    last = texts[body[-1]] if len(body) > 3 else ""
    if len(last.split()) <= 60 and line_pattern("author's note").search(plain(last)):
        kinds[body[-1]] = "author note"


def _mark_pull_quotes(texts: Sequence[str], kinds: Kinds) -> None:
    """Mark sentences, or parts of sentences, that another paragraph contains as well."""
    folded = [text.casefold() for text in texts]
    positions_by_word: dict[str, list[int]] = defaultdict(list)
    for position, text in enumerate(folded):
        for word in set(text.split()):
            positions_by_word[word].append(position)
    for position, text in enumerate(texts):
        quote = text.strip(_QUOTES + ".,!? ").casefold()
        words = quote.split()
        if kinds[position] is None and 4 <= len(words) <= 40:
            # The source of a quote contains its inner words whole: search only paragraphs with the rarest of them.
            sources = min((positions_by_word.get(word, []) for word in words[1:-1]), key=len)
            longer = (other for other in sources[:_MOST_SOURCES] if len(texts[other]) > len(quote) + 20)
            if any(other != position and quote in folded[other] for other in longer):
                kinds[position] = "pull quote"


def _is_short_line(text: str, *, max_words: int) -> bool:
    """Return whether the text has at most `max_words` words and does not end like a sentence or its part."""
    return len(text.split()) <= max_words and not text.rstrip(_CLOSING).endswith(_SENTENCE_ENDS)
