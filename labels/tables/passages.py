"""Write passages as JSON lines, or as a table to annotate in a spreadsheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from labels.errors import DemarcheError
from labels.files import check_jsonl_output, check_output, write_jsonl
from labels.passages import Passage
from labels.table_files.spreadsheet import check_for_spreadsheet
from labels.tables.writers import table_writer

_TABLES = (".csv", ".tsv")
_COLUMNS: dict[str, type] = {
    "id": str, "article": str, "text": str, "start": int, "end": int, "title": str, "source": str, "published": str,
    "url": str,
}  # fmt: skip


def check_passages_output(path: Path, *, for_spreadsheet: bool = False) -> None:
    """Raise DemarcheError, before any work is done, if no passages can be written to `path`."""
    if for_spreadsheet:
        check_for_spreadsheet(path)
    if path.suffix.lower() in _TABLES:
        check_output(path)
    elif path.suffix.lower() == ".parquet":
        raise DemarcheError(
            f"{path}: passages are written as JSON lines or CSV; name a file that ends in .jsonl or .csv"
        )
    else:
        check_jsonl_output(path)


def write_passages(path: Path, passages: Sequence[Passage], *, for_spreadsheet: bool = False) -> None:
    """Write passages of articles, as a table if the path is that of one."""
    if path.suffix.lower() not in _TABLES:
        write_jsonl(path, passages)
        return
    with table_writer(path, _COLUMNS, for_spreadsheet=for_spreadsheet) as write:
        write([{name: getattr(passage, name) for name in _COLUMNS} for passage in passages])
