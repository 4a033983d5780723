"""Every kind of table file can be imported; mistakes are reported with their place."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.errors import BadInput, DemarcheError
from labels.file_format import FileFormat
from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.imports import import_table
from tests.tables import csv, jsonl, labels_of, parquet, read_back, refused


@pytest.mark.parametrize("name", ["set.tsv", "set.tsv.gz", "set.csv"])
def test_a_tab_separated_table_may_have_literal_quotes(tmp_path: Path, name: str) -> None:
    text = 'ID\tTweet\tStance\tTarget\n1\t"@a: never" I said\tAGAINST\tx\n2\t"open\tFAVOR\tx\n3\tdone"\tFAVOR\tx\n'
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    imported = import_table(
        path, TableColumns(text="Tweet", id="ID", target="Target", stance="Stance"), ImportOptions()
    )
    assert [passage.text for passage in imported.passages] == ['"@a: never" I said', '"open', 'done"']


def test_a_tab_separated_table_may_have_quoted_cells(tmp_path: Path) -> None:
    text = 'Tweet\tStance\tTarget\n"he said ""no""\nand left"\tAGAINST\tx\n'
    imported = import_table(
        csv(tmp_path, text, name="set.tsv"),
        TableColumns(text="Tweet", target="Target", stance="Stance"),
        ImportOptions(),
    )
    assert [passage.text for passage in imported.passages] == ['he said "no"\nand left']


def test_one_id_with_two_texts_is_refused(tmp_path: Path) -> None:
    message = refused(csv(tmp_path, "id,text,topic\n7,one,tea\n7,two,tea\n"), TableColumns(id="id", topics=("topic",)))
    assert "table.csv:3: id '7' has another text in line 2" in message


def test_a_parquet_file_from_pandas_may_have_arrays(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "text": ["a b", "c d", "e f"],
            "topics": [np.array(["tea", "rain"]), np.array([], dtype=object), None],
            "when": pd.to_datetime(["2020-01-31", "2021-02-28", None]),
            "id": [11.0, 12.0, 13.0],
        }
    )
    frame.to_parquet(tmp_path / "table.parquet")
    imported = import_table(
        tmp_path / "table.parquet",
        TableColumns(id="id", topics=("topics",), date="when", keep=("when",)),
        ImportOptions(empty={"": "none"}),
    )
    assert labels_of(imported) == {
        ("11", "table"): [("tea", None, None), ("rain", None, None)],
        ("12", "table"): [],
        ("13", "table"): [],
    }
    assert [passage.published for passage in imported.passages] == ["2020-01-31 00:00:00", "2021-02-28 00:00:00", None]


def test_json_rows_may_lack_keys(tmp_path: Path) -> None:
    table = jsonl(
        tmp_path,
        {"text": "a b", "about": "x", "stance": "favor", "year": 1999},
        {"text": "c d"},
        {"text": "e f", "about": "x"},
        {"text": "g h", "about": None, "stance": "", "year": None},
    )
    imported = import_table(
        table, TableColumns(target="about", stance="stance", keep=("year",), date="year"), ImportOptions()
    )
    assert labels_of(imported) == {("1", "table"): [(None, "x", "favor")], ("3", "table"): [(None, "x", None)]}
    assert [passage.meta["year"] for passage in imported.passages] == [1999, None, None, None]


def test_a_key_may_first_occur_in_a_late_row(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"text": f"text {n}", "topics": []} for n in range(1500)]
    rows[-1]["title"] = "at last"
    imported = import_table(jsonl(tmp_path, *rows), TableColumns(topics=("topics",), title="title"), ImportOptions())
    assert imported.passages[-1].title == "at last"


def test_kept_columns_are_read_back(tmp_path: Path) -> None:
    keep = {"day": date(2020, 1, 31), "n": 3, "score": float("nan"), "tags": ["a", "ß"], "ok": True, "none": None}
    imported = import_table(
        parquet(tmp_path, {"text": "a b", "topic": "tea", **keep}),
        TableColumns(topics=("topic",), keep=tuple(keep)),
        ImportOptions(),
    )
    kept = {"day": "2020-01-31", "n": 3, "score": None, "tags": '["a", "ß"]', "ok": True, "none": None}
    assert read_back(tmp_path, imported).passages[0].meta == kept


def test_a_kept_blank_is_null_from_csv_and_json(tmp_path: Path) -> None:
    columns = TableColumns(topics=("topic",), keep=("day",))
    tables = csv(tmp_path, "text,topic,day\na b,tea,\n"), jsonl(tmp_path, {"text": "a b", "topic": "tea", "day": None})
    assert [import_table(path, columns, ImportOptions()).passages[0].meta for path in tables] == [{"day": None}] * 2


Cell = st.one_of(
    st.text(max_size=8), st.none(), st.booleans(), st.integers(), st.floats(), st.lists(st.text(max_size=4), max_size=3)
)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.dictionaries(st.sampled_from(["text", "id", "topics", "when", "gold"]), Cell), max_size=4),
    separator=st.sampled_from([";", "|", ", "]),
)
def test_any_table_is_refused_or_makes_files_that_pass_the_check(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], separator: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    columns = TableColumns(id="id", topics=("topics",), date="when", keep=("when",), gold="gold")
    try:
        imported = import_table(jsonl(folder, *rows), columns, ImportOptions(separator=separator))
    except DemarcheError:
        return
    if imported.annotations:
        again = read_back(folder, imported)
        assert (again.passages, again.annotations) == (imported.passages, imported.annotations)


@pytest.mark.parametrize("name", ["my data @ home.csv", "a\u00a0b\tc.csv", "@.csv"])
def test_any_file_name_makes_a_valid_codebook(tmp_path: Path, name: str) -> None:
    imported = import_table(
        csv(tmp_path, "text,topic\na b,tea\n", name=name), TableColumns(topics=("topic",)), ImportOptions()
    )
    assert read_back(tmp_path, imported).codebook.topic_ids == ("tea",)


@pytest.mark.parametrize(
    ("text", "columns", "said"),
    [
        ("Text,topic\na,b\n", TableColumns(topics=("topic",)), "table.csv: has no column 'text'; did you mean 'Text'?"),
        ("text,topic\n", TableColumns(topics=("topic",)), "table.csv: has no rows"),
        ("", TableColumns(topics=("topic",)), "table.csv:1: empty"),
        ("text,topic\n ,tea\n", TableColumns(topics=("topic",)), "table.csv:2: column 'text' is empty"),
        ("text,topic\na,b,c\n", TableColumns(topics=("topic",)), "table.csv:2: 3 cells where the header has 2"),
        ("text,y,y\na,b,c\n", TableColumns(topics=("y",)), "table.csv:1: columns 'y' occur twice"),
        ('text,topic\na,b\n"c "no" d",b\n', TableColumns(topics=("topic",)), "table.csv:3: not a CSV table"),
        ('text,topic\na,b\n"open,b\nc,b\n', TableColumns(topics=("topic",)), "table.csv:3: not a CSV table"),
        ("text\na\n", TableColumns(), "--topics, --stance, --votes or --gold"),
    ],
)
def test_mistakes_in_a_table_are_reported_with_their_place(
    tmp_path: Path, text: str, columns: TableColumns, said: str
) -> None:
    assert said in refused(csv(tmp_path, text), columns)


def test_every_bad_row_is_reported_at_once(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,about,stance\na,x,pro\n,x,favor\nb,x,con\nc,x,favor\n")
    with pytest.raises(BadInput) as raised:
        import_table(table, TableColumns(target="about", stance="stance"), ImportOptions())
    assert [problem.line for problem in raised.value.problems] == [2, 3, 4]


def test_a_windows_encoding_is_refused_with_a_guess_and_read_when_it_is_named(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic\nit’s,tea\n", encoding="windows-1252")
    message = refused(table, TableColumns(topics=("topic",)))
    assert "not UTF-8 (line 2); it looks like windows-1252: it’s,tea; if these words are right, add" in message
    options = ImportOptions(format=FileFormat(encoding="windows-1252"))
    assert [passage.text for passage in import_table(table, TableColumns(topics=("topic",)), options).passages] == [
        "it’s"
    ]


@pytest.mark.parametrize("text", ['[{"text": "Tea.", "topic": "a"}]', '{"text": "Tea.", "topic": "a"}\n'])
def test_a_json_file_may_be_an_array_or_lines(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.json").write_text(text)
    assert (
        import_table(tmp_path / "t.json", TableColumns(topics=("topic",)), ImportOptions()).passages[0].text == "Tea."
    )


def test_an_empty_separator_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DemarcheError, match="--separator"):
        import_table(
            csv(tmp_path, "text,topic\na b,tea\n"), TableColumns(topics=("topic",)), ImportOptions(separator="")
        )


@pytest.mark.parametrize("header", ["Q1,Q2", "Q2,Q1"])
def test_two_columns_may_not_take_one_name(tmp_path: Path, header: str) -> None:
    with pytest.raises(DemarcheError, match=r"--rename Q\d=topic: the column 'Q\d' gets this name too"):
        import_table(
            csv(tmp_path, f"text,{header}\na b,tea,rain\n"),
            TableColumns(topics=("topic",)),
            ImportOptions(rename={"Q1": "topic", "Q2": "topic"}),
        )


def test_a_column_of_the_options_makes_the_first_line_a_header(tmp_path: Path) -> None:
    content = "What the speaker said,101,102\nThe tea is hot.,1,0\nIt rained all day.,0,1\n"
    columns = TableColumns(text="What the speaker said", topics=("101", "102"))
    imported = import_table(csv(tmp_path, content), columns, ImportOptions())
    assert [passage.text for passage in imported.passages] == ["The tea is hot.", "It rained all day."]
