"""The ids of the articles of a batch, of which there may be more than fit in memory."""

from __future__ import annotations

import sqlite3


class Ids:
    """A set of ids in a file without a name, which the system removes at the end of the process at the latest."""

    def __init__(self) -> None:
        # SQLite writes the database to disk only once it is larger than its cache.
        self._index = sqlite3.connect("", isolation_level=None)
        self._index.execute("CREATE TABLE id (id TEXT PRIMARY KEY) WITHOUT ROWID")
        self._index.execute("BEGIN")

    def add(self, id: str) -> bool:
        """Add an id, and return whether it is new."""
        return self._index.execute("INSERT OR IGNORE INTO id VALUES (?)", (id,)).rowcount > 0
