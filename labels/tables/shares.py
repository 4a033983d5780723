"""Soft labels: how many readers, or which share of them, chose each stance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from labels.errors import DemarcheError
from labels.passages import ROUNDING, Shares
from labels.tables.cells import is_blank


def read_shares(cells: Mapping[str, Any]) -> Shares | None:
    """Return the shares in the cells {stance: cell}, or None if all of them are blank or zero.

    The numbers are shares (which add up to 1), percentages (100) or whole numbers of votes. Raises DemarcheError for
    any others, since a stance may be missing.
    """
    if all(is_blank(cell) for cell in cells.values()):
        return None
    numbers = {stance: _number(stance, cell) for stance, cell in cells.items()}
    total = math.fsum(numbers.values())
    counts = all(number.is_integer() for number in numbers.values())
    if total and not counts and min(abs(total - 1), abs(total - 100) / 100) > ROUNDING:
        written = ", ".join(f"{stance} {number:g}" for stance, number in numbers.items())
        raise DemarcheError(
            f"{written} add up to {total:.4g}; give shares that add up to 1, percentages, or whole numbers of votes"
        )
    if not total:
        return None
    # Shares stay as they are written, even if they are rounded.
    scale = 1 if abs(total - 1) <= ROUNDING and max(numbers.values()) <= 1 else total
    return Shares.model_validate({stance: number / scale for stance, number in numbers.items()})


def _number(stance: str, cell: Any) -> float:
    if is_blank(cell):
        return 0.0
    text = cell.strip().removesuffix("%") if isinstance(cell, str) else cell
    try:
        number = math.nan if isinstance(text, bool) else float(text)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise DemarcheError(f"{stance} {cell!r} is not a share, a percentage or a number of votes")
    return number
