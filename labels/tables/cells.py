"""The values of single cells, which CSV, JSON lines and Parquet represent differently."""

from __future__ import annotations

import ast
import json
import math
import re
import unicodedata
from typing import Any

from labels.errors import DemarcheError

YES = frozenset({"1", "true", "yes", "y", "x", "t"})
NO = frozenset({"", "0", "false", "no", "n", "f", "none", "nan"})
MISSING = frozenset({"na", "n/a", "#n/a", "#na", "<na>", "nan", "null", "nat"})
"""How programs write an empty cell. Each may also be a name: NA is Namibia."""
DOUBTFUL = frozenset({"-", "--", "–", "—", "?", ".", "#name?", "#value!", "#ref!", "#null!", "#num!", "#div/0!"})
"""What people write in a cell without a value, and what a spreadsheet writes for an error."""
NONE = frozenset({"none", "nil"})
"""What people write for "none of the topics", and what Python writes for an empty cell."""
SEPARATORS = ";|\n"
"""The characters that separate the values of a cell if none is named."""
EXACT_FLOATS = 2**53
"""Floating-point numbers from here on cannot hold every whole number."""

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


def identifier(column: str, cell: Any) -> str:
    """Return the cell as an id. Raises DemarcheError if its last digits were lost."""
    lost = isinstance(cell, float) and math.isfinite(cell) and abs(cell) >= EXACT_FLOATS
    id = f"{cell:g}" if lost else word(cell)
    if lost or re.fullmatch(r"\d[.,]\d+[eE][+-]?\d+|\d[eE]\+\d+", id):
        raise DemarcheError(
            f"column {column!r}: the last digits of {id} are lost, as in a spreadsheet or a column of floating-point "
            "numbers; export the table again with this column as text, or do not name the column"
        )
    return id


def fold(name: str) -> str:
    """Return the name without the differences between spellings of one name.

    They are case, white space, `_`, `-`, quotation marks around it, invisible characters, and `.0`.
    """
    visible = "".join(letter for letter in name if unicodedata.category(letter) != "Cf")
    plain = unicodedata.normalize("NFKC", visible).casefold().strip().strip("\"'“”‘’`").strip()
    # A mark at the start or the end of a name is part of it: -1 is not 1, and A- is not A.
    words = " ".join(re.split(r"[\s_-]+", plain))
    whole, point, decimals = words.partition(".")
    return whole if point and whole.isdecimal() and decimals and not decimals.strip("0") else words


def to_number(cell: Any) -> float | None:
    """Return the cell as a finite number, or None if it is not one. True and False are not numbers."""
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        return None
    try:
        number = float(cell)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


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


def is_yes(cell: Any) -> bool | None:
    """Return whether the cell means yes, or None if it means neither yes nor no. A blank means no."""
    answer = word(cell).casefold().removesuffix(".0")
    return True if answer in YES else False if answer in NO else None


def parse_container(cell: Any) -> Any:
    """Parse text that holds a list or a mapping, as JSON or as Python prints it. Return any other cell unchanged.

    The `{"choices": [...]}` of a table from Label Studio is the list in it.
    """
    if isinstance(cell, str) and cell.strip()[:1] in ("[", "{", "("):
        cell = _parse_text(cell)
    if isinstance(cell, dict) and cell.keys() == {"choices"} and isinstance(cell["choices"], list):
        return cell["choices"]
    return cell


def _parse_text(cell: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        pass
    try:
        # A printed numpy array has no commas, and Python would join its texts into one.
        if not re.search(r"""['"]\s+['"]""", cell):
            value = ast.literal_eval(cell.strip())
            json.dumps(value, default=repr)  # a hexadecimal number may have more digits than Python writes
            if isinstance(value, set | tuple):
                return sorted(value, key=str) if isinstance(value, set) else list(value)
            return value if isinstance(value, list | dict) else cell
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    if cell.strip()[0] == "(":
        return cell  # a text in parentheses
    raise DemarcheError(f"""{cell[:40]!r} looks like a list but is not one; write it as ["a", "b"]""")


def join_paragraphs(cell: Any) -> Any:
    """Return a list of paragraphs as one text, and any other cell unchanged."""
    is_paragraphs = isinstance(cell, list) and bool(cell) and all(isinstance(part, str) for part in cell)
    return "\n\n".join(cell) if is_paragraphs else cell


def split_values(cell: Any, separator: str | None) -> list[Any]:
    """Return the values of a cell that holds a list, or text divided by the separator or by any of SEPARATORS."""
    cell = parse_container(cell)
    if isinstance(cell, list):
        return cell
    if isinstance(cell, str):
        parts = cell.split(separator) if separator else re.split(f"[{SEPARATORS}]", cell)
        return [part.strip() for part in parts if part.strip()]
    return [] if is_blank(cell) or cell == {} else [cell]
