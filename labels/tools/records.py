"""Read the records of an export, and say which tool made them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from labels.errors import DemarcheError, Problems
from labels.files import explain_json_line, load_json, read_lines, read_text
from labels.table_files.annotation_tools import is_argilla, is_label_studio

NAMES = {
    "label-studio": "Label Studio",
    "doccano": "doccano",
    "prodigy": "Prodigy",
    "argilla": "Argilla",
}
"""{name of the tool in commands: its own name}."""
_PRODIGY = ("_view_id", "_input_hash", "_task_hash", "_annotator_id", "_session_id")
_DOCCANO = ("label", "labels", "cats", "entities", "Comments")


class Record(NamedTuple):
    """One object of an export: with the line of a JSON-lines file, or its place in a list, as `task 3`."""

    line: int | None
    place: str
    value: Mapping[str, Any]


def read_records(path: Path, tool: str, problems: Problems) -> Iterator[Record]:
    """Yield the objects of a JSON list or of JSON lines; what is none, or is another tool's, becomes a problem."""
    others: set[str] = set()
    for line, place, value in _values(path, problems):
        if not isinstance(value, dict):
            problems.add(path, line, f"{place}not an object; export it from {NAMES[tool]} as JSON")
            continue
        other = tool_of(value)
        if other not in (tool, None):
            if other not in others:
                others.add(str(other))
                problems.add(
                    path,
                    line,
                    f"{place}a record of {NAMES[str(other)]}, not of {NAMES[tool]}; "
                    f"read it with `demarche labels import {other}`",
                )
            continue
        yield Record(line, place, value)


def _values(path: Path, problems: Problems) -> Iterator[tuple[int | None, str, Any]]:
    first = next((raw.lstrip()[:1] for _, raw in read_lines(path, Problems())), b"")
    if first == b"[":
        try:
            values = load_json(read_text(path).removeprefix("\ufeff"))
        except DemarcheError as error:
            message = str(error)
            problems.add(path, None, message.removeprefix(f"{path}: "))
            return
        for number, value in enumerate(values, start=1):
            yield None, f"record {number}: ", value
        return
    for number, raw in read_lines(path, problems):
        try:
            yield number, "", load_json(raw.decode())
        except DemarcheError as error:
            problems.add(path, number, explain_json_line(error))


def objects(value: Any, what: str) -> list[Mapping[str, Any]]:
    """Return a list of objects; None is an empty one. Raises DemarcheError for anything else."""
    if value is not None and not (isinstance(value, list) and all(isinstance(each, dict) for each in value)):
        raise DemarcheError(f"{what} is not a list of objects")
    return value or []


def texts(value: Any, what: str) -> list[str]:
    """Return a list of texts; None is an empty one. Raises DemarcheError for anything else."""
    if value is not None and not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
        raise DemarcheError(f"{what} is not a list of texts")
    return value or []


def span_in(value: Mapping[str, Any]) -> tuple[int, int]:
    """Return the span from `start` to `end`. Raises DemarcheError if one of them is no number."""
    start, end = value.get("start"), value.get("end")
    if type(start) is not int or type(end) is not int:
        raise DemarcheError(f"start {start!r:.80} and end {end!r:.80} are not two numbers")
    return start, end


def tool_of(record: Mapping[str, Any]) -> str | None:
    """Return the tool that makes records of this form, or None."""
    if is_label_studio(record):
        return "label-studio"
    if is_argilla(record):
        return "argilla"
    if "answer" in record or any(name in record for name in _PRODIGY):
        return "prodigy"
    return "doccano" if "text" in record and any(isinstance(record.get(name), list) for name in _DOCCANO) else None
