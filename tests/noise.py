"""Noise that changes no meaning, sprinkled into a text as files and pages have it."""

from __future__ import annotations

import html
import quopri
import re
from random import Random

INVISIBLE = ("\xad", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u200e", "\u202c", "\ufe0f")
_WRAPPED = (
    "**{}**", "*{}*", "__{}__", "***{}***", "`{}`", "[{}](https://example.org/a_(b)?c=d#e)", "<b>{}</b>",
    '<a href="https://example.org/?a=1&amp;b=2" class=x>{}</a>', "<span>{}</span>", "&lt;i&gt;{}&lt;/i&gt;",
)  # fmt: skip
_SPACES = ("\xa0", "&nbsp;", "  ", "\n", "\u2009", " \t", "<br>", "<br />\n", "&#160;", "\u3000", "&amp;nbsp;", " \r\n")


def sprinkle(text: str, rng: Random, *, rate: float = 0.15) -> str:
    """Return the text with noise in about `rate` of its words and of the spaces between them."""
    words = [_disturb(word, rng) if rng.random() < rate else word for word in text.split(" ")]
    spaces = [rng.choice(_SPACES) if rng.random() < rate else " " for _ in words[1:]] + [""]
    return "".join(word + space for word, space in zip(words, spaces, strict=True))


def _disturb(word: str, rng: Random) -> str:
    if not word.isalnum():
        return curl(word) if rng.random() < 0.5 else html.escape(word)
    match rng.randrange(3):
        case 0:
            at = rng.randrange(len(word))  # a soft hyphen at a line end would divide a word
            return word[:at] + rng.choice(INVISIBLE) * rng.randrange(1, 3) + word[at:]
        case 1:
            return rng.choice(_WRAPPED).format(word)
        case _:
            return word.replace("fi", "ﬁ").replace("fl", "ﬂ") if rng.random() < 0.5 else f"<span>{word}</span>"


def curl(word: str) -> str:
    """Return the word with typographic quotes for straight ones."""
    word = word.replace("'", "’")
    return "“" + word[1:] if word.startswith('"') else word.replace('"', "”")


def encode(text: str, *, width: int) -> str:
    """Return the text in quoted-printable encoding, in lines of about `width` characters."""
    units = re.findall("=..|.", quopri.encodestring(text.encode()).decode().replace("=\n", ""))
    return "=\n".join("".join(units[start : start + width]) for start in range(0, len(units), width))
