"""Stances, topics, targets and offsets of a table become labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.codebook import Codebook
from labels.passages import Label
from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.imports import import_table
from tests.tables import BOOK, SEMEVAL, csv, jsonl, labels_of, parquet, refused


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(SEMEVAL, "utf-8"), (SEMEVAL, "utf-8-sig"), (SEMEVAL.replace(",", ";").replace("lord;", "lord,"), "utf-8-sig")],
)
def test_a_stance_csv_needs_no_more_than_options(tmp_path: Path, text: str, encoding: str) -> None:
    table = csv(tmp_path, text, encoding=encoding)
    columns = TableColumns(text="Tweet", id="ID", topics=("Target",), stance="Stance")
    imported = import_table(table, columns, ImportOptions(values={"NONE": "neutral"}))
    assert [passage.text for passage in imported.passages] == [
        'dear lord, thank u "for all" 🙏 #SemST',
        "two\r\nlines",
        "@user ok",
    ]
    climate = "Climate Change is a Real Concern"
    assert labels_of(imported) == {
        ("101", "table"): [("Atheism", None, "against")],
        ("102", "table"): [(climate, None, "favor")],
        ("103", "table"): [(climate, None, "neutral")],
    }
    assert imported.codebook.topic_ids == ("Atheism", climate)


def test_an_unknown_stance_is_reported_with_its_line_and_a_remedy(tmp_path: Path) -> None:
    columns = TableColumns(text="Tweet", id="ID", target="Target", stance="Stance")
    message = refused(csv(tmp_path, SEMEVAL), columns)
    # Line 103 starts at the file's fifth line: the one before it has two.
    assert "table.csv:5: stance 'NONE'" in message
    assert "--value NONE=STANCE" in message


def test_a_stance_toward_a_named_target_makes_no_topic(tmp_path: Path) -> None:
    table = csv(tmp_path, "Tweet,Target,Stance\nhe is right on it,Donald Trump,FAVOR\nnever him,Joe Biden,AGAINST\n")
    imported = import_table(table, TableColumns(text="Tweet", target="Target", stance="Stance"), ImportOptions())
    assert labels_of(imported) == {
        ("2", "table"): [(None, "Donald Trump", "favor")],
        ("3", "table"): [(None, "Joe Biden", "against")],
    }
    assert imported.codebook.topics == ()


@pytest.mark.parametrize(
    ("values", "stances"),
    [
        ([1, 0, -1], ["favor", "neutral", "against"]),
        ([1.0, 0.0, -1.0], ["favor", "neutral", "against"]),
        ([1.0, None, float("nan")], ["favor", None, None]),
        (["1", " 0 ", "-1"], ["favor", "neutral", "against"]),
    ],
)
def test_a_stance_may_be_a_number(tmp_path: Path, values: list[Any], stances: list[str | None]) -> None:
    table = parquet(tmp_path, *({"text": f"text {n}", "about": "x", "y": value} for n, value in enumerate(values)))
    options = ImportOptions(values={"1": "favor", "0": "neutral", "-1": "against"})
    imported = import_table(table, TableColumns(target="about", stance="y"), options)
    assert [reading.labels[0].stance for reading in imported.annotations] == stances


def test_a_number_may_be_both_a_stance_and_a_topic(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic,stance\na b,1,1\nc d,2,-1\n")
    imported = import_table(
        table, TableColumns(topics=("topic",), stance="stance"), ImportOptions(values={"1": "favor", "-1": "against"})
    )
    assert labels_of(imported) == {("2", "table"): [("1", None, "favor")], ("3", "table"): [("2", None, "against")]}


@pytest.mark.parametrize(
    ("yes", "no"), [("1", "0"), ("1.0", ""), ("TRUE", "False"), ("x", "nan"), (1, 0), (1.0, None), (True, None)]
)
def test_each_topic_may_have_its_own_column(tmp_path: Path, yes: Any, no: Any) -> None:
    table = parquet(tmp_path, {"text": "a b", "tea": yes, "rain": no}, {"text": "c d", "tea": no, "rain": no})
    imported = import_table(table, TableColumns(topics=("tea", "rain")), ImportOptions(empty={"": "none"}))
    assert labels_of(imported) == {("1", "table"): [("tea", None, None)], ("2", "table"): []}


def test_a_topic_column_with_other_values_than_yes_and_no_is_refused(tmp_path: Path) -> None:
    message = refused(csv(tmp_path, "text,tea,rain\na b,2,0\n"), TableColumns(topics=("tea", "rain")))
    assert "table.csv:2: column 'tea': '2' is neither true nor false" in message


@pytest.mark.parametrize(("cells", "codebook"), [((True, False), None), (("True", "False"), None), ((1, 0), BOOK)])
def test_a_single_topic_column_may_hold_yes_and_no(
    tmp_path: Path, cells: tuple[Any, Any], codebook: Codebook | None
) -> None:
    table = parquet(tmp_path, {"text": "a b", "tea": cells[0]}, {"text": "c d", "tea": cells[1]})
    imported = import_table(table, TableColumns(topics=("tea",)), ImportOptions(), codebook)
    assert labels_of(imported) == {("1", "table"): [("tea", None, None)], ("2", "table"): []}


@pytest.mark.parametrize(
    ("cell", "separator"),
    [
        ("tea|rain", "|"),
        (" tea ; rain ;", ";"),
        ('["tea", "rain"]', ";"),
        ("['tea', 'rain']", ";"),
        (["tea", "rain"], ";"),
        (["tea", None, "rain", ""], ";"),
        (["tea", "rain", "tea"], ";"),
    ],
)
def test_one_cell_may_hold_several_topics(tmp_path: Path, cell: Any, separator: str) -> None:
    imported = import_table(
        jsonl(tmp_path, {"text": "a b", "topics": cell}),
        TableColumns(topics=("topics",)),
        ImportOptions(separator=separator),
    )
    assert labels_of(imported) == {("1", "table"): [("tea", None, None), ("rain", None, None)]}


@pytest.mark.parametrize("cell", ["['tea' 'rain']", "['tea',", "{tea}", "[" * 500])
def test_a_broken_list_is_refused_and_not_read_as_one_topic(tmp_path: Path, cell: str) -> None:
    message = refused(jsonl(tmp_path, {"text": "a b", "topics": cell}), TableColumns(topics=("topics",)))
    assert "table.jsonl:1:" in message
    assert "looks like a list" in message


@pytest.mark.parametrize("cell", [[{"topic": "tea"}], [["tea"]]])
def test_a_topic_that_is_not_text_is_refused(tmp_path: Path, cell: Any) -> None:
    assert "is not a topic" in refused(
        jsonl(tmp_path, {"text": "a b", "topics": cell}), TableColumns(topics=("topics",))
    )


def test_a_cell_may_map_topics_to_stances(tmp_path: Path) -> None:
    # Parquet gives both rows both keys.
    rows = {"text": "a b", "t": {"tea": "favor"}}, {"text": "c d", "t": {"rain": "against", "tea": "neutral"}}
    expected = {
        ("1", "table"): [("tea", None, "favor")],
        ("2", "table"): [("rain", None, "against"), ("tea", None, "neutral")],
    }
    for path in (parquet(tmp_path, *rows), jsonl(tmp_path, *rows)):
        labels = labels_of(import_table(path, TableColumns(topics=("t",)), ImportOptions()))
        assert {key: sorted(labels, key=str) for key, labels in labels.items()} == expected


@pytest.mark.parametrize("columns", [TableColumns(votes=("y",)), TableColumns(gold="y"), TableColumns(stance="y")])
def test_a_stance_without_a_target_is_refused(tmp_path: Path, columns: TableColumns) -> None:
    assert "has no target; name --target or --topics" in refused(csv(tmp_path, "text,y\na b,favor\n"), columns)


@pytest.mark.parametrize("span", [(4, 8), (4.0, 8.0), ("4", "8.0")])
def test_target_offsets_may_be_floats(tmp_path: Path, span: tuple[Any, Any]) -> None:
    rows = (
        {"text": "I 🙂 Kiev", "t": "Kiev", "s": "favor", "start": span[0], "end": span[1]},
        {"text": "no mention", "t": "Kiev", "s": "against", "start": None, "end": None},
    )
    for path in (parquet(tmp_path, *rows), jsonl(tmp_path, *rows)):
        columns = TableColumns(target="t", stance="s", target_start="start", target_end="end")
        first, second = import_table(path, columns, ImportOptions()).annotations
        assert first.labels == (Label(target="Kiev", target_span=(4, 8), stance="favor"),)
        assert second.labels == (Label(target="Kiev", stance="against"),)


@pytest.mark.parametrize("start", [4.5, "4.5", "four", "1e999", 10**400, [4]])
def test_an_offset_that_is_not_a_whole_number_is_refused(tmp_path: Path, start: Any) -> None:
    table = jsonl(tmp_path, {"text": "the Kiev line", "t": "Kiev", "s": "favor", "start": start})
    message = refused(table, TableColumns(target="t", stance="s", target_start="start"))
    assert "table.jsonl:1: column 'start'" in message
    assert "is not a whole number" in message


@pytest.mark.parametrize("start", [5, -9, 400])
def test_offsets_that_miss_the_target_are_refused(tmp_path: Path, start: int) -> None:
    table = jsonl(tmp_path, {"text": "the Kiev line", "t": "Kiev", "s": "favor", "start": start})
    assert "table.jsonl:1: " in refused(table, TableColumns(target="t", stance="s", target_start="start"))


@settings(max_examples=100, deadline=None)
@given(topics=st.lists(st.text("abcé'-", min_size=1).filter(lambda topic: topic.strip("-")), max_size=4, unique=True))
def test_every_notation_of_a_list_gives_the_same_topics(
    tmp_path_factory: pytest.TempPathFactory, topics: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("lists")
    cells = [topics, json.dumps(topics), repr(topics), "|".join(topics)]
    table = jsonl(folder, *({"text": f"text {n}", "topics": cell} for n, cell in enumerate(cells)))
    imported = import_table(table, TableColumns(topics=("topics",)), ImportOptions(separator="|", empty={"": "none"}))
    expected = [(topic, None, None) for topic in topics]
    assert list(labels_of(imported).values()) == [expected] * 4


def test_a_topic_outside_the_codebook_is_refused_unless_renamed_or_ignored(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic\na b,teaa\nc d,sports\n")
    message = refused(table, TableColumns(topics=("topic",)), codebook=BOOK)
    assert "table.csv:2: 2 values are not topics of the codebook" in message
    assert "'teaa' (1 row, first line 2), 'sports' (1 row, first line 3)" in message
    assert "`--value teaa=tea --value sports=TOPIC`" in message
    options = ImportOptions(values={"teaa": "tea", "sports": ""})
    imported = import_table(table, TableColumns(topics=("topic",)), options, BOOK)
    assert labels_of(imported) == {("2", "table"): [("tea", None, None)], ("3", "table"): []}


def test_a_stance_value_may_be_ignored(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic,stance\na b,tea,unrelated\nc d,tea,favor\n")
    imported = import_table(
        table, TableColumns(topics=("topic",), stance="stance"), ImportOptions(values={"unrelated": ""})
    )
    assert labels_of(imported) == {("2", "table"): [("tea", None, None)], ("3", "table"): [("tea", None, "favor")]}


def test_one_target_may_be_named_for_every_row(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,stance\nMore of it.,favor\n")
    imported = import_table(tmp_path / "t.csv", TableColumns(stance="stance"), ImportOptions(target="a carbon tax"))
    assert [(label.target, label.stance) for label in imported.annotations[0].labels] == [("a carbon tax", "favor")]
