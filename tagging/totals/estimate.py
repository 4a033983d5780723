"""What a correction of a share comes to."""

from __future__ import annotations

from typing import NamedTuple


class Estimate(NamedTuple):
    """A corrected share with its 95 % interval; all are None if it cannot be corrected, and `caution` says why."""

    corrected: float | None
    low: float | None
    high: float | None
    method: str
    caution: str | None


def none(method: str, reason: str) -> Estimate:
    """Return no estimate, and why."""
    return Estimate(None, None, None, method, f"not corrected: {reason}")


def join(cautions: list[str]) -> str | None:
    """Return the cautions as one text, or None if there are none."""
    return "; ".join(cautions) or None
