"""YAML as people write it, looked through before it is loaded: mistakes by line, nothing that explodes."""

from __future__ import annotations

from pathlib import Path

import yaml

from labels.errors import BadInput, Problem
from labels.files import read_text, require_file

LARGEST = 2_000_000
"""Bytes. A codebook or config is far smaller, and YAML of many megabytes takes minutes."""
_DEEPEST = 50
_MOST = 100_000


def read_yaml_text(path: Path) -> str:
    """The file's text, which is YAML: no key stands twice, and no alias unfolds into more than memory holds.

    Raises BadInput with the line. Left to the caller are tags and values that it does not take.
    """
    if require_file(path).stat().st_size > LARGEST:
        raise BadInput([Problem(str(path), None, f"larger than {LARGEST:,} bytes; is it the right file?")])
    text = read_text(path)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise yaml_error(path, error) from None
    except RecursionError:
        raise BadInput([Problem(str(path), None, f"nested more than {_DEEPEST} deep; make it flatter")]) from None
    if root is not None and _count(path, root, {}) > _MOST:
        raise BadInput(
            [Problem(str(path), None, f"its aliases unfold into more than {_MOST:,} values; write them out")]
        )
    return text


def yaml_error(path: Path, error: Exception) -> BadInput:
    """What the parser said, with the line if it knows it."""
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error).partition("\n")[0]
    if "Exceeds the limit" in what:
        what = "a number of too many digits"
    return BadInput([Problem(str(path), mark.line + 1 if mark else None, f"not YAML: {what}")])


def _count(path: Path, node: yaml.Node, known: dict[int, int], depth: int = 1) -> int:
    """How many values there are once every alias is written out."""
    line = node.start_mark.line + 1
    if depth > _DEEPEST:
        raise BadInput(
            [Problem(str(path), line, f"nested more than {_DEEPEST} deep, or within itself; make it flatter")]
        )
    if id(node) not in known:
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            _check_keys(path, node)
            children = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        known[id(node)] = 1 + sum(_count(path, child, known, depth + 1) for child in children)
    return known[id(node)]


def _check_keys(path: Path, node: yaml.MappingNode) -> None:
    seen: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value in seen:
            what = f"{key.value!r} stands already in line {seen[key.value]}; keep one"
            raise BadInput([Problem(str(path), line, what)])
        seen[key.value] = line
