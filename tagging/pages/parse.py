"""Parse a web page into the tree of its elements."""

from __future__ import annotations

from typing import Any

from labels.errors import DemarcheError

_DEEPEST = 2048
"""Maximum depth of the elements that libxml2 reads; without `huge_tree`, it stops at 256."""


def parse_page(raw: str | bytes) -> Any:
    """Return the tree of a page, without comments. Raises DemarcheError if it is not HTML or cannot be read whole."""
    from lxml import etree, html
    from trafilatura.utils import decode_file, is_dubious_html, repair_faulty_html

    text = decode_file(raw)
    start = text[:50].lower()
    # Elements that are never closed, such as a <div> before each paragraph, make a tree as deep as the page is long.
    parser = html.HTMLParser(
        huge_tree=True,
        collect_ids=False,
        default_doctype=False,
        encoding="utf-8",
        remove_comments=True,
        remove_pis=True,
    )
    try:
        tree = html.fromstring(repair_faulty_html(text, start).encode("utf-8", "surrogatepass"), parser=parser)
    except etree.LxmlError as error:
        raise DemarcheError(f"not HTML that can be read ({type(error).__name__})") from error
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise DemarcheError(
            f"elements are nested more than {_DEEPEST} deep, so that the page cannot be read whole; "
            "save its text as a .txt file"
        )
    if is_dubious_html(start) and len(tree) < 2:
        raise DemarcheError("not HTML that can be read")
    return tree
