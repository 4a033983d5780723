"""Mistakes a user can mend. The command line prints them and exits 2, without a traceback."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

LONGEST = 400
"""Characters that are shown of what was found: a value may be a whole book."""


class DemarcheError(Exception):
    """What went wrong, where, and what to do about it, in words for the user."""


class Problem(NamedTuple):
    """One mistake in one place of a file."""

    file: str
    line: int | None
    what: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {one_line(self.what)}"


class BadInput(DemarcheError):
    """Every mistake found in the files given, so that all can be mended at once."""

    SHOWN = 50

    def __init__(self, problems: Iterable[Problem]):
        self.problems = list(problems)
        lines = [str(problem) for problem in self.problems[: self.SHOWN]]
        if len(self.problems) > self.SHOWN:
            lines.append(f"… and {len(self.problems) - self.SHOWN} more problems")
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[type[BadInput], tuple[list[Problem]]]:
        """So that it comes back whole from another process."""
        return type(self), (self.problems,)


class Problems:
    """Collects problems while files are read, so that none hides the next."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, file: Path | str, line: int | None, what: str) -> None:
        self.found.append(Problem(str(file), line, one_line(what)))

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def raise_any(self) -> None:
        if self.found:
            raise BadInput(self.found)


def one_line(text: str) -> str:
    """The text as one line that a terminal can show: not too long, control characters spelled out."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - 150]} … {text[-140:]}"
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def suggest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'X'?` with the known word nearest to this one, or what is known."""
    known = sorted(known)
    close = get_close_matches(word, known, n=1, cutoff=0.6) if len(word) <= LONGEST else []
    if not close:
        lower = {name.lower(): name for name in known}
        close = [lower[word.lower()]] if word.lower() in lower else []
    if close:
        return f"; did you mean {close[0]!r}?"
    listed = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    return f"; known: {listed}" if known else ""


def explain(error: ValidationError) -> list[str]:
    """Each mistake that pydantic found, as `field: what`."""
    found = []
    for mistake in error.errors(include_url=False):
        field = ".".join(str(part) for part in mistake["loc"])
        what = mistake["msg"].removeprefix("Value error, ")
        if mistake["type"] == "extra_forbidden":
            what = "unknown field; take it out or correct its name"
        elif mistake["type"] == "missing":
            what = "missing"
        elif mistake["type"] in {"literal_error", "enum"}:
            allowed = [part.strip("'") for part in _allowed(mistake["ctx"]["expected"])]
            given = str(mistake["input"])[:LONGEST]
            what = f"{mistake['input']!r:.{LONGEST // 2}} is not allowed{suggest(given, allowed)}"
        found.append(f"{field}: {what}" if field else what)
    return found


def _allowed(expected: str) -> list[str]:
    """The words in pydantic's `'a', 'b' or 'c'`."""
    return expected.replace(" or ", ", ").split(", ")
