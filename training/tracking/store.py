"""Locate and check the store that runs are written to, without importing MLflow or Optuna."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
import sqlite3
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from labels.errors import DemarcheError

_TIMEOUT = 5.0  # seconds
_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "mssql": 1433}


class Store(NamedTuple):
    """A kind of store: its name in messages, the setting of its URL, and the tables that identify our databases."""

    name: str
    setting: str
    tables: frozenset[str]
    may_be_server: bool = False


TRACKING = Store(
    "the tracking store", "MLFLOW_TRACKING_URI", frozenset({"alembic_version", "experiments"}), may_be_server=True
)


def tracking_uri() -> str:
    """Return MLFLOW_TRACKING_URI, or the URL of `mlflow.db` in the working folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(Path.cwd() / 'mlflow.db').as_posix()}"


def store_name() -> str:
    """Return the tracking URI as messages show it, without its password."""
    return redact_password(tracking_uri())


def redact_password(url: str) -> str:
    """Replace the password in a URL by `***`."""
    # SQLAlchemy is not used here: a URL that it cannot parse may contain a password too.
    return re.sub(r"(?<=://)([^:/@]*):.*@", r"\1:***@", url)


def sqlite_path(url: str) -> Path | None:
    """Return the file of a SQLite URL, or None for any other URL or if the URL names no file."""
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        return None
    if parts.get_backend_name() != "sqlite" or parts.database in (None, "", ":memory:"):
        return None
    return Path(str(parts.database)).absolute()


def check_store(url: str, store: Store = TRACKING, *, create: bool = True) -> None:
    """Raise DemarcheError within seconds if a store cannot be used.

    A server or database host must accept a connection; a SQLite file must be writable and ours. With `create`, a SQLite
    file may be missing, since it is created when the store is opened.
    """
    where = f"{store.setting} {redact_password(url)}"
    if store.may_be_server and url.startswith(("http://", "https://")):
        _check_server(url, where, store)
        return
    try:
        parts = make_url(url)
        dialect = parts.get_dialect()
        if not 0 < (parts.port or 1) < 65536:
            raise ValueError("the port is not between 1 and 65535")
    except ArgumentError:
        kind = "a database or a server" if store.may_be_server else "a database"
        raise DemarcheError(f"{where}: not {kind}; a plain folder cannot be used, write e.g. sqlite:///PATH") from None
    except ValueError as error:
        raise DemarcheError(f"{where}: not a valid URL ({error}); correct {store.setting}") from None
    if dialect.name == "sqlite":
        path = sqlite_path(url)
        if path is None:
            raise DemarcheError(f"{where}: names no file; write sqlite:///PATH")
        _check_sqlite(path, store, create=create)
        return
    port = parts.port or _PORTS.get(dialect.name)
    if parts.host and port:
        try:
            socket.create_connection((parts.host, port), timeout=_TIMEOUT).close()
        except OSError as error:
            raise DemarcheError(
                f"{where}: {store.name} does not answer on port {port} ({error}); start it or correct {store.setting}"
            ) from None
    try:
        dialect.import_dbapi()
    except ImportError as error:
        raise DemarcheError(f"{where}: its driver is not installed ({error}); install it") from None


def _check_server(url: str, where: str, store: Store) -> None:
    try:
        _ = urlsplit(url).port
    except ValueError as error:
        raise DemarcheError(f"{where}: not a valid URL ({error}); correct {store.setting}") from None
    try:
        urllib.request.urlopen(url.rstrip("/") + "/health", timeout=_TIMEOUT).close()
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise DemarcheError(
            f"{where}: the tracking server does not answer ({reason}); start it or correct {store.setting}"
        ) from None


def _check_sqlite(path: Path, store: Store, *, create: bool) -> None:
    if not path.exists():
        if not create:
            raise DemarcheError(f"{path}: {store.name} does not exist yet; `demarche train CONFIG` creates it")
        if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
            raise DemarcheError(f"{path}: the folder of {store.name} does not exist or cannot be written")
        return
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=_TIMEOUT)) as connection:
            # Acquire and release the write lock.
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.DatabaseError as error:
        # The low byte is the primary error code; the other bytes distinguish its variants.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        locked = code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        hint = "another program has locked it; close that program" if locked else "move it away or repair it"
        raise DemarcheError(f"{path}: {store.name} cannot be used ({error}); {hint}") from None
    # MLflow and Optuna would add their tables, and change those of the same name.
    if tables and not tables & store.tables:
        raise DemarcheError(f"{path}: a database of another program; give {store.name} a file of its own")
