"""The paths that a config names: relative to the config's own folder, or else to the working folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationInfo


def config_context(config: Path) -> dict[str, Any]:
    """Return the context of pydantic in which the paths of a config file are validated."""
    return {"folder": config.parent}


def resolve(path: Path, info: ValidationInfo) -> Path:
    """Return the path in the config's folder if it exists there, and otherwise unchanged: in the working folder.

    Outside of a config, every path is relative to the working folder.
    """
    folder = (info.context or {}).get("folder")
    if folder is None or path.is_absolute():
        return path
    beside = Path(folder) / path
    return beside if exists(beside) else path


def exists(path: Path) -> bool:
    """Return whether there is a file or folder; a name that is too long is not an error."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def searched(path: Path, info: ValidationInfo) -> str:
    """Name the folders in which `resolve` looks for a path."""
    folder = (info.context or {}).get("folder")
    if path.is_absolute() or folder is None or Path(folder).absolute() == Path.cwd():
        return f"relative to {Path.cwd()}"
    return f"relative to {Path(folder).absolute()}, the config's folder, or to {Path.cwd()}"
