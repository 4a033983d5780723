"""Read the text of PDF documents, page by page, with the paragraphs that their layout shows."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from typing import Any, NamedTuple

from labels.errors import DemarcheError
from tagging.readers.pdf_layout import PlacedLine, text_of_pages, without_running_heads

_LINE_END_HYPHEN = 2
"""What PDFium puts for a hyphen at the end of a line, together with the line end."""
_LINE_ENDS = (*map(ord, "\n\r"), _LINE_END_HYPHEN)
_UNKNOWN_SHARE = 0.2
"""Share of letters without a meaning from which a text cannot be read."""
_FEWEST_WORDS = 3
_NO_TITLE = re.compile(r"\.\w{2,5}$|^(?:microsoft word|untitled|slide|layout|print|page)\b", re.IGNORECASE)
"""Titles that programs put for themselves: the names of files, and what they call a new document."""


class Document(NamedTuple):
    """The title of a document, if it names a sensible one, and its text."""

    title: str | None
    text: str


def read_pdf(raw: bytes) -> Document:
    """Return the text of a PDF document.

    Paragraphs are separated by a blank line where the layout shows them. Running heads are left out. Raises
    DemarcheError for a document that is damaged, locked by a password, or without text.
    """
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(raw) as document:
            pages = [list(_lines(document, number)) for number in range(len(document))]
            title = document.get_metadata_dict().get("Title", "")
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise DemarcheError("a PDF document with a password; save it without one") from None
        raise DemarcheError(f"a PDF document that is damaged: {error}") from None
    letters = Counter(letter for lines in pages for line in lines for letter in line.text if not letter.isspace())
    if not letters:
        raise DemarcheError(
            "a PDF document without text, perhaps of scanned pages; recognise its text first, e.g. with `ocrmypdf`"
        )
    if sum(count for letter, count in letters.items() if _is_unknown(letter)) > _UNKNOWN_SHARE * letters.total():
        raise DemarcheError(
            "a PDF document whose fonts do not say which letters they show; recognise its text, e.g. with `ocrmypdf --force-ocr`"
        )
    text = text_of_pages(without_running_heads(pages))
    return Document(_sensible(title, {" ".join(block.split()) for block in text.split("\n\n")}), text)


def _lines(document: Any, number: int) -> Iterator[PlacedLine]:
    """Yield the lines of a page in the order in which the document has them."""
    import pypdfium2.raw as pdfium

    page = document[number]
    text = page.get_textpage()
    try:
        codes = [pdfium.FPDFText_GetUnicode(text, place) for place in range(text.count_chars())]
        start = 0
        for place, code in enumerate([*codes, ord("\n")]):
            if code in _LINE_ENDS:
                # The hyphen belongs to the line that it ends.
                if line := _line(text, codes, start, place + (code == _LINE_END_HYPHEN)):
                    yield line
                start = place + 1
    finally:
        text.close()
        page.close()


def _line(text: Any, codes: Sequence[int], start: int, end: int) -> PlacedLine | None:
    """Return the line of these characters, or None if it is blank."""
    filled = [place for place in range(start, end) if not chr(codes[place]).isspace()]
    if not filled:
        return None
    left, bottom, _, top = text.get_charbox(filled[0], loose=True)
    right = text.get_charbox(filled[-1], loose=True)[2]
    letters = "".join(map(chr, codes[filled[0] : filled[-1] + 1]))
    return PlacedLine(re.sub("[\x02\u2010]$", "-", _joined_halves(letters)), left, right, bottom, top)


def _joined_halves(letters: str) -> str:
    """Return the text with one character for each pair of surrogates; half a pair is replaced."""
    return letters.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _is_unknown(letter: str) -> bool:
    return letter in "\0\ufffd" or unicodedata.category(letter) in ("Co", "Cn", "Cc")


def _sensible(title: str, blocks: Set[str]) -> str | None:
    """Return the title, unless a program put it there for want of one.

    Browsers name the page `Headline | The Paper`: the part that is a block of the text is the title.
    """
    title = " ".join(title.replace("\0", "").split())
    if len(title.split()) < _FEWEST_WORDS or _NO_TITLE.search(title):
        return None
    ends = [match.start() for match in re.finditer(r" [|–—-] ", title)]
    return next((title[:end] for end in ends if title[:end] in blocks), title)
