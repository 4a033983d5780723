"""A folder of coding sheets for the tests, and annotators who fill them in."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl

from labels.codebook import Codebook, Rule, Topic, write_codebook
from labels.errors import Problems
from labels.files import read_jsonl, write_jsonl
from labels.passages import Annotation, Passage
from labels.sheets.assignment import assign
from labels.sheets.collect import ImportedSheets, import_sheets
from labels.sheets.layout import make_sheet
from labels.sheets.write import write_sheets

BOOK = Codebook(
    id="weather",
    version="1.2.0",
    topics=(
        Topic(
            id="tea",
            definition="hot drinks",
            target="drinking tea",
            include=(Rule(rule="samovars"),),
            exclude=(Rule(rule="coffee"),),
        ),
        Topic(id="rain", name="wet weather", target="carrying umbrellas"),
        Topic(id="wind", target="kites"),
    ),
    stances={"favor": "for it"},
    rules=("Storms are wind.",),
)
Cells = Mapping[str, Any]


def passage(id: str, text: str, article: str | None = None, **fields: Any) -> Passage:
    return Passage(id=id, article=article or id, text=text, start=0, end=len(text), **fields)


PASSAGES = [
    passage("p1", "Tea is served.", title="A tea room", published="2020-05-04"),
    passage("p2", "It rained all day.", title="Rain"),
    passage("p3", "=1+1 is not a formula here."),
    passage("007", "The kite flew over the town."),
]


def make_folder(folder: Path, annotators: str = "anna", *, passages: Sequence[Passage] = PASSAGES) -> Path:
    """Write the codebook, the passages and a folder `sheets`, and return that folder."""
    write_codebook(folder / "codebook.yaml", BOOK)
    write_jsonl(folder / "passages.jsonl", passages)
    parts = assign(passages, annotators.split(","), overlap=1.0, seed=1)
    sheets = [make_sheet(name, part, BOOK, slots=3) for name, part in parts.items()]
    write_sheets(folder / "sheets", sheets, BOOK)
    return folder / "sheets"


def read(folder: Path, **changes: Any) -> ImportedSheets:
    base = folder.parent
    files = {"codebook": base / "codebook.yaml", "passages": base / "passages.jsonl"}
    return import_sheets([folder], **(files | changes))


def edit(path: Path, change: Callable[[Any], None]) -> None:
    """Change the first sheet of a workbook."""
    book = openpyxl.load_workbook(path)
    change(book["passages"])
    book.save(path)


def fill(path: Path, answers: Mapping[str, Cells]) -> None:
    """Write {passage: {column: cell}} into a sheet, a workbook or a CSV file."""
    if path.suffix == ".csv":
        rows = rows_of(path)
        write_rows(path, [row | {name: str(cell) for name, cell in answers.get(row["id"], {}).items()} for row in rows])
        return

    def change(sheet: Any) -> None:
        columns = {cell.value: cell.column for cell in sheet[1]}
        for row in range(2, sheet.max_row + 1):
            for name, value in answers.get(sheet.cell(row, columns["id"]).value, {}).items():
                sheet.cell(row, columns[name]).value = value

    edit(path, change)


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def write_rows(path: Path, rows: Sequence[Mapping[str, str]], *, encoding: str = "utf-8", delimiter: str = ",") -> None:
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys(), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def readings(annotations: Sequence[Annotation]) -> dict[tuple[str, str], list[tuple[Any, ...]]]:
    """Return {(passage, annotator): [(topic, stance, holder)]}."""
    return {
        (each.passage, each.annotator): [(label.topic, label.stance, label.holder) for label in each.labels]
        for each in annotations
    }


def read_annotations(path: Path) -> list[Annotation]:
    return [annotation for _, annotation in read_jsonl(path, Annotation, Problems())]
