"""Recognise elements that hold no text of the article: hidden ones, cards and tables of data."""

from __future__ import annotations

from typing import Any

from models.markup import BLOCK_TAGS
from tagging.pages.inline import text_beside
from tagging.pages.sentences import ends_sentence, is_sentence
from tagging.pages.vocabulary import CARDS, HOVER, tokens_of

_HIDDEN_STYLE = ("display:none", "visibility:hidden")
_LEAST_SENTENCE = 8
"""Minimum number of words of a sentence of prose, which a label or a figure is not."""


def is_hidden(element: Any) -> bool:
    """Return whether the element itself is set not to be shown."""
    style = (element.get("style") or "").replace(" ", "").lower()
    return (
        element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or any(hidden in style for hidden in _HIDDEN_STYLE)
    )


def is_hover_card(element: Any) -> bool:
    """Return whether an inline element is hidden, or a card that is shown beside a link when a reader points at it."""
    if is_hidden(element):
        return True
    if element.tag == "a":
        return False
    return (_is_named_hover(element) and _follows_its_word(element)) or _is_link_card(element)


def _is_named_hover(element: Any) -> bool:
    """Return whether the class of an element says that it is shown when a reader points at something."""
    if element is None or not isinstance(element.tag, str):
        return False
    # `hover:underline` says how an element looks, not what it is.
    names = " ".join(name for name in (element.get("class") or element.get("id") or "").split() if ":" not in name)
    tokens = tokens_of(names)
    return bool(tokens & HOVER) or {"hover", "card"} <= tokens


def _follows_its_word(element: Any) -> bool:
    """Return whether an element follows the word that opens it, which may have such a class as well."""
    parent, before = element.getparent(), element.getprevious()
    is_within = _is_named_hover(parent) and not (parent.tag in BLOCK_TAGS and (element.tail or "").strip())
    if not (is_within or _is_named_hover(before) or (before is not None and before.tag == "a")):
        return False
    text = text_beside(element, is_after=False)
    # A sentence after a whole sentence is the text itself; a card that holds one interrupts another.
    is_prose = is_sentence("".join(element.itertext()).strip(), least=_LEAST_SENTENCE)
    return bool(text) and not (is_prose and ends_sentence(text))


def _is_link_card(element: Any) -> bool:
    """Return whether an inline element shows a picture and a few links, and nothing else."""
    if len(element) == 0 or element.find(".//img") is None or element[0].tag == "a":
        return False
    links = element.findall(".//a")
    text = sum(len("".join(link.itertext()).split()) for link in links)
    return len(links) >= 2 and text * 5 >= len("".join(element.itertext()).split()) * 4


def is_data_table(table: Any) -> bool:
    """Return whether a table holds data, and not the layout of the page."""
    if table.find(".//table") is not None or table.get("role") == "presentation":
        return False
    rows = [[cell for cell in row if cell.tag in ("td", "th")] for row in table.iter("tr")]
    wide = [row for row in rows if len(row) >= 2]
    if len(wide) < 2:
        return False
    if _has_prose_column(wide):
        return False
    if table.find(".//th") is not None or table.find("caption") is not None:
        return True
    paragraphs = len(table.findall(".//p")) + len(table.findall(".//br"))
    return len(wide) * 2 > len(rows) and len(wide) >= 3 and paragraphs <= len(rows)


def _has_prose_column(rows: list[list[Any]]) -> bool:
    """Return whether most cells in one column of a table are sentences, as where it lists what each party says."""
    body = [row for row in rows if any(cell.tag == "td" for cell in row)]
    for column in range(max(map(len, body), default=0)):
        cells = ["".join(row[column].itertext()).strip() for row in body if column < len(row)]
        if sum(is_sentence(cell, least=_LEAST_SENTENCE) for cell in cells) * 2 > len(body):
            return True
    return False


def is_card_block(element: Any) -> bool:
    """Return whether a block element is a hidden card, which may interrupt a sentence."""
    return is_hidden(element) and bool(tokens_of(element.get("class") or "") & CARDS)
