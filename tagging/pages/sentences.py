"""Recognise the ends of sentences, and text that reads like sentences, in any script."""

from __future__ import annotations

_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？", "؟", "।")
_CLOSING = "\"'”’»)]」』》） "


def ends_sentence(text: str) -> bool:
    """Return whether the text ends like a sentence."""
    return text.rstrip(_CLOSING).endswith(_SENTENCE_ENDS)


def count_words(text: str) -> int:
    """Return the number of words of a text; Chinese and Japanese, written without spaces, count by their characters."""
    words = len(text.split())
    return words if text[:50].isascii() else max(words, len(text) // 12)


def is_sentence(text: str, *, least: int) -> bool:
    """Return whether the text has at least so many words and ends like a sentence."""
    return count_words(text) >= least and ends_sentence(text)
