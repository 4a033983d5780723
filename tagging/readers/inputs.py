"""Read the articles in the files of the inputs, under ids that differ."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from labels.compression import DAMAGED, explain_damage, suffix
from labels.errors import DemarcheError, Problem
from labels.table_files import TABLE_SUFFIXES, is_table
from tagging.progress import Listed
from tagging.readers.feeds import FEED_SUFFIXES, is_feed, read_feed
from tagging.readers.files import KINDS, read_file
from tagging.readers.ids import Ids
from tagging.readers.items import ArticleColumns, ArticleFile, ReadArticle, Unreadable, id_of, unreadable
from tagging.readers.locations import File, Input, check_inputs, find_files
from tagging.readers.remote import is_url, local_copy
from tagging.readers.tables import ids_of_table, read_table


def read_articles(
    inputs: Sequence[Input],
    columns: ArticleColumns,
    *,
    written: Sequence[Path] = (),
    notes: list[Problem] | None = None,
) -> Iterator[ReadArticle | Unreadable]:
    """Yield the articles of the inputs as `list_articles` does, and read its files."""
    for item in list_articles(inputs, columns, written=written, notes=notes):
        if isinstance(item, ArticleFile):
            yield from read_file(item)
        else:
            yield item


def list_articles(
    inputs: Sequence[Input],
    columns: ArticleColumns,
    *,
    written: Sequence[Path] = (),
    notes: list[Problem] | None = None,
    listed: Listed | None = None,
) -> Iterator[ReadArticle | ArticleFile | Unreadable]:
    """Yield the articles of tables, the other files, and an Unreadable for each file or row that cannot be read.

    An article's id is the path of its file below the input, or the id of its row. An id that occurs in several tables
    is made unique with the name of the file, in each of them: `feb.csv:n1`. `written` are the files and folders that
    the caller writes: in a folder they are skipped, as an earlier run may have left them; so are all folders of tags. Remarks on
    how tables were read are added to `notes`, and the files are counted in `listed`. Raises DemarcheError if an input is missing or would be overwritten.
    """
    check_inputs(inputs)
    columns.format.check()
    outputs = {path.resolve() for path in written}
    for path in inputs:
        if not is_url(str(path)) and Path(path).resolve() in outputs:
            raise DemarcheError(f"{path}: is an input and would be overwritten; choose another output file")
    files = find_files(inputs, outputs)
    shared = _shared_ids(files, columns)
    listed = Listed() if listed is None else listed
    listed.files, listed.tables = len(files), sum(_is_table(file) or _kind(file) in FEED_SUFFIXES for file in files)
    seen: set[str] = set()
    ids = Ids()
    for file in files:
        listed.begun += 1
        if file.key in seen:
            yield Unreadable(file.name, "given a second time; it is read once")
            continue
        seen.add(file.key)
        for item in _read(file, columns, shared, [] if notes is None else notes):
            # A feed may have any name.
            listed.tables += isinstance(item, ReadArticle) and not listed.tables
            if not isinstance(item, Unreadable) and not ids.add(id_of(item)):
                yield Unreadable(id_of(item), "a second article with this id; give each its own id")
                continue
            yield item


def _shared_ids(files: Sequence[File], columns: ArticleColumns) -> set[str]:
    """Return the ids that occur in several tables, whatever the order of the tables."""
    tables = {file.key: file.path for file in files if _is_table(file)}
    seen: set[str] = set()
    shared: set[str] = set()
    for path in tables.values() if len(tables) > 1 else ():
        with contextlib.suppress(DemarcheError), local_copy(path) as local:
            ids = ids_of_table(local, columns)
            shared |= ids & seen
            seen |= ids
    return shared


def _is_table(file: File) -> bool:
    return is_table(file.path) if isinstance(file.path, Path) else _kind(file) in TABLE_SUFFIXES


def _kind(file: File) -> str:
    return suffix(file.path if isinstance(file.path, Path) else Path(file.below))


def _is_feed(kind: str, path: Path) -> bool:
    """Return whether the file is a feed, by its content, unless its name says that it is something else."""
    return (kind in FEED_SUFFIXES or kind not in KINDS) and path.is_file() and is_feed(path)


def _read(
    file: File, columns: ArticleColumns, shared: Collection[str], notes: list[Problem]
) -> Iterator[ReadArticle | ArticleFile | Unreadable]:
    """Yield the rows of a table or the entries of a feed, or the file itself if `read_file` reads it."""
    kind = _kind(file)
    path = file.path.absolute() if isinstance(file.path, Path) else file.path
    later = ArticleFile(path, file.name, columns.format.encoding)
    if kind in KINDS and kind not in FEED_SUFFIXES and not _is_table(file):
        yield later
        return
    try:
        with local_copy(file.path) as local:
            if _is_table(file):
                yield from read_table(local, file.name, columns, shared, notes)
            elif _is_feed(kind, local):
                yield from read_feed(local, file.name)
            else:
                yield later
    except DemarcheError as error:
        yield unreadable(file.path, file.name, error)
    except DAMAGED as error:
        yield Unreadable(file.name, explain_damage(error, is_begun=False))
