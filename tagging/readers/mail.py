"""Read e-mails (.eml), and web pages that a browser saved as one (.mhtml)."""

from __future__ import annotations

import email
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime

from labels.encodings import decode
from labels.errors import DemarcheError
from tagging.readers.html import decode_page, from_html
from tagging.readers.items import ReadArticle, Unreadable, make_article

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


def from_mail(name: str, raw: bytes, encoding: str | None = None) -> ReadArticle | Unreadable:
    """Return the article of an e-mail: its plain text, or else its HTML. `encoding` is that of parts that name none."""
    message = email.message_from_bytes(raw.removeprefix(b"\xef\xbb\xbf").lstrip())
    parts = [part for part in message.walk() if part.get_content_disposition() != "attachment"]
    pages = [part for part in parts if part.get_content_type() == "text/html"]
    plain = [part for part in parts if part.get_content_type() == "text/plain"]
    is_saved_page = message.get_content_type() == "multipart/related" and bool(pages)
    if pages and (is_saved_page or not any(_content(part).strip() for part in plain)):
        url = message.get("Snapshot-Content-Location") or pages[0].get("Content-Location")
        page = _decode(pages[0], encoding, is_page=True)
        read = from_html(name, page, url=url if is_saved_page and str(url).startswith("http") else None)
        return read if is_saved_page or isinstance(read, Unreadable) else _with_headers(read, message)
    if not plain:
        return Unreadable(name, "an e-mail without text")
    # The text may be in several parts, between pictures.
    text = "\n\n".join(_decode(part, encoding) for part in plain)
    read = make_article(name, text)
    return read if isinstance(read, Unreadable) else _with_headers(read, message)


def _with_headers(read: ReadArticle, message: Message) -> ReadArticle:
    """Add the subject, the sender and the date to the article."""
    display, address = parseaddr(_header(message, "From") or "")
    article = read.article.model_copy(
        update={
            "title": _header(message, "Subject") or read.article.title,
            "source": display or address or read.article.source,
            "published": _date(message) or read.article.published,
        }
    )
    return ReadArticle(article)


def _header(message: Message, name: str) -> str | None:
    value = message.get(name)
    if value is None:
        return None
    try:
        text = str(make_header(decode_header(value)))
    except (LookupError, ValueError):
        text = str(value)
    return " ".join(text.split()) or None


def _date(message: Message) -> str | None:
    value = _header(message, "Date")
    try:
        return parsedate_to_datetime(value).isoformat() if value else None
    except (ValueError, TypeError, IndexError):
        return value


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
