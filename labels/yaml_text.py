"""Check YAML before it is loaded: duplicate keys, depth, and aliases that expand without bound."""

from __future__ import annotations

from pathlib import Path

import yaml

from labels.errors import BadInput, Problem
from labels.files import read_text, require_file

LARGEST = 2_000_000
"""Maximum size in bytes; codebooks and configs are far smaller, and many megabytes of YAML take minutes to parse."""
_DEEPEST = 50
_MOST = 100_000


def read_yaml_text(path: Path) -> str:
    """Read the text of a YAML file without duplicate keys, deep nesting or aliases that exhaust the memory.

    Raises BadInput with the line. The caller rejects the tags and values that it does not accept.
    """
    if require_file(path).stat().st_size > LARGEST:
        raise BadInput([Problem(str(path), None, f"larger than {LARGEST:,} bytes; check that it is the right file")])
    text = read_text(path)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise yaml_error(path, error) from None
    except RecursionError:
        raise BadInput([Problem(str(path), None, f"nested more than {_DEEPEST} deep; make it flatter")]) from None
    if root is not None and _count(path, root, {}) > _MOST:
        raise BadInput([Problem(str(path), None, f"its aliases expand to more than {_MOST:,} values; write them out")])
    return text


def yaml_error(path: Path, error: Exception) -> BadInput:
    """Return the parser's error as BadInput, with the line if the parser reports it."""
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error).partition("\n")[0]
    if "Exceeds the limit" in what:
        what = "a number with too many digits"
    return BadInput([Problem(str(path), mark.line + 1 if mark else None, f"not YAML: {what}")])


def _count(path: Path, node: yaml.Node, counts: dict[int, int], depth: int = 1) -> int:
    """Return the number of values once every alias is expanded."""
    line = node.start_mark.line + 1
    if depth > _DEEPEST:
        raise BadInput(
            [Problem(str(path), line, f"nested more than {_DEEPEST} deep, or within itself; make it flatter")]
        )
    if id(node) not in counts:
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            _check_keys(path, node)
            children = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        counts[id(node)] = 1 + sum(_count(path, child, counts, depth + 1) for child in children)
    return counts[id(node)]


def _check_keys(path: Path, node: yaml.MappingNode) -> None:
    seen: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value in seen:
            what = f"{key.value!r} already occurs in line {seen[key.value]}; keep one"
            raise BadInput([Problem(str(path), line, what)])
        seen[key.value] = line
