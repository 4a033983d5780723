"""`make bench-wrapping DATA=FOLDER`: wrap real text in every way, and count the paragraphs that are found again.

    python -m benchmarks.wrapping FOLDER

The text is the bodies of the pages in FOLDER (`pages/bodies.jsonl.gz`). A paragraph is found if one of the paragraphs
of the wrapped text has its letters and digits, no more and no less.
"""

from __future__ import annotations

import gzip
import json
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from demarche.printing import table
from tagging.segmentation import paragraphs

WIDTHS = (36, 50, 60, 72, 80, 100)
_PAGE_LINES = 40
Wrap = Callable[[Sequence[str], int], str]
"""Paragraphs and a width in characters -> the wrapped text."""


def blank_lines(texts: Sequence[str], width: int) -> str:
    """Wrap the paragraphs, with a blank line between two."""
    return "\n\n".join(textwrap.fill(text, width, break_long_words=False) for text in texts)


def indented(texts: Sequence[str], width: int) -> str:
    """Wrap the paragraphs and indent the first line of each, without blank lines."""
    return "\n".join(textwrap.fill(text, width, initial_indent="    ", break_long_words=False) for text in texts)


def run_together(texts: Sequence[str], width: int) -> str:
    """Wrap the paragraphs, with nothing between two but the line end."""
    return "\n".join(textwrap.fill(text, width, break_long_words=False) for text in texts)


def double_spaced(texts: Sequence[str], width: int) -> str:
    """Wrap the paragraphs, with a blank line below every line."""
    return run_together(texts, width).replace("\n", "\n\n")


def double_spaced_apart(texts: Sequence[str], width: int) -> str:
    """Wrap the paragraphs, with a blank line below every line and two below a paragraph."""
    return blank_lines(texts, width).replace("\n", "\n\n").replace("\n\n\n\n", "\n\n\n")


def quoted(texts: Sequence[str], width: int) -> str:
    """Wrap the paragraphs as quoted mail, with quoted blank lines."""
    return "\n".join(f"> {line}" for line in blank_lines(texts, width - 2).split("\n"))


def margin(texts: Sequence[str], width: int) -> str:
    """Wrap the paragraphs with a left margin on every line."""
    return textwrap.indent(blank_lines(texts, width - 8), " " * 8)


def ragged(texts: Sequence[str], width: int) -> str:
    """Wrap the paragraphs as a proportional font does, with a blank line between two."""
    return "\n\n".join("\n".join(_proportional(text, width)) for text in texts)


def ragged_run(texts: Sequence[str], width: int) -> str:
    """Wrap the paragraphs as a proportional font does, with nothing between two but the line end."""
    return "\n".join("\n".join(_proportional(text, width)) for text in texts)


def hyphenated(texts: Sequence[str], width: int) -> str:
    """Wrap the paragraphs and divide words at line ends."""
    return "\n\n".join("\n".join(_hyphenated(text, width)) for text in texts)


def paged(texts: Sequence[str], width: int) -> str:
    """Wrap the paragraphs as pdftotext prints them: ragged lines, page numbers and form feeds."""
    lines = ragged(texts, width).split("\n")
    pages = [lines[first : first + _PAGE_LINES] for first in range(0, len(lines), _PAGE_LINES)]
    return "\n\f".join(
        "\n".join([*page, "", " " * (width // 2) + str(number)]) for number, page in enumerate(pages, start=1)
    )


WRAPPINGS: dict[str, Wrap] = {
    "blank lines": blank_lines,
    "indented": indented,
    "run together": run_together,
    "double-spaced": double_spaced,
    "double-spaced, paragraphs apart": double_spaced_apart,
    "quoted mail": quoted,
    "left margin": margin,
    "ragged, blank lines": ragged,
    "ragged, run together": ragged_run,
    "hyphenated": hyphenated,
    "pages of a PDF": paged,
}


def _proportional(text: str, width: int) -> Iterator[str]:
    """Yield lines of at most `width` average characters, where letters have the widths of a proportional font."""
    line, length = "", 0.0
    for word in text.split():
        size = sum(0.5 if letter in " iljtfr.,;:'’I|!()" else 1.6 if letter in "mwMW" else 1.0 for letter in word)
        if line and length + 0.5 + size > width * 0.9:
            yield line
            line, length = word, size
        else:
            line, length = f"{line} {word}".strip(), length + 0.5 + size
    yield line


def _hyphenated(text: str, width: int) -> Iterator[str]:
    """Yield lines of at most `width` characters, where long words are divided to fill a line."""
    line = ""
    for word in text.split():
        room = width - len(line) - 2
        if len(line) + 1 + len(word) <= width:
            line = f"{line} {word}".strip()
        elif word.isalpha() and len(word) >= 8 and room >= 3:
            cut = min(room, len(word) - 3)
            yield f"{line} {word[:cut]}-".strip()
            line = word[cut:]
        else:
            yield line
            line = word
    yield line


def letters(text: str) -> str:
    """Return the letters and digits of a paragraph, without those of page numbers on lines of their own."""
    lines = [line for line in text.splitlines() if not line.strip().isdigit()] or [text]
    return "".join(filter(str.isalnum, "".join(lines)))


def found(texts: Sequence[str], text: str) -> int:
    """Return how many of the texts are paragraphs of the text."""
    expected = Counter(map(letters, texts))
    return (expected & Counter(letters(text[start:end]) for start, end in paragraphs(text))).total()


def read_bodies(path: Path) -> list[list[str]]:
    """Return the paragraphs of each body of at least three."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        bodies = [json.loads(line)["body"].splitlines() for line in lines]
    texts = [[" ".join(line.split()) for line in body if letters(line)] for body in bodies]
    return [body for body in texts if len(body) >= 3]


def main(arguments: list[str]) -> int:
    bodies = read_bodies(Path(arguments[0]) / "pages" / "bodies.jsonl.gz")
    total = sum(map(len, bodies))
    rows = []
    for name, wrap in WRAPPINGS.items():
        shares = [sum(found(body, wrap(body, width)) for body in bodies) / total for width in WIDTHS]
        rows.append([name, *(f"{share:.1%}" for share in shares)])
    for name, end in (("not wrapped", "\n"), ("not wrapped, blank lines", "\n\n")):
        share = sum(found(body, end.join(body)) for body in bodies) / total
        rows.append([name, *[f"{share:.1%}"] * len(WIDTHS)])
    table(["wrapping", *map(str, WIDTHS)], rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
