"""Read a user's own copies of articles, from JSON lines or from a folder with one JSON file per article."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any, NamedTuple

from labels.errors import DemarcheError, Problems, suggest
from labels.files import explain_json_line, load_json, read_lines, read_text
from labels.passages import Article
from labels.tables.cells import join_paragraphs

TEXT_FIELDS = ("text", "content_original")
"""Fields that may have an article's text; the second is that of the data set Article-Bias-Prediction."""


class _Row(NamedTuple):
    """An article as read, and its place."""

    file: Path
    line: int | None
    id: str
    fields: Mapping[str, Any]


def read_copies(
    path: Path, ids: Set[str], *, text_field: str | None = None, encoding: str | None = None
) -> Iterator[Article]:
    """Yield the articles with these ids. Those that are not there, or have no text, are left out.

    `path` is a JSON-lines file with the fields `id` and `text`, or a folder of files `ID.json`. The text is in
    `text_field`, or else in the first of `TEXT_FIELDS` that is not blank. `encoding` is that of files that are not UTF-8.
    Raises BadInput after the last article,
    with every problem in the articles.
    """
    problems = Problems()
    rows = (
        _rows_of_folder(path, ids, problems, encoding)
        if path.is_dir()
        else _rows_of_file(path, ids, problems, encoding)
    )
    for row in rows:
        try:
            text = _text(row.fields, TEXT_FIELDS if text_field is None else (text_field,))
        except DemarcheError as error:
            problems.add(row.file, row.line, str(error))
            continue
        if text.strip():
            yield Article(
                id=row.id,
                text=text,
                title=_metadata(row.fields, "title"),
                source=_metadata(row.fields, "source"),
                published=_metadata(row.fields, "published", "date"),
                url=_metadata(row.fields, "url"),
            )
    problems.raise_any()


def _rows_of_file(path: Path, ids: Set[str], problems: Problems, encoding: str | None) -> Iterator[_Row]:
    first: dict[str, int] = {}
    for line, raw in read_lines(path, problems, encoding):
        try:
            fields = load_json(raw.decode())
        except DemarcheError as error:
            problems.add(path, line, explain_json_line(error))
            continue
        id = fields.get("id") if isinstance(fields, dict) else None
        if not isinstance(id, str):
            problems.add(path, line, "an article is expected: a JSON object with an `id` in quotes")
        elif id in ids:
            if first.setdefault(id, line) == line:
                yield _Row(path, line, id, fields)
            else:
                problems.add(path, line, f"article id {id!r} already occurs in line {first[id]}; rename one")


def _rows_of_folder(folder: Path, ids: Set[str], problems: Problems, encoding: str | None) -> Iterator[_Row]:
    for id in sorted(ids):
        file = folder / f"{id}.json"
        # An id with a slash must not lead out of the folder.
        if "/" in id or not _is_file(file):
            continue
        try:
            fields = load_json(read_text(file, encoding).removeprefix("\ufeff"))
        except DemarcheError as error:
            problems.add(file, None, str(error).removeprefix(f"{file}: "))
            continue
        if isinstance(fields, dict):
            yield _Row(file, None, id, fields)
        else:
            problems.add(file, None, "an article is expected: one JSON object")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # an id that is too long for the name of a file
        return False


def _text(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the first text that is not blank, or else a blank one. Raises DemarcheError if no field has a text."""
    texts = [text for name in names if isinstance(text := join_paragraphs(fields.get(name)), str)]
    if texts:
        return next((text for text in texts if text.strip()), texts[0])
    hint = suggest(names[-1], [name for name, value in fields.items() if isinstance(value, str)])
    raise DemarcheError(f"no text in the field {' or '.join(names)}{hint}; name the field with --text-field")


def _metadata(fields: Mapping[str, Any], *names: str) -> str | None:
    """Return the first of these fields that has a text."""
    return next((value for name in names if isinstance(value := fields.get(name), str) and value), None)
