"""Clean the texts that models read: what changes no meaning is made alike, in training, evaluation and tagging.

Letters' case, numbers and words stay as they are. Soft hyphens, zero-width characters, direction marks, HTML tags and
entities, Markdown marks, remains of quoted-printable encoding, odd spaces, typographic quotes and compatibility
characters (`ﬁ`, fullwidth letters) go or become plain. `Passage.text` is never cleaned: offsets point into it.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence

from models import markup
from models.markup import Edit

CLEANING = "plain-text-1"
"""The name of the rules in this module, saved with a model. Changed rules get another name, since a model that was
trained on texts cleaned in one way must not read texts cleaned in another."""

_DEEPEST = 8
"""Maximum number of times that markup inside markup is resolved."""
_ALWAYS_INVISIBLE = "".join(
    chr(code)
    for first, last in (
        (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x200E, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F),
        (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB), (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)  # fmt: skip
"""Soft hyphens, direction marks, word joiners, variation selectors and byte-order marks."""
INVISIBLE = _ALWAYS_INVISIBLE + "\u200b\u200c\u200d"
"""Characters without width, which are trimmed from the ends of a text like white space."""
# Persian and the languages of India write words with joiners, and emoji are composed with them.
_JOINING = "\u0600-\u08ff\u0900-\u0dff\u1800-\u18af\ua840-\ua87f\ufb50-\ufdff\ufe70-\ufefc"
_EMOJI = "\u2190-\u2bff\U0001f000-\U0001faff"
# In Thai, Khmer and their neighbours, which write no spaces, a zero-width space separates words.
_UNSPACED = "\u0e00-\u109f\u1780-\u17ff\u1950-\u1aff"
_PUNCTUATION = (
    dict.fromkeys("‘’‚‛‹›´\u02bc", "'")
    | dict.fromkeys("“”„‟«»", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-")
)
"""Typographic quotes and apostrophes, and hyphens and dashes as short as a hyphen."""
_LINE_ENDS = "\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_COMPATIBLE = {
    f"<{tag}>"
    for tag in ["compat", "wide", "narrow", "font", "initial", "medial", "final", "isolated", "sub", "noBreak"]
}

_LIVING = (("\u0250", "\u1fff"), ("\u3131", "\u318e"), ("\uffa0", "\uffdc"))
"""Ranges of characters, such as the Thai `ำ` and Korean letters, that are compatible with others but written as such."""


def clean(text: str) -> str:
    """Return the text as models read it, on one line. `clean(clean(text)) == clean(text)`."""
    return _clean(text, [])[0]


def clean_span(text: str, span: tuple[int, int]) -> tuple[str, tuple[int, int] | None]:
    """Return the cleaned text, and where the span is in it; None if nothing of it is left."""
    cleaned, (start, end) = _clean(text, list(span))
    return cleaned, (start, end) if start < end else None


def find_span(text: str, words: str) -> tuple[int, int] | None:
    """Return the span of the words in the text, cleaning apart, if it has them exactly once."""
    cleaned, words = clean(text), clean(words)
    start = cleaned.find(words)
    if not words or start < 0 or cleaned.find(words, start + 1) >= 0:
        return None
    if cleaned == text:
        return start, start + len(words)

    def place(position: int) -> int:
        return _clean(text, [position])[1][0]

    positions = range(len(text) + 1)
    return bisect_right(positions, start, key=place) - 1, bisect_left(positions, start + len(words), key=place)


def _clean(text: str, marks: list[int]) -> tuple[str, list[int]]:
    """Return the cleaned text, and where the marks, which are offsets, have moved."""
    for depth in range(2 * _DEEPEST):
        before = text
        if depth == _DEEPEST:
            # No real text goes as deep. What could be markup goes, or there would be no end to it.
            text = text.translate(markup.WITHOUT_SIGNS)
        for rule in markup.line_end_rules(text):
            text, marks = _edit(text, marks, rule.edits(text))
        text, marks = _in_place(text, marks, _plain_characters)
        for rule in _RULES:
            if rule.sign in text:
                text, marks = _edit(text, marks, rule.edits(text))
        if not _has_endless_word(text) and not unicodedata.is_normalized("NFC", text):
            text, marks = _in_place(text, marks, _composed)
        text, marks = _on_one_line(text, marks)
        if text == before:
            break
    return text, marks


def _edit(text: str, marks: list[int], edits: Iterator[Edit]) -> tuple[str, list[int]]:
    """Apply the edits, which are in order and apart from each other."""
    edited = list(edits)
    parts: list[str] = []
    at = 0
    for start, end, new in edited:
        parts += (text[at:start], new)
        at = end
    return "".join([*parts, text[at:]]), [_moved(mark, edited) for mark in marks]


def _moved(mark: int, edits: Sequence[Edit]) -> int:
    shift = 0
    for start, end, new in edits:
        if mark <= start:
            break
        if mark < end:
            return start + shift
        shift += len(new) - (end - start)
    return mark + shift


_LONGEST_WORD = 10_000
"""Number of characters of a word above which a text keeps its Unicode form."""


def _in_place(text: str, marks: list[int], change: Callable[[str], str]) -> tuple[str, list[int]]:
    """Apply a change that leaves what is before a mark before it."""
    return change(text), [len(change(text[:mark])) for mark in marks]


def _on_one_line(text: str, marks: list[int]) -> tuple[str, list[int]]:
    line = " ".join(text.split())
    moved = []
    for mark in marks:
        before = " ".join(text[:mark].split())
        is_after_space = bool(before) and text[mark - 1].isspace()
        moved.append(min(len(before) + is_after_space, len(line)))
    return line, moved


def _plain_characters(text: str) -> str:
    return text.translate(_PLAIN)


def _has_endless_word(text: str) -> bool:
    """Return whether the time of NFC, which grows with the square of a run of combining marks, may be long."""
    return len(text) > _LONGEST_WORD and any(len(word) > _LONGEST_WORD for word in text.split())


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


class _PlainCharacters(dict[int, str]):
    """A table for `str.translate`, filled as characters are met."""

    def __missing__(self, code: int) -> str:
        self[code] = _plain(chr(code))
        return self[code]


def _plain(letter: str) -> str:
    category = unicodedata.category(letter)
    if letter in _LINE_ENDS:
        return "\n"
    if category == "Zs" or letter in "\t\x1f":
        return " "
    if category == "Cc":
        # The quotes and dashes of Windows, read as if they were Latin-1.
        return "".join(map(_plain, letter.encode("latin-1").decode("cp1252", "ignore"))) if letter > "\x7f" else ""
    if letter in _ALWAYS_INVISIBLE:
        return ""
    if letter in _PUNCTUATION:
        return _PUNCTUATION[letter]
    return _compatible(letter)


def _compatible(letter: str) -> str:
    """Return the plain form of a compatibility character: `ﬁ`, fullwidth and presentation forms, subscripts.

    Superscripts and fractions stay, as 10² is not 102; so do letters of living scripts that Unicode counts among them.
    """
    kind = unicodedata.decomposition(letter).partition(" ")[0]
    if kind not in _COMPATIBLE or any(first <= letter <= last for first, last in _LIVING):
        return letter
    plain = unicodedata.normalize("NFKC", letter)
    return letter if " " in plain else plain


_PLAIN = _PlainCharacters()
_RULES = (
    *markup.joiner_rules("\u200b", _UNSPACED),
    *markup.joiner_rules("\u200c", _JOINING),
    *markup.joiner_rules("\u200d", _JOINING + _EMOJI),
    *markup.RULES,
)
