"""One cell of a table: what CSV, JSON lines and Parquet make of a blank, a number, a list."""

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


def blank(cell: Any) -> bool:
    """Whether the cell says nothing: null, NaN or white space. An empty list says that there are none."""
    if isinstance(cell, float):
        return math.isnan(cell)
    return cell is None or (isinstance(cell, str) and not cell.strip())


def word(cell: Any) -> str:
    """The cell as text, "" for a blank. pandas makes 1.0 of 1 where a column has blanks: 1 again."""
    if blank(cell):
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def kept(cell: Any) -> Scalar:
    """The cell as a passage may keep it: dates as text, lists as JSON, every blank as null."""
    if isinstance(cell, list | dict):
        return json.dumps(cell, ensure_ascii=False, default=str)
    if blank(cell) or (isinstance(cell, float) and not math.isfinite(cell)):
        return None
    return cell if isinstance(cell, Scalar) else str(cell)


def whole_number(column: str, cell: Any) -> int:
    """Also of 3.0 and "3.0", which is how offsets come out of a column with blanks."""
    try:
        number = float(cell)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not number.is_integer():
        raise DemarcheError(f"column {column!r}: {cell!r} is not a whole number")
    return int(number)


def yes(column: str, cell: Any) -> bool:
    answer = word(cell).casefold().removesuffix(".0")
    if answer in YES:
        return True
    if answer in NO:
        return False
    raise DemarcheError(f"column {column!r}: {cell!r} is neither true nor false (1/0, true/false, yes/no)")


def unpacked(cell: Any) -> Any:
    """A cell of a CSV that holds a list or mapping, as JSON or as Python prints it, or the cell as it is."""
    if not isinstance(cell, str) or cell.strip()[:1] not in ("[", "{"):
        return cell
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        pass
    try:
        # A printed numpy array has no commas, and Python would read its texts as one.
        if not re.search(r"""['"]\s+['"]""", cell):
            found = ast.literal_eval(cell.strip())
            return sorted(found) if isinstance(found, set) else found
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    raise DemarcheError(f"""{cell[:40]!r} looks like a list but is not; ["a", "b"] is expected""")


def listed(cell: Any, separator: str) -> list[Any]:
    """The several values of a cell: of a list, or of text parted by the separator."""
    cell = unpacked(cell)
    if isinstance(cell, list):
        return cell
    if isinstance(cell, str):
        return [part.strip() for part in cell.split(separator) if part.strip()]
    return [] if blank(cell) or cell == {} else [cell]
