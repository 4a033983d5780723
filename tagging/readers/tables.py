"""Read articles from a table: an article in each row."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from labels.compression import suffix
from labels.errors import DemarcheError, Problem, Problems, explain, one_line
from labels.passages import Article
from labels.table_files import TEXT_NAMES, read_rows
from labels.tables.cells import join_paragraphs, word
from models.markup import text_of_html
from tagging.readers.items import ArticleColumns, ReadArticle, Unreadable, is_blank, reason_too_long

_JSON = (".jsonl", ".ndjson", ".json")
"""Table formats in which a row may lack columns."""
_DATES = ("published", "date", "publishedAt", "published_at")
_NO_TEXT = re.compile(r"[\d\s.,:/+-]{1,40}|\d{4}-\d\d-\d\dT[\d:.]{4,20}(?:Z|[+-][\d:]{4,6})?|https?://\S{1,1000}")
"""A number, a date, or a link."""
_OF_TAGS = frozenset(("article", "passage", "topic_probability", "assigned", "status", "codebook"))
"""Columns that tell a file of tags, whose rows are passages, from a table of articles."""
_LONGEST_NAME = 60
_NAMES_SHOWN = 12
_WORDS_OF_A_NAME = 3


def read_table(
    path: Path, name: str, columns: ArticleColumns, shared: Collection[str], notes: list[Problem]
) -> Iterator[ReadArticle | Unreadable]:
    """Yield the article of each row; one without an id is named by file and line.

    The name of the file is put before an id that is among the `shared`. A file of tags is no table of articles.
    """
    problems = Problems()
    reported = rows = 0
    unseen = columns.optional()
    is_sparse = suffix(path) in _JSON
    first_line: dict[str, int] = {}
    for line, row in read_rows(path, problems, columns.format, columns=_named(columns)):
        # A broken line is reported at its place among the others.
        yield from _unreadable_lines(name, problems, start=reported)
        reported, rows = len(problems), rows + 1
        if rows == 1 and row.keys() >= _OF_TAGS:
            yield Unreadable(name, "holds the tags of earlier batches, not articles; leave it out")
            return
        if rows == 1 and not is_sparse and (what := _missing_column(row, columns)):
            yield Unreadable(name, what)
            return
        if not is_sparse and _is_header(row):
            if not _is_same_header(row):
                yield Unreadable(f"{name}:{line}", _explain_other_header(row))
                break
            problems.note(path, line, "the header stands here again; the line is skipped")
            continue
        unseen = {option: column for option, column in unseen.items() if column not in row}
        id = row_id(row, columns)
        if id and (first := first_line.setdefault(id, line)) != line:
            yield Unreadable(
                f"{name}:{line}", f"id {id!r} already occurs in {name}:{first}; give each article its own id"
            )
            continue
        is_shared = id is not None and id in shared
        unique = f"{name}:{id}" if is_shared else id or f"{name}:{line}"
        read = _from_row(f"{name}:{line}", unique, row, columns)
        yield read._replace(shared_id=id) if is_shared and isinstance(read, ReadArticle) else read
    yield from _unreadable_lines(name, problems, start=reported)
    notes += (note._replace(file=name) for note in problems.notes)
    if not rows and not len(problems):
        yield Unreadable(name, "has no rows")
    elif is_sparse and rows:
        for option, column in unseen.items():
            yield Unreadable(name, f"no row has a column {column!r}; correct {option}")


def ids_of_table(path: Path, columns: ArticleColumns) -> set[str]:
    """Return the ids of the rows that have one; what cannot be read is left out."""
    try:
        rows = read_rows(path, Problems(), columns.format, columns=_named(columns))
        return {id for _, row in rows if (id := row_id(row, columns))}
    except (DemarcheError, OSError):
        return set()


def _named(columns: ArticleColumns) -> set[str]:
    """Return the columns that the options name."""
    return {name for name in (columns.text, *columns.optional().values()) if name}


def row_id(row: Mapping[str, Any], columns: ArticleColumns) -> str | None:
    """Return the id of a row, or None if it has none."""
    return _cell(row, columns.id or "id")


def _unreadable_lines(name: str, problems: Problems, *, start: int) -> Iterator[Unreadable]:
    for problem in list(problems)[start:]:
        yield Unreadable(name if problem.line is None else f"{name}:{problem.line}", problem.what)


def _missing_column(row: Mapping[str, Any], columns: ArticleColumns, *, is_sparse: bool = False) -> str | None:
    """Return which column a table lacks, or None. A sparse table may lack others than the text in a row."""
    required = {"--text": _text_column(row, columns)} | ({} if is_sparse else columns.optional())
    return next((_explain_missing(name, option, row) for option, name in required.items() if name not in row), None)


def _text_column(row: Mapping[str, Any], columns: ArticleColumns) -> str:
    return columns.text or next((name for name in TEXT_NAMES if name in row), TEXT_NAMES[0])


def _from_row(place: str, id: str, row: Mapping[str, Any], columns: ArticleColumns) -> ReadArticle | Unreadable:
    if what := _missing_column(row, columns, is_sparse=True):
        return Unreadable(place, what)
    text_column = _text_column(row, columns)
    text = join_paragraphs(row[text_column])
    text = text_of_html(text) if isinstance(text, str) else ""
    if is_blank(text):
        return Unreadable(place, "empty text")
    if what := reason_too_long(text) or _reason_no_text(text):
        return Unreadable(place, what)
    try:
        article = Article(
            id=id,
            text=text,
            title=_cell(row, columns.title or "title"),
            published=next(
                filter(None, (_cell(row, date) for date in ([columns.date] if columns.date else _DATES))), None
            ),
            source=_cell(row, "source"),
            url=_cell(row, "url"),
        )
    except ValidationError as error:
        return Unreadable(place, "; ".join(explain(error)))
    return ReadArticle(article, _cell(row, columns.target) if columns.target else None)


def _is_header(row: Mapping[str, Any]) -> bool:
    """Return whether the row is another header: tables that were put together have one each."""
    cells = [cell.strip().casefold() for cell in row.values() if isinstance(cell, str)]
    names = {name.casefold() for name in row} & set(cells)
    has_words = any(len(cell.split()) > _WORDS_OF_A_NAME for cell in cells)
    return len(names) >= max(2, len(row) / 2) and not has_words


def _is_same_header(row: Mapping[str, Any]) -> bool:
    return all(isinstance(cell, str) and cell.strip() == name for name, cell in row.items())


def _explain_other_header(row: Mapping[str, Any]) -> str:
    return (
        f"another header, whose columns differ ({one_line(', '.join(map(str, row.values())))} where the first has "
        f"{one_line(', '.join(row))}); the rows from here on are not read: put them into a file of their own"
    )


def _reason_no_text(text: str) -> str | None:
    """Return why the cell is no text but what stands in other columns, or None."""
    return f"the text is {text.strip()!r}; have the columns moved?" if _NO_TEXT.fullmatch(text.strip()) else None


def _explain_missing(column: str, option: str, row: Mapping[str, Any]) -> str:
    names = [str(name) for name in row]
    listed = ", ".join(f"{name:.{_LONGEST_NAME}}" for name in names[:_NAMES_SHOWN])
    more = ", …" if len(names) > _NAMES_SHOWN else ""
    is_data = any(len(name) > _LONGEST_NAME for name in names)
    hint = "; the first line looks like data: name the columns with --names id,text,…" if is_data else ""
    return f"no column {column!r} (it has {listed}{more}); name it with {option}{hint}"


def _cell(row: Mapping[str, Any], column: str) -> str | None:
    cell = row.get(column)
    # A source may be an object with an id and a name.
    return word(cell.get("name") if isinstance(cell, dict) else cell) or None
