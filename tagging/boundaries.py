"""Describe the places between the lines of a text, by which wrapped lines are recognised."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tagging.lines import Line

LONGEST = 200
"""Maximum number of characters in a line of wrapped text."""
_SAMPLE = 500
"""Number of lines whose words and letters are counted."""
_FEW_WORDS = 4
"""Minimum number of words in each of two lines that are taken for a sentence by themselves."""
_SENTENCE_ENDS = frozenset(".!?…。！？．｡؟۔।॥")
_COLONS, _SEMICOLONS = frozenset(":："), frozenset(";；")
_ABBREVIATION = re.compile(
    r"(?:^|[\s\"“(])(?:Mr|Mrs|Ms|Dr|Prof|St|Hon|Rev|Rep|Sen|Gov|Gen|Lt|Col|Capt|Sgt|No|Nos|vs|[A-Z])\.$"
)
"""The end of a line before a name or a number, which ends no sentence."""
_QUOTES = frozenset('"“«„「『')
_OPENING, _CLOSING = "\"'“‘«„「『([_*", "\"'”’»“)]」』》）_*"
_ITEM = re.compile(r"[•▪◦‣●■*+–—-]|\(?\d{1,3}[.)]|\(?[a-z][.)]|#{1,6}")
_TURN = re.compile(
    r"[A-Z][\w.'’ -]{0,40}:\s"  # a speaker
    r"|[A-Z][A-Z .,'’-]{2,40}(?:\([^()]{1,30}\) ?)?[-–—]"  # a dateline
)
# Thai, Lao, Burmese, Khmer, Chinese and Japanese have no spaces: they are wrapped between any two letters.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef"
_WORD = re.compile(f"[{_UNSPACED}]|[^\\s{_UNSPACED}]+")


class Kind(NamedTuple):
    """How a line ends (`closed` like a sentence, `colon`, `semicolon`, `open`), and how the next begins.

    It begins with a `small` letter, a `quote` mark and a capital, an `item` (or a speaker, or a dateline), or `other`.
    """

    end: str
    start: str


WITHIN = Kind("open", "small")
"""The end of a line within a sentence."""


class Boundary(NamedTuple):
    """The place between two lines.

    `edge` is the column where the upper line ends, `below` where the lower ends, `word` the length of the lower line's
    first word. `indent` is that of the lower line, and `shift` is 1 if it is more than the upper line's, -1 if less.
    `gap` is the number of blank lines, or None where a page ends. `is_heading` says that one of the lines is in
    capitals, `is_sentence` that the upper line begins a sentence and the lower ends it.
    """

    edge: int
    below: int
    word: int
    kind: Kind
    indent: int
    shift: int
    gap: int | None
    is_heading: bool
    is_sentence: bool


def boundary(text: str, lines: Sequence[Line]) -> Boundary:
    """Return the boundary between the first line and the last; those between them are page marks."""
    above, below = lines[0], lines[-1]
    upper, lower = text[above.start : above.end], text[below.start : below.end]
    first, last = upper[:LONGEST].split(maxsplit=_FEW_WORDS), lower[:LONGEST].split(maxsplit=_FEW_WORDS)
    word = _WORD.match(lower)
    kind = Kind(_end(upper), "item" if _TURN.match(lower) else _start(last[0]))
    return Boundary(
        edge=above.indent + len(upper),
        below=below.indent + len(lower),
        word=len(word.group()) if word else 1,
        kind=kind,
        indent=below.indent,
        shift=(below.indent > above.indent) - (below.indent < above.indent),
        gap=None if len(lines) > 2 or below.on_new_page else below.gap,
        is_heading=upper[:LONGEST].isupper() != lower[:LONGEST].isupper(),
        is_sentence=kind == WITHIN
        and _end(lower) == "closed"
        and _start(first[0]) != "small"
        and min(len(first), len(last)) >= _FEW_WORDS,
    )


def _end(text: str) -> str:
    last = (text[-LONGEST:].rstrip(_CLOSING) or text)[-1]
    if last in _SENTENCE_ENDS:
        return "open" if _ABBREVIATION.search(text[-12:]) else "closed"
    return "colon" if last in _COLONS else "semicolon" if last in _SEMICOLONS else "open"


def _start(word: str) -> str:
    if _ITEM.fullmatch(word):
        return "item"
    if word[0] in _QUOTES and word[1:2].isupper():
        return "quote"
    bare = word.lstrip(_OPENING)
    is_address = "://" in bare or bare.startswith("www.") or "@" in bare
    # Names such as eBay and iPhone begin sentences.
    return "small" if bare[:1].islower() and bare == bare.lower() and not is_address else "other"


def kinds_of_words(text: str, lines: Sequence[Line]) -> Counter[Kind]:
    """Count how the words within the lines end and begin: as lines do that are wrapped between them."""
    counts: Counter[Kind] = Counter()
    for sample in _samples(text, lines):
        counts.update(Kind(_end(word), _start(following)) for word, following in itertools.pairwise(sample.split()))
    return counts


class Script(NamedTuple):
    """What kind of letters a text has. `has_case` says that a small letter shows that a sentence goes on.

    It does not in Chinese, nor in a text of capitals alone or without capitals.
    """

    is_prose: bool
    has_case: bool


def read_script(text: str, lines: Sequence[Line]) -> Script:
    """Return the kind of letters of the lines; in prose, letters far outnumber digits, and sentences end."""
    sample = "".join(_samples(text, lines))
    letters, small = sum(map(str.isalpha, sample)), sum(map(str.islower, sample))
    capitals, digits = sum(map(str.isupper, sample)), sum(map(str.isdigit, sample))
    is_prose = letters > 3 * digits and not _SENTENCE_ENDS.isdisjoint(sample)
    return Script(is_prose=is_prose, has_case=small > 0.4 * letters and capitals > 0.01 * small)


def _samples(text: str, lines: Sequence[Line]) -> Iterator[str]:
    for line in lines[:: 1 + len(lines) // _SAMPLE]:
        yield text[line.start : min(line.end, line.start + LONGEST)]
