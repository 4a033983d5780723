"""Read e-mails (.eml), and web pages that a browser saved as one (.mhtml)."""

from __future__ import annotations

import email
from collections.abc import Sequence
from datetime import datetime
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime
from typing import NamedTuple

from labels.encodings import decode
from labels.errors import DemarcheError
from labels.passages import Article
from tagging.readers.html import decode_page, from_html, lines_of_page
from tagging.readers.items import ReadArticle, Unreadable, make_article

_MUCH_LESS = 0.6
"""The share of the words of the page below which plain text holds much less."""
_LONGEST_SIGNATURE = 15
"""Maximum number of lines of a signature, with the line of dashes."""
_WRITTEN_BY_PEOPLE = frozenset({b"from", b"to", b"subject", b"date"})
_WRITTEN_BY_PROGRAMS = frozenset(
    {b"mime-version", b"message-id", b"content-type", b"content-transfer-encoding", b"received", b"return-path"}
)


def is_mail(start: bytes) -> bool:
    """Return whether a file that starts with these bytes is an e-mail: a block of headers that people do not write."""
    names = set()
    for line in start.removeprefix(b"\xef\xbb\xbf").lstrip().splitlines():
        if not line.strip():
            break
        name, colon, _ = line.partition(b":")
        if not line.startswith((b" ", b"\t")):
            if not colon or b" " in name.removeprefix(b"From "):
                return False
            names.add(name.lower())
    return bool(names & _WRITTEN_BY_PROGRAMS) and len(names & _WRITTEN_BY_PEOPLE) >= 1 and len(names) >= 3


class _Part(NamedTuple):
    """A part of an e-mail: its text, and for a page its article, or the reason why it has none."""

    text: str
    article: Article | None = None
    error: DemarcheError | None = None


def from_mail(name: str, raw: bytes, encoding: str | None = None) -> ReadArticle | Unreadable:
    """Return the article of an e-mail: the text of its parts. `encoding` is that of parts that name none.

    Of two forms of one text, the plain text is read, or the page if that has much more.
    Raises DemarcheError if a part cannot be read.
    """
    message = email.message_from_bytes(raw.removeprefix(b"\xef\xbb\xbf").lstrip())
    saved = _saved_page(message)
    parts = _parts(message if saved is None else saved, name, encoding)
    if not parts:
        has_place = any(part.get_content_maintype() == "text" for part in message.walk())
        return Unreadable(name, "empty" if has_place else "an e-mail without text")
    for part in parts:
        if part.error and (len(parts) == 1 or not part.text):
            raise part.error
    article = next((part.article for part in parts if part.article), None)
    if saved is not None and article:
        url = str(message.get("Snapshot-Content-Location") or saved.get("Content-Location") or "")
        return ReadArticle(article.model_copy(update={"url": article.url or (url if url.startswith("http") else None)}))
    # The text may be in several parts, between pictures.
    read = make_article(name, "\n\n".join(part.text for part in parts))
    return read if isinstance(read, Unreadable) else _with_headers(read, message, article)


def _saved_page(message: Message) -> Message | None:
    """Return the page of a file that a browser wrote, or None if the file is an e-mail."""
    page = next((part for part in message.walk() if part.get_content_type() == "text/html"), None)
    if message.get_content_type() != "multipart/related" or page is None:
        return None
    by_browser = "snapshot-content-location" in message or "saved by" in str(message.get("From")).lower()
    return page if by_browser or "content-location" in page else None


def _parts(message: Message, name: str, encoding: str | None) -> list[_Part]:
    """Return the parts to read, without attachments, and of the forms of one text only one."""
    kind = message.get_content_type()
    if message.get_content_disposition() == "attachment":
        return []
    if not message.is_multipart():
        if kind == "text/html":
            return _page(message, name, encoding)
        text = _without_signature(_decode(message, encoding)) if kind == "text/plain" else ""
        return [_Part(text)] if text.strip() else []
    inner = [_parts(part, name, encoding) for part in message.get_payload() if isinstance(part, Message)]
    groups = [parts for parts in inner if parts]
    if kind == "multipart/related":
        # What stands below the first is what it shows, such as frames.
        groups = groups[:1]
    elif kind == "multipart/alternative" and groups:
        most = max(groups, key=_words)
        plain = next((parts for parts in groups if not any(part.article or part.error for part in parts)), most)
        groups = [most if _words(plain) < _MUCH_LESS * _words(most) else plain]
    return [part for parts in groups for part in parts]


def _without_signature(text: str) -> str:
    """Return the text above the line of two dashes that begins a signature (RFC 3676, section 4.3)."""
    lines = text.splitlines(keepends=True)
    at = max((place for place, line in enumerate(lines) if line.rstrip("\r\n") == "-- "), default=len(lines))
    return "".join(lines[:at] if len(lines) - at <= _LONGEST_SIGNATURE else lines)


def _page(part: Message, name: str, encoding: str | None) -> list[_Part]:
    """Return the part with its article. A page too short for an article gives its lines, and a blank one nothing."""
    try:
        page = _decode(part, encoding, is_page=True)
    except DemarcheError as error:
        return [_Part("", error=error)]
    try:
        read = from_html(name, page)
    except DemarcheError as error:
        lines = "\n\n".join(lines_of_page(page))
        return [_Part(lines, error=error)] if lines else []
    if isinstance(read, Unreadable):
        return [_Part("", error=DemarcheError(read.reason))]
    return [_Part(read.article.text, article=read.article)]


def _words(parts: Sequence[_Part]) -> int:
    """Return the number of words of the parts that could be read."""
    return sum(len(part.text.split()) for part in parts if not part.error)


def _with_headers(read: ReadArticle, message: Message, page: Article | None) -> ReadArticle:
    """Add the subject, the sender and the date to the article, or else what its page says."""
    display, address = parseaddr(_header(message, "From") or "")
    article = read.article.model_copy(
        update={
            "title": _header(message, "Subject") or (page and page.title),
            "source": display or address or (page and page.source),
            "published": _date(message) or (page and page.published),
            "url": page and page.url,
        }
    )
    return ReadArticle(article)


def _header(message: Message, name: str) -> str | None:
    value = message.get(name)
    if value is None:
        return None
    try:
        text = str(make_header(decode_header(value)))
    except (LookupError, ValueError, MessageError):
        text = str(value)
    return " ".join(text.split()) or None


def _date(message: Message) -> str | None:
    value = _header(message, "Date") or ""
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            return parse(value).isoformat()
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _decode(part: Message, encoding: str | None, *, is_page: bool = False) -> str:
    raw, charset = _content(part), part.get_content_charset()
    try:
        if charset and charset not in ("us-ascii", "ascii"):
            return raw.decode(charset)
    except (LookupError, ValueError):
        pass
    try:
        return decode_page(raw, encoding) if is_page else decode(raw, encoding)
    except DemarcheError as error:
        raise DemarcheError(f"the text of the e-mail is {error}") from None
