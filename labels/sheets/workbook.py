"""Write a coding sheet as an Excel workbook, with the codebook and how to fill it in on a second sheet."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from labels.codebook import STANCES, Codebook
from labels.sheets.layout import DOUBT, ID, MARK, NOTE, QUESTION, TEXT, Sheet, writable
from labels.tables.worklist import NONE

PASSAGES, CODEBOOK, LISTS = "passages", "codebook", "lists"
"""The sheets of a workbook; the last holds the values of the drop-downs and is hidden."""
_WIDTHS = {ID: 14, TEXT: 75, QUESTION: 30, "title": 26, "source": 14, "date": 12, DOUBT: 8, NOTE: 32, MARK: 20}
_WIDTHS_BY_KIND = {"topic": 17, "stance": 11, "holder": 18, "reading": 34}
_LETTER, _LINE, _HIGHEST = 1.05, 15.0, 400.0
"""Width of a letter, in those of a digit by which columns are measured; height of a line and of a row, in points."""
_SHADES = {"header": "D9E2EC", "answer": "FFF8E1"}
_OTHERS = {
    "favor": "for the target, stated or clearly implied",
    "against": "against the target, stated or clearly implied",
    "neutral": "facts without a position, or both positions with equal weight",
}


def instructions(sheet: Sheet) -> list[str]:
    """Return how to fill in the sheet, a sentence or two in each item."""
    has_readings = any(column.startswith("reading_") for column in sheet.columns)
    return [
        *(
            [
                "The columns reading_1, reading_2 … show how others read the passage, in an order that differs from row to "
                f"row, and {QUESTION} shows what is open. Your reading replaces theirs: write all topics of the passage, "
                "also those on which they agree."
            ]
            if has_readings
            else []
        ),
        "Read each passage on its own: its text, and its title and date if they are there.",
        "Write each topic of the passage into a column topic_1, topic_2 …, and the stance toward that topic's target "
        "into the stance column beside it. The drop-downs list what may be written.",
        f"If a passage has none of the topics, write {NONE} into topic_1. A row without a topic counts as not read.",
        "If you cannot tell the stance, leave it empty: the topic still counts.",
        "holder is for whose stance it is: author, or the state, body or person as the passage names it. It may stay empty.",
        f"Write yes into {DOUBT} where you are not sure, and say why in {NOTE}.",
        "You may sort the rows, and add columns of your own, which are not imported. Do not change the text or the id.",
    ]


def write_workbook(path: Path, sheet: Sheet, codebook: Codebook) -> None:
    """Write the sheet as a workbook. Cells that look like formulas are texts."""
    from openpyxl import Workbook

    book = Workbook()
    _fill_passages(book.active, sheet)
    _fill_codebook(book.create_sheet(CODEBOOK), sheet, codebook)
    _fill_lists(book.create_sheet(LISTS), codebook)
    _add_drop_downs(book[PASSAGES], sheet, topics=len(codebook.topics) + 1)
    book.save(path)


def _fill_passages(page: Any, sheet: Sheet) -> None:
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
    from openpyxl.utils import get_column_letter

    page.title = PASSAGES
    page.freeze_panes = "A2"
    shown = [column for column in sheet.columns if column != MARK]
    bold, top = Font(bold=True), Alignment(wrap_text=True, vertical="top")
    box = Border(*[Side(style="thin", color=_SHADES["header"])] * 4)  # a filled cell hides the lines between cells
    shades = {name: PatternFill("solid", start_color=shade) for name, shade in _SHADES.items()}
    answers = {place for place, column in enumerate(sheet.columns, start=1) if _is_answer(column)}
    widths = {column: _width(column) for column in sheet.columns}
    for row, cells in enumerate([{column: column for column in sheet.columns}, *sheet.cells()], start=1):
        page.row_dimensions[row].height = _height((cells[column], widths[column]) for column in shown)
        for place, column in enumerate(sheet.columns, start=1):
            cell = page.cell(row, place)
            _write_text(cell, cells[column])
            cell.alignment = top
            if row == 1:
                cell.font, cell.fill = bold, shades["header"]
            elif place in answers:
                cell.fill, cell.border = shades["answer"], box
    for place, column in enumerate(sheet.columns, start=1):
        page.column_dimensions[get_column_letter(place)].width = widths[column]
    page.column_dimensions[get_column_letter(len(sheet.columns))].hidden = True  # the mark
    page.print_title_rows = "1:1"
    _fit_to_paper(page)


def _fit_to_paper(page: Any) -> None:
    page.page_setup.orientation, page.page_setup.fitToHeight = "landscape", 0
    page.sheet_properties.pageSetUpPr.fitToPage = True


def _height(cells: Iterable[tuple[str, int]]) -> float:
    """Return the height of a row in points, from its texts and the widths of their columns.

    Not every program makes rows of wrapped text as high as they need to be.
    """
    lines = max(sum(math.ceil(len(part) * _LETTER / width) or 1 for part in text.split("\n")) for text, width in cells)
    return min(lines * _LINE + 2, _HIGHEST)


def _write_text(cell: Any, text: str) -> None:
    """Write a text as a text, whatever it looks like."""
    if text:
        cell.value = writable(text)
        cell.data_type = "s"
        cell.number_format = "@"


def _is_answer(column: str) -> bool:
    return column in (DOUBT, NOTE) or column.rpartition("_")[0] in ("topic", "stance", "holder")


def _width(column: str) -> int:
    return _WIDTHS.get(column) or _WIDTHS_BY_KIND[column.rpartition("_")[0]]


def _fill_lists(page: Any, codebook: Codebook) -> None:
    """Write the values of the drop-downs; lists within a validation may have at most 255 characters."""
    page.sheet_state = "hidden"
    for place, values in enumerate((_topics(codebook), STANCES, ("yes",)), start=1):
        for row, value in enumerate(values, start=1):
            _write_text(page.cell(row, place), value)


def _topics(codebook: Codebook) -> Sequence[str]:
    return (NONE, *codebook.topic_ids)


def _add_drop_downs(page: Any, sheet: Sheet, *, topics: int) -> None:
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    ranges = {"topic": f"$A$1:$A${topics}", "stance": f"$B$1:$B${len(STANCES)}", DOUBT: "$C$1:$C$1"}
    what = {"topic": f"a topic of the codebook, or {NONE}", "stance": ", ".join(STANCES), DOUBT: "yes, or nothing"}
    if not sheet.rows:
        return
    for kind, cells in ranges.items():
        # A doubt may be put into words.
        style = "warning" if kind == DOUBT else "stop"
        rule = DataValidation(type="list", formula1=f"{LISTS}!{cells}", allow_blank=True, errorStyle=style)
        rule.showErrorMessage, rule.errorTitle, rule.error = True, kind, f"Expected: {what[kind]}"
        for place, column in enumerate(sheet.columns, start=1):
            if column == kind or column.rpartition("_")[0] == kind:
                letter = get_column_letter(place)
                rule.add(f"{letter}2:{letter}{len(sheet.rows) + 1}")
        page.add_data_validation(rule)


def _fill_codebook(page: Any, sheet: Sheet, codebook: Codebook) -> None:
    from openpyxl.styles import Alignment, Font

    widths = (18, 26, 110)
    for letter, width in zip("ABC", widths, strict=True):
        page.column_dimensions[letter].width = width
    _fit_to_paper(page)
    top, bold = Alignment(wrap_text=True, vertical="top"), Font(bold=True)
    for row, cells in enumerate(_codebook_rows(sheet, codebook), start=1):
        page.row_dimensions[row].height = _height(zip(cells, widths, strict=True))
        for place, text in enumerate(cells, start=1):
            cell = page.cell(row, place)
            _write_text(cell, text)
            cell.alignment = top
            if place == 1 or (cells[0] and cells[0] in codebook.topic_ids and place == 2):
                cell.font = bold


def _codebook_rows(sheet: Sheet, codebook: Codebook) -> Iterator[tuple[str, str, str]]:
    """Yield what a coder has to know: how to fill in the sheet, the stances, the topics, the rules."""
    yield "codebook", "", codebook.reference
    yield "", "", ""
    yield from _listed("how to fill in", "", instructions(sheet))
    yield "", "", ""
    for place, stance in enumerate(STANCES):
        yield "stances" if place == 0 else "", stance, codebook.stances.get(stance) or _OTHERS[stance]
    for topic in codebook.topics:
        yield "", "", ""
        yield topic.id, topic.label, ""
        yield from _listed("", "definition", [topic.definition] if topic.definition else [])
        yield "", "target", topic.proposition
        yield from _listed("", "belongs to it", list(map(str, topic.include)))
        yield from _listed("", "does not belong to it", list(map(str, topic.exclude)))
    yield "", "", ""
    yield from _listed("rules", "", codebook.rules)


def _listed(first: str, second: str, items: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield a row for each item; the names stand only in the first."""
    for place, item in enumerate(items):
        yield (first, second, item) if place == 0 else ("", "", item)
