"""Read the article of an HTML page."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from labels.encodings import decode, is_damaged_utf8, is_utf8, marked_encoding
from tagging.pages.page import read_page
from tagging.readers.items import ReadArticle, Unreadable, make_article

_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "br",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tbody",
        "td",
        "th",
        "tr",
        "ul",
    ]
)
_NO_TEXT = ("script", "style", "title", "head")
_START = 4096
"""Number of bytes in which a page declares its encoding."""
_AS_BROWSERS_READ = {
    "iso8859-1": "windows-1252", "ascii": "windows-1252", "iso8859-9": "windows-1254", "gb2312": "gb18030",
    "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949",
}  # fmt: skip
"""{encoding as Python names it: the wider encoding that browsers use for it}."""


def decode_page(raw: bytes, encoding: str | None = None) -> str:
    """Decode a page: UTF-8, or what it declares; `encoding` is that of pages that declare none.

    Stray bytes are replaced, as in a browser. Raises DemarcheError if the encoding is not known.
    """
    if marked_encoding(raw) or is_utf8(raw):
        return decode(raw, encoding)
    declared = _declared_encoding(raw[:_START])
    if declared and declared != "utf-8":
        return raw.decode(declared, "replace")
    return raw.decode("utf-8", "replace") if is_damaged_utf8(raw) else decode(raw, encoding)


def _declared_encoding(start: bytes) -> str | None:
    match = re.search(rb"""(?:charset|encoding)\s{0,9}=\s{0,9}["']?([A-Za-z0-9_.:-]{1,40})""", start)
    try:
        name = codecs.lookup(match[1].decode()).name if match else None
    except LookupError:
        return None
    return _AS_BROWSERS_READ.get(name, name) if name else None


def lines_of_page(page: str) -> Iterator[str]:
    """Yield the text of each block of a page, as a browser shows it, without judging what it is."""
    from lxml import etree, html

    try:
        tree = html.document_fromstring(page.encode(), parser=html.HTMLParser(encoding="utf-8"))
    except (etree.ParserError, ValueError):
        return
    line: list[str] = []
    for event, node in etree.iterwalk(tree, events=("start", "end", "comment", "pi")):
        is_block = event in ("start", "end") and node.tag in _BLOCKS
        if is_block and (text := " ".join("".join(line).split())):
            yield text
        line = [] if is_block else line
        if event == "start" and node.tag not in _NO_TEXT:
            line.append(node.text or "")
        elif event != "start":
            line.append(node.tail or "")


def from_html(name: str, page: str, *, url: str | None = None) -> ReadArticle | Unreadable:
    """Return the article of a page. `url` is where it was saved from, if it does not say so itself.

    Raises DemarcheError if the page has no text but boilerplate.
    """
    found = read_page(page)
    return make_article(name, **found._replace(url=found.url or url)._asdict())
