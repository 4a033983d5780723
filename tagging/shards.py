"""Tags kept on disk a shard at a time, with an index of the articles in them, so that a batch can be resumed.

A shard is a Parquet file of rows in each of some folders. It is part of the store once the index names it, which happens
in one transaction: whenever the process is killed, a shard and its articles are there as a whole or not at all.
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
from labels.files import write_text
from labels.tables.writers import table_writer

INDEX = "index.sqlite"
MANIFEST = "manifest.json"
_LOCK = ".lock"
_FORMAT = 1
_TABLES = """
CREATE TABLE batch (number INTEGER PRIMARY KEY, inputs TEXT NOT NULL, finished INTEGER NOT NULL);
CREATE TABLE item (name TEXT PRIMARY KEY, digest BLOB NOT NULL, shard INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE article (digest BLOB PRIMARY KEY, id TEXT NOT NULL) WITHOUT ROWID;
"""


class Kept(NamedTuple):
    """What a shard keeps of an item that was read: the digest of what was read, and the texts of its articles by digest."""

    name: str
    digest: bytes
    texts: Mapping[bytes, str]


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
        """Open the store, or create it. `schemas` has the columns of each kind of rows, which is also its subfolder.

        The settings are those that decide what the rows are. Raises DemarcheError if the store was begun with others,
        unless it is to be replaced, or if another process has it open. Nothing is left of a store without rows.
        """
        made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / MANIFEST).exists():
            _check_ours(folder)
        lock = FileLock(folder / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise DemarcheError(
                f"{folder}: another process is writing to it; wait for it, or name another --out"
            ) from None
        try:
            if replace:
                _empty(folder)
            _check_settings(folder, {"format": _FORMAT, **settings})
            for begun in folder.glob("*/.part-*"):
                begun.unlink()  # left by a process that was killed
            with contextlib.closing(sqlite3.connect(folder / INDEX, isolation_level=None)) as index:
                if not index.execute("SELECT 1 FROM sqlite_master").fetchone():
                    index.executescript(f"BEGIN; {_TABLES} COMMIT;")
                store = cls(folder, index, schemas)
                try:
                    yield store
                finally:
                    if store._discarded or store.is_empty:
                        _empty(folder)
                    if store._discarded and folder not in made:
                        made.insert(0, folder)
        except sqlite3.DatabaseError as error:
            raise DemarcheError(f"{folder / INDEX}: cannot be used: {error}; --replace starts again") from None
        finally:
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

    def read(self, kind: str) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of a kind, a shard at a time, in the order in which they were written."""
        import pyarrow.parquet as pq

        for number in range(1, self._last() + 1):
            yield pq.read_table(self._path(kind, number), partitioning=None).to_pylist()

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


def _empty(folder: Path) -> None:
    """Remove what a store consists of, and nothing else. The index goes first: without it, nothing else counts."""
    for name in (INDEX, f"{INDEX}-journal", MANIFEST):
        (folder / name).unlink(missing_ok=True)
    for kind in [path for path in folder.iterdir() if path.is_dir()]:
        for part in (*kind.glob("part-*.parquet"), *kind.glob(".part-*")):
            part.unlink()
        with contextlib.suppress(OSError):
            kind.rmdir()


def _check_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write the settings of a new store; raise DemarcheError if those of an older one differ."""
    path = folder / MANIFEST
    if not path.exists():
        write_text(path, json.dumps(settings, indent=1, ensure_ascii=False) + "\n")
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        differ = [key for key in settings if before.get(key) != settings[key]]
    except (ValueError, AttributeError):
        raise DemarcheError(f"{path}: damaged; --replace starts again") from None
    if differ:
        raise DemarcheError(
            f"{folder}: its tags were made otherwise:",
            *(f"  {key}: {_shown(before.get(key))} there, {_shown(settings[key])} now" for key in differ),
            "  go on as before, name another --out, or start again with --replace",
        )


def _check_ours(folder: Path) -> None:
    """Raise DemarcheError if a folder without a manifest holds anything but what a store that was killed may leave."""
    if others := [path.name for path in folder.iterdir() if path.name not in (_LOCK, INDEX)]:
        raise DemarcheError(
            f"{folder}: holds other files ({one_line(min(others))}); name a new or empty folder, or a file that ends in "
            ".parquet, .jsonl or .csv"
        )


def _shown(value: Any) -> str:
    return one_line(str(value))[:100]
