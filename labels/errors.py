"""Errors that a user can fix. The command line prints them without a traceback and exits 2."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from labels.wording import counted, printable

LONGEST = 400
"""Maximum length of a message in characters; a value quoted in it may be as long as a book."""


class DemarcheError(Exception):
    """An error whose message, of one or more lines, tells the user what went wrong, where, and what to do about it."""

    def __str__(self) -> str:
        # Names and values from files are quoted in messages, and a terminal must not obey them.
        return "\n".join(printable(str(line)) for line in self.args)


class Problem(NamedTuple):
    """A mistake at one place in a file."""

    file: str
    line: int | None
    what: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {one_line(self.what)}"


class BadInput(DemarcheError):
    """All the mistakes in the input files, so that they can be fixed at once."""

    SHOWN = 50

    def __init__(self, problems: Iterable[Problem]):
        self.problems = list(problems)
        lines = [str(problem) for problem in self.problems[: self.SHOWN]]
        if len(self.problems) > self.SHOWN:
            lines.append(f"… and {counted(len(self.problems) - self.SHOWN, 'more problem')}")
        super().__init__(*lines)

    def __reduce__(self) -> tuple[type[BadInput], tuple[list[Problem]]]:
        """Keep the problems when the error is pickled on its way from another process."""
        return type(self), (self.problems,)


class Problems:
    """A collection of the problems in files, so that the first does not hide the others."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def add(self, file: Path | str, line: int | None, what: str) -> None:
        self._problems.append(Problem(str(file), line, one_line(what)))

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._problems)

    def __len__(self) -> int:
        return len(self._problems)

    def raise_any(self) -> None:
        if self._problems:
            raise BadInput(self._problems)


def one_line(text: str) -> str:
    """Return the text as one line that a terminal can show: shortened, with control characters escaped."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - 150]} … {text[-140:]}"
    return printable(text)


def suggest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'X'?` with the known word closest to this one, or a list of the known words."""
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
    """Return each mistake in a pydantic error as `field: what`."""
    messages = []
    for mistake in error.errors(include_url=False):
        field = ".".join(str(part) for part in mistake["loc"])
        what = mistake["msg"].removeprefix("Value error, ")
        if mistake["type"] == "extra_forbidden":
            what = "unknown field; remove it or correct its name"
        elif mistake["type"] == "missing":
            what = "missing"
        elif mistake["type"] in {"literal_error", "enum"}:
            allowed = [part.strip("'") for part in _allowed(mistake["ctx"]["expected"])]
            word = str(mistake["input"])[:LONGEST]
            what = f"{mistake['input']!r:.{LONGEST // 2}} is not allowed{suggest(word, allowed)}"
        messages.append(f"{field}: {what}" if field else what)
    return messages


def _allowed(expected: str) -> list[str]:
    """Return the allowed values listed in a pydantic message, such as `'a', 'b' or 'c'`."""
    return expected.replace(" or ", ", ").split(", ")
