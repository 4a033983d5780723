"""The cache of results that are expensive to compute, kept between runs; it may be deleted at any time."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder(name: str) -> Path:
    """Return the folder `name` in the cache (`DEMARCHE_CACHE`, or else the user's cache), creating it if missing."""
    root = os.environ.get("DEMARCHE_CACHE") or user_cache_path("demarche", appauthor=False)
    folder = Path(root) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
