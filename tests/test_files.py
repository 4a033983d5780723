"""Files are read unchanged, with line numbers, and written whole or not at all."""

from __future__ import annotations

import csv
import gzip
import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from labels.errors import BadInput, DemarcheError, Problem, Problems
from labels.files import (
    atomic_write,
    read_jsonl,
    read_lines,
    read_text,
    require_file,
    write_jsonl,
    write_text,
)
from labels.passages import Annotation, Article, Label, Passage, schemas
from labels.table_files import read_rows

Row = dict[str, Any]


def rows_of(path: Path) -> tuple[list[tuple[int, Row]], list[tuple[int | None, str]]]:
    problems = Problems()
    return list(read_rows(path, problems)), [(problem.line, problem.what) for problem in problems]


def put(path: Path, raw: bytes) -> Path:
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_csv_of_any_dialect_is_read(tmp_path: Path, packed: str, mark: bytes, end: str, delimiter: str) -> None:
    lines = ["id,text", '1,"a"', "", '2,"b', 'c ""d"""', "3,é 🙂"]
    raw = mark + end.join(lines).replace(",", delimiter).encode()
    rows, problems = rows_of(put(tmp_path / f"t.csv{packed}", raw))
    assert problems == []
    assert rows == [
        (2, {"id": "1", "text": "a"}),
        (4, {"id": "2", "text": f'b{end}c "d"'}),
        (6, {"id": "3", "text": "é 🙂"}),
    ]


cells = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=8)


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.tuples(cells, cells).filter(any), max_size=4), delimiter=st.sampled_from(",;\t"), tsv=st.booleans()
)
def test_a_csv_reads_back_as_python_writes_it(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], delimiter: str, tsv: bool
) -> None:
    stream = io.StringIO()
    delimiter = "\t" if tsv else delimiter
    csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([("one", "two"), *rows])
    path = put(tmp_path_factory.mktemp("csv") / ("t.tsv" if tsv else "t.csv"), stream.getvalue().encode())
    read, problems = rows_of(path)
    assert problems == []
    assert [tuple(row.values()) for _, row in read] == rows


def test_delimiters_within_a_quoted_name_separate_no_columns(tmp_path: Path) -> None:
    rows, problems = rows_of(put(tmp_path / "t.csv", b'id,"a;b;""c"";d","e|\nf",text\n1,x,y,z\n'))
    assert (problems, rows[0][1]) == ([], {"id": "1", 'a;b;"c";d': "x", "e|\nf": "y", "text": "z"})


def test_a_cell_may_hold_a_whole_book(tmp_path: Path) -> None:
    book = "word " * 100_000
    rows, problems = rows_of(put(tmp_path / "t.csv", f"id,text\n1,{book}\n".encode()))
    assert (problems, rows[0][1]["text"]) == ([], book)


def test_several_columns_may_have_no_name(tmp_path: Path) -> None:
    rows, problems = rows_of(put(tmp_path / "t.csv", b",text,\n0,a,\n"))
    assert (problems, rows[0][1]["text"]) == ([], "a")


@pytest.mark.parametrize(
    ("name", "raw", "line", "message"),
    [
        ("t.csv", b"", 1, "empty; a header line"),
        ("t.csv", b"\n\n", 1, "empty; a header line"),
        ("t.csv", b"a,b\n1,2\n3\n", 3, "1 cell where the header has 2"),
        ("t.csv", b"a,b\n1,2,3\n", 2, "3 cells where the header has 2"),
        ("t.csv", b"a,b,a\n1,2,3\n", 1, "columns 'a' occur twice"),
        ("t.csv", b'a,b\n1,2\n"x" y,2\n', 3, "not a CSV table from here"),
        ("t.csv", b'a,b\n1,2\n"x,2\n3,4\n', 3, "not a CSV table from here: unexpected end of data"),
        ("t.csv", "a,b\né,2\n".encode("latin-1"), None, "not UTF-8 (line 2); it looks like windows-1252: é,2;"),
        ("t.csv", "a,b\né,2\n".encode("utf-16")[:-1], None, "not UTF-16: the file is damaged"),
        ("t.jsonl", b'{"a": 1}\n{"a": \n', 2, "not JSON"),
        ("t.jsonl", b"\n[1]\n", 1, "not a JSON object; an array of objects"),
        ("t.jsonl", b'{"a": 1}\n[1]\n', 2, "not a JSON object; one object per line"),
        ("t.jsonl", b'{"a": "\xe9"}\n', 1, "not UTF-8 (line 1)"),
        ("t.jsonl", b"[" * 100_000, 1, "not JSON: nested too deeply"),
        ("t.parquet", b"", None, "not a Parquet file"),
        ("t.parquet", b"PAR1 and no more PAR1", None, "not a Parquet file"),
    ],
)
def test_a_broken_table_is_reported_by_line(
    tmp_path: Path, name: str, raw: bytes, line: int | None, message: str
) -> None:
    _, problems = rows_of(put(tmp_path / name, raw))
    assert [number for number, _ in problems] == [line]
    assert message in problems[0][1]


@pytest.mark.parametrize("name", ["t.csv.gz", "t.jsonl.gz", "t.tsv.gz", "t.json.gz"])
@pytest.mark.parametrize("harm", ["cut", "not packed", "altered"])
def test_a_broken_archive_is_reported(tmp_path: Path, name: str, harm: str) -> None:
    rows = [json.dumps({"a": n**5}) if "json" in name else str(n**5) for n in range(5000)]
    raw = "\n".join(["a"] * ("json" not in name) + rows).encode()
    packed = gzip.compress(raw)
    half = len(packed) // 2
    match harm:
        case "cut":
            packed = packed[:half]
        case "not packed":
            packed = raw
        case "altered":
            packed = packed[:half] + b"\xff" * 64 + packed[half + 64 :]
    (tmp_path / name).write_bytes(packed)
    _, problems = rows_of(tmp_path / name)
    assert "cannot be read" in problems[-1][1]


def test_a_parquet_table_keeps_its_types(tmp_path: Path) -> None:
    row = {"text": "é", "n": 1, "x": None, "topics": ["a", "b"], "map": {"a": "favor"}}
    schema = pa.schema(
        [
            ("text", pa.dictionary(pa.int8(), pa.string())),
            ("n", pa.int64()),
            ("x", pa.float64()),
            ("topics", pa.list_(pa.string())),
            ("map", pa.map_(pa.string(), pa.string())),
        ]
    )
    pq.write_table(pa.Table.from_pylist([row] * 3000, schema=schema), tmp_path / "t.parquet")
    rows, problems = rows_of(tmp_path / "t.parquet")
    assert (problems, len(rows), rows[-1]) == ([], 3000, (3000, row))


def test_a_parquet_table_with_two_columns_of_one_name_is_refused(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["Tea."]), pa.array(["a"]), pa.array(["b"])], names=["text", "y", "y"])
    pq.write_table(table, tmp_path / "t.parquet")
    assert rows_of(tmp_path / "t.parquet") == ([], [(None, "columns 'y' occur twice in the header; rename one")])


def test_a_parquet_mapping_with_a_key_twice_is_refused(tmp_path: Path) -> None:
    cells = pa.array([[("a", "x")], [("a", "x"), ("a", "y")]], pa.map_(pa.string(), pa.string()))
    pq.write_table(pa.table({"topics": cells}), tmp_path / "t.parquet")
    _, problems = rows_of(tmp_path / "t.parquet")
    assert [what for _, what in problems] == ["a mapping has a key twice; remove one"]


@pytest.mark.parametrize("name", ["t.xls", "t", "t.csv.zip", "csv.gz"])
def test_a_file_that_is_not_a_table_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"a,b\n")
    with pytest.raises(DemarcheError, match=r"is not a table; expected one of \.csv"):
        rows_of(tmp_path / name)


def test_json_lines_are_numbered_as_an_editor_does(tmp_path: Path) -> None:
    # A line separator within a string ends no line.
    put(tmp_path / "t.jsonl", '\ufeff{"a": "x\u2028y"}\r\n\r\n  \n{"a": 2}'.encode())
    rows, problems = rows_of(tmp_path / "t.jsonl")
    assert (rows, problems) == ([(1, {"a": "x\u2028y"}), (4, {"a": 2})], [])


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(str.strip)
ids = st.text("abc-é# ", min_size=1).filter(str.strip)
passages = st.builds(
    lambda name, text, start, meta, title: Passage(
        id=name, article=name, text=text, start=start, end=start + len(text), meta=meta, title=title
    ),
    ids,
    texts,
    st.integers(0, 10**9),
    st.dictionaries(ids, st.none() | st.booleans() | st.integers() | st.text(max_size=4), max_size=2),
    st.none() | texts,
)
spans = st.tuples(st.integers(0, 50), st.integers(51, 99))
labels = st.builds(
    Label,
    topic=ids,
    stance=st.sampled_from(["favor", "against", "neutral", None]),
    evidence=st.none() | spans,
    target=texts,
    target_span=st.none() | spans,
    holder=st.none() | st.text(),
)
annotations = st.builds(
    Annotation,
    passage=ids,
    annotator=ids,
    codebook=st.just("tiny@1.0.0"),
    labels=st.lists(labels, max_size=3, unique_by=lambda label: label.about).map(tuple),
)
articles = st.builds(Article, id=ids, text=texts, title=st.none() | st.text())


@settings(max_examples=60, deadline=None)
@given(written=st.lists(passages, max_size=3) | st.lists(annotations, max_size=3) | st.lists(articles, max_size=3))
def test_articles_passages_and_annotations_read_back_as_written(
    tmp_path_factory: pytest.TempPathFactory, written: list[Any]
) -> None:
    path = tmp_path_factory.mktemp("nouns") / "rows.jsonl"
    assert write_jsonl(path, written) == len(written)
    problems = Problems()
    model = type(written[0]) if written else Passage
    assert [row for _, row in read_jsonl(path, model, problems)] == written
    assert list(problems) == []


@given(text=texts, start=st.integers(0, 5), beside=st.integers(-3, 3))
def test_offsets_count_code_points(text: str, start: int, beside: int) -> None:
    plain: Row = {"id": "p", "article": "a", "text": text, "start": start, "end": start + len(text) + beside}
    if beside:
        with pytest.raises(ValidationError, match="offsets count Unicode code points"):
            Passage.model_validate(plain)
    else:
        assert ("." * start + text)[start : Passage.model_validate(plain).end] == text


def test_a_reading_without_labels_is_written_with_its_empty_list(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [Annotation(passage="p", annotator="a", codebook="t@1.0.0", labels=())])
    assert json.loads((tmp_path / "a.jsonl").read_text(encoding="utf-8"))["labels"] == []


def test_schemas_describe_every_kind_of_line() -> None:
    by_name = schemas()
    assert set(by_name) == {"article", "passage", "annotation"}
    assert all(schema["additionalProperties"] is False for schema in by_name.values())
    assert set(by_name["annotation"]["required"]) == {"passage", "annotator", "codebook", "labels"}


def test_text_is_read_unchanged(tmp_path: Path) -> None:
    text = "\ufeffone\r\ntwo\rthree\u0085\n"
    (tmp_path / "a.txt").write_bytes(text.encode())
    assert read_text(tmp_path / "a.txt") == text


def test_text_is_written_with_unix_line_ends_into_new_folders(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "folder" / "a.txt", "one\ntwo\n")
    assert (tmp_path / "new" / "folder" / "a.txt").read_bytes() == b"one\ntwo\n"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    write_jsonl(path, [{"a": 1}])

    def rows() -> Any:
        yield {"a": 2}
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        write_jsonl(path, rows())
    assert path.read_text(encoding="utf-8") == '{"a": 1}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_file_can_be_read_by_others_as_the_umask_says(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    write_text(tmp_path / "written", "x")
    assert (tmp_path / "written").stat().st_mode == plain.stat().st_mode


def under_a_file(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file" / "out.txt"


def on_a_folder(folder: Path) -> Path:
    (folder / "out.txt" / "x").mkdir(parents=True)
    return folder / "out.txt"


@pytest.mark.parametrize("place", [under_a_file, on_a_folder, lambda folder: folder / ("x" * 300)])
def test_a_path_that_cannot_be_written_is_reported(tmp_path: Path, place: Callable[[Path], Path]) -> None:
    path = place(tmp_path)
    with pytest.raises(DemarcheError, match="cannot be written"):
        write_text(path, "x")
    assert [path.name for path in tmp_path.rglob(".*")] == []


def test_an_atomic_write_replaces_the_file_at_the_end(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a") as part:
        part.write_text("new", encoding="utf-8")
        assert not (tmp_path / "a").exists()
    assert (tmp_path / "a").read_text(encoding="utf-8") == "new"


def test_a_missing_file_or_a_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DemarcheError, match="no such table; check the path"):
        require_file(tmp_path / "none.csv", what="table")
    with pytest.raises(DemarcheError, match="is a folder; a file is expected"):
        list(read_lines(tmp_path, Problems()))


def test_an_error_with_another_file_is_not_reported_for_the_output(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "out.csv"):
        (tmp_path / "input.txt").read_text()
    assert list(tmp_path.iterdir()) == []


def test_problems_survive_pickling() -> None:
    error = BadInput([Problem("a.yaml", 3, "no such key"), Problem("b.yaml", None, "empty")])
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
