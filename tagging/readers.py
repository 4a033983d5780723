"""Articles from files and folders: text, Markdown, HTML, and tables with an article a row."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from labels.errors import DemarcheError, Problems, explain, one_line
from labels.files import read_text, require_file, suffix
from labels.passages import Article
from labels.table_files import TABLE_SUFFIXES, read_rows
from labels.tables.cells import word
from tagging.segmentation import NO_WIDTH

_PLAIN = (".txt", ".text", ".md", ".markdown")
_HTML = (".html", ".htm", ".xhtml")
KINDS = (*_PLAIN, *_HTML, *TABLE_SUFFIXES)
_JSON = (".jsonl", ".ndjson", ".json")
"""Tables in which a row may leave columns out."""


@dataclass(frozen=True)
class Columns:
    """Which columns of a table hold what. None: `text`, `id`, `title`, `date` or `published`, if there."""

    text: str | None = None
    id: str | None = None
    title: str | None = None
    date: str | None = None
    target: str | None = None

    def optional(self) -> dict[str, str]:
        """Option → the column it names, of those that a row may do without."""
        named = {"--id": self.id, "--title": self.title, "--date": self.date, "--target": self.target}
        return {option: column for option, column in named.items() if column is not None}


class Read(NamedTuple):
    """An article, and the target that stance is asked toward, where the table names one."""

    article: Article
    target: str | None = None


class Unreadable(NamedTuple):
    """A file or row that gave no article, and why."""

    name: str
    reason: str


def read_articles(
    inputs: Sequence[Path], columns: Columns, *, written: Sequence[Path] = ()
) -> Iterator[Read | Unreadable]:
    """One article after another; an article's id is its file's path below the input, or its row's id.

    `written` are the files that the caller writes: those of an earlier time are no articles of a folder.
    Raises DemarcheError where an input is not there or would be written over; whatever is wrong inside
    of one is told as Unreadable.
    """
    check_inputs(inputs)
    outputs = {path.resolve() for path in written}
    for path in inputs:
        if path.resolve() in outputs:
            raise DemarcheError(f"{path}: is an input and would be written over; name another file to write to")
    seen: set[str] = set()
    for path in inputs:
        for item in _read_input(path, columns, outputs):
            if isinstance(item, Read):
                if item.article.id in seen:
                    item = Unreadable(item.article.id, "a second article of this id; ids must differ")
                else:
                    seen.add(item.article.id)
            yield item


def nothing_read(unreadable: Sequence[Unreadable]) -> DemarcheError:
    """What is said where no article at all came of the inputs."""
    told = [f"  {one_line(item.name)}: {one_line(item.reason)}" for item in unreadable[:5]]
    told += [f"  … and {len(unreadable) - 5} more"] if len(unreadable) > 5 else []
    return DemarcheError("\n".join(["no article could be read; nothing is written", *told]))


def check_inputs(inputs: Sequence[Path]) -> None:
    """Raises DemarcheError where an input is not there."""
    for path in inputs:
        if not path.is_dir():
            require_file(path, what="file or folder")


def _read_input(path: Path, columns: Columns, outputs: Collection[Path]) -> Iterator[Read | Unreadable]:
    if not path.is_dir():
        yield from _read_file(path, _name(Path(path.name)), columns)
        return
    files = [
        file
        for file in sorted(path.rglob("*"))
        if file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
        and file.resolve() not in outputs
    ]
    if not files:
        raise DemarcheError(f"{path}: the folder holds no files; expected {', '.join(KINDS)}")
    for file in files:
        yield from _read_file(file, _name(file.relative_to(path)), columns)


def _name(path: Path) -> str:
    """Bytes of a file's name that are not UTF-8 are spelled out: an id must be text."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _read_file(path: Path, name: str, columns: Columns) -> Iterator[Read | Unreadable]:
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


def _article(id: str, text: str, **known: str | None) -> Read | Unreadable:
    if "\0" in text:
        return Unreadable(id, "binary, not text (it holds a zero byte)")
    if _blank(text):
        return Unreadable(id, "empty")
    return Read(Article(id=id, text=text, **known))


def _blank(text: str) -> bool:
    """Whether no passage could come of it: white space, or signs of no width."""
    return all(letter.isspace() or letter in NO_WIDTH for letter in text)


def _from_html(name: str, raw: bytes) -> Read | Unreadable:
    import trafilatura

    if not raw.strip():
        return Unreadable(name, "empty")
    # Tables are kept out: in news pages they are mostly layout.
    try:
        found = trafilatura.bare_extraction(raw, include_comments=False, include_tables=False, with_metadata=True)
    except (ValueError, RecursionError) as error:  # pages nested thousands deep, characters that XML does not have
        return Unreadable(name, f"not HTML that can be read ({type(error).__name__})")
    if found is None or not found.text or not found.text.strip():
        return Unreadable(name, "no article text found in the HTML")
    return _article(
        name, found.text, title=found.title or None, source=found.sitename or None,
        published=found.date or None, url=found.url or None,
    )  # fmt: skip


def _from_table(path: Path, name: str, columns: Columns) -> Iterator[Read | Unreadable]:
    problems = Problems()
    told = rows = 0
    unseen = columns.optional()
    sparse = suffix(path) in _JSON
    for line, row in read_rows(path, problems):
        # A broken line is told where it stands among the others.
        yield from _told(name, problems, told)
        told, rows = len(problems), rows + 1
        unseen = {option: column for option, column in unseen.items() if column not in row}
        yield _from_row(name, line, row, columns, sparse=sparse)
    yield from _told(name, problems, told)
    if not rows and not len(problems):
        yield Unreadable(name, "holds no rows")
    elif sparse and rows:
        for option, column in unseen.items():
            yield Unreadable(name, f"no row has a column {column!r}; correct {option}")


def _told(name: str, problems: Problems, already: int) -> Iterable[Unreadable]:
    for problem in list(problems)[already:]:
        yield Unreadable(name if problem.line is None else f"{name}:{problem.line}", problem.what)


def _from_row(name: str, line: int, row: dict[str, Any], columns: Columns, *, sparse: bool) -> Read | Unreadable:
    place = f"{name}:{line}"
    wanted = {"--text": columns.text or "text"} | ({} if sparse else columns.optional())
    for option, column in wanted.items():
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
    return Read(article, _cell(row, columns.target) if columns.target else None)


def _cell(row: dict[str, Any], column: str) -> str | None:
    return word(row.get(column)) or None
