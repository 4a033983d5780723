"""Tags kept on disk a shard at a time, with an index of the articles in them, so that a batch can be resumed.

A shard is a Parquet file of rows in each of some folders. It is part of the store once the index names it, which happens
in one transaction: whenever the process is killed, a shard and its articles are there as a whole or not at all. What the
index does not name is removed when the store is opened.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from filelock import FileLock, Timeout

from labels.errors import DemarcheError, one_line
from labels.tables.writers import arrow_schema, table_writer
from tagging.manifest import DISCARDED, MANIFEST, VERSION, check_settings, is_store, note_version
from tagging.readers import Unreadable

TAGS, CANDIDATES, ARTICLES = "tags", "candidates", "articles"
"""The kinds of rows in a store, and the names of their folders."""
_KINDS = (TAGS, CANDIDATES, ARTICLES)
INDEX = "index.sqlite"
_LOCK = ".lock"
_TABLES = """
CREATE TABLE batch (number INTEGER PRIMARY KEY, inputs TEXT NOT NULL, finished INTEGER NOT NULL);
CREATE TABLE item (name TEXT PRIMARY KEY, digest BLOB NOT NULL, shard INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE article (digest BLOB PRIMARY KEY, id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE unreadable (name TEXT NOT NULL, reason TEXT NOT NULL);
"""


class Kept(NamedTuple):
    """What a shard keeps of an item that was read.

    `digest` is that of what was read, `texts` maps the digest of each text to the id of its article, and `unreadable`
    are the parts of the item that could not be read.
    """

    name: str
    digest: bytes
    texts: Mapping[bytes, str]
    unreadable: Sequence[Unreadable] = ()


class Shards:
    """A store of rows in `folder`. Only one process at a time may open it."""

    def __init__(self, folder: Path, index: sqlite3.Connection, schemas: Mapping[str, Mapping[str, type]]) -> None:
        self.folder, self._index, self._schemas = folder, index, schemas
        self._discarded = False

    @classmethod
    @contextlib.contextmanager
    def open(
        cls, folder: Path, settings: Mapping[str, Any], schemas: Mapping[str, Mapping[str, type]], *, replace: bool
    ) -> Iterator[Self]:
        """Open the store, or create it. `schemas` has the columns of each kind of rows.

        The settings are those that decide what the rows are, and the version of Demarche, which is noted. Raises
        DemarcheError if the store was begun with other settings, unless it is to be replaced, if the folder holds anything else, or if another process has the store open. Nothing
        is left of a store without rows.
        """
        made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        is_new, store = not (folder / MANIFEST).exists(), None
        folder.mkdir(parents=True, exist_ok=True)
        _check_ours(folder)
        lock = FileLock(folder / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise DemarcheError(
                f"{folder}: another process is writing to it; wait for it, or name another --out"
            ) from None
        try:
            if replace or (folder / DISCARDED).exists():
                _empty(folder)
            check_settings(folder, settings)
            with contextlib.closing(sqlite3.connect(folder / INDEX, isolation_level=None)) as index:
                # Each of the many queries would otherwise lock the file; the lock above keeps others out.
                index.execute("PRAGMA locking_mode = EXCLUSIVE")
                _make_tables(folder, index)
                store = cls(folder, index, schemas)
                store._remove_begun()
                note_version(folder, settings.get(VERSION), part=store._path(TAGS, store._last() + 1).name)
                try:
                    yield store
                finally:
                    if store._discarded or store.is_empty:
                        _empty(folder)
                    if store._discarded and folder not in made:
                        made.insert(0, folder)
        except sqlite3.OperationalError as error:  # the disk is full, for one
            raise DemarcheError(
                f"{folder / INDEX}: cannot be used: {error}; the same command goes on once that is mended"
            ) from None
        except sqlite3.DatabaseError as error:
            raise DemarcheError(f"{folder / INDEX}: cannot be used: {error}; --replace starts again") from None
        finally:
            if is_new and store is None:
                _empty(folder)
            if not any(path.name != _LOCK for path in folder.iterdir()):
                (folder / _LOCK).unlink()
                with contextlib.suppress(OSError):
                    for parent in made:
                        parent.rmdir()
            lock.release()

    def unfinished_inputs(self) -> list[str] | None:
        """Return the inputs of the last batch if it was stopped before its end."""
        last = self._index.execute("SELECT inputs, finished FROM batch ORDER BY number DESC LIMIT 1").fetchone()
        return list(json.loads(last[0])) if last and not last[1] else None

    def begin(self, inputs: Sequence[str]) -> None:
        """Note that a batch begins, or goes on if one with the same inputs was stopped."""
        if self.unfinished_inputs() != list(inputs):
            self._index.execute("INSERT INTO batch (inputs, finished) VALUES (?, 0)", (json.dumps(list(inputs)),))

    def finish(self) -> None:
        """Note that the batch has worked on all of its inputs."""
        self._index.execute("UPDATE batch SET finished = 1 WHERE number = (SELECT max(number) FROM batch)")

    def digest_of(self, name: str) -> bytes | None:
        """Return the digest that an item had when it was read, or None if the store does not have it."""
        found = self._index.execute("SELECT digest FROM item WHERE name = ?", (name,)).fetchone()
        return bytes(found[0]) if found else None

    def article_with(self, digest: bytes) -> str | None:
        """Return the id of the first article whose text has this digest."""
        found = self._index.execute("SELECT id FROM article WHERE digest = ?", (digest,)).fetchone()
        return str(found[0]) if found else None

    def add(self, rows: Mapping[str, Sequence[Mapping[str, Any]]], kept: Sequence[Kept]) -> None:
        """Write a shard with rows of each kind, and note the items that they come from."""
        number = self._last() + 1
        for kind, schema in self._schemas.items():
            path = self._path(kind, number)
            with table_writer(path, schema) as write:
                write(rows[kind])
            with path.open("rb") as written:
                os.fsync(written.fileno())
        self._index.execute("BEGIN IMMEDIATE")
        with self._index:
            self._index.executemany("INSERT INTO item VALUES (?, ?, ?)", [(k.name, k.digest, number) for k in kept])
            texts = [text for each in kept for text in each.texts.items()]
            self._index.executemany("INSERT OR IGNORE INTO article VALUES (?, ?)", texts)
            self._index.executemany(
                "INSERT INTO unreadable VALUES (?, ?)", [part for k in kept for part in k.unreadable]
            )

    def tables(self, kind: str) -> Iterator[Any]:
        """Yield the rows of a kind as Arrow tables, one for each shard, in the order in which they were written.

        A column that an earlier version did not write is null. Raises DemarcheError if a shard is missing or damaged.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = arrow_schema(self._schemas[kind])
        for number in range(1, self._last() + 1):
            path = self._path(kind, number)
            try:
                table = pq.read_table(path, partitioning=None)
            except (pa.ArrowInvalid, OSError) as error:
                reason = one_line(str(error))
                raise DemarcheError(f"{path}: cannot be read: {reason}; --replace starts again") from None
            for field in schema:
                if field.name not in table.column_names:
                    table = table.append_column(field, pa.nulls(len(table), field.type))
            yield table.select(schema.names)

    def unreadable(self) -> list[Unreadable]:
        """Return the parts that could not be read of items of which other parts could."""
        return [Unreadable(*part) for part in self._index.execute("SELECT name, reason FROM unreadable ORDER BY rowid")]

    def _remove_begun(self) -> None:
        """Remove what a process that was killed left: shards that it began, or that the index does not name."""
        last = self._last()
        for begun in (*self.folder.glob("*/.part-*"), *self.folder.glob(f".{MANIFEST}.*")):
            begun.unlink()
        for kind in _KINDS:
            for part in (self.folder / kind).glob("part-*.parquet"):
                if part.name > self._path(kind, last).name:
                    part.unlink()

    def discard(self) -> None:
        """Remove the store when it is closed."""
        self._discarded = True

    @property
    def is_empty(self) -> bool:
        return self._last() == 0

    def _last(self) -> int:
        return int(self._index.execute("SELECT coalesce(max(shard), 0) FROM item").fetchone()[0])

    def _path(self, kind: str, number: int) -> Path:
        return self.folder / kind / f"part-{number:06}.parquet"


def _make_tables(folder: Path, index: sqlite3.Connection) -> None:
    """Make the tables of a new store. Raises DemarcheError if the index of an older one is missing."""
    if index.execute("SELECT 1 FROM sqlite_master").fetchone():
        return
    if any(part for kind in _KINDS for part in (folder / kind).glob("part-*.parquet")):
        raise DemarcheError(
            f"{folder / INDEX}: missing, so nobody knows which articles the tags are of; put it back, or start again "
            "with --replace"
        )
    index.executescript(f"BEGIN; {_TABLES} COMMIT;")


def _empty(folder: Path) -> None:
    """Remove what a store consists of, and nothing else."""
    if (folder / MANIFEST).exists():
        (folder / MANIFEST).replace(folder / DISCARDED)
    for name in (INDEX, f"{INDEX}-journal"):
        (folder / name).unlink(missing_ok=True)
    for kind in _KINDS:
        for part in (*(folder / kind).glob("part-*.parquet"), *(folder / kind).glob(".part-*")):
            part.unlink()
        with contextlib.suppress(OSError):
            (folder / kind).rmdir()
    (folder / DISCARDED).unlink(missing_ok=True)


def _check_ours(folder: Path) -> None:
    """Raise DemarcheError if a folder without our manifest holds anything but what a batch that was killed may leave."""
    if (folder / DISCARDED).exists() or is_store(folder):
        return
    names = (path.name for path in folder.iterdir())
    if others := [name for name in names if name != _LOCK and not name.startswith(f".{MANIFEST}.")]:
        raise DemarcheError(
            f"{folder}: holds other files ({one_line(min(others))}); name a new or empty folder, or a file that ends in "
            ".parquet, .jsonl or .csv"
        )
