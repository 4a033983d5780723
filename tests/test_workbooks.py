"""Excel workbooks are read like other tables."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

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


def test_empty_rows_are_left_out_and_a_column_without_a_name_is_called_by_its_letter(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "t.xlsx",
        one=[(), (*HEADER, None), (1, "Tea.", "tea", None), (None,) * 5, (2, "Rain.", "rain", 9, 0)],
    )
    rows, problems, _ = read(path)
    assert problems == []
    nameless = {"column D (no name)": 9, "column E (no name)": 0}
    assert rows == [
        (3, {"id": 1, "text": "Tea.", "topic": "tea"}),
        (5, {"id": 2, "text": "Rain.", "topic": "rain", **nameless}),
    ]


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


def edit_sheet(path: Path, edit: Callable[[str], str]) -> Path:
    """Change the XML of the first sheet, as programs that write workbooks in their own way do."""
    with ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    members[sheet] = edit(members[sheet].decode()).encode()
    with ZipFile(path, "w") as archive:
        for name, raw in members.items():
            archive.writestr(name, raw)
    return path


@pytest.mark.parametrize(
    "size", ["", '<dimension ref="A1"/>', '<dimension ref="A1:B2"/>', '<dimension ref="A1:Z9999"/>']
)
def test_every_row_and_cell_is_read_whatever_size_the_sheet_says_it_has(tmp_path: Path, size: str) -> None:
    cells = [HEADER, (1, "Tea.", "tea"), (2, "Snow."), (3, "Rain.", "rain")]
    path = edit_sheet(workbook(tmp_path / "t.xlsx", one=cells), lambda xml: re.sub("<dimension[^>]*/>", size, xml))
    rows, problems, _ = read(path)
    assert (problems, [list(row.values()) for _, row in rows]) == (
        [],
        [[1, "Tea.", "tea"], [2, "Snow.", None], [3, "Rain.", "rain"]],
    )
    assert [row["text"] for _, row in read(path, sheet="one")[0]] == ["Tea.", "Snow.", "Rain."]


def test_a_formula_without_a_stored_value_is_named_by_its_cell(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "t.xlsx", one=[HEADER, (1, "Tea.", "tea"), (2, "Rain.", '=IF(1,"rain","")'), (3, "Snow.", "=A1")]
    )
    rows, problems, _ = read(path)
    assert [row["id"] for _, row in rows] == [1]
    assert [what.partition(";")[0] for what in problems] == [
        f"cell C{row} is a formula whose value is not stored" for row in (3, 4)
    ]
    header = workbook(tmp_path / "u.xlsx", one=[("id", "=B1", "topic"), (1, "Tea is hot.", "tea")])
    assert [what.partition(" is")[0] for what in read(header)[1]] == ["cell B1"]


def test_a_formula_with_a_stored_value_is_read_as_this_value(tmp_path: Path) -> None:
    stored = {
        "A2": '<c r="A2"><f>2+3</f><v>5</v></c>',
        "B2": '<c r="B2" t="str"><f>"Te"&amp;"a."</f><v>Tea.</v></c>',
        # The result is an empty text.
        "C2": '<c r="C2" t="str"><f>IF(A2&gt;9,"rain","")</f><v></v></c>',
    }
    path = workbook(tmp_path / "t.xlsx", one=[HEADER, ("=1", "=1", "=1")])
    edit_sheet(path, lambda xml: re.sub('<c r="([A-C]2)".*?</c>', lambda cell: stored[cell[1]], xml))
    assert read(path)[:2] == ([(2, {"id": 5, "text": "Tea.", "topic": None})], [])


def test_a_text_that_begins_like_a_formula_is_a_text(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in [HEADER, (1, "x", "tea")]:
        book.active.append(row)
    book.active["B2"].value = "=1"
    book.active["B2"].data_type = "s"
    book.save(tmp_path / "t.xlsx")
    assert [row["text"] for _, row in read(tmp_path / "t.xlsx")[0]] == ["=1"]


def test_a_sheet_without_rows_is_reported_when_it_is_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", full=[HEADER, (1, "Tea.", "tea")], blank=[])
    assert read(path, sheet="blank")[:2] == ([], ["sheet 'blank' has no rows"])


def test_a_workbook_with_a_password_is_reported(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", one=[HEADER, (1, "Tea.", "tea")])
    raw = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        for place in [found.start() for found in re.finditer(re.escape(mark), raw)]:
            raw[place + flags] |= 1
    path.write_bytes(raw)
    assert read(path)[1] == ["a workbook with a password; save it without one"]


def test_a_workbook_that_is_not_compressed_as_its_name_says_is_reported(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", one=[HEADER, (1, "Tea.", "tea")])
    path.rename(tmp_path / "t.xlsx.gz")
    assert [what.partition(":")[0] for what in read(tmp_path / "t.xlsx.gz")[1]] == ["cannot be read"]
