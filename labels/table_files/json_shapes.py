"""Find the rows in one JSON object: a list of objects, the columns of pandas, objects by id, or the object itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from labels.errors import DemarcheError
from labels.table_files.annotation_tools import explain_export
from labels.table_files.rows import repeated_names
from labels.wording import counted

TEXT_NAMES = ("text", "content", "body")
"""Fields that usually have the text of an article."""
_COLUMN_NAMES = frozenset((*TEXT_NAMES, "id", "title", "headline", "date", "url", "topic", "topics", "label", "stance"))
_LIST_NAMES = frozenset(
    [
        "articles",
        "data",
        "docs",
        "documents",
        "entries",
        "hits",
        "items",
        "news",
        "posts",
        "records",
        "results",
        "rows",
        "stories",
        "texts",
    ]
)
"""Usual names of a list of rows."""
_WORDS_OF_A_TEXT = 3
"""Number of words from which a value may be a text, so that the object is a row and its list is a part of it."""
_DEEPEST = 3
"""Depth at which to look for a list of objects, as in {"response": {"docs": [...]}}."""

Object = Mapping[str, Any]


def rows_of_object(value: Object) -> Iterator[Any]:
    """Return the rows that a JSON object holds.

    Raises DemarcheError if it holds several lists of objects, or rows that do not fit the names of their columns.
    """
    if explain_export(value) or any(isinstance(value.get(name), str) for name in TEXT_NAMES):
        return iter([value])
    if _is_split(value):
        return _rows_of_split([str(name) for name in value["columns"]], value["data"])
    if rows := _table_of_objects(value) or _table_of_lists(value):
        return iter(rows)
    lists = _lists_of_objects(value)
    if not all(_holds_rows(name, value) for name, _ in lists):
        return iter([value])
    if len(lists) > 1:
        listed = ", ".join(name for name, _ in lists)
        raise DemarcheError(
            f"has several lists of objects ({listed}); save the one with the texts as a file of its own"
        )
    return iter(lists[0][1] if lists else [value])


def _is_split(value: Object) -> bool:
    """Return whether the object is in the orientation `split` of pandas: names of columns, and rows of cells."""
    columns, data = value.get("columns"), value.get("data")
    return isinstance(columns, list) and isinstance(data, list) and all(isinstance(row, list) for row in data)


def _rows_of_split(names: list[str], rows: list[list[Any]]) -> Iterator[Object]:
    if what := repeated_names(names):
        raise DemarcheError(what)
    for number, cells in enumerate(rows, start=1):
        if len(cells) != len(names):
            raise DemarcheError(
                f"row {number} of 'data' has {counted(len(cells), 'cell')} where 'columns' has {len(names)}; "
                "give each row a cell for each column"
            )
        yield dict(zip(names, cells, strict=True))


def _table_of_objects(value: Object) -> list[Object] | None:
    """Return the rows of pandas' {column: {row: cell}}, or of {id: object}; None if the object is neither."""
    parts = list(value.values())
    if not parts or not all(isinstance(part, dict) for part in parts):
        return None
    inner = list(parts[0])
    has_equal_keys = bool(inner) and all(part.keys() == parts[0].keys() for part in parts)
    if has_equal_keys and (_are_numbers(inner) or (not _are_numbers(value) and _COLUMN_NAMES & value.keys())):
        return [{column: value[column][row] for column in value} for row in inner]
    if all(_COLUMN_NAMES & part.keys() for part in parts):
        return [part if "id" in part or _are_numbers(value) else {"id": id, **part} for id, part in value.items()]
    return None


def _are_numbers(keys: Any) -> bool:
    return all(key.isdecimal() for key in keys)


def _table_of_lists(value: Object) -> list[Object] | None:
    """Return the rows of {column: [cells]}, or None if the object is something else."""
    columns = list(value.values())
    if len(columns) < 2 or not all(isinstance(column, list) for column in columns):
        return None
    if len({len(column) for column in columns}) != 1 or any(isinstance(cell, dict) for cell in columns[0]):
        return None
    return [dict(zip(value, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _holds_rows(name: str, value: Object) -> bool:
    """Return whether the list of this name holds the rows: by its name, or because the object has no text of its own."""
    if name.rpartition(".")[2] in _LIST_NAMES:
        return True
    texts = [part for part in value.values() if isinstance(part, str) and len(part.split()) >= _WORDS_OF_A_TEXT]
    return bool(value[name.partition(".")[0]]) and not texts


def _lists_of_objects(value: Object) -> list[tuple[str, list[Any]]]:
    """Return (name, list) of the lists of objects that are least deep; if there are none, of an empty list."""
    level: list[tuple[str, Any]] = list(value.items())
    empty: list[tuple[str, list[Any]]] = []
    for _ in range(_DEEPEST):
        lists = [(name, part) for name, part in level if isinstance(part, list)]
        if full := [(name, part) for name, part in lists if part and all(isinstance(row, dict) for row in part)]:
            return full
        empty = empty or [(name, part) for name, part in lists if not part]
        level = [(f"{name}.{key}", v) for name, part in level if isinstance(part, dict) for key, v in part.items()]
    return empty[:1]
