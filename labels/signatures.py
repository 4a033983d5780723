"""Recognise by its first bytes what a file really is, whatever its name says."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import NamedTuple

from labels.encodings import without_mark
from labels.errors import one_line

HEAD = 4096
"""Number of bytes that are enough to recognise a file."""
_MEMBERS_SHOWN = 3


class Kind(NamedTuple):
    """What a file is: the suffix of its kind, its name in a sentence, and how to make it readable."""

    suffix: str
    name: str
    advice: str


_SAVE_TEXT = "save its text as .txt or .docx"
_SAVE_TABLE = "save it as .csv or .parquet"
_UNPACK = "unpack it"
_NOT_TEXT = "it has no text to read"
_BY_START: tuple[tuple[bytes, Kind], ...] = (
    (b"PAR1", Kind(".parquet", "a Parquet table", "give it a name that ends in .parquet")),
    (b"{\\rtf", Kind(".rtf", "an RTF document", "give it a name that ends in .rtf")),
    (b"\x1f\x8b", Kind(".gz", "compressed with gzip", "give it a name that ends in .gz")),
    (b"BZh91AY&SY", Kind(".bz2", "compressed with bzip2", _UNPACK)),
    (b"\xfd7zXZ\0", Kind(".xz", "compressed with xz", _UNPACK)),
    (b"\x28\xb5\x2f\xfd", Kind(".zst", "compressed with zstd", "give it a name that ends in .zst")),
    (b"7z\xbc\xaf\x27\x1c", Kind(".7z", "a 7-Zip archive", _UNPACK)),
    (b"Rar!\x1a\x07", Kind(".rar", "a RAR archive", _UNPACK)),
    (b"SQLite format 3\0", Kind(".sqlite", "an SQLite database", "export its table as .csv")),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        Kind(
            ".doc",
            "an Office file of the old kind (.doc, .xls, .msg), or one with a password",
            "save it as .docx or .xlsx",
        ),
    ),
    (b"ARROW1", Kind(".arrow", "an Arrow file", _SAVE_TABLE)),
    (b"FEA1", Kind(".feather", "a Feather file", _SAVE_TABLE)),
    (b"\x89HDF\r\n", Kind(".h5", "an HDF5 file", _SAVE_TABLE)),
    (b"\x93NUMPY", Kind(".npy", "a NumPy array", _SAVE_TABLE)),
    (b"<stata_dta>", Kind(".dta", "a Stata file", _SAVE_TABLE)),
    (b"$FL2@(#)", Kind(".sav", "an SPSS file", _SAVE_TABLE)),
    (b"RDX3\n", Kind(".rdata", "an R data file", _SAVE_TABLE)),
    (b"WARC/", Kind(".warc", "a WARC archive of web pages", "save its pages as .html")),
    (b"%!PS", Kind(".ps", "a PostScript document", _SAVE_TEXT)),
    (b"\x89PNG\r\n", Kind(".png", "a PNG image", _NOT_TEXT)),
    (b"\xff\xd8\xff", Kind(".jpg", "a JPEG image", _NOT_TEXT)),
    (b"GIF87a", Kind(".gif", "a GIF image", _NOT_TEXT)),
    (b"GIF89a", Kind(".gif", "a GIF image", _NOT_TEXT)),
    (b"II*\0", Kind(".tif", "a TIFF image", _NOT_TEXT)),
    (b"MM\0*", Kind(".tif", "a TIFF image", _NOT_TEXT)),
    (b"ID3\x03", Kind(".mp3", "a sound file", _NOT_TEXT)),
    (b"ID3\x04", Kind(".mp3", "a sound file", _NOT_TEXT)),
    (b"OggS\0", Kind(".ogg", "a sound file", _NOT_TEXT)),
    (b"\x7fELF", Kind(".exe", "a program", _NOT_TEXT)),
)
PDF = Kind(".pdf", "a PDF document", "save its text as .txt, e.g. with `pdftotext`")
_TAR = Kind(".tar", "a tar archive", _UNPACK)
_WEBP = Kind(".webp", "a WebP image", _NOT_TEXT)
_VIDEO = Kind(".mp4", "a video", _NOT_TEXT)
_PICKLE = Kind(".pkl", "a Python pickle", _SAVE_TABLE)
HTML = Kind(".html", "an HTML page", "give it a name that ends in .html")
ZIP = Kind(".zip", "a ZIP archive", _UNPACK)
_IN_ZIP: tuple[tuple[bytes, Kind], ...] = (
    (b"word/", Kind(".docx", "a Word document", "give it a name that ends in .docx")),
    (b"xl/", Kind(".xlsx", "an Excel workbook", "give it a name that ends in .xlsx")),
    (b"ppt/", Kind(".pptx", "a PowerPoint presentation", _SAVE_TEXT)),
    (b"opendocument.text", Kind(".odt", "an OpenDocument text", _SAVE_TEXT)),
    (b"opendocument.spreadsheet", Kind(".ods", "an OpenDocument spreadsheet", "save it as .xlsx or .csv")),
    (b"epub+zip", Kind(".epub", "an e-book (EPUB)", _SAVE_TEXT)),
)
_HTML_TAGS = ["html", "head", "body", "title", "meta", "article", "section", "div", "p", "table", "script", "h1"]
_HTML_STARTS = (b"<!doctype html", *(f"<{tag}{end}".encode() for tag in _HTML_TAGS for end in (">", " ", "\n", "\r")))


def recognise(start: bytes) -> Kind | None:
    """Return what a file with these first bytes is, or None for plain text and whatever is not known."""
    for signature, kind in _BY_START:
        if start.startswith(signature):
            return kind
    if without_mark(start).lstrip().startswith(b"%PDF-"):
        return PDF
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return next((kind for name, kind in _IN_ZIP if name in start), ZIP)
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return _WEBP
    if start[4:8] == b"ftyp":
        return _VIDEO
    if start[257:262] == b"ustar":
        return _TAR
    if start[:1] == b"\x80" and start[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        return _PICKLE
    return HTML if is_html(start) else None


def is_html(start: bytes) -> bool:
    """Return whether the first tag is one of a page, after comments, an XML declaration and white space."""
    # In UTF-16, each letter of a tag has a zero byte beside it.
    rest = without_mark(start).replace(b"\0", b"").lstrip().lower()
    while not rest.startswith(_HTML_STARTS):
        opening, closing = (b"<!--", b"-->") if rest.startswith(b"<!--") else (b"<?xml", b"?>")
        if not rest.startswith(opening) or closing not in rest:
            return False
        rest = rest[rest.index(closing) + len(closing) :].lstrip()
    return True


def describe(kind: Kind, path: Path) -> str:
    """Return the name of the kind, with the members of a ZIP archive, and what to do."""
    members = _members(path) if kind == ZIP else []
    for name, inner in _IN_ZIP:
        # Where a picture comes first, the names that tell the kind are far from the start.
        if any(member.encode().startswith(name) for member in members):
            return describe(inner, path)
    if not members:
        return f"{kind.name}; {kind.advice}"
    more = len(members) - _MEMBERS_SHOWN
    listed = ", ".join(members[:_MEMBERS_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return f"{kind.name} of {one_line(listed)}; {kind.advice}"


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return [member.filename for member in archive.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        return []
