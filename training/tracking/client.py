"""A client of the tracking store, and its errors as one line."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.db.utils import _get_latest_schema_revision, _get_schema_version, _initialize_tables
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from labels.errors import DemarcheError
from training.tracking.store import check_store, sqlite_path, store_name, tracking_uri

STORE_ERRORS = (MlflowException, SQLAlchemyError)


@contextlib.contextmanager
def store_errors() -> Iterator[None]:
    """Raise DemarcheError, in one line, where the store fails in mid-work: locked, full, gone, of another version."""
    try:
        yield
    except (*STORE_ERRORS, ImportError) as error:
        hint = "check that it exists and has room, and that no other program holds it"
        if _is_outdated():
            hint = f"copy it, then `mlflow db upgrade {store_name()}`"
        raise DemarcheError(f"{store_name()}: the tracking store failed ({first_line(error)}); {hint}") from error


@store_errors()
def open_store(*, create: bool = False) -> MlflowClient:
    """Return a client of the store.

    Raises DemarcheError within seconds if the store does not answer, and if its database does not exist yet, unless
    `create`.
    """
    uri = tracking_uri()
    check_store(uri, create=create)
    path = sqlite_path(uri)
    if path is not None and not path.exists():
        _make_database(path)
    # Of MLflow's global state this is all that we set: it builds logged models with a client of its own.
    mlflow.set_tracking_uri(uri)
    return MlflowClient(uri)


def _make_database(path: Path) -> None:
    """Create an MLflow database, whole or not at all: MLflow cannot open one that is half made."""
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        part = Path(folder) / path.name
        engine = create_engine(f"sqlite:///{part}")
        try:
            _initialize_tables(engine)
        finally:
            engine.dispose()
        # Another process that created it meanwhile is already writing to it.
        if not path.exists():
            part.replace(path)


def _is_outdated() -> bool:
    """Whether the database has the schema of another MLflow, whose error for this has no code of its own."""
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
    # SQLAlchemy may put a remark in brackets before what happened.
    lines = [line for line in str(error).strip().splitlines() if not line.startswith("(raised as a result")]
    return lines[0][:200] if lines else type(error).__name__
