"""YAML is read as plain values or refused by line, whatever it holds."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.yaml_text import BadYaml, dump_yaml, parse_yaml

PIECES = ["!!int ", "!!float ", "!!bool ", "!!null ", "!!str ", "!!timestamp ", "!!binary ", "!!seq ", "!!map ", "!!merge ",
          "!tea ", "&a ", "*a", "[", "]", "{", "}", ", ", ": ", "? ", "- ", "<<", "=", "~", "0x", "0b", "0o", "_", "1", "e9",
          ".inf", ":30", "2024-01-31", "yes", "null", "'", '"', "\n", "  ", "#", "|", ">", "%", "---", "\\", "\0"]  # fmt: skip
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
number_like = st.text("0123456789eExXbo_.:-+", min_size=1, max_size=6)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=10).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(BadYaml):
        _check_plain(parse_yaml(text))


def _check_plain(value: Any) -> None:
    assert type(value) in (str, int, float, bool, type(None), list, dict)
    for part in [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []:
        _check_plain(part)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(max_size=5) | number_like, plain | number_like, max_size=4))
def test_what_is_written_reads_back_the_same(values: dict[str, Any]) -> None:
    assert parse_yaml(dump_yaml(values)) == values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-01-31", "2024-01-31"),
        ("2024-13-45", "2024-13-45"),
        ("=", "="),
        ("1e-4", 1e-4),
        ("!!str 5", "5"),
        ("!!float 5", 5.0),
        ("", None),
        ('"\\ud83c\\udf75 \\u00e9"', "🍵 é"),
        ("{a: &x [1], b: *x}", {"a": [1], "b": [1]}),
        ("{a: &x {c: 1}, b: {<<: *x, d: 2}}", {"a": {"c": 1}, "b": {"c": 1, "d": 2}}),
    ],
)
def test_plain_values_are_read(text: str, value: Any) -> None:
    assert parse_yaml(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: !!timestamp soon", "line 2: not YAML of plain values: the tag 'timestamp' is not read; remove it"),
        ("!!set {tea}", "the tag 'set' is not read"),
        ("!!bool perhaps", "'perhaps' is not of type 'bool'; put it in quotes"),
        ("!!int ''", "'' is not of type 'int'"),
        ("0x_", "'0x_' is not of type 'int'"),
        ("0x" + "f" * 6000, "a number with too many digits; put it in quotes"),
        ("1" + ":1" * 6000, "a number with too many digits"),
        ("{tea: &a [*a]}", "nested more than 50 deep, or within itself"),
        ('a: 1\nb: "\\ud83c"', "line 2: half a surrogate pair"),
        ("? [tea]\n: 1", "found unhashable key"),
        ("{tea: 1, tea: 2}", "'tea' already occurs in line 1; keep one"),
    ],
)
def test_anything_else_is_refused_by_line(text: str, message: str) -> None:
    with pytest.raises(BadYaml) as raised:
        parse_yaml(text)
    assert message in str(raised.value)


@pytest.mark.parametrize("piece", ["- x\n", "[", "? ", "!", "1:1"])
def test_a_text_that_would_exhaust_the_memory_is_refused(piece: str) -> None:
    with pytest.raises(BadYaml):
        parse_yaml(piece * (1_000_000 // len(piece)))
