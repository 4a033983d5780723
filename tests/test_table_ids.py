"""Ids that a spreadsheet spoiled, and columns of ids and annotators that were forgotten, are pointed out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.imports import import_table
from tests.tables import csv, jsonl, refused
from tests.test_table_values import TOPICS


@pytest.mark.parametrize("id", ["1.23457E+17", "1,23457E+17", "9e+18", 1.2345678901234568e18, "-3.1e15"[1:]])
def test_an_id_that_lost_its_last_digits_is_refused(tmp_path: Path, id: Any) -> None:
    table = jsonl(tmp_path, {"id": id, "text": "a b", "topic": "tea"})
    message = refused(table, TableColumns(id="id", topics=("topic",)))
    assert "column 'id': the last digits of" in message
    assert "are lost" in message


@pytest.mark.parametrize(("id", "read"), [("12e45678", "12e45678"), ("7e3", "7e3"), (12.0, "12"), (2**60, str(2**60))])
def test_an_id_that_looks_a_little_like_a_number_is_kept(tmp_path: Path, id: Any, read: str) -> None:
    table = jsonl(tmp_path, {"id": id, "text": "a b", "topic": "tea"})
    imported = import_table(table, TableColumns(id="id", topics=("topic",)), ImportOptions())
    assert [passage.id for passage in imported.passages] == [read]


@pytest.mark.parametrize(
    ("ids", "is_noted"),
    [
        (["1-Mar", "MAR2", "APR7"], True),
        (["Mar-01", "Mar-02"], True),
        (["03/01/2024", "3-1-b", "3-1-c"], True),
        (["2024-01-03", "2024-01-04"], False),
        (["a-1", "a-2"], False),
    ],
)
def test_ids_that_a_spreadsheet_made_dates_are_pointed_out(tmp_path: Path, ids: list[str], is_noted: bool) -> None:
    table = jsonl(tmp_path, *({"id": id, "text": f"text of {id}", "topic": "tea"} for id in ids))
    notes = import_table(table, TableColumns(id="id", topics=("topic",)), ImportOptions()).notes
    assert any("ids that look like dates" in note for note in notes) == is_noted


TWICE = "id,text,coder,topic\n1,a b,ann,tea\n1,a b,bob,rain\n2,c d,ann,tea\n2,c d,bob,tea\n"


def test_forgotten_columns_of_ids_and_annotators_are_pointed_out(tmp_path: Path) -> None:
    table = csv(tmp_path, TWICE)
    (note,) = import_table(table, TOPICS, ImportOptions()).notes
    assert "2 of 2 texts in several rows" in note
    assert "--id" in note
    (note,) = import_table(table, TableColumns(id="id", topics=("topic",)), ImportOptions()).notes
    assert "2 of 2 ids in several rows" in note
    assert note.endswith("--annotator coder")
    both = TableColumns(id="id", topics=("topic",), annotator="coder")
    assert import_table(table, both, ImportOptions()).notes == []
