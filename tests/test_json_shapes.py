"""Rows are found in JSON of every shape that people have."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.errors import Problems
from labels.table_files import read_rows

ROWS = [{"text": "The ferry left.", "topic": "ferry"}, {"text": "The ferry came.", "topic": "harbour"}]


def read(path: Path, content: str) -> tuple[list[Any], list[tuple[int | None, str]]]:
    path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())
    problems = Problems()
    return [row for _, row in read_rows(path, problems)], [(problem.line, problem.what) for problem in problems]


FRAME = pd.DataFrame(ROWS)
SHAPES = {
    "lines": "".join(json.dumps(row) + "\n" for row in ROWS),
    "lines without an end": "\n".join(map(json.dumps, ROWS)),
    "an array": json.dumps(ROWS),
    "an indented array": json.dumps(ROWS, indent=2),
    "an array with a row a line": "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n",
    "indented objects": "\n".join(json.dumps(row, indent=2) for row in ROWS),
    "objects on one line": "".join(map(json.dumps, ROWS)),
    "a list in an object": json.dumps({"status": "ok", "total": 2, "articles": ROWS}),
    "a list in an indented object": json.dumps({"data": ROWS}, indent=4),
    "a list two objects deep": json.dumps({"status": "ok", "response": {"docs": ROWS, "meta": {"hits": 2}}}),
    "a list beside other lists": json.dumps({"errors": [], "pages": [1, 2], "results": ROWS}),
    "pandas columns": FRAME.to_json(),
    "pandas columns with row labels": FRAME.set_axis(["a", "b"]).to_json(),
    "pandas index": FRAME.to_json(orient="index"),
    "pandas split": FRAME.to_json(orient="split"),
    "pandas table": FRAME.to_json(orient="table", index=False),
    "pandas records": FRAME.to_json(orient="records"),
    "columns as lists": json.dumps(FRAME.to_dict(orient="list")),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["t.json", "t.jsonl", "t.json.gz"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_rows_are_read_from_every_shape(tmp_path: Path, shape: str, name: str, mark: str) -> None:
    assert read(tmp_path / name, mark + SHAPES[shape]) == (ROWS, [])


@pytest.mark.parametrize(
    "row",
    [
        {"text": "One.", "topic": "ferry"},
        {"text": "One.", "labels": [{"topic": "ferry"}]},
        {"text": ["One.", "Two."], "title": "A"},
        {"content": "One.", "cats": {"ferry": 1.0}},
        {"tweet": "One ferry left.", "entities": [{"start": 4}], "votes": []},
        {"tweet": "One.", "votes": []},
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_one_object_is_one_row(tmp_path: Path, row: dict[str, Any], indent: int | None) -> None:
    assert read(tmp_path / "t.json", json.dumps(row, indent=indent)) == ([row], [])


def test_objects_by_id_are_rows_with_that_id(tmp_path: Path) -> None:
    rows, problems = read(tmp_path / "t.json", json.dumps({"n1": ROWS[0], "n2": ROWS[1]}))
    assert (rows, problems) == ([{"id": "n1", **ROWS[0]}, {"id": "n2", **ROWS[1]}], [])


def test_several_lists_of_objects_are_refused_by_name(tmp_path: Path) -> None:
    rows, problems = read(tmp_path / "t.json", json.dumps({"articles": ROWS, "sources": [{"name": "A"}]}))
    assert rows == []
    assert "several lists of objects (articles, sources)" in problems[0][1]


def test_an_empty_list_has_no_rows(tmp_path: Path) -> None:
    assert read(tmp_path / "t.json", '{"status": "ok", "articles": []}') == ([], [])


def test_a_broken_line_hides_no_other_line(tmp_path: Path) -> None:
    rows, problems = read(tmp_path / "t.json", '{"a": 1\n{"a": 2}\n{"a": "x}\n{"a": 4}\n')
    assert (rows, [line for line, _ in problems]) == ([{"a": 2}, {"a": 4}], [1, 3])


def test_the_last_of_two_lines_may_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes('{"a": "Zürich und Köln"}\n'.encode() + b'{"a": "caf\xe9"}\n')
    problems = Problems()
    assert [row for _, row in read_rows(tmp_path / "t.jsonl", problems)] == [{"a": "Zürich und Köln"}]
    assert [problem.line for problem in problems] == [2]


@pytest.mark.parametrize(
    ("content", "line"), [('[{"a": 1},\n{"a": }]', 2), ('[\n{"a": 1},\n{"a": 2}\n', 4), ('{\n"a": 1,\n"b"\n}', 4)]
)
def test_a_mistake_in_an_array_or_object_is_reported_with_its_line(
    tmp_path: Path, content: str, line: int | None
) -> None:
    _, problems = read(tmp_path / "t.json", content)
    assert len(problems) == 1
    assert problems[0][0] == line
    assert problems[0][1].startswith("not JSON: ")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.dictionaries(st.just("a"), json_values), min_size=2, max_size=5), indent=st.sampled_from([None, 1])
)
def test_an_array_reads_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], indent: int | None
) -> None:
    path = tmp_path_factory.mktemp("json") / "t.json"
    assert read(path, json.dumps(rows, indent=indent)) == (rows, [])


@pytest.mark.parametrize("indent", [None, 2])
def test_values_longer_than_what_is_read_at_once_are_whole(tmp_path: Path, indent: int | None) -> None:
    rows = [{"n": n, "text": 'word "\\ud83d\\ude42" ' * n} for n in (1, 5000, 30_000, 2)]
    assert read(tmp_path / "t.json", json.dumps(rows, indent=indent)) == (rows, [])


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"id": 1, "data": {"text": "Tea."}, "annotations": [{"result": []}]}, "Label Studio"),
        ({"id": 1, "data": {"text": "Tea."}, "completions": []}, "Label Studio"),
        ({"id": "1", "fields": {"text": "Tea."}, "responses": {"topic": [{"value": "tea"}]}}, "Argilla"),
        ({"inputs": {"text": "Tea."}, "annotation": "tea"}, "Argilla"),
    ],
)
@pytest.mark.parametrize(
    "write", [lambda row: json.dumps([row, row]), json.dumps, lambda row: json.dumps(row) + "\n" * 2]
)
def test_the_export_of_an_annotation_tool_is_named(tmp_path: Path, row: dict[str, Any], name: str, write: Any) -> None:
    rows, problems = read(tmp_path / "t.json", write(row))
    assert rows == []
    assert [name in what for _, what in problems] == [True]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('{"text": "One.", "topic": "a"}\n{"text": "Two.", "topic": "a", "topic": "b"}\n{"text": "Three."}\n', 2),
        ('[{"text": "One."},\n{"text": "Two.", "meta": {"x": 1, "x": 2}}]', 2),
        ('{"n1": {"text": "One."}, "n1": {"text": "Two."}}', 1),
        ('{"text": "One.",\n "text": "Two."}', 1),
    ],
)
def test_a_key_that_an_object_repeats_is_refused(tmp_path: Path, content: str, line: int) -> None:
    _, problems = read(tmp_path / "t.json", content)
    assert len(problems) == 1
    assert problems[0][0] == line
    assert problems[0][1].endswith("occurs twice in one object; rename or remove one")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"columns": ["text", "topic", "topic"], "data": [["One.", "a", "b"]]}, "columns 'topic' occur twice"),
        ({"columns": ["text", "topic"], "data": [["One.", "a"], ["Two."]]}, "row 2 of 'data' has 1 cell where"),
        ({"columns": ["text"], "data": [["One.", "a"]]}, "row 1 of 'data' has 2 cells where 'columns' has 1"),
    ],
)
def test_rows_that_do_not_fit_the_columns_are_refused(tmp_path: Path, value: dict[str, Any], said: str) -> None:
    _, problems = read(tmp_path / "t.json", json.dumps(value))
    assert [what.startswith(said) for _, what in problems] == [True]
