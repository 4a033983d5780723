"""Offsets of tools whose pages count UTF-16 code units, as JavaScript does: an emoji is two."""

from __future__ import annotations

from labels.errors import DemarcheError


def to_utf16(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """Return a span of code points as one of UTF-16 code units."""
    start, end = (len(text[:place].encode("utf-16-le")) // 2 for place in span)
    return start, end


def from_utf16(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """Return a span of UTF-16 code units as one of code points.

    Raises DemarcheError for one that is not within the text, or that begins or ends within a character.
    """
    units = text.encode("utf-16-le")
    if not all(type(place) is int for place in span) or not 0 <= span[0] < span[1] <= len(units) // 2:
        raise DemarcheError(f"span {list(span)} is outside the passage of {len(units) // 2} UTF-16 code units")
    try:
        start, end = (len(units[: 2 * place].decode("utf-16-le")) for place in span)
    except UnicodeDecodeError:
        raise DemarcheError(f"span {list(span)} begins or ends within a character of two UTF-16 code units") from None
    return start, end
