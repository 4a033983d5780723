"""Recognise elements that hold no text of the article: hidden ones, cards and tables of data."""

from __future__ import annotations

from typing import Any

from tagging.pages.vocabulary import HOVER, tokens_of

_HIDDEN_STYLE = ("display:none", "visibility:hidden")


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
    names = element.get("class") or element.get("id")
    if names and tokens_of(names) & HOVER:
        # The word that opens the card may have such a class as well: the card follows it, inside or beside.
        parent, before = element.getparent(), element.getprevious()
        around = [
            other.get("class") or "" for other in (parent, before) if other is not None and isinstance(other.tag, str)
        ]
        if any(tokens_of(other) & HOVER for other in around) or (before is not None and before.tag == "a"):
            return True
    return _is_link_card(element)


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
    if table.find(".//th") is not None or table.find("caption") is not None:
        return True
    paragraphs = len(table.findall(".//p")) + len(table.findall(".//br"))
    return len(wide) * 2 > len(rows) and len(wide) >= 3 and paragraphs <= len(rows)


def is_card_block(element: Any) -> bool:
    """Return whether a block element is a hidden card, which may interrupt a sentence."""
    return is_hidden(element) and bool(tokens_of(element.get("class") or "") & HOVER)
