"""Find the body of an article in the data of a page's scripts: JSON-LD, Next.js and the states of other frameworks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import lxml.html

from tagging.pages.blocks import read_blocks
from tagging.pages.features import ends_sentence

_LEAST_WORDS = 8
"""Minimum number of words of a paragraph among the strings of a script."""
_MAIN_SHARE = 0.75
_BODY_KEY = "articleBody"
_LONGEST_SCRIPT = 5_000_000
"""Maximum number of characters of a script that is read."""


def article_body(tree: Any) -> list[str]:
    """Return the paragraphs of the longest `articleBody` of the page's JSON-LD, or an empty list."""
    bodies = [
        body
        for script in tree.iter("script")
        if (script.get("type") or "").strip().lower() == "application/ld+json"
        for data in _json_values(script.text or "")
        for key, body in _strings(data)
        if key == _BODY_KEY
    ]
    return _paragraphs(max(bodies, key=len)) if bodies else []


def script_body(tree: Any) -> list[str]:
    """Return the paragraphs that read like prose in the script that holds most of them, or an empty list."""
    best: list[str] = []
    for script in tree.iter("script"):
        if "ld+json" in (script.get("type") or "") or len(script.text or "") > _LONGEST_SCRIPT:
            continue
        for data in _json_values(script.text or ""):
            body = [text for text in dict.fromkeys(_main_prose(data))]
            if _count(body) > _count(best):
                best = body
    return best


def _count(paragraphs: list[str]) -> int:
    return sum(len(paragraph.split()) for paragraph in paragraphs)


def _json_values(script: str) -> Iterator[Any]:
    """Yield the value of a script of JSON, or the first object or array of a script such as `window.state = {…}`."""
    decoder = json.JSONDecoder()
    starts = [position for mark in "{[" if (position := script.find(mark)) >= 0]
    for start in sorted(starts):
        try:
            yield decoder.raw_decode(script, start)[0]
        except (ValueError, RecursionError):  # not JSON but code
            continue
        return


def _strings(data: Any) -> Iterator[tuple[str, str]]:
    """Yield the strings of a JSON value in order, each with its key."""
    stack: list[tuple[str, Any]] = [("", data)]
    while stack:
        key, value = stack.pop()
        if isinstance(value, str):
            yield key, value
        elif isinstance(value, dict):
            stack += [(str(name), item) for name, item in reversed(value.items())]
        elif isinstance(value, list):
            stack += [(key, item) for item in reversed(value)]


def _main_prose(data: Any) -> list[str]:
    """Return the prose of the innermost object or list that holds three quarters of the value's prose."""
    prose = _prose(data)
    least = _MAIN_SHARE * _count(prose)
    while prose:
        items = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
        inner = next(((item, text) for item in items if _count(text := _prose(item)) >= least), None)
        if inner is None or isinstance(inner[0], str):
            break
        data, prose = inner
    return prose


def _prose(data: Any) -> list[str]:
    return [
        paragraph
        for _, text in _strings(data)
        if len(text) > 40 and " " in text
        for paragraph in _paragraphs(text)
        if len(paragraph.split()) >= _LEAST_WORDS and ends_sentence(paragraph)
    ]


def _paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a string of HTML or plain text."""
    if "<" in text or "&" in text:
        tree = lxml.html.fromstring(f"<div>{text.replace(chr(0), ' ')}</div>")
        text = "\n\n".join(block.text for block in read_blocks(tree))
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]
