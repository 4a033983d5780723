"""Cells that a spreadsheet would run as formulas.

A text such as `=HYPERLINK(…)` or `@handle` in a CSV file becomes a formula when a spreadsheet opens it, which may then
send away what else is in the sheet. An apostrophe before it keeps it a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labels.errors import DemarcheError

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_SUFFIXES = (".csv", ".tsv")


def guard(cell: Any) -> Any:
    """Return a text that begins like a formula with an apostrophe before it, and any other cell as it is."""
    return f"'{cell}" if _is_like_formula(cell) else cell


def unguard(cell: Any) -> Any:
    """Return what `guard` was given."""
    return cell[1:] if isinstance(cell, str) and cell.startswith("'") and _is_like_formula(cell) else cell


def unguard_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {unguard(name): unguard(cell) for name, cell in row.items()}


def check_for_spreadsheet(path: Path) -> None:
    """Raise DemarcheError unless the path is that of a table that is written as text."""
    if path.suffix.lower() not in _SUFFIXES:
        raise DemarcheError(f"{path}: --for-spreadsheet is for files that end in {' or '.join(_SUFFIXES)}")


def _is_like_formula(cell: Any) -> bool:
    # Apostrophes count too, so that reading the table again takes away only what was added.
    return isinstance(cell, str) and cell.lstrip("'").startswith(_FORMULA)
