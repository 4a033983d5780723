"""Read the text of word processors' documents: .docx and .rtf."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from labels.errors import DemarcheError

_NAMESPACE = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_TEXT_OF = {
    _NAMESPACE + "tab": "\t",
    _NAMESPACE + "br": "\n",
    _NAMESPACE + "cr": "\n",
    _NAMESPACE + "noBreakHyphen": "-",
}
_LARGEST = 500_000_000
"""Maximum size of a document in bytes: a small archive may unpack to any size."""


def text_of_docx(raw: bytes) -> str:
    """Return the paragraphs of a Word document, with a blank line between them."""
    from lxml import etree

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if archive.getinfo("word/document.xml").file_size > _LARGEST:
                raise DemarcheError("a Word document that is too large; save its text as .txt")
            with archive.open("word/document.xml") as document:
                return "\n\n".join(filter(None, _paragraphs(document)))
    except (zipfile.BadZipFile, KeyError, etree.XMLSyntaxError, OSError, EOFError, ValueError, zlib.error) as error:
        raise DemarcheError(f"not a Word document, or a damaged one: {error}") from None


def _paragraphs(document: Any) -> Iterator[str]:
    from lxml import etree

    for _, paragraph in etree.iterparse(document, tag=_NAMESPACE + "p", resolve_entities=False, no_network=True):
        # The text of a box is within the paragraph that it is anchored in, and often there twice.
        if next(paragraph.iterancestors(_NAMESPACE + "txbxContent"), None) is not None:
            continue
        yield "".join(_text(paragraph)).strip()
        paragraph.clear()


def _text(node: Any) -> Iterator[str]:
    for part in node.iter(_NAMESPACE + "t", *_TEXT_OF):
        if next(part.iterancestors(_NAMESPACE + "txbxContent"), None) is None:
            yield (part.text or "") if part.tag == _NAMESPACE + "t" else _TEXT_OF[part.tag]


def text_of_rtf(raw: bytes) -> str:
    """Return the text of an RTF document."""
    from striprtf.striprtf import rtf_to_text

    try:
        text: str = rtf_to_text(raw.decode("windows-1252", "replace"), errors="replace")
    except (ValueError, LookupError, IndexError, RecursionError) as error:
        raise DemarcheError(
            f"an RTF document that cannot be read ({type(error).__name__}); save its text as .txt"
        ) from None
    return text
