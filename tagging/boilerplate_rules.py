"""Match single paragraphs against the rules of `boilerplate.toml`, in time linear in the length of the paragraph."""

from __future__ import annotations

import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import re2

RULES_FILE = Path(__file__).with_name("boilerplate.toml")
_LONGEST = 5000
"""Maximum number of characters of a paragraph that is matched against the rules."""
_MEMORY = 64 << 20
"""Bytes that the automaton of all rules may take; a tenth of it is used."""
_PLAIN = str.maketrans("“”„«»‘’‚`´‐‑‒–—―\u00a0\u202f", "\"\"\"\"\"'''''------  ")
_WORDS_BESIDE_DATE = 3
_WORDS_BESIDE_LABEL = 8
"""Maximum numbers of other words in a dateline, such as the name of a place or an agency."""
_SEPARATORS = "|•·»›"


class Rule(NamedTuple):
    """A kind of boilerplate: a paragraph of at most `max_words` words in which the pattern is found."""

    kind: str
    max_words: int
    pattern: str


@cache
def rules() -> tuple[Rule, ...]:
    """Return the rules for single paragraphs. The first rule that matches decides."""
    return tuple(Rule(rule["kind"], rule["words"], _pattern(rule)) for rule in _data()["paragraphs"])


@dataclass(frozen=True)
class ElementRule:
    """A kind of boilerplate: the elements with one of these tags, or with one of these words in their class or id.

    With `always`, even the element that holds most of the page's text.
    """

    kind: str
    tags: frozenset[str]
    words: frozenset[str]
    always: bool


@cache
def element_rules() -> tuple[ElementRule, ...]:
    """Return the rules for elements of HTML. The first rule that matches decides."""
    return tuple(
        ElementRule(
            rule["kind"],
            frozenset(rule.get("tags", "").split()),
            frozenset(rule.get("words", "").split()),
            rule.get("always", False),
        )
        for rule in _data()["elements"]
    )


@cache
def line_pattern(name: str) -> Any:
    """Return the compiled pattern of a line that has a meaning by its place, such as "end of article"."""
    return re2.compile(_expanded(_data()["lines"][name]))


def match_rules(text: str) -> str | None:
    """Return the kind of boilerplate that the rules recognise in a single paragraph, or None."""
    if not any(map(str.isalnum, text)):
        return "ornament"
    if text.startswith("|") and text.endswith("|") and text.count("|") >= 3:
        return "table"
    if _is_menu(text):
        return "navigation"
    if len(text) > _LONGEST:
        return None
    text = plain(" ".join(text.split()))
    words = text.count(" ") + 1
    if words <= 20 and _is_dateline(text):
        return "dateline"
    matches = (rules()[index] for index in sorted(_all_rules().Match(text) or ()))
    return next((rule.kind for rule in matches if words <= rule.max_words), None)


def plain(text: str) -> str:
    """Return the text as the patterns expect it: without accents, with straight quotes and plain hyphens."""
    if text.isascii():
        return text
    text = text.translate(_PLAIN)
    if text.isascii():
        return text
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


def _is_menu(text: str) -> bool:
    """Return whether the text is a row of labels with separators between them."""
    if not any(separator in text for separator in _SEPARATORS):
        return False
    for separator in _SEPARATORS[1:]:
        text = text.replace(separator, _SEPARATORS[0])
    labels = [words for label in text.split(_SEPARATORS[0]) if (words := label.split())]
    total = sum(map(len, labels))
    return (len(labels) >= 4 and total <= 4 * len(labels)) or (len(labels) == 3 and total <= 12)


def _is_dateline(text: str) -> bool:
    """Return whether the text is a date or an age, with few words that do not belong to one."""
    dates = line_pattern("dates")
    if not dates.search(text):
        return False
    rest = line_pattern("time words").sub(" ", dates.sub(" ", text))
    others = sum(any(map(str.isalnum, word)) for word in rest.split())
    return others <= (_WORDS_BESIDE_LABEL if line_pattern("date label").search(text) else _WORDS_BESIDE_DATE)


@cache
def _all_rules() -> Any:
    """Return one automaton of all rules, which is many times faster than one after the other."""
    options = re2.Options()
    options.max_mem = _MEMORY
    patterns = re2.Set.SearchSet(options)
    for rule in rules():
        patterns.Add(rule.pattern)
    patterns.Compile()
    return patterns


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(RULES_FILE.read_text(encoding="utf-8"))


def _pattern(rule: dict[str, Any]) -> str:
    joined = "|".join(f"(?:{_expanded({**rule, 'pattern': pattern})})" for pattern in rule["patterns"])
    match rule["at"]:
        case "whole":
            return rf"^\W*(?:{joined})\W*$"
        case "start":
            return rf"^\W*(?:{joined})"
        case "anywhere":
            return joined
        case place:
            raise ValueError(f"{RULES_FILE.name}: at = {place!r} in a rule for {rule['kind']}")


def _expanded(entry: dict[str, Any]) -> str:
    """Return the entry's pattern with the definitions in place of their names."""
    pattern: str = entry["pattern"]
    for name, definition in _data()["definitions"].items():
        pattern = pattern.replace(f"{{{name}}}", definition)
    return pattern if entry.get("cased") else f"(?i:{pattern})"
