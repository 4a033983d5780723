"""Tags to a file, a batch at a time; the file appears when it is whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from labels.errors import DemarcheError
from labels.files import check_out
from labels.writers import writing_rows
from tagging.rows import COLUMNS, Row

Write = Callable[[Sequence[Row]], object]
SUFFIXES = (".parquet", ".jsonl", ".csv")


def check_tags_out(path: Path) -> None:
    """Raises DemarcheError before any work where nothing could be written in the end."""
    if path.suffix not in SUFFIXES:
        raise DemarcheError(f"{path}: tags go to a file ending in {', '.join(SUFFIXES)}")
    check_out(path)


def writing(path: Path) -> AbstractContextManager[Write]:
    """Takes rows a batch at a time. Nothing is left behind, and an older file stays, if the block raises."""
    kinds: dict[str, type] = {"start": int, "end": int, "assigned": bool}
    numbers = ("topic_probability", "stance_probability", "favor", "against", "neutral")
    kinds |= dict.fromkeys(numbers, float)
    return writing_rows(path, {name: kinds.get(name, str) for name in COLUMNS})
