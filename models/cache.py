"""Where what is dear to compute is kept between runs; it may be deleted at any time."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder(name: str) -> Path:
    """A folder of this name below `DEMARCHE_CACHE`, or below the user's cache; made where it is missing."""
    given = os.environ.get("DEMARCHE_CACHE")
    folder = (Path(given) if given else user_cache_path("demarche", appauthor=False)) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
