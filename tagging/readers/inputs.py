"""Find the files of the inputs, and read the articles in them under ids that differ."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence, Set
from pathlib import Path
from typing import NamedTuple

from labels.compression import DAMAGED, explain_damage, suffix
from labels.errors import DemarcheError, Problem
from labels.files import require_file
from labels.table_files import TABLE_SUFFIXES
from tagging.readers.feeds import FEED_SUFFIXES, is_feed, read_feed
from tagging.readers.files import KINDS, read_file
from tagging.readers.items import ArticleColumns, ArticleFile, ReadArticle, Unreadable, id_of, unreadable
from tagging.readers.tables import ids_of_table, read_table

_PARTS_OF_PAGES = ("_files", "-files", "_file", "-Dateien", "_fichiers", "_archivos", "_bestanden")
"""How browsers name the folder beside a saved page, with its images and frames."""
_PAGES = (".html", ".htm", ".xhtml", ".php", ".aspx", ".asp", ".shtml")


class _File(NamedTuple):
    path: Path
    name: str
    within: Path
    """The input that the file belongs to."""


def read_articles(
    inputs: Sequence[Path], columns: ArticleColumns, *, written: Sequence[Path] = (), notes: list[Problem] | None = None
) -> Iterator[ReadArticle | Unreadable]:
    """Yield the articles of the inputs as `list_articles` does, and read its files."""
    for item in list_articles(inputs, columns, written=written, notes=notes):
        if isinstance(item, ArticleFile):
            yield from read_file(item)
        else:
            yield item


def list_articles(
    inputs: Sequence[Path], columns: ArticleColumns, *, written: Sequence[Path] = (), notes: list[Problem] | None = None
) -> Iterator[ReadArticle | ArticleFile | Unreadable]:
    """Yield the articles of tables, the other files, and an Unreadable for each file or row that cannot be read.

    An article's id is the path of its file below the input, or the id of its row. An id that occurs in several tables
    is made unique with the name of the file, in each of them: `feb.csv:n1`. `written` are the files and folders that
    the caller writes: in a folder they are skipped, as an earlier run may have left them. Remarks on how tables were read are
    added to `notes`. Raises DemarcheError if an input is missing or would be overwritten.
    """
    check_inputs(inputs)
    columns.format.check()
    outputs = {path.resolve() for path in written}
    for path in inputs:
        if path.resolve() in outputs:
            raise DemarcheError(f"{path}: is an input and would be overwritten; choose another output file")
    files = _tell_apart([file for path in inputs for file in _files(path, outputs)])
    shared = _shared_ids(files, columns)
    seen: set[Path] = set()
    ids: set[str] = set()
    for file in files:
        if file.path.resolve() in seen:
            yield Unreadable(file.name, "given a second time; it is read once")
            continue
        seen.add(file.path.resolve())
        for item in _read(file, columns, shared, [] if notes is None else notes):
            if not isinstance(item, Unreadable):
                if id_of(item) in ids:
                    yield Unreadable(id_of(item), "a second article with this id; give each its own id")
                    continue
                ids.add(id_of(item))
            yield item


def check_inputs(inputs: Sequence[Path]) -> None:
    """Raise a DemarcheError if an input is missing."""
    for path in inputs:
        if not path.is_dir():
            require_file(path, what="file or folder")


def _files(path: Path, outputs: Set[Path]) -> list[_File]:
    """Return the files of an input, in order."""
    if not path.is_dir():
        return [_File(path, _name(Path(path.name)), path.parent)]
    files = [
        file
        for file in sorted(path.rglob("*"))
        if file.is_file()
        and not any(part.startswith((".", "~$")) for part in file.relative_to(path).parts)
        and outputs.isdisjoint((file.resolve(), *file.resolve().parents))
    ]
    if not files:
        raise DemarcheError(f"{path}: the folder contains no files; expected {', '.join(KINDS)}")
    of_pages = {
        page.with_name(page.stem + end) for page in files if page.suffix.lower() in _PAGES for end in _PARTS_OF_PAGES
    }
    return [_File(file, _name(file.relative_to(path)), path) for file in files if of_pages.isdisjoint(file.parents)]


def _name(path: Path) -> str:
    """Return the path as text for an id; bytes that are not UTF-8 are written as escapes."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _tell_apart(files: list[_File]) -> list[_File]:
    """Put the folder before the names of files that several inputs have: its name, or where that is not enough its path."""
    for folder_of in (lambda file: Path(file.within.absolute().name), lambda file: file.within):
        counts = Counter(name for name, _ in {(file.name, file.path.resolve()) for file in files})
        files = [
            file
            if counts[file.name] < 2
            else file._replace(name=_name(folder_of(file) / file.path.relative_to(file.within)))
            for file in files
        ]
    return files


def _is_table(file: _File) -> bool:
    return suffix(file.path) in TABLE_SUFFIXES


def _is_feed(file: _File) -> bool:
    """Return whether the file is a feed, by its content, unless its name says that it is something else."""
    kind = suffix(file.path)
    return (kind in FEED_SUFFIXES or kind not in KINDS) and file.path.is_file() and is_feed(file.path)


def _shared_ids(files: Sequence[_File], columns: ArticleColumns) -> set[str]:
    """Return the ids that occur in several tables, whatever the order of the tables."""
    tables = {file.path.resolve(): file.path for file in files if _is_table(file)}
    seen: set[str] = set()
    shared: set[str] = set()
    for path in tables.values() if len(tables) > 1 else ():
        ids = ids_of_table(path, columns)
        shared |= ids & seen
        seen |= ids
    return shared


def _read(
    file: _File, columns: ArticleColumns, shared: Collection[str], notes: list[Problem]
) -> Iterator[ReadArticle | ArticleFile | Unreadable]:
    """Yield the rows of a table or the entries of a feed, or the file itself if `read_file` reads it."""
    try:
        if _is_table(file):
            yield from read_table(file.path, file.name, columns, shared, notes)
        elif _is_feed(file):
            yield from read_feed(file.path, file.name)
        else:
            yield ArticleFile(file.path.absolute(), file.name, columns.format.encoding)
    except DemarcheError as error:
        yield unreadable(file.path, file.name, error)
    except DAMAGED as error:
        yield Unreadable(file.name, explain_damage(error, is_begun=False))
