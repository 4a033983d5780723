"""Read and write YAML as plain values: text, numbers, yes or no, null, lists and mappings, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from labels.errors import BadInput, DemarcheError, Problem
from labels.files import read_text, require_file

LARGEST = 1_000_000
"""Maximum size in bytes; codebooks and configs are far smaller, and many megabytes of YAML take minutes to parse."""
_DEEPEST = 50
_MOST = 100_000
_LONGEST_NUMBER = 300
"""Maximum number of characters of a number: more do not fit a floating-point number, and take long to convert."""
_TAG = "tag:yaml.org,2002:"
_SCALARS = {_TAG + name for name in ("str", "int", "float", "bool", "null")}
_CONTAINERS = {_TAG + "seq": yaml.SequenceNode, _TAG + "map": yaml.MappingNode}
_MERGE = _TAG + "merge"
# YAML 1.1, which PyYAML reads, requires a decimal point in a number with an exponent.
_EXPONENT = re.compile(r"^[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+$")


class BadYaml(DemarcheError):
    """A text that is not YAML, or not plain values; `line` counts from 1."""

    def __init__(self, what: str, line: int | None = None):
        super().__init__(what if line is None else f"line {line}: {what}")
        self.what, self.line = what, line


class _Loader(yaml.SafeLoader):
    """A loader that gives up while it parses: deep or endless documents would exhaust the memory first."""

    nodes = 0
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.nodes += 1
        self.depth += 1
        line = int(cast(Any, self).peek_event().start_mark.line) + 1
        if self.depth > _DEEPEST:
            raise BadYaml(f"nested more than {_DEEPEST} deep; make it flatter", line)
        if self.nodes > _MOST:
            raise BadYaml(f"more than {_MOST:,} values; check that it is the right file", line)
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Dumper(yaml.SafeDumper):
    """A dumper of text that `parse_yaml` reads back unchanged."""


for _side in (_Loader, _Dumper):
    # A date is text, and so is a lone equals sign.
    _side.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] not in (_TAG + "timestamp", _TAG + "value")]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    _side.add_implicit_resolver(_TAG + "float", _EXPONENT, list("-+0123456789"))


def read_yaml(path: Path) -> Any:
    """Read a YAML file as plain values; a date is text, and `1e-4` a number. Raises BadInput with the line."""
    if require_file(path).stat().st_size > LARGEST:
        raise BadInput([Problem(str(path), None, f"larger than {LARGEST:,} bytes; check that it is the right file")])
    try:
        return parse_yaml(read_text(path))
    except BadYaml as error:
        raise BadInput([Problem(str(path), error.line, error.what)]) from None


def parse_yaml(text: str) -> Any:
    """Parse a YAML document as plain values. Raises BadYaml for anything else: tags, dates out of range, endless aliases."""
    loader = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        if _count(loader, root, {}) > _MOST:
            raise BadYaml(f"its aliases expand to more than {_MOST:,} values; write them out")
        return loader.construct_document(root)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise BadYaml(f"not YAML: {what}", mark.line + 1 if mark else None) from None
    finally:
        if loader is not None:
            loader.dispose()


def dump_yaml(plain: Mapping[str, Any], *, width: int = 80) -> str:
    """Return plain values as YAML that `parse_yaml` reads back unchanged, in the order of their keys."""
    return str(yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=width))


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Unicode line ends, which mis-decoded data sets have, would be folded to spaces.
    style = '"' if {"\x85", "\u2028", "\u2029"} & set(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _count(loader: _Loader, node: yaml.Node, counts: dict[int, int], depth: int = 1) -> int:
    """Return the number of values once every alias is expanded. Raises BadYaml if one of them is not plain."""
    if depth > _DEEPEST:
        raise BadYaml(f"nested more than {_DEEPEST} deep, or within itself; make it flatter", _line(node))
    if id(node) not in counts:
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            _check_keys(node)
            children = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        _check_tag(loader, node)
        counts[id(node)] = 1 + sum(_count(loader, child, counts, depth + 1) for child in children)
    return counts[id(node)]


def _check_tag(loader: _Loader, node: yaml.Node) -> None:
    """Raise BadYaml unless the node is of a plain type, and its text is a value of that type."""
    shown = node.tag.removeprefix(_TAG)
    if not isinstance(node, yaml.ScalarNode):
        if not isinstance(node, _CONTAINERS.get(node.tag, ())):
            raise BadYaml(f"not YAML of plain values: the tag {shown!r} is not read; remove it", _line(node))
        return
    if node.tag not in _SCALARS | {_MERGE}:
        raise BadYaml(f"not YAML of plain values: the tag {shown!r} is not read; remove it", _line(node))
    if node.tag == _TAG + "str":
        node.value = _join_surrogates(node)
        return
    if len(node.value) > _LONGEST_NUMBER:
        raise BadYaml("not YAML of plain values: a number with too many digits; put it in quotes", _line(node))
    resolved = cast(Any, loader).resolve(yaml.ScalarNode, node.value, (True, False))
    is_plain = node.tag in (resolved, _TAG + "float" if resolved == _TAG + "int" else resolved)
    is_digits = node.tag not in (_TAG + "int", _TAG + "float") or re.search(r"\d|inf|nan", node.value, re.IGNORECASE)
    if not is_plain or not is_digits or re.fullmatch(r"[-+]?0[bx]_*", node.value):
        raise BadYaml(
            f"not YAML of plain values: {node.value!r} is not of type {shown!r}; put it in quotes", _line(node)
        )


def _join_surrogates(node: yaml.ScalarNode) -> str:
    """Return the text with escaped pairs of surrogates, as JSON writes emoji, joined to characters."""
    text = str(node.value)
    if not any("\ud800" <= letter <= "\udfff" for letter in text):
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise BadYaml("half a surrogate pair (\\ud800 to \\udfff); write the whole character", _line(node)) from None


def _check_keys(node: yaml.MappingNode) -> None:
    seen: dict[Hashable, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value in seen:
            raise BadYaml(f"{key.value!r} already occurs in line {seen[key.value]}; keep one", _line(key))
        seen[key.value] = _line(key)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
