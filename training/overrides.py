"""Overrides of a config: `key=value` with a dotted key and a YAML value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from labels.errors import DemarcheError


class PlainLoader(yaml.SafeLoader):
    """A YAML loader for configs: `1e-4` is a number, and a date is text."""


PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# YAML 1.1, which PyYAML reads, requires a decimal point in a number with an exponent.
PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def load_yaml(text: str) -> Any:
    """Load a YAML document. Raises yaml.YAMLError, or ValueError for a number that Python does not accept."""
    return yaml.load(text, Loader=PlainLoader)  # a SafeLoader: it makes plain values only


def parse_overrides(overrides: Iterable[str]) -> dict[str, Any]:
    """Return the overrides as one nested mapping; the last one for a key wins. Raises DemarcheError."""
    nested: dict[str, Any] = {}
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise DemarcheError(f"{override!r}: not an override; write key=value, e.g. topics.c=4")
        try:
            value = load_yaml(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            reason = getattr(error, "problem", None) or str(error).partition("\n")[0] or "nested too deep"
            raise DemarcheError(f"{override!r}: the value is not YAML: {reason}") from None
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
