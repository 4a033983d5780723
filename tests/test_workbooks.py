"""Excel workbooks are read like other tables."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from labels.errors import Problems
from labels.file_format import FileFormat
from labels.table_files import read_rows
from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.imports import import_table

HEADER = ("id", "text", "topic")


def workbook(path: Path, **sheets: Sequence[Sequence[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def read(path: Path, **form: str) -> tuple[list[tuple[int, Any]], list[str], list[str]]:
    problems = Problems()
    rows = list(read_rows(path, problems, FileFormat(**form)))
    return rows, [problem.what for problem in problems], [note.what for note in problems.notes]


def test_cells_keep_their_kind_and_dates_become_text(tmp_path: Path) -> None:
    rows = [
        ("id", "text", "when", "day", "n", "ok"),
        (1, "é 🙂", datetime(2020, 5, 4, 10, 30), date(2020, 5, 4), 0.5, True),
    ]
    read_rows_, problems, notes = read(workbook(tmp_path / "t.xlsx", one=rows))
    expected = {"id": 1, "text": "é 🙂", "when": "2020-05-04 10:30:00", "day": "2020-05-04", "n": 0.5, "ok": True}
    assert (read_rows_, problems, notes) == ([(2, expected)], [], [])


def test_empty_rows_and_columns_without_a_name_are_left_out(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "t.xlsx", one=[(), (*HEADER, None), (1, "Tea.", "tea", None), (None,) * 4, (2, "Rain.", "rain", 9)]
    )
    rows, problems, _ = read(path)
    assert problems == []
    assert rows == [(3, {"id": 1, "text": "Tea.", "topic": "tea"}), (5, {"id": 2, "text": "Rain.", "topic": "rain"})]


def test_the_first_sheet_with_rows_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "t.xlsx", empty=[], May=[HEADER, (1, "Tea.", "tea")], June=[HEADER, (2, "Rain.", "rain")]
    )
    rows, problems, notes = read(path)
    assert ([row["id"] for _, row in rows], problems) == ([1], [])
    assert notes == ["sheet 'May' is read, of May, June; --sheet names another"]
    assert [row["id"] for _, row in read(path, sheet="June")[0]] == [2]
    assert read(path, sheet="july")[1] == ["has no sheet 'july'; it has empty, May, June"]


def test_a_sheet_without_a_header_is_refused_and_read_with_names(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", one=[(1, "The tea is hot.", "tea"), (2, "It rained.", "rain")])
    assert "looks like data" in read(path)[1][0]
    assert [row for _, row in read(path, names="id,text,topic")[0]] == [
        {"id": 1, "text": "The tea is hot.", "topic": "tea"},
        {"id": 2, "text": "It rained.", "topic": "rain"},
    ]


def test_a_workbook_may_be_compressed_and_imported(tmp_path: Path) -> None:
    raw = workbook(tmp_path / "t.xlsx", one=[HEADER, (1, "Tea.", "tea")]).read_bytes()
    (tmp_path / "u.xlsx.gz").write_bytes(gzip.compress(raw))
    imported = import_table(tmp_path / "u.xlsx.gz", TableColumns(id="id", topics=("topic",)), ImportOptions())
    assert [(passage.id, passage.text) for passage in imported.passages] == [("1", "Tea.")]


@pytest.mark.parametrize("harm", ["cut", "altered", "empty", "text", "archive", "no sheets"])
def test_a_broken_workbook_is_reported(tmp_path: Path, harm: str) -> None:
    path = workbook(tmp_path / "t.xlsx", one=[HEADER, *((n, "Tea. " * n, "tea") for n in range(300))])
    raw = path.read_bytes()
    half = len(raw) // 2
    match harm:
        case "cut":
            path.write_bytes(raw[:half])
        case "altered":
            path.write_bytes(raw[: half - 500] + bytes(400) + raw[half - 100 :])
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_bytes(b"id,text\n1,Tea.\n")
        case "archive":
            path.write_bytes(b"PK\x03\x04" + bytes(100))
        case "no sheets":
            workbook(path, one=[])
    assert len(read(path)[1]) == 1
