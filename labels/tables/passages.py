"""Write passages as JSON lines, or as a table to annotate in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def check_passages_output(path: Path, *, inputs: Iterable[Path] = (), for_spreadsheet: bool = False) -> None:
    """Raise DemarcheError, before any work is done, if no passages can be written to `path` or it is one of the inputs."""
    if for_spreadsheet:
        check_for_spreadsheet(path)
    if path.suffix.lower() in _TABLES:
        check_output(path, inputs=inputs)
    elif path.suffix.lower() == ".parquet":
        raise DemarcheError(
            f"{path}: passages are written as JSON lines or CSV; name a file that ends in .jsonl or .csv"
        )
    else:
        check_jsonl_output(path, inputs=inputs)


def write_passages(path: Path, passages: Sequence[Passage], *, for_spreadsheet: bool = False) -> None:
    """Write passages of articles, as a table if the path is that of one; the fields of `meta` are its last columns."""
    if path.suffix.lower() not in _TABLES:
        write_jsonl(path, passages)
        return
    meta = dict.fromkeys(name for passage in passages for name in passage.meta if name not in _COLUMNS)
    with table_writer(path, _COLUMNS | dict.fromkeys(meta, str), for_spreadsheet=for_spreadsheet) as write:
        write([{**passage.meta, **{name: getattr(passage, name) for name in _COLUMNS}} for passage in passages])
