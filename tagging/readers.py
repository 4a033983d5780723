"""Read articles from files and folders: text, Markdown, HTML, and tables with one article per row."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from labels.errors import DemarcheError, Problems, explain, one_line
from labels.files import read_text, require_file, suffix
from labels.passages import Article
from labels.table_files import TABLE_SUFFIXES, read_rows
from labels.tables.cells import word
from tagging.pages.page import is_part_of_saved_page, read_page
from tagging.segmentation import NO_WIDTH

_PLAIN = (".txt", ".text", ".md", ".markdown")
_HTML = (".html", ".htm", ".xhtml")
KINDS = (*_PLAIN, *_HTML, *TABLE_SUFFIXES)
_JSON = (".jsonl", ".ndjson", ".json")
"""Table formats in which a row may lack columns."""


@dataclass(frozen=True)
class ArticleColumns:
    """The columns of a table of articles.

    By default the columns are `text`, which is required, and `id`, `title`, and `published` or `date`, if present.
    There is no default for `target`.
    """

    text: str | None = None
    id: str | None = None
    title: str | None = None
    date: str | None = None
    target: str | None = None

    def optional(self) -> dict[str, str]:
        """Return the columns named on the command line, by option, except for the text."""
        columns = {"--id": self.id, "--title": self.title, "--date": self.date, "--target": self.target}
        return {option: column for option, column in columns.items() if column is not None}


class ReadArticle(NamedTuple):
    """An article, and the target of its stance if the table names one."""

    article: Article
    target: str | None = None


class Unreadable(NamedTuple):
    """A file or row that could not be read as an article, and the reason."""

    name: str
    reason: str


def read_articles(
    inputs: Sequence[Path], columns: ArticleColumns, *, written: Sequence[Path] = ()
) -> Iterator[ReadArticle | Unreadable]:
    """Yield the articles of the inputs, and an Unreadable for each file or row that cannot be read.

    An article's id is the path of its file below the input, or the id of its row. `written` are the files that the
    caller writes: in a folder they are skipped, as an earlier run may have left them. Raises DemarcheError if an input
    is missing or would be overwritten.
    """
    check_inputs(inputs)
    outputs = {path.resolve() for path in written}
    for path in inputs:
        if path.resolve() in outputs:
            raise DemarcheError(f"{path}: is an input and would be overwritten; choose another output file")
    ids: set[str] = set()
    for path in inputs:
        for item in _read_input(path, columns, outputs):
            if isinstance(item, ReadArticle) and item.article.id in ids:
                yield Unreadable(item.article.id, "a second article with this id; give each its own id")
                continue
            if isinstance(item, ReadArticle):
                ids.add(item.article.id)
            yield item


def nothing_read(unreadable: Sequence[Unreadable]) -> DemarcheError:
    """Return the error for inputs without a single article, with the first few reasons."""
    reasons = [f"  {one_line(item.name)}: {one_line(item.reason)}" for item in unreadable[:5]]
    if len(unreadable) > 5:
        reasons.append(f"  … and {len(unreadable) - 5} more")
    return DemarcheError("\n".join(["no article could be read; nothing is written", *reasons]))


def check_inputs(inputs: Sequence[Path]) -> None:
    """Raise a DemarcheError if an input is missing."""
    for path in inputs:
        if not path.is_dir():
            require_file(path, what="file or folder")


def _read_input(path: Path, columns: ArticleColumns, outputs: Collection[Path]) -> Iterator[ReadArticle | Unreadable]:
    if not path.is_dir():
        yield from _read_file(path, _name(Path(path.name)), columns)
        return
    files = [
        file
        for file in sorted(path.rglob("*"))
        if file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
        and file.resolve() not in outputs
        and not is_part_of_saved_page(file, path)
    ]
    if not files:
        raise DemarcheError(f"{path}: the folder contains no files; expected {', '.join(KINDS)}")
    for file in files:
        yield from _read_file(file, _name(file.relative_to(path)), columns)


def _name(path: Path) -> str:
    """Return the path as text for an id; bytes that are not UTF-8 are written as escapes."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _read_file(path: Path, name: str, columns: ArticleColumns) -> Iterator[ReadArticle | Unreadable]:
    kind = suffix(path)
    try:
        if path.suffix.lower() in _PLAIN:
            yield _article(name, read_text(path))
        elif path.suffix.lower() in _HTML:
            yield _from_html(name, path.read_bytes())
        elif kind in TABLE_SUFFIXES:
            yield from _from_table(path, name, columns)
        else:
            what = f"packed {kind}" if path.suffix == ".gz" else kind or "no suffix"
            yield Unreadable(name, f"{what} is not read; expected {', '.join(KINDS)}")
    except DemarcheError as error:
        yield Unreadable(name, str(error).removeprefix(f"{path}: "))
    except OSError as error:
        yield Unreadable(name, error.strerror or str(error))


def _article(id: str, text: str, **metadata: str | None) -> ReadArticle | Unreadable:
    if "\0" in text:
        return Unreadable(id, "binary, not text (it contains a zero byte)")
    if _blank(text):
        return Unreadable(id, "empty")
    return ReadArticle(Article(id=id, text=text, **metadata))


def _blank(text: str) -> bool:
    """Return whether the text has no passage, only white space and invisible characters."""
    return all(letter.isspace() or letter in NO_WIDTH for letter in text)


def _from_html(name: str, raw: bytes) -> ReadArticle | Unreadable:
    page = read_page(raw)
    return _article(name, **page._asdict())


def _from_table(path: Path, name: str, columns: ArticleColumns) -> Iterator[ReadArticle | Unreadable]:
    problems = Problems()
    reported = rows = 0
    unseen = columns.optional()
    is_sparse = suffix(path) in _JSON
    for line, row in read_rows(path, problems):
        # A broken line is reported at its place among the others.
        yield from _unreadable_lines(name, problems, start=reported)
        reported, rows = len(problems), rows + 1
        unseen = {option: column for option, column in unseen.items() if column not in row}
        yield _from_row(name, line, row, columns, is_sparse=is_sparse)
    yield from _unreadable_lines(name, problems, start=reported)
    if not rows and not len(problems):
        yield Unreadable(name, "has no rows")
    elif is_sparse and rows:
        for option, column in unseen.items():
            yield Unreadable(name, f"no row has a column {column!r}; correct {option}")


def _unreadable_lines(name: str, problems: Problems, *, start: int) -> Iterator[Unreadable]:
    for problem in list(problems)[start:]:
        yield Unreadable(name if problem.line is None else f"{name}:{problem.line}", problem.what)


def _from_row(
    name: str, line: int, row: dict[str, Any], columns: ArticleColumns, *, is_sparse: bool
) -> ReadArticle | Unreadable:
    place = f"{name}:{line}"
    required = {"--text": columns.text or "text"} | ({} if is_sparse else columns.optional())
    for option, column in required.items():
        if column not in row:
            return Unreadable(place, f"no column {column!r} (it has {', '.join(map(str, row))}); name it with {option}")
    text = row[columns.text or "text"]
    if not isinstance(text, str) or _blank(text):
        return Unreadable(place, "empty text")
    try:
        article = Article(
            id=_cell(row, columns.id or "id") or place,
            text=text,
            title=_cell(row, columns.title or "title"),
            published=_cell(row, columns.date) if columns.date else _cell(row, "published") or _cell(row, "date"),
            source=_cell(row, "source"),
            url=_cell(row, "url"),
        )
    except ValidationError as error:
        return Unreadable(place, "; ".join(explain(error)))
    return ReadArticle(article, _cell(row, columns.target) if columns.target else None)


def _cell(row: dict[str, Any], column: str) -> str | None:
    return word(row.get(column)) or None
