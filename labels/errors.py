"""Errors that a user can fix. The command line prints them without a traceback and exits 2."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
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


class BadValue(NamedTuple):
    """A value of a table that cannot be read. The bad values of one kind are reported together.

    `noun` says what the value should be, or where it is. `one` and `many` say what is wrong ("is not a stance", "are
    not stances"). `option` reads the value; the words in capitals that the user has to replace in it are explained in
    `remedy`.
    """

    noun: str
    value: str
    one: str
    many: str
    option: str
    remedy: str


class Problem(NamedTuple):
    """A mistake at one place in a file."""

    file: str
    line: int | None
    what: str
    value: BadValue | None = None

    def __str__(self) -> str:
        return f"{self._place}: {one_line(self.what)}"

    @property
    def _place(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"

    @property
    def _kind(self) -> tuple[str, str, str]:
        """What this problem has in common with those that are reported with it."""
        value = self.value
        return (self.file, value.noun, value.many) if value else (self.file, "", self.what)


class BadInput(DemarcheError):
    """All the mistakes in the input files, so that they can be fixed at once.

    Mistakes of one kind in one file are reported together, with the first line of each value. Of many messages that
    differ only in names and numbers, the first are shown, and the others counted.
    """

    SHOWN = 50

    def __init__(self, problems: Iterable[Problem]):
        self.problems = list(problems)
        kinds: dict[tuple[str, str, str], list[Problem]] = {}
        for problem in self.problems:
            kinds.setdefault(problem._kind, []).append(problem)
        groups = _summarise(list(kinds.values()))
        lines = [line for line, _ in groups[: self.SHOWN]]
        if hidden := sum(count for _, count in groups[self.SHOWN :]):
            lines.append(f"… and {counted(hidden, 'more problem')}")
        super().__init__(*lines)

    def __reduce__(self) -> tuple[type[BadInput], tuple[list[Problem]]]:
        """Keep the problems when the error is pickled on its way from another process."""
        return type(self), (self.problems,)


class Problems:
    """A collection of the problems in files, so that the first does not hide the others."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self.notes: list[Problem] = []
        """What is no problem, but should be said: how a file was read."""

    def note(self, file: Path | str, line: int | None, what: str) -> None:
        self.notes.append(Problem(str(file), line, one_line(what)))

    def add(self, file: Path | str, line: int | None, what: str, value: BadValue | None = None) -> None:
        self._problems.append(Problem(str(file), line, one_line(what), value))

    def add_value(self, file: Path | str, line: int | None, value: BadValue) -> None:
        self.add(file, line, f"{value.noun} {value.value!r} {value.one}", value)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._problems)

    def __len__(self) -> int:
        return len(self._problems)

    def raise_any(self) -> None:
        if self._problems:
            raise BadInput(self._problems)


VALUES_SHOWN = 20
"""Maximum number of values, and of line numbers, in the report of one kind of mistake."""

_MANY, _FIRST = 20, 3
"""More problems than this that differ only in names and numbers have one cause: the first ones are shown."""
_NAMES_AND_NUMBERS = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")
_SUGGESTIONS = re.compile(r"; (?:did you mean …\?|known: [^;]*)")


def _summarise(groups: Sequence[Sequence[Problem]]) -> list[tuple[str, int]]:
    """Return a line for each group of problems with their number; the last of those shown tells of the rest of many."""
    by_pattern: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, group in enumerate(groups):
        # Without a line, the names alone say where the problem is.
        if group[0].line is not None:
            by_pattern[_pattern(group[0])].append(place)
    lines = {place: (_describe(group), len(group)) for place, group in enumerate(groups)}
    for places in by_pattern.values():
        if len(places) > _MANY:
            last, *rest = places[_FIRST - 1 :]
            others = [problem for place in rest for problem in groups[place]]
            line, count = lines[last]
            lines[last] = (f"{line} ({len(others)} more like this{_in_lines(others)})", count + len(others))
            for place in rest:
                del lines[place]
    return list(lines.values())


def _pattern(problem: Problem) -> tuple[str, str]:
    """Return the file, and what is wrong without quoted names, numbers and suggestions."""
    return problem.file, _SUGGESTIONS.sub("", _NAMES_AND_NUMBERS.sub("…", problem.what))


def _describe(problems: Sequence[Problem]) -> str:
    """Describe the problems of one kind in one file."""
    first = problems[0]
    if first.value is not None:
        return f"{first._place}: {_describe_values(problems)}"
    if len(problems) == 1:
        return str(first)
    return f"{first} ({len(problems)} times{_in_lines(problems)})"


def _in_lines(problems: Sequence[Problem]) -> str:
    """Return `, in lines 1, 2, …`, or nothing for problems without a line."""
    lines = [str(problem.line) for problem in problems if problem.line is not None]
    listed = ", ".join(lines[:VALUES_SHOWN]) + (", …" if len(lines) > VALUES_SHOWN else "")
    return f", in lines {listed}" if lines else ""


def _describe_values(problems: Sequence[Problem]) -> str:
    """Describe bad values of one kind: each with its number of rows and first line, then the options that read them."""
    rows: dict[BadValue, list[int | None]] = {}
    for value, line in dict.fromkeys((problem.value, problem.line) for problem in problems):
        if value is not None:
            rows.setdefault(value, []).append(line)
    shown = list(rows)[:VALUES_SHOWN]
    if len(rows) == 1:
        count = f" ({len(rows[shown[0]])} rows)" if len(rows[shown[0]]) > 1 else ""
        what = f"{shown[0].noun} {_quoted(shown[0])} {shown[0].one}{count}"
    else:
        places = [
            f"{_quoted(value)} ({counted(len(lines), 'row')}, first line {lines[0]})" if lines[0] else _quoted(value)
            for value, lines in list(rows.items())[:VALUES_SHOWN]
        ]
        hidden = [f"… and {len(rows) - len(shown)} more"] if len(rows) > len(shown) else []
        where = f"{shown[0].noun} " if shown[0].noun.endswith(":") else ""
        what = f"{where}{len(rows)} values {shown[0].many}: {', '.join([*places, *hidden])}"
    options = " ".join(dict.fromkeys(value.option for value in shown))
    return (
        f"{what}; add `{one_line(options, longest=10 * LONGEST)}`{f' ({shown[0].remedy})' if shown[0].remedy else ''}"
    )


def _quoted(value: BadValue) -> str:
    return repr(one_line(value.value) if len(value.value) > LONGEST else value.value)


def value_option(value: str, new: str) -> str:
    """Return the option of an import that reads `value` as `new`, quoted for a shell."""
    return f"--value {shlex.quote(f'{value}={new}')}"


def one_line(text: str, *, longest: int = LONGEST) -> str:
    """Return the text as one line that a terminal can show: shortened, with control characters escaped."""
    if len(text) > longest:
        text = f"{text[: longest - 150]} … {text[-140:]}"
    return printable(text)


def quoted_list(names: Sequence[str], *, shown: int = 5) -> str:
    """Return the first names in quotation marks, and the number of the others."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(repr(one_line(name)) for name in names[:shown]) + more


def suggest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'X'?` with the known word closest to this one, or a list of the known words."""
    known = sorted(known)
    close = get_close_matches(word, known, n=1, cutoff=0.6) if len(word) <= LONGEST else []
    return _suggestion(word, close, known)


def suggest_value(word: str, known: Iterable[str]) -> str:
    """Suggest a known word as `suggest` does, but only one of which this word is a misspelling.

    A word that is merely similar may mean the opposite: contra and neutral, unfavorable and favorable, import and export.
    """
    known = sorted(known)
    meant = misspelt(word, known)
    return _suggestion(word, [meant] if meant else [], known)


def misspelt(word: str, known: Iterable[str]) -> str | None:
    """Return the only known word of which this word is a misspelling, or None."""
    close = [name for name in known if _is_misspelling(word, name)] if len(word) <= LONGEST else []
    return close[0] if len(close) == 1 else None


def _is_misspelling(word: str, known: str) -> bool:
    word, known = word.casefold(), known.casefold()
    same_number = [letter for letter in word if letter.isdigit()] == [letter for letter in known if letter.isdigit()]
    return same_number and word[:1] == known[:1] and bool(get_close_matches(word, [known], cutoff=0.8))


def _suggestion(word: str, close: list[str], known: list[str]) -> str:
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
            # The options of a config are only similar by a misspelling; a stance may be similar to its opposite.
            hint = suggest_value(word, allowed) if "against" in allowed else suggest(word, allowed)
            what = f"{mistake['input']!r:.{LONGEST // 2}} is not allowed{hint}"
        messages.append(f"{field}: {what}" if field else what)
    return messages


def _allowed(expected: str) -> list[str]:
    """Return the allowed values listed in a pydantic message, such as `'a', 'b' or 'c'`."""
    return expected.replace(" or ", ", ").split(", ")
