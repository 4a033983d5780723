"""No input can make a regular expression run for long.

The engine of Python's `re` tries one way after another, which may take time that grows with the square of the text or
worse. RE2 does not. A pattern either runs under `re2`, or is so simple that `re` is as fast.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import re2

from benchmarks.patterns import PACKAGES, Pattern, patterns

PATTERNS = patterns()
WITH_RE = [pattern for pattern in PATTERNS if pattern.engine == "re"]

COMPUTED = {
    "labels/migration.py": "keywords of the codebook, each escaped: the time is that of looking for each",
    "models/explanation.py": "a word of the passage, escaped",
    "models/families/baselines.py": "keywords of the codebook, each escaped: the time is that of looking for each",
    "models/markup.py": "one character repeated, between others",
    "training/evaluation/counterfactuals/names.py": "names of a rules file, each escaped: likewise",
    "training/evaluation/counterfactuals/opposites.py": "verbs and phrases of a rules file, each escaped: likewise",
}
"""Files with patterns that are only known when they run, and why they are harmless."""
NOT_IN_RE2 = {
    r"labels/wording.py: [\\`*\[\]|~!]|(?<![^\W_])_|_(?![^\W_])|^[#+=-]": "a character and its neighbours",
    "training/evaluation/attributes.py: "
    r"""["“”„«»「」『』]|(?<!\w)['‘][^'‘’]{8,}['’](?!\w)""": "no quotation mark is read twice",
    r"training/evaluation/attributes.py: (1[5-9]|20)\d\d(?=\D|$|\d{4}$)": "four digits and those after them",
    r"training/evaluation/counterfactuals/names.py: ['’](?!\w)": "a character and its neighbour",
    "training/tracking/store.py: (?<=://)([^:/@]*):.*@": "the URL of the store, which the user wrote",
}
"""Patterns that RE2 cannot read, and why they are harmless."""


def named(pattern: Pattern) -> str:
    return f"{pattern.place}:{pattern.line}"


def test_patterns_are_found_in_every_package() -> None:
    assert {pattern.place.split("/")[0] for pattern in PATTERNS} == set(PACKAGES)
    assert "labels/passages.py" in {pattern.place for pattern in PATTERNS}


@pytest.mark.parametrize("pattern", WITH_RE, ids=named)
def test_a_pattern_can_run_in_linear_time(pattern: Pattern) -> None:
    if pattern.text is None:
        assert pattern.place in COMPUTED
        return
    if pattern.key in NOT_IN_RE2:
        return
    # RE2 writes characters as they are.
    text = re.sub(r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), pattern.text)
    options = re2.Options()
    options.case_sensitive = not pattern.flags & re.IGNORECASE
    options.log_errors = False
    re2.compile(text, options)


@pytest.mark.parametrize("pattern", [pattern for pattern in WITH_RE if pattern.text is not None], ids=named)
def test_no_pattern_of_re_repeats_a_repeat(pattern: Pattern) -> None:
    assert pattern.text is not None
    parsed = re._parser.parse(pattern.text, pattern.flags)  # type: ignore[attr-defined]
    assert not _repeats_a_repeat(parsed), "run it under re2"


def test_no_exception_is_out_of_date() -> None:
    assert COMPUTED.keys() == {pattern.place for pattern in WITH_RE if pattern.text is None}
    assert NOT_IN_RE2.keys() <= {pattern.key for pattern in WITH_RE}


def _repeats_a_repeat(node: Any, *, repeated: bool = False) -> bool:
    """Return whether something that is repeated holds a repeat of which the number varies."""
    for name, argument in node:
        match str(name):
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                least, most, inner = argument
                varies = least != most and most > 1
                if (repeated and varies) or _repeats_a_repeat(inner, repeated=repeated or most > 1):
                    return True
            case "SUBPATTERN":
                if _repeats_a_repeat(argument[-1], repeated=repeated):
                    return True
            case "BRANCH":
                if any(_repeats_a_repeat(branch, repeated=repeated) for branch in argument[1]):
                    return True
            case "ASSERT" | "ASSERT_NOT":
                if _repeats_a_repeat(argument[1], repeated=repeated):
                    return True
    return False


@pytest.mark.parametrize(("text", "repeats"), [(r"(a+)+$", True), (r"(?:a|b{2,3}){4}", True), (r"(?:ab{2})*c+", False)])
def test_the_check_finds_a_repeated_repeat(text: str, repeats: bool) -> None:
    assert _repeats_a_repeat(re._parser.parse(text)) == repeats  # type: ignore[attr-defined]
