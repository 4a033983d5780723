"""Filled-in sheets come back as annotations, however annotators and their programs treated them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import openpyxl
import pytest

from labels.codebook import write_codebook
from labels.errors import BadInput, DemarcheError
from labels.files import write_jsonl
from labels.sheets.collect import ImportedSheets
from tests.coding_sheets import (
    BOOK,
    edit,
    fill,
    make_folder,
    passage,
    read,
    read_annotations,
    readings,
    rows_of,
    write_rows,
)
from tests.conftest import demarche

ANSWERS = {
    "p1": {"topic_1": "tea", "stance_1": "favor", "holder_1": "the host"},
    "p2": {"topic_1": "rain", "topic_2": "wind", "stance_2": "against", "doubt": "yes", "note": "two voices"},
    "p3": {"topic_1": "none"},
}
READ = {
    ("p1", "anna"): [("tea", "favor", "the host")],
    ("p2", "anna"): [("rain", None, None), ("wind", "against", None)],
    ("p3", "anna"): [],
}


def mistakes(folder: Path, **changes: Any) -> list[str]:
    """Return what is wrong with the sheets, each as FILE:ROW: what."""
    with pytest.raises(BadInput) as raised:
        read(folder, **changes)
    return [
        f"{Path(each.file).name}{'' if each.line is None else f':{each.line}'}: {each.what}"
        for each in raised.value.problems
    ]


def notes(imported: ImportedSheets) -> list[str]:
    return [f"{Path(each.file).name}: {each.what}" for each in imported.notes]


def row_of(path: Path, id: str) -> int:
    sheet = openpyxl.load_workbook(path)["passages"]
    return next(row for row in range(2, sheet.max_row + 1) if sheet.cell(row, 1).value == id)


@pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
def test_a_filled_sheet_becomes_annotations_and_an_empty_row_is_unread(tmp_path: Path, suffix: str) -> None:
    folder = make_folder(tmp_path)
    fill(folder / f"anna{suffix}", ANSWERS)
    imported = read(folder)
    assert readings(imported.annotations) == READ
    assert [each.codebook for each in imported.annotations] == [BOOK.reference] * 3
    assert [(each.passage, each.note) for each in imported.in_doubt] == [("p2", "two voices")]
    (anna,) = imported.returned
    assert (anna.given, anna.not_returned, anna.unread, anna.read, anna.none, anna.in_doubt) == (4, 0, 1, 3, 1, 1)
    assert notes(imported) == []


def excel(path: Path) -> None:
    """Save a CSV file as a spreadsheet does where the comma separates decimals; it also makes numbers of ids."""
    rows = [{**row, "id": "7" if row["id"] == "007" else row["id"]} for row in rows_of(path)]
    write_rows(path, rows, encoding="utf-8-sig", delimiter=";")


def windows(path: Path) -> None:
    write_rows(path, rows_of(path), encoding="windows-1252", delimiter=";")


@pytest.mark.parametrize(("save", "encoding"), [(excel, None), (windows, "windows-1252")])
def test_a_csv_file_may_be_saved_by_another_program(
    tmp_path: Path, save: Callable[[Path], None], encoding: str | None
) -> None:
    folder = make_folder(tmp_path)
    (folder / "anna.xlsx").unlink()
    fill(folder / "anna.csv", ANSWERS | {"007": {"topic_1": "wind", "holder_1": "a café"}})
    save(folder / "anna.csv")
    imported = read(folder, encoding=encoding)
    assert readings(imported.annotations) == READ | {("007", "anna"): [("wind", None, "a café")]}


def test_an_id_that_became_a_number_is_found_by_its_text(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    fill(folder / "anna.xlsx", {"007": {"topic_1": "none", "id": 7}})
    assert readings(read(folder).annotations) == {("007", "anna"): []}


def test_rows_may_be_sorted_and_a_missing_row_is_not_returned(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    fill(folder / "anna.csv", ANSWERS)
    rows = sorted(rows_of(folder / "anna.csv"), key=lambda row: row["text"])
    write_rows(folder / "anna.csv", [row for row in rows if row["id"] not in ("p3", "007")])
    imported = read(folder)
    assert readings(imported.annotations).keys() == READ.keys() - {("p3", "anna")}
    (anna,) = imported.returned
    # The workbook that nobody filled in tells which they are.
    assert (anna.given, anna.not_returned, anna.unread, anna.missing) == (4, 2, 0, ("007", "p3"))
    (folder / "anna.xlsx").unlink()
    (anna,) = read(folder).returned
    assert (anna.given, anna.not_returned, anna.unread, anna.missing) == (4, 2, 0, ())


def test_topics_and_stances_are_read_in_any_spelling(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    fill(
        folder / "anna.xlsx",
        {
            "p1": {"topic_1": " Tea ", "stance_1": "FAVOR "},
            "p2": {"topic_1": "   ", "topic_2": "Wet Weather", "stance_2": "unclear"},
            "p3": {"topic_1": "None"},
        },
    )
    assert readings(read(folder).annotations) == {
        ("p1", "anna"): [("tea", "favor", None)],
        ("p2", "anna"): [("rain", None, None)],
        ("p3", "anna"): [],
    }


def test_a_coders_own_columns_rows_and_sheets_are_named_and_not_imported(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    fill(folder / "anna.xlsx", ANSWERS)
    book = openpyxl.load_workbook(folder / "anna.xlsx")
    sheet = book["passages"]
    sheet["Q1"], sheet["Q2"] = "my thoughts", "hm"
    sheet["A1"] = "ID"
    sheet["Q9"] = "3 of 4"
    book.create_sheet("scratch", 0)["A1"] = "to do"
    book.save(folder / "anna.xlsx")
    (folder / "notes.docx").write_bytes(b"")
    (folder / "~$anna.xlsx").write_bytes(b"")
    # Without `id`, no header is found: the column is spelt as it was.
    edit(folder / "anna.xlsx", lambda sheet: sheet.__setitem__("A1", "id"))
    imported = read(folder)
    assert readings(imported.annotations) == READ
    assert notes(imported) == [
        "sheets: not a sheet, and not read: 'notes.docx'",
        "anna.xlsx: only sheet 'passages' is read, not 'scratch'",
        "anna.xlsx: not imported: 'my thoughts', which the sheet did not have",
    ]


def test_a_doubt_without_a_topic_is_told_and_a_doubt_in_words_is_a_note(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    fill(
        folder / "anna.xlsx",
        {
            "p1": {"topic_1": "tea", "doubt": "is it the host?", "note": "see title"},
            "p2": {"doubt": "x"},
            "p3": {"topic_1": "none", "doubt": "no"},
        },
    )
    imported = read(folder)
    assert [(each.passage, each.doubt, each.note) for each in imported.annotations] == [
        ("p1", True, "is it the host?; see title"),
        ("p3", False, None),
    ]
    assert len(notes(imported)) == 1
    assert "counts as not read" in notes(imported)[0]


WRONG = {
    "topic": ({"topic_1": "winds"}, "column 'topic_1': 'winds' is not a topic of weather@1.2.0; did you mean 'wind'?"),
    "stance": ({"topic_1": "tea", "stance_1": "pro"}, "column 'stance_1': 'pro' is not favor, against or neutral; did you mean 'favor'?"),
    "stance alone": ({"stance_2": "favor"}, "column 'stance_2': 'favor' without a topic; write the topic into 'topic_2', or empty this cell"),
    "holder alone": ({"topic_1": "tea", "holder_2": "me"}, "column 'holder_2': 'me' without a topic; write the topic into 'topic_2', or empty this cell"),
    "twice": ({"topic_1": "tea", "topic_3": "Tea"}, "column 'topic_3': 'tea' is in 'topic_1' already; keep one of them"),
    "none too": ({"topic_1": "tea", "topic_2": "none"}, "column 'topic_2': 'none' means none of the topics, but the row has tea; keep one"),
    "stance of none": ({"topic_1": "none", "stance_1": "favor"}, "column 'stance_1': 'favor' beside 'none', which has no stance; empty one of them"),
    "two in one": ({"topic_1": "tea; rain"}, "column 'topic_1': 'tea; rain' is not a topic of weather@1.2.0; write one topic into a cell"),
    "id": ({"id": "p11", "text": "", "topic_1": "tea"}, "column 'id': passage 'p11' is not in passages.jsonl; did you mean 'p1'?"),
    "text": ({"text": "Tea is served cold.", "topic_1": "tea"}, "column 'text': not the text of passage 'p1' in passages.jsonl; copy it back, or empty the cell if the reading is of that passage"),
    "other text": ({"text": "It rained all day."}, "column 'text': the text is that of passage 'p2', but the id is 'p1', as after sorting some columns without the others; undo that, or read the passage again"),
    "mark": ({"sheet": "anna"}, "column 'sheet': 'anna' does not say whose row it is; copy the cell from another row"),
    "nothing to go by": ({"id": "", "text": "", "topic_1": "tea"}, "column 'topic_1': filled in, but 'id' and 'text' are empty; copy them back, or empty the row"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "suffix"), [*((kind, ".csv") for kind in WRONG), *((kind, ".xlsx") for kind in ("topic", "text", "mark"))]
)
def test_a_mistake_is_reported_by_file_row_and_column(tmp_path: Path, kind: str, suffix: str) -> None:
    folder = make_folder(tmp_path)
    cells, expected = WRONG[kind]
    row = 2 + [each["id"] for each in rows_of(folder / "anna.csv")].index("p1")
    fill(folder / f"anna{suffix}", {"p1": cells})
    (mistake,) = mistakes(folder)
    assert mistake.replace(f"{tmp_path}/", "") == f"anna{suffix}:{row}: {expected}"


def test_all_mistakes_are_reported_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, "anna,bert")
    fill(folder / "anna.xlsx", {"p1": WRONG["topic"][0], "p2": WRONG["stance alone"][0]})
    fill(folder / "bert.csv", {"p1": WRONG["none too"][0]})
    (folder / "cleo.ods").write_bytes(b"PK\x03\x04")
    out = tmp_path / "annotations.jsonl"
    result = demarche(
        "labels", "import", "sheets", folder, "--codebook", tmp_path / "codebook.yaml",
        "--passages", tmp_path / "passages.jsonl", "--out", out,
    )  # fmt: skip
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    for name in ("anna.xlsx:", "bert.csv:", "cleo.ods: a spreadsheet of another kind; save it as .xlsx or .csv"):
        assert name in result.output
    assert not out.exists()


def test_two_equal_readings_of_a_passage_are_one_and_two_different_ones_are_refused(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    fill(folder / "anna.xlsx", ANSWERS)
    fill(folder / "anna.csv", {"p2": {**ANSWERS["p2"], "topic_1": "wind", "stance_1": "against", "topic_2": "rain", "stance_2": ""}})  # fmt: skip
    assert readings(read(folder).annotations).keys() == READ.keys()
    fill(folder / "anna.csv", {"p1": {"topic_1": "rain"}, "007": {"topic_1": "none"}})
    (mistake,) = mistakes(folder)
    assert re.fullmatch(
        r"anna.xlsx:\d: another reading of passage 'p1' by 'anna' than in .*anna.csv:\d; make them the same, or empty one "
        "of the two",
        mistake,
    )


def test_sheets_for_another_codebook_or_of_other_passages_are_refused(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    (folder / "anna.csv").unlink()
    fill(folder / "anna.xlsx", ANSWERS)
    other = tmp_path / "other.yaml"
    write_codebook(other, BOOK.model_copy(update={"id": "sports"}))
    assert mistakes(folder, codebook=other) == [
        "anna.xlsx: the sheet of 'anna' is for codebook weather@1.2.0, but --codebook is sports@1.2.0; name the codebook "
        "that it was made for"
    ]
    write_codebook(other, BOOK.model_copy(update={"version": "1.3.0"}))
    imported = read(folder, codebook=other)
    assert {each.codebook for each in imported.annotations} == {"weather@1.2.0"}
    assert notes(imported) == ["anna.xlsx: made for weather@1.2.0, read with weather@1.3.0"]
    elsewhere = tmp_path / "elsewhere.jsonl"
    write_jsonl(elsewhere, [passage("q1", "Snow fell.")])
    (mistake,) = mistakes(folder, passages=elsewhere)
    assert "none of its 4 passages is in " in mistake
    assert "--passages" in mistake


def password(path: Path) -> None:
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4000))


def no_workbook(path: Path) -> None:
    path.write_text("<html><body>Sign in to open the file</body></html>")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:3000])


def another_table(path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(("name", "hours"))
    book.active.append(("anna", 3))
    book.save(path)


def without_column(path: Path) -> None:
    edit(path, lambda sheet: sheet.delete_cols(1))


def merged(path: Path) -> None:
    edit(path, lambda sheet: sheet.merge_cells("E2:E3"))


def formula(path: Path) -> None:
    fill(path, {"p1": {"topic_1": '=IF(1,"tea","")'}})


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (password, "anna.xlsx: an Office file of the old kind (.doc, .xls, .msg), or one with a password, not a table; save the table as .csv or .xlsx"),
        (no_workbook, "anna.xlsx: an HTML page, not a table; save the table as .csv or .xlsx"),
        (cut, "anna.xlsx: not an Excel workbook, or a damaged one: File is not a zip file"),
        (another_table, "anna.xlsx: is not a coding sheet: it has no columns 'id' and 'sheet'; move it out of the folder"),
        (without_column, "anna.xlsx: has no column 'id'; copy it back from the sheet as it was given, or name it so again"),
        (merged, "anna.xlsx: cells E2:E3 of sheet 'passages' are merged, so only the first has a value; unmerge them and fill in each"),
        (formula, "anna.xlsx:{row}: cell E{row} is a formula whose value is not stored; open and save the workbook in Excel, or save the sheet as .csv"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, harm: Callable[[Path], None], expected: str) -> None:
    folder = make_folder(tmp_path)
    row = row_of(folder / "anna.xlsx", "p1")
    harm(folder / "anna.xlsx")
    assert mistakes(folder) == [expected.format(row=row)]


def test_a_formula_whose_value_is_stored_is_read_as_that_value(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    path = folder / "anna.xlsx"
    row = row_of(path, "p1")
    formula(path)
    with ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    stored = rf'<c r="E{row}" t="str"><f>IF(1,"tea","")</f><v>tea</v></c>'
    members[sheet] = re.sub(rf'<c r="E{row}".*?</c>', stored, members[sheet].decode()).encode()
    with ZipFile(path, "w") as archive:
        for name, raw in members.items():
            archive.writestr(name, raw)
    assert readings(read(folder).annotations) == {("p1", "anna"): [("tea", None, None)]}


def test_hidden_rows_are_read_and_told(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    fill(folder / "anna.xlsx", ANSWERS)

    def hide(sheet: Any) -> None:
        sheet.auto_filter.ref = "A1:P5"
        for row in (2, 3):
            sheet.row_dimensions[row].hidden = True

    edit(folder / "anna.xlsx", hide)
    imported = read(folder)
    assert readings(imported.annotations) == READ
    assert notes(imported) == ["anna.xlsx: 2 hidden rows read like the others"]


def test_sheets_in_which_nothing_is_filled_in_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DemarcheError, match="no row has a topic or 'none'"):
        read(make_folder(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DemarcheError, match="has no sheet"):
        read(tmp_path / "empty")
    with pytest.raises(DemarcheError, match="no such folder"):
        read(tmp_path / "nowhere" / "sheets", codebook=tmp_path / "codebook.yaml", passages=tmp_path / "passages.jsonl")


def import_command(folder: Path, out: Path) -> Sequence[str | Path]:
    files = ("--codebook", folder.parent / "codebook.yaml", "--passages", folder.parent / "passages.jsonl")
    return ("labels", "import", "sheets", folder, *files, "--out", out)


def test_a_reading_of_an_earlier_import_is_never_lost(tmp_path: Path) -> None:
    folder, out = make_folder(tmp_path), tmp_path / "annotations.jsonl"
    fill(folder / "anna.xlsx", ANSWERS)
    assert demarche(*import_command(folder, out)).exit_code == 0
    fill(folder / "anna.xlsx", {"007": {"topic_1": "none"}})
    again = demarche(*import_command(folder, out))
    assert again.exit_code == 0, again.output
    assert readings(read_annotations(out)) == READ | {("007", "anna"): []}
    fill(folder / "anna.xlsx", {"007": {"topic_1": ""}})
    refused = demarche(*import_command(folder, out))
    assert refused.exit_code == 2
    assert "has 1 reading that these sheets do not have (passage '007' by 'anna' is the first)" in refused.output
    assert len(read_annotations(out)) == 4


def test_a_file_that_is_not_readable_as_annotations_is_not_overwritten(tmp_path: Path) -> None:
    folder, out = make_folder(tmp_path), tmp_path / "articles.jsonl"
    fill(folder / "anna.xlsx", ANSWERS)
    out.write_text('{"id": "a", "text": "An article."}\n{"passage": "p1", "anno\n', encoding="utf-8")
    before = out.read_bytes()
    refused = demarche(*import_command(folder, out))
    assert refused.exit_code == 2
    assert "articles.jsonl:1: passage: missing" in refused.output
    assert "articles.jsonl:2: not JSON" in refused.output
    assert out.read_bytes() == before
