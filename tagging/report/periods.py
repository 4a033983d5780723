"""The periods of a chart over time: days, weeks, months or years, as the span of the dates wants."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple

Unit = Literal["day", "week", "month", "year"]
_MOST_DAYS: dict[Unit, int] = {"day": 31, "week": 270, "month": 3660}
"""The longest span of the dates for each unit, in days."""
_DATE = re.compile(r"\s*((?:1[89]|20)\d\d)(?:-(\d\d)(?:-(\d\d))?)?(?:\D|$)")


class Periods(NamedTuple):
    """All periods from the first to the last date, by the dates on which they begin, and the period of each date."""

    unit: Unit
    names: list[str]
    of: list[int]


def parse_date(published: str | None) -> date | None:
    """Return the date of an article (ISO 8601, perhaps with a time), or None if it has none or another form."""
    match = _DATE.match(published or "")
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        return None


def periods_of(dates: Sequence[date | None], unit: Unit | None = None) -> Periods:
    """Return the periods; `of` is -1 for what has no date. Without a unit, the span of the dates decides."""
    known = [day for day in dates if day is not None]
    if not known:
        return Periods(unit or "month", [], [-1] * len(dates))
    first, last = min(known), max(known)
    chosen = unit or _unit((last - first).days)
    names = [_name(day, chosen) for day in _starts(first, last, chosen)]
    place = {name: number for number, name in enumerate(names)}
    return Periods(chosen, names, [-1 if day is None else place[_name(_start(day, chosen), chosen)] for day in dates])


def _unit(days: int) -> Unit:
    return next((unit for unit, most in _MOST_DAYS.items() if days <= most), "year")


def _start(day: date, unit: Unit) -> date:
    match unit:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "year":
            return day.replace(month=1, day=1)


def _starts(first: date, last: date, unit: Unit) -> Iterator[date]:
    longest = {"day": 1, "week": 7, "month": 31, "year": 366}[unit]
    start = _start(first, unit)
    while start <= last:
        yield start
        start = _start(start + timedelta(days=longest), unit)


def _name(start: date, unit: Unit) -> str:
    return start.isoformat()[: {"day": 10, "week": 10, "month": 7, "year": 4}[unit]]
