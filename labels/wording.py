"""The wording of messages: what a terminal may show, and numbers of things."""

from __future__ import annotations

import re

_JOINERS = "\u200c\u200d"
"""Characters without width that words of Persian and Hindi are written with, and that do nothing to a terminal."""

_MARKS = re.compile(r"[\\`*\[\]|~!]|(?<![^\W_])_|_(?![^\W_])|^[#+=-]")
"""What Markdown gives a meaning; an underscore within a word has none."""


def printable(text: str) -> str:
    """Return the text as one line that a terminal can show, with control characters escaped.

    These are line ends, ANSI escapes, and the marks that reorder text: a name from a file must not look like a message.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter in _JOINERS else repr(letter)[1:-1] for letter in text)


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return `1 passage` or `2 passages`; the plural takes an s unless it is given."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def markdown(text: str) -> str:
    """Return the text as one line of Markdown that shows it as it is: a name from a file is no link, tag or table cell."""
    escaped = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKS.sub(r"\\\g<0>", escaped)
