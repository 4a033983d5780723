"""Find the body of an article in the data of a page's scripts: JSON-LD, Next.js and the states of other frameworks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import lxml.html

from tagging.pages.blocks import read_blocks
from tagging.pages.features import ends_sentence

_LEAST_WORDS = 8
"""Minimum number of words of a paragraph among the strings of a script."""
_MAIN_SHARE = 0.75
_BODY_KEY = "articleBody"
_DEEPEST = 100
"""Maximum depth of a JSON value that is searched."""
_LONGEST_SCRIPT = 5_000_000
"""Maximum number of characters of a script that is read."""


def article_body(tree: Any) -> list[str]:
    """Return the paragraphs of the longest `articleBody` of the page's JSON-LD, or an empty list."""
    bodies = [
        string.text
        for script in tree.iter("script")
        if _is_json_ld(script) and _BODY_KEY in (script.text or "")
        for data in _json_values(script.text)
        for string in _strings(data)
        if string.path[-1:] == (_BODY_KEY,)
    ]
    return _paragraphs(max(bodies, key=len)) if bodies else []


def script_body(tree: Any) -> list[str]:
    """Return the paragraphs that read like prose in the script that holds most of them, or an empty list."""
    best: list[str] = []
    for script in tree.iter("script"):
        text = script.text or ""
        if not _is_json_ld(script) and len(text) <= _LONGEST_SCRIPT:
            for data in _json_values(text):
                body = _main_prose(data)
                best = body if _count(body) > _count(best) else best
    return best


def _is_json_ld(script: Any) -> bool:
    return "ld+json" in (script.get("type") or "").lower()


def _json_values(script: str) -> Iterator[Any]:
    """Yield the value of a script of JSON, or the first object or array of a script such as `window.state = {…}`."""
    decoder = json.JSONDecoder()
    for start in sorted(position for mark in "{[" if (position := script.find(mark)) >= 0):
        try:
            yield decoder.raw_decode(script, start)[0]
        except (ValueError, RecursionError):  # not JSON but code
            continue
        return


class _String(NamedTuple):
    """A string of a JSON value, and the keys and positions that lead to it."""

    path: tuple[str | int, ...]
    text: str


def _strings(data: Any) -> Iterator[_String]:
    """Yield the strings of a JSON value, in order."""
    stack: list[_String | tuple[tuple[str | int, ...], Any]] = [((), data)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, str):
            yield _String(path, value)
        elif isinstance(value, dict | list) and len(path) < _DEEPEST:
            items = value.items() if isinstance(value, dict) else enumerate(value)
            stack += [((*path, key), item) for key, item in reversed(list(items))]


def _main_prose(data: Any) -> list[str]:
    """Return the prose of the innermost object or list that holds three quarters of the value's prose."""
    prose = [
        (string.path, paragraph)
        for string in _strings(data)
        if len(string.text) > 40 and " " in string.text
        for paragraph in _paragraphs(string.text)
        if len(paragraph.split()) >= _LEAST_WORDS and ends_sentence(paragraph)
    ]
    least = _MAIN_SHARE * _count(paragraph for _, paragraph in prose)
    depth = 1
    while prose:
        words: Counter[tuple[str | int, ...]] = Counter()
        for path, paragraph in prose:
            if len(path) > depth:
                words[path[:depth]] += len(paragraph.split())
        inner, count = max(words.items(), key=lambda item: item[1], default=((), 0))
        if count < least:
            break
        prose = [(path, paragraph) for path, paragraph in prose if path[:depth] == inner]
        depth += 1
    return list(dict.fromkeys(paragraph for _, paragraph in prose))


def _count(paragraphs: Iterable[str]) -> int:
    return sum(len(paragraph.split()) for paragraph in paragraphs)


def _paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a string of HTML or plain text."""
    if "<" in text or "&" in text:
        tree = lxml.html.fromstring(f"<div>{text.replace(chr(0), ' ')}</div>")
        text = "\n\n".join(block.text for block in read_blocks(tree))
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]
