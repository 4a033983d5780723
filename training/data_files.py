"""The files that a config names: they must exist before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from labels.config_paths import exists, resolve, searched


def _require_path(value: Any) -> Any:
    if not isinstance(value, str | Path):
        raise ValueError("a file is expected")
    return value


def _require_data_file(path: Path, info: ValidationInfo) -> Path:
    found = resolve(path, info)
    if not exists(found) or not found.is_file():
        raise ValueError(f"no such file: {path} ({searched(path, info)}); correct the path")
    return found


def _one_or_more(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, list | tuple):
        if not value:
            raise ValueError("no file; name one at least")
        return value
    if not isinstance(value, str | Path):
        raise ValueError("a file or a list of files is expected")
    # As an element, a missing file would be reported at a place in a list (`passages.0`) that the user did not write.
    _require_data_file(Path(value), info)
    return (value,)


DataFile = Annotated[Path, BeforeValidator(_require_path), AfterValidator(_require_data_file)]
# `Field(min_length=1)` would also count out the files that do not exist.
DataFiles = Annotated[tuple[DataFile, ...], BeforeValidator(_one_or_more)]
"""One file, or a list of files."""
