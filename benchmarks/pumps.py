"""Find texts on which a regular expression of `re` takes more than linear time."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

from benchmarks.patterns import Pattern

_SIZE = 2000
_SUSPICIOUS = 0.004
"""Seconds for a text of this many characters; a linear pattern takes a tenth of that."""
_COMMON = " a1.\n"


class Pumped(NamedTuple):
    """A text that begins with `start` and repeats `pump`, and how the time grows if it is twice as long."""

    start: str
    pump: str
    growth: float


def pumped(pattern: Pattern) -> Iterator[Pumped]:
    """Yield texts for which the time more than doubles: a part of a match, and then a few characters repeated."""
    assert pattern.text is not None
    compiled = re.compile(pattern.text, pattern.flags)
    tree = re._parser.parse(pattern.text, pattern.flags)  # type: ignore[attr-defined]
    example = _example(tree)[:12]
    letters = list(dict.fromkeys([*example, *_COMMON]))[:12]
    pumps = [*letters, *map("".join, product(letters[:6], repeat=2))]
    for start in dict.fromkeys(example[:end] for end in range(len(example) + 1)):
        for pump in pumps:
            if _seconds(compiled, start, pump, _SIZE) > _SUSPICIOUS:
                once, twice = (min(_seconds(compiled, start, pump, n) for _ in range(3)) for n in (_SIZE, 2 * _SIZE))
                if twice > 2.8 * once:
                    yield Pumped(start, pump, twice / once)


def _seconds(compiled: re.Pattern[str], start: str, pump: str, size: int) -> float:
    text = start + pump * (size // len(pump)) + "\x00"
    before = time.process_time()
    for _ in compiled.finditer(text):
        pass
    return time.process_time() - before


def _example(tree: Any) -> str:
    """Return a short text that matches the parsed pattern, or nearly does."""
    text = ""
    for name, argument in tree:
        match str(name):
            case "LITERAL":
                text += chr(argument)
            case "NOT_LITERAL":
                text += "a" if argument != ord("a") else "b"
            case "ANY":
                text += "a"
            case "IN":
                text += _member(argument)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                text += _example(argument[2]) * max(argument[0], 1)
            case "SUBPATTERN":
                text += _example(argument[-1])
            case "BRANCH":
                text += _example(argument[1][0])
    return text


def _member(members: Any) -> str:
    """Return a character of a set."""
    is_negated = str(members[0][0]) == "NEGATE"
    text = "".join(
        chr(argument) if str(name) == "LITERAL" else chr(argument[0]) if str(name) == "RANGE" else ""
        for name, argument in members
    )
    if is_negated:
        return next(letter for letter in "a 1.x" if letter not in text)
    classes = [str(argument) for name, argument in members if str(name) == "CATEGORY"]
    return text[:1] or (" " if "CATEGORY_SPACE" in classes else "1" if "CATEGORY_DIGIT" in classes else "a")
