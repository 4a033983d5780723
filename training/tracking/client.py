"""Open the tracking store, and report its errors in one line."""

from __future__ import annotations

import contextlib
import functools
import glob
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import psutil
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.db.utils import _get_latest_schema_revision, _get_schema_version, _initialize_tables
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from labels.errors import DemarcheError
from training.tracking.interrupts import interrupts_delayed
from training.tracking.store import check_store, sqlite_path, store_name, tracking_uri

STORE_ERRORS = (MlflowException, SQLAlchemyError)


class _WholeCallsClient(MlflowClient):
    """A client whose calls are not cut short by an interrupt, which can leave a SQLite database locked by its session."""

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name.startswith("_") or not callable(value):
            return value

        @functools.wraps(value)
        def whole(*args: Any, **kwargs: Any) -> Any:
            with interrupts_delayed():
                return value(*args, **kwargs)

        return whole


@contextlib.contextmanager
def store_errors() -> Iterator[None]:
    """Raise a one-line DemarcheError if the store fails within the block: locked, full, missing, another version."""
    try:
        yield
    except (*STORE_ERRORS, ImportError) as error:
        hint = "check that it exists, that the disk is not full and that no other program has locked it"
        if _is_outdated():
            hint = f"copy it, then `mlflow db upgrade {store_name()}`"
        raise DemarcheError(f"{store_name()}: the tracking store failed ({first_line(error)}); {hint}") from error


@store_errors()
def open_store(*, create: bool = False) -> MlflowClient:
    """Return a client of the store.

    Raises DemarcheError within seconds if the store does not answer or, without `create`, if its database does not
    exist yet.
    """
    uri = tracking_uri()
    check_store(uri, create=create)
    path = sqlite_path(uri)
    if path is not None and not path.exists():
        _make_database(path)
    # The only global state of MLflow that we set: it logs models with a client of its own.
    mlflow.set_tracking_uri(uri)
    return _WholeCallsClient(uri)


def _make_database(path: Path) -> None:
    """Create an MLflow database atomically, because MLflow cannot open an incomplete one."""
    prefix = f".{path.name}.{socket.gethostname()}."
    _remove_abandoned(path.parent, prefix)
    with tempfile.TemporaryDirectory(prefix=f"{prefix}{os.getpid()}.", dir=path.parent) as folder:
        part = Path(folder) / path.name
        engine = create_engine(f"sqlite:///{part}")
        try:
            _initialize_tables(engine)
        finally:
            engine.dispose()
        # If another process has created it in the meantime, that process is already writing to it.
        if not path.exists():
            part.replace(path)


def _remove_abandoned(parent: Path, prefix: str) -> None:
    """Remove the folders in which processes of this machine that were killed had begun a database."""
    for folder in parent.glob(f"{glob.escape(prefix)}*.*"):
        process = folder.name.removeprefix(prefix).partition(".")[0]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_outdated() -> bool:
    """Return whether the database has another MLflow version's schema; that error has no code of its own."""
    uri = tracking_uri()
    if uri.startswith("http"):
        return False
    try:
        check_store(uri, create=False)
        engine = create_engine(uri)
        try:
            return bool(_get_schema_version(engine) != _get_latest_schema_revision())
        finally:
            engine.dispose()
    except (DemarcheError, *STORE_ERRORS, ImportError):
        return False


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, cut to 200 characters."""
    # SQLAlchemy may put a remark in brackets before the error itself.
    lines = [line for line in str(error).strip().splitlines() if not line.startswith("(raised as a result")]
    return lines[0][:200] if lines else type(error).__name__
