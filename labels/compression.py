"""Open files that may be compressed with gzip or zstd."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import TypeAlias

from labels.errors import DemarcheError

COMPRESSED = (".gz", ".zst")
"""Suffixes of compressed files; the name before them has the suffix of what is inside."""
LARGEST = 200_000_000
"""Maximum size of what is read into memory at once, in bytes: a file of an article with its pictures, or a line."""
LARGEST_TEXT = 20_000_000
"""Maximum length of the text of an article in characters. No book is as long."""
ByteStream: TypeAlias = io.BufferedReader | gzip.GzipFile
DAMAGED = (zlib.error, EOFError, OSError)
"""What reading a file raises if it is damaged or cut off."""


def open_bytes(path: Path) -> ByteStream:
    """Open the file in binary mode, decompressing it if its name ends in .gz or .zst."""
    match path.suffix.lower():
        case ".gz":
            return gzip.open(path, "rb")
        case ".zst":
            import pyarrow as pa

            return io.BufferedReader(pa.input_stream(path, compression="zstd"))
        case _:
            return path.open("rb")


def suffix(path: Path) -> str:
    """Return the lower-case suffix of the file's name, without a trailing `.gz` or `.zst`."""
    return Path(path.stem).suffix.lower() if is_compressed(path) else path.suffix.lower()


def is_compressed(path: Path) -> bool:
    """Return whether the name of the file says that it is compressed."""
    return path.suffix.lower() in COMPRESSED


def explain_damage(error: Exception, *, is_begun: bool) -> str:
    """Return why a file cannot be read; `is_begun`: its first part could be, up to the place of the message."""
    if "CRC" in str(error):
        return "damaged: its checksum is wrong, so what was read of it may be garbled; get the file again"
    what = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    if isinstance(error, EOFError):
        what = "the file is cut off; get it again"
    return f"cannot be read from here: {what}; what is above was read" if is_begun else f"cannot be read: {what}"


def read_whole(stream: ByteStream) -> bytes:
    """Return what remains of the stream. Raises DemarcheError if that is too much for one article."""
    raw = stream.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise DemarcheError(f"larger than {LARGEST / 1e6:,.0f} MB; split it into files with fewer articles")
    return raw
