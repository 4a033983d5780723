"""Tell the elements that begin a paragraph from those that stand within one."""

from __future__ import annotations

from itertools import chain, islice
from typing import Any

from models.markup import BLOCK_TAGS

CONTROLS = frozenset(["button", "label"])
"""Elements of forms that editors also use for words of a sentence."""
_TEXT_ONLY = frozenset(["p", "pre", "h1", "h2", "h3", "h4", "h5", "h6"])
"""Block elements in which only inline elements stand."""
_LEAST_BESIDE = 2
"""Minimum number of words beside an element that stands in a sentence."""
_NEAR = 20
"""Maximum number of elements on each side, in each of them, and around the element, that are searched for text."""


def ends_block(element: Any) -> bool:
    """Return whether the text of an element is a paragraph, or several, of its own.

    A control or an unknown element such as <story-text> is one unless it stands in a sentence.
    """
    tag = element.tag
    if not isinstance(tag, str) or tag in BLOCK_TAGS:
        return isinstance(tag, str)
    if "-" in tag:
        return not (_block_around(element) in _TEXT_ONLY or stands_in_sentence(element))
    return tag in CONTROLS and not stands_in_sentence(element)


def stands_in_sentence(element: Any) -> bool:
    """Return whether text goes on after an inline element that stands beside other text of its block."""
    after = text_beside(element, is_after=True)
    return bool(after) and len(f"{text_beside(element, is_after=False)} {after}".split()) >= _LEAST_BESIDE


def text_beside(element: Any, *, is_after: bool) -> str:
    """Return the text of the same block before or after an inline element, as far as the nearest few elements hold it."""
    parts: list[str] = []
    for inner in islice(chain([element], element.iterancestors()), _NEAR):
        if inner is not element and _is_boundary(inner):
            break
        text, is_end = _text_of_siblings(inner, is_after)
        parts.append(text)
        if is_end:
            break
    return " ".join("".join(parts if is_after else reversed(parts)).split())


def _text_of_siblings(element: Any, is_after: bool) -> tuple[str, bool]:
    """Return the text between an element and the end of its parent, or a block within it, and whether it is such."""
    parts = [element.tail or ""] if is_after else []
    is_end = False
    for sibling in islice(element.itersiblings(preceding=not is_after), _NEAR):
        tail = sibling.tail or ""
        is_end = any(map(_is_boundary, islice(sibling.iter(), _NEAR)))
        inside = "" if is_end or sibling.tag in CONTROLS else "".join(islice(sibling.itertext(), _NEAR))
        if is_after:
            parts += [inside, "" if is_end else tail]
        else:
            parts += [tail, inside]
        if is_end:
            break
    if not is_after:
        parent = element.getparent()
        parts.append((parent.text or "") if parent is not None and not is_end else "")
        parts.reverse()
    return "".join(parts), is_end


def _is_boundary(element: Any) -> bool:
    """Return whether an element ends the text before it, whatever stands beside it."""
    tag = element.tag
    return isinstance(tag, str) and (tag in BLOCK_TAGS or tag == "br" or "-" in tag)


def _block_around(element: Any) -> str | None:
    """Return the tag of the innermost block element around an element."""
    return next((each.tag for each in element.iterancestors() if each.tag in BLOCK_TAGS), None)
