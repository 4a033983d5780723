"""Decode text: UTF-8, what a byte-order mark says, or what the user says; anything else is refused with a guess."""

from __future__ import annotations

import codecs
import string
import unicodedata
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from labels.errors import DemarcheError

# The longer marks come first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF8 = ("utf-8", "utf-8-sig")
_SAMPLE = 100_000
"""Number of bytes that a guess is based on."""
_SHOWN_FROM = 4_000
"""Number of bytes that words are shown from."""
_NEARLY = 0.8
"""Guesses with at least this part of the best confidence are as good: a few letters fit several encodings."""
_NO_EVIDENCE = 0.05
"""The confidence of a guess from a letter or two, where the most frequent encodings are the best guesses."""
_MOST_FREQUENT = ("windows-1252", "macroman")
_PLAUSIBLE = 0.4
"""Guesses with less than this part of the best confidence are not shown."""
_COMMON = [
    "utf-16-le",
    "utf-16-be",
    "windows-1252",
    "windows-1250",
    "windows-1251",
    "gb18030",
    "cp932",
    "macroman",
    "cp850",
]
"""The encodings to prefer among guesses that are as good."""
_WIDER = {"iso-8859-1": "windows-1252", "iso-8859-9": "windows-1254", "iso8859-15": "windows-1252"}
"""Encodings that files are said to be in, and those that they nearly always are in."""
_ODD_ASCII = b"A+AGE-~{\x1b$B\0"
"""ASCII that has another meaning in UTF-7, HZ, ISO-2022 and UTF-16."""
_WITHIN_WORDS = "’‘–—…\xad·"
"""Signs that stand within words."""
_OTHER_ALPHABETS = ("GREEK", "CYRILLIC", "HEBREW", "ARABIC")
_WORDS_SHOWN = 4
_LONGEST_WORD = 16


def check_encoding(name: str | None) -> None:
    """Raise DemarcheError if no text encoding has this name."""
    if name is None:
        return
    try:
        "".encode(name)
        b"".decode(name)
    except (LookupError, ValueError):
        from encodings.aliases import aliases

        close = get_close_matches(name.lower().replace("-", "_"), [*aliases, *aliases.values()], n=1)
        hint = f"; did you mean {close[0]!r}?" if close else "; for example windows-1252, gb18030 or utf-16-le"
        raise DemarcheError(f"--encoding: {name!r} is not an encoding{hint}") from None


def marked_encoding(start: bytes) -> str | None:
    """Return the encoding that a byte-order mark names: UTF-16 or UTF-32. The mark of UTF-8 changes nothing."""
    return next((encoding for mark, encoding in _MARKS if start.startswith(mark)), None)


def without_mark(start: bytes) -> bytes:
    """Remove a byte-order mark."""
    marks = (codecs.BOM_UTF8, *(mark for mark, _ in _MARKS))
    return next((start.removeprefix(mark) for mark in marks if start.startswith(mark)), start)


def choose_encoding(chunks: Iterable[bytes], encoding: str | None) -> str:
    """Return the encoding of a file from its content and the one that the user names for files that are not UTF-8.

    So a folder may hold files of both kinds. `chunks` is the file's content, which is read no further than needed.
    """
    iterator = iter(chunks)
    start = next(iterator, b"")
    if marked := marked_encoding(start):
        return marked
    if encoding is None or codecs.lookup(encoding).name in _UTF8:
        return "utf-8"
    return "utf-8" if extends_ascii(encoding) and _all_utf8(start, iterator) else encoding


def extends_ascii(encoding: str) -> bool:
    """Return whether plain ASCII is the same in the encoding, so that only other bytes tell it from UTF-8."""
    try:
        return _ODD_ASCII.decode(encoding) == _ODD_ASCII.decode()
    except UnicodeError:
        return False


def _all_utf8(start: bytes, rest: Iterator[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(start)
        for chunk in rest:
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def is_utf8(raw: bytes) -> bool:
    """Return whether the bytes are valid UTF-8."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def decode(raw: bytes, encoding: str | None = None) -> str:
    """Decode a whole text; `encoding` is what the user names for texts that are not UTF-8. Keeps a mark of UTF-8.

    Raises DemarcheError with the first line that cannot be decoded and a guess at the encoding.
    """
    chosen = choose_encoding([raw], encoding)
    try:
        return raw.decode(chosen)
    except UnicodeError as error:
        raise DemarcheError(explain_bytes(raw, chosen, error)) from None


def explain_bytes(raw: bytes, encoding: str, error: UnicodeError) -> str:
    """Return why these bytes are not text in the encoding, with a guess at their encoding."""
    if encoding != "utf-8":
        return not_in(encoding)
    place = ""
    if isinstance(error, UnicodeDecodeError):
        line = raw.count(b"\n", 0, error.start) + 1
        place = f" (byte 0x{raw[error.start]:02x} in line {line})"
    return f"not UTF-8{place}{guess(raw)}"


def not_in(encoding: str) -> str:
    """Return the message about a text that is not in the encoding that its mark or the user names."""
    return f"not {encoding.upper()}: the file is damaged, or in another encoding"


def guess(raw: bytes) -> str:
    """Return advice on text that is not UTF-8: the likely encoding with a few words in it, or where it is damaged.

    No encoding is offered for text that is mostly UTF-8, since it would garble the rest.
    """
    if is_damaged_utf8(raw):
        return "; the rest is UTF-8, so this place is damaged: correct it in an editor"
    guesses = _guesses(raw)
    if not guesses:
        return "; its encoding is not known: save it as UTF-8, or name the encoding with --encoding"
    (best, words), *others = guesses
    listed = "; or ".join(f"{name}: {shown}" for name, shown in others)
    other = f" (if not, perhaps {listed})" if others else ""
    return f"; it looks like {best}: {words}; if these words are right, {_advice(best)}{other}"


def _advice(encoding: str) -> str:
    return f"add --encoding {encoding} (in commands that have this option), or save the file as UTF-8"


def is_damaged_utf8(raw: bytes) -> bool:
    """Return whether more letters of the text are valid UTF-8 than not."""
    valid = raw.decode("utf-8", "ignore")
    invalid = len(raw) - len(valid.encode())
    return invalid < len(valid) - len(valid.encode("ascii", "ignore"))


def guess_wide(start: bytes) -> str | None:
    """Return advice on a text that starts with these bytes if it looks like UTF-16 or UTF-32 without a mark."""
    return next(
        (
            f"looks like {name} without a byte-order mark: {words}; if these words are right, {_advice(name)}"
            for name, words in _guesses(start)
            if name.startswith(("utf-16", "utf-32"))
        ),
        None,
    )


def _guesses(raw: bytes) -> list[tuple[str, str]]:
    """Return up to three (encoding, words in it), the likeliest first; the words differ."""
    import chardet

    # Only lines with other letters than ASCII tell encodings apart.
    lines = [line for line in raw.splitlines(keepends=True) if not line.isascii()]
    sample = raw[:_SAMPLE] if b"\0" in raw else b"".join(lines)[:_SAMPLE]
    start = sample[:_SHOWN_FROM]
    found = [(one["encoding"], one["confidence"]) for one in chardet.detect_all(sample, ignore_threshold=True)]
    known = [(_WIDER.get(name.lower(), name.lower()), confidence) for name, confidence in found if name]
    most = max((confidence for _, confidence in known), default=0.0)
    if most < _NO_EVIDENCE:
        known += ((name, most) for name in _MOST_FREQUENT)

    def rank(candidate: tuple[str, float]) -> tuple[bool, bool, int, float]:
        name, confidence = candidate
        place = _COMMON.index(name) if name in _COMMON else len(_COMMON)
        return _is_odd(_words(start, name) or ""), confidence < _NEARLY * most, place, -confidence

    guesses: list[tuple[str, str]] = []
    for name, confidence in sorted(known, key=rank):
        if confidence < _PLAUSIBLE * most:
            continue
        words = _words(start, name)
        if words and words not in [shown for _, shown in guesses]:
            guesses.append((name, words))
    return guesses[: 3 if most < _NO_EVIDENCE else 2]


def _is_odd(words: str) -> bool:
    """Return whether a letter or sign is one that people hardly write in a word: `cafŽ`, `SmithÕs`, `na•ve`, `cafι`."""
    return any(
        _is_odd_letter(before, letter, after)
        for before, letter, after in zip(words, words[1:], words[2:] + " ", strict=False)
        if letter > "\x7f" and letter not in _WITHIN_WORDS and before.isalpha()
    )


def _is_odd_letter(before: str, letter: str, after: str) -> bool:
    if letter.isupper() and (before.islower() or after.islower()):
        return True
    if not letter.isalpha():
        return before.islower() and after.isalpha()
    return before.isascii() and unicodedata.name(letter, "").startswith(_OTHER_ALPHABETS)


def _words(sample: bytes, encoding: str) -> str | None:
    """Return a few words with letters that are not ASCII, or None if the sample is not text in the encoding."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError as error:
        # The sample may end within a character.
        if error.start < len(sample) - 4:
            return None
        text = sample[: error.start].decode(encoding)
    except (UnicodeError, LookupError):
        return None
    if any(not letter.isprintable() and not letter.isspace() for letter in text):
        return None
    odd = [word for word in text.split() if not word.isascii()] or text.split()
    words = dict.fromkeys(word.strip(string.punctuation)[:_LONGEST_WORD] for word in odd[:100])
    return " ".join(list(words)[:_WORDS_SHOWN]) or None
