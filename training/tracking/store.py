"""Where runs are written down, and whether that place answers; found out without MLflow, in seconds."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import sqlite3
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlparse

from labels.errors import DemarcheError

_PATIENCE = 5.0  # seconds


def tracking_uri() -> str:
    """The tracking URI: MLFLOW_TRACKING_URI, or `mlflow.db` in the working folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(Path.cwd() / 'mlflow.db').as_posix()}"


def sqlite_path(uri: str) -> Path:
    return Path(uri.removeprefix("sqlite:///").split("?")[0]).absolute()


def reach(uri: str, *, create: bool) -> None:
    """Raises DemarcheError within seconds where the store does not answer. A database that is not there
    yet is an error too, unless it is to be created.
    """
    what = "MLFLOW_TRACKING_URI" if os.environ.get("MLFLOW_TRACKING_URI") else "the store"
    try:
        parts = urlparse(uri)
        port = parts.port or 5432
    except ValueError as error:
        raise DemarcheError(f"{uri}: not an address ({error}); mend {what}") from None
    if parts.scheme == "sqlite":
        if not uri.removeprefix("sqlite:").strip("/"):
            raise DemarcheError(f"{uri}: names no file; set {what} to sqlite:///PATH")
        _reach_sqlite(sqlite_path(uri), create=create)
    elif parts.scheme in {"http", "https"}:
        try:
            urllib.request.urlopen(uri.rstrip("/") + "/health", timeout=_PATIENCE).close()
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise DemarcheError(
                f"{uri}: the tracking server does not answer ({reason}); start it or mend {what}"
            ) from None
    elif parts.hostname:
        reach_host(parts.hostname, port, "the tracking database", f"mend {what}")
    else:
        raise DemarcheError(
            f"{uri}: MLflow no longer takes a folder as store; set {what} to sqlite:///PATH or a server"
        )


def _reach_sqlite(path: Path, *, create: bool) -> None:
    if not path.exists() and not create:
        raise DemarcheError(f"{path}: there is no tracking store yet; `demarche train CONFIG` makes one")
    # MLflow would add its own tables and change those of the same name.
    reach_sqlite(path, "the tracking store", tables={"alembic_version", "experiments"})


def reach_sqlite(path: Path, what: str, *, tables: set[str]) -> None:
    """Raises DemarcheError within seconds where a database cannot be written, or has none of the tables that are ours."""
    if not path.exists():
        if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
            raise DemarcheError(f"{path}: the folder of {what} is not there or cannot be written")
        return
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=_PATIENCE)) as connection:
            # Asks for the write lock and gives it back.
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
            found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.DatabaseError as error:
        hint = "another program holds it; end that one" if "locked" in str(error) else "move it away or mend it"
        raise DemarcheError(f"{path}: {what} cannot be used ({error}); {hint}") from None
    if found and not found & tables:
        raise DemarcheError(f"{path}: a database of another program; give {what} a file of its own")


def reach_host(host: str, port: int, what: str, hint: str) -> None:
    try:
        socket.create_connection((host, port), timeout=_PATIENCE).close()
    except OSError as error:
        raise DemarcheError(f"{host}: {what} does not answer ({error}); {hint}") from None
