"""Overrides of a config: `key=value` with a dotted key and a YAML value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from labels.errors import DemarcheError, one_line
from labels.yaml_text import BadYaml, parse_yaml

_DEEPEST = 50
"""Maximum number of parts of a key; no config is half as deep."""


def parse_overrides(overrides: Iterable[str]) -> dict[str, Any]:
    """Return the overrides as one nested mapping; the last one for a key wins. Raises DemarcheError."""
    nested: dict[str, Any] = {}
    for override in overrides:
        key, equals, text = override.partition("=")
        shown = one_line(repr(override))
        if not equals:
            raise DemarcheError(f"{shown}: not an override; write key=value, e.g. topics.c=4")
        if key.count(".") >= _DEEPEST:
            raise DemarcheError(f"{shown}: a key of more than {_DEEPEST} parts; no config is that deep")
        try:
            value = parse_yaml(text)
        except BadYaml as error:
            raise DemarcheError(f"{shown}: the value cannot be read: {one_line(error.what)}") from None
        for part in reversed(key.split(".")):
            value = {part: value}
        nested = merge(nested, value)
    return nested


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `changes` merged in: mappings key by key, everything else replaced.

    Raises DemarcheError if a change refers to an element of a list.
    """
    merged = dict(base)
    for key, change in changes.items():
        old = merged.get(key)
        if isinstance(change, Mapping) and isinstance(old, list):
            raise DemarcheError(
                f"{key}.{next(iter(change), '')}: refers to an element of a list; give the whole list, e.g. "
                "data.annotations=[one.jsonl,two.jsonl]"
            )
        if isinstance(change, Mapping) and isinstance(old, Mapping):
            merged[key] = merge(old, change)
        else:
            merged[key] = change
    return merged
