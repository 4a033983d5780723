"""The values of single cells, which CSV, JSON lines and Parquet represent differently."""

from __future__ import annotations

import ast
import json
import math
import re
from typing import Any

from labels.errors import DemarcheError

YES = frozenset({"1", "true", "yes", "y", "x", "t"})
NO = frozenset({"", "0", "false", "no", "n", "f", "none", "nan"})

Scalar = str | int | float | bool | None


def is_blank(cell: Any) -> bool:
    """Return whether the cell is null, NaN or white space. An empty list is not blank: it means "none"."""
    if isinstance(cell, float):
        return math.isnan(cell)
    return cell is None or (isinstance(cell, str) and not cell.strip())


def word(cell: Any) -> str:
    """Return the cell as text, or "" if it is blank.

    pandas turns 1 into 1.0 in a column that has blanks; it becomes "1" again.
    """
    if is_blank(cell):
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def to_scalar(cell: Any) -> Scalar:
    """Return the cell as a passage's `meta` can hold it: dates as text, lists as JSON, every blank as null."""
    if isinstance(cell, list | dict):
        return json.dumps(cell, ensure_ascii=False, default=str)
    if is_blank(cell) or (isinstance(cell, float) and not math.isfinite(cell)):
        return None
    return cell if isinstance(cell, Scalar) else str(cell)


def parse_integer(column: str, cell: Any) -> int:
    """Return the cell as an integer; also reads 3.0 and "3.0", which a column of offsets with blanks holds."""
    try:
        number = float(cell)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not number.is_integer():
        raise DemarcheError(f"column {column!r}: {cell!r} is not a whole number")
    return int(number)


def parse_yes_no(column: str, cell: Any) -> bool:
    """Return whether the cell means yes. A blank means no."""
    answer = word(cell).casefold().removesuffix(".0")
    if answer in YES:
        return True
    if answer in NO:
        return False
    raise DemarcheError(f"column {column!r}: {cell!r} is neither true nor false (1/0, true/false, yes/no)")


def parse_container(cell: Any) -> Any:
    """Parse text that holds a list or a mapping, as JSON or as Python prints it. Return any other cell unchanged."""
    if not isinstance(cell, str) or cell.strip()[:1] not in ("[", "{"):
        return cell
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        pass
    try:
        # A printed numpy array has no commas, and Python would join its texts into one.
        if not re.search(r"""['"]\s+['"]""", cell):
            value = ast.literal_eval(cell.strip())
            str(value)  # a number may have more digits than Python writes
            return sorted(value) if isinstance(value, set) else value
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    raise DemarcheError(f"""{cell[:40]!r} looks like a list but is not one; write it as ["a", "b"]""")


def split_values(cell: Any, separator: str) -> list[Any]:
    """Return the values of a cell that holds a list, or text divided by the separator."""
    cell = parse_container(cell)
    if isinstance(cell, list):
        return cell
    if isinstance(cell, str):
        return [part.strip() for part in cell.split(separator) if part.strip()]
    return [] if is_blank(cell) or cell == {} else [cell]
