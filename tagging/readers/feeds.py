"""Read the entries of a feed: RSS 0.9 to 2.0, or Atom."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from labels.compression import open_bytes, read_whole
from labels.encodings import without_mark
from labels.errors import DemarcheError
from labels.signatures import HEAD
from labels.wording import counted
from models.markup import text_of_html
from tagging.readers.items import ReadArticle, Unreadable, make_article

FEED_SUFFIXES = (".rss", ".atom", ".xml")
_ELEMENT = re.compile(r"^<content\b[^>]*>|</content>$")
"""The element around a body in XHTML."""
_ROOT = re.compile(rb"<(?:[\w.-]{1,20}:)?(?:rss|feed|RDF)[\s>]")
_END = re.compile(rb"</(?:[\w.-]{1,20}:)?(?:rss|feed|RDF)\s*>")
_BEFORE_ROOT = re.compile(rb"\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>", re.DOTALL)


def is_feed(path: Path) -> bool:
    """Return whether the file is a feed, by its first element. Raises OSError and the like if it cannot be read."""
    with open_bytes(path) as stream:
        # In UTF-16, each letter has a zero byte beside it.
        start = without_mark(stream.peek(HEAD)[:HEAD]).replace(b"\0", b"")
    while passed := _BEFORE_ROOT.match(start):
        start = start[passed.end() :]
    return _ROOT.match(start) is not None


def read_feed(path: Path, name: str) -> Iterator[ReadArticle | Unreadable]:
    """Yield the article of each entry. Its id is the file and the entry's own id, or else its link.

    The text is the longest that the entry has: its content or its summary. Raises DemarcheError if the file is no feed,
    OSError and the like if it is damaged.
    """
    import fastfeedparser

    with open_bytes(path) as stream:
        raw = read_whole(stream)
    try:
        feed = fastfeedparser.parse(raw)
    except ValueError as error:
        raise DemarcheError(f"not a feed that can be read: {error}") from None
    source = _line(feed.feed.get("title"))
    is_whole = _END.search(raw.replace(b"\0", b"")) is not None
    entries = feed.entries if is_whole else feed.entries[:-1]
    if not feed.entries:
        yield Unreadable(name, "a feed without entries")
    for entry in entries:
        text = max(map(_text, _bodies(entry)), key=lambda text: len(text.split()), default="")
        yield make_article(
            f"{name}:{_id(entry, text)}",
            text,
            title=_line(entry.get("title")),
            source=source,
            published=_published(entry),
            url=_url(feed.feed.get("link") or "", _link(entry)),
        )
    if not is_whole:
        yield Unreadable(name, f"cut off; what stands after {counted(len(entries), 'entry', 'entries')} is not read")


def _published(entry: Mapping[str, Any]) -> str | None:
    """Return the date of an entry. Where there is none, the parser takes an id such as `7` for a day of this month."""
    updated: str | None = entry.get("updated")
    published: str | None = entry.get("published") or updated
    id = entry.get("id") or ""
    is_made_up = published and published[:10] not in id and published == _date_in(id)
    return updated if is_made_up else published


def _date_in(id: str) -> str | None:
    """Return the date that the parser takes an id for."""
    import fastfeedparser

    item = f"<rss><channel><item><pubDate>{escape(id)}</pubDate></item></channel></rss>"
    date: str | None = fastfeedparser.parse(item.encode("utf-8", "replace")).entries[0].get("published")
    return date


def _url(feed: str, link: str) -> str | None:
    """Return the URL of a link in a feed, or None without one."""
    try:
        return urljoin(feed, link) if link else None
    except ValueError:  # one of them is no URL
        return link


def _id(entry: Mapping[str, Any], text: str) -> str:
    """Return what names the entry in every download of the feed."""
    named = " ".join(str(entry.get("id") or _link(entry)).split())
    title = entry.get("title") or ""
    return named or hashlib.blake2b(f"{title}\0{text}".encode(), digest_size=8).hexdigest()


def _link(entry: Mapping[str, Any]) -> str:
    """Return the link to the article; others lead to the entry itself, or to what belongs to it."""
    links = (link["href"] for link in entry.get("links") or () if link.get("rel") in (None, "alternate"))
    return next(filter(None, links), entry.get("link")) or ""


def _bodies(entry: Mapping[str, Any]) -> Iterator[str]:
    yield from (_ELEMENT.sub("", content.get("value") or "") for content in entry.get("content") or ())
    yield entry.get("description") or ""


def _text(body: str) -> str:
    """Return the text of a body in HTML."""
    # The paragraph around it says that it is HTML, also if its own tags and entities stand within lines.
    return text_of_html(f"<p>{body}</p>")


def _line(body: str | None) -> str | None:
    return " ".join(_text(body).split()) or None if body else None
