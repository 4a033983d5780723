"""Patterns such as `{annotator}_{topic}`, which say what the names of columns mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from string import Formatter

from labels.errors import DemarcheError

PLACEHOLDERS: Mapping[str, str] = {
    "annotator": "the annotator whose labels the column holds",
    "topic": "the topic that the column is about",
    "target": "the target that the column is about",
    "n": "a number that pairs columns, such as 'Topic 1' with 'Stance 1'",
    "id": "the id of the passage that the column is about, in a table with a row per annotator",
}
LONGEST_NAME = 100
"""Longer names of columns match no pattern, since each placeholder may end at every place in the name."""
_ENOUGH = 20

Parts = tuple[tuple[str, str | None], ...]
"""Literal text, each with the placeholder after it; the last has none."""


def parse_pattern(pattern: str) -> Parts:
    """Return the parts of a pattern. Raises DemarcheError if it is not one."""
    try:
        parts = [(literal, name) for literal, name, _, _ in Formatter().parse(pattern)]
    except ValueError:
        raise DemarcheError(f"{pattern!r} has a brace without its partner; write e.g. '{{annotator}}_topics'") from None
    names = [name for _, name in parts if name is not None]
    for name in names:
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
            raise DemarcheError(f"{pattern!r}: {{{name}}} is not known; use one of {known}")
        if names.count(name) > 1:
            raise DemarcheError(f"{pattern!r} has {{{name}}} twice; name each column with it once")
    if any(not literal for literal, _ in parts[1:]):
        raise DemarcheError(f"{pattern!r} has nothing between two placeholders; rename the columns with --rename")
    return tuple(parts if parts and parts[-1][1] is None else [*parts, ("", None)])


def placeholders(pattern: str) -> list[str]:
    """Return the placeholders of a pattern; none for the plain name of a column."""
    return [name for _, name in parse_pattern(pattern) if name] if "{" in pattern else []


def literal_length(pattern: str) -> int:
    """Return the number of characters outside placeholders; a pattern with more of them is more specific."""
    return sum(len(literal) for literal, _ in parse_pattern(pattern))


def match_column(pattern: str, column: str) -> list[dict[str, str]]:
    """Return the ways to read the name of a column with the pattern, up to 20: {placeholder: text}."""
    if len(column) > LONGEST_NAME:
        return []
    return list(islice(_match(parse_pattern(pattern), column, set()), _ENOUGH))


def _match(parts: Parts, rest: str, failed: set[tuple[int, int]]) -> Iterator[dict[str, str]]:
    """Yield the ways to read the rest of a name with the remaining parts.

    `failed` holds how many parts and characters remained where there was none, so that nothing is tried twice in vain.
    """
    remaining = len(parts), len(rest)
    if remaining in failed:
        return
    is_read = False
    for found in _match_first(parts, rest, failed):
        is_read = True
        yield found
    if not is_read:
        failed.add(remaining)


def _match_first(parts: Parts, rest: str, failed: set[tuple[int, int]]) -> Iterator[dict[str, str]]:
    (literal, name), *others = parts
    if not rest.startswith(literal):
        return
    rest = rest[len(literal) :]
    if name is None:
        if not rest:
            yield {}
        return
    following, after = others[0]
    if not following and after is None:
        ends = [len(rest)]
    else:
        ends = [end for end in range(1, len(rest)) if rest.startswith(following, end)]
    for end in ends:
        text = rest[:end].strip()
        if text and (name != "n" or text.isdecimal()):
            for found in _match(tuple(others), rest[end:], failed):
                yield {name: text} | found
