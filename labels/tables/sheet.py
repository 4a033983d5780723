"""The rows of a table under the names that the options use, without the extra header lines of a survey export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labels.errors import DemarcheError, Problems, suggest
from labels.table_files import read_rows
from labels.tables.cells import word
from labels.tables.columns import ImportOptions, TableColumns

Rows = list[tuple[int, dict[str, Any]]]


@dataclass(frozen=True)
class Sheet:
    """The rows of a table by line, the names of its columns, and remarks on lines that are left out.

    In a survey, an empty cell may be a question without an answer.
    """

    path: Path
    rows: Rows
    names: list[str]
    remarks: list[str]
    is_survey: bool = False

    def without(self, columns: Sequence[str]) -> list[str]:
        """Return the columns that are not among these."""
        return [name for name in self.names if name not in columns]


def read_sheet(path: Path, columns: TableColumns, options: ImportOptions, problems: Problems) -> Sheet:
    """Read a whole table. Raises DemarcheError if a column that is renamed takes another's name."""
    named = {*columns.plain_columns(), *(name for _, name in columns.label_columns()), *options.rename}
    rows, remarks = _without_questions(list(read_rows(path, problems, options.format, columns=named)))
    names = list(dict.fromkeys(name for _, row in rows for name in row))
    renamed = {old: new for old, new in options.rename.items() if old in names}
    for old, new in renamed.items():
        if new in names and new not in renamed:
            raise DemarcheError(f"{path}: --rename {old}={new}: there is a column {new!r} already; choose another name")
        if other := next((name for name in renamed if name != old and renamed[name] == new), None):
            raise DemarcheError(
                f"{path}: --rename {old}={new}: the column {other!r} gets this name too; choose another name"
            )
    if renamed:
        rows = [(line, {renamed.get(name, name): cell for name, cell in row.items()}) for line, row in rows]
    return Sheet(path, rows, [renamed.get(name, name) for name in names], remarks, is_survey=bool(remarks))


def check_renamed(rename: Mapping[str, str], *sheets: Sheet) -> None:
    """Raise DemarcheError for a renamed column that is in none of the tables."""
    names = {name for sheet in sheets for name in sheet.names}
    for old, new in rename.items():
        if new not in names:
            raise DemarcheError(
                f"{sheets[0].path}: --rename {old}={new}: there is no column {old!r}{suggest(old, names)}"
            )


def _without_questions(rows: Rows) -> tuple[Rows, list[str]]:
    """Leave out the two lines below the header of a Qualtrics export: the questions and their import ids."""
    for place, (_, row) in enumerate(rows[:2]):
        cells = [word(cell) for cell in row.values()]
        if any(cells) and all(cell.startswith('{"ImportId"') for cell in cells if cell):
            return rows[place + 1 :], [
                "the lines of questions and import ids below the header (Qualtrics) are left out"
            ]
    return rows, []


@dataclass(frozen=True)
class Texts:
    """A table of texts by id, whose cells about the passage complete the rows of a table of labels."""

    sheet: Sheet
    rows: Mapping[str, tuple[int, dict[str, Any]]]
    columns: Sequence[str]

    def add(self, id: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row with the cells about its passage. Raises DemarcheError if no text has the id."""
        if id not in self.rows:
            hint = suggest(id, self.rows) if len(self.rows) < 2000 else ""
            raise DemarcheError(f"no text in {self.sheet.path} has the id {id!r}{hint}")
        _, known = self.rows[id]
        return {**row, **{name: known[name] for name in self.columns if name in known}}


def read_texts(sheet: Sheet, columns: Sequence[str], id: str, problems: Problems) -> Texts:
    """Index a table of texts by the column of ids; ids that occur twice or are empty become problems."""
    if sheet.rows and id not in sheet.names:
        raise DemarcheError(
            f"{sheet.path}: has no column {id!r}{suggest(id, sheet.names)}; "
            "both tables need it, so give the column of one of them that name with --rename"
        )
    rows: dict[str, tuple[int, dict[str, Any]]] = {}
    for line, row in sheet.rows:
        key = word(row.get(id))
        if not key or key in rows:
            problems.add(
                sheet.path, line, f"id {key!r} occurs twice; ids must differ" if key else f"column {id!r} is empty"
            )
        rows.setdefault(key, (line, row))
    return Texts(sheet, rows, [name for name in columns if name in sheet.names])
