"""Folders for downloads from a tracking server, deleted when the program ends."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from mlflow.utils.uri import is_local_uri


def download_folder(location: str) -> str | None:
    """Return a new folder for files whose store has them at `location`, or None if they lie on this machine."""
    # Without a folder, MLflow downloads to one that nobody deletes, and a file on this machine is not copied.
    return None if is_local_uri(location) else tempfile.mkdtemp(dir=_downloads())


@functools.cache
def _downloads() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="demarche-downloads-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
