"""Read the articles of a file that is no table: text, a web page, an e-mail or a document."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from labels.compression import DAMAGED, explain_damage, is_compressed, open_bytes, read_whole, suffix
from labels.encodings import decode
from labels.errors import DemarcheError
from labels.files import reason_not_text
from labels.signatures import HEAD, HTML, PDF, ZIP, recognise
from labels.table_files import TABLE_SUFFIXES
from tagging.readers import nexis
from tagging.readers.feeds import FEED_SUFFIXES
from tagging.readers.html import decode_page, from_html, lines_of_page
from tagging.readers.items import ArticleFile, ReadArticle, Unreadable, unreadable
from tagging.readers.mail import from_mail, is_mail
from tagging.readers.office import text_of_docx, text_of_rtf
from tagging.readers.pdf import read_pdf
from tagging.readers.plain import from_documents, from_text, undo_quoted_printable
from tagging.readers.remote import local_copy

_PLAIN = (".txt", ".text", ".md", ".markdown")
_HTML = (".html", ".htm", ".xhtml")
_MAIL = (".eml", ".mhtml", ".mht")
_OFFICE = (".docx", ".rtf")
_PDF = ".pdf"
KINDS = (*_PLAIN, *_HTML, *_MAIL, *_OFFICE, _PDF, *FEED_SUFFIXES, *TABLE_SUFFIXES)
"""The suffixes that name what is read; a page or an e-mail is read under any other, by its content."""


def read_file(file: ArticleFile) -> Iterator[ReadArticle | Unreadable]:
    """Yield the articles of a file, or an Unreadable."""
    try:
        with local_copy(file.path) as path:
            yield from _read(path, file.name, file.encoding)
    except DemarcheError as error:
        yield unreadable(file.path, file.name, error)
    except DAMAGED as error:
        yield Unreadable(file.name, explain_damage(error, is_begun=False))


def _read(path: Path, name: str, encoding: str | None) -> Iterator[ReadArticle | Unreadable]:
    kind = suffix(path)
    with open_bytes(path) as stream:
        start = stream.peek(HEAD)[:HEAD]
        found = recognise(start)
        if not start.strip():
            yield Unreadable(name, "empty")
        elif found is not None and kind in _OFFICE and found.suffix in (*_OFFICE, ZIP.suffix):
            raw = read_whole(stream)
            yield from from_text(name, text_of_rtf(raw) if found.suffix == ".rtf" else text_of_docx(raw))
        elif found == PDF:
            title, text = read_pdf(read_whole(stream))
            yield from from_text(name, text, title=title)
        elif what := reason_not_text(path, start, encoding):
            yield Unreadable(name, what)
        elif kind in _MAIL or is_mail(start):
            yield from_mail(name, read_whole(stream), encoding)
        elif kind in _HTML or found == HTML:
            yield from _from_page(name, decode_page(read_whole(stream), encoding))
        elif kind in _PLAIN:
            yield from from_text(name, decode(read_whole(stream), encoding))
        elif kind in (*_OFFICE, _PDF, *FEED_SUFFIXES):
            yield Unreadable(name, f"not a {kind} document, or a damaged one")
        else:
            what = f"packed {kind}" if is_compressed(path) and kind else kind or "a file without a suffix"
            yield Unreadable(name, f"{what} is not read, unless it is a web page; expected {', '.join(KINDS)}")


def _from_page(name: str, page: str) -> Iterator[ReadArticle | Unreadable]:
    page = undo_quoted_printable(page)
    documents = nexis.documents_of("\n\n".join(lines_of_page(page))) if nexis.may_be_download(page) else None
    if documents is None:
        yield from_html(name, page)
    else:
        yield from from_documents(name, documents)
