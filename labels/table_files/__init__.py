"""Read the rows of tables: CSV, TSV, JSON, JSON lines, Parquet, Excel, and saved datasets."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from labels.compression import suffix
from labels.errors import DemarcheError, Problems
from labels.file_format import AS_FOUND, FileFormat
from labels.files import require_file
from labels.table_files.annotation_tools import explain_export
from labels.table_files.delimited import read_delimited
from labels.table_files.json_rows import read_json
from labels.table_files.json_shapes import TEXT_NAMES
from labels.table_files.parquet import read_parquet
from labels.table_files.rows import Rows
from labels.table_files.saved_dataset import is_saved_dataset, read_saved_dataset
from labels.table_files.spreadsheet import unguard_row
from labels.table_files.workbook import read_workbook

__all__ = ["TABLE_SUFFIXES", "TEXT_NAMES", "is_table", "read_rows"]

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx")


def read_rows(path: Path, problems: Problems, format: FileFormat = AS_FOUND, *, columns: Collection[str] = ()) -> Rows:
    """Yield (line or row number from 1, row) of a .csv, .tsv, .jsonl, .json, .parquet or .xlsx table (each also .gz
    or .zst), or
    of a folder of `datasets`.

    `columns` are those that the options name: a first line with one of them is a header, whatever it looks like. Rows
    that cannot be read become problems. Raises DemarcheError for a file that is not a table.
    """
    format.check()
    for number, row in _rows(path, problems, format, columns):
        if format.from_spreadsheet:
            row = unguard_row(row)
        if what := explain_export(row):
            problems.add(path, number, what)
            return
        yield number, row


def is_table(path: Path) -> bool:
    """Return whether the name of the file says that it is a table, or the folder is a saved dataset."""
    return suffix(path) in TABLE_SUFFIXES or is_saved_dataset(path)


def _rows(path: Path, problems: Problems, format: FileFormat, columns: Collection[str]) -> Rows:
    if is_saved_dataset(path):
        return read_saved_dataset(path, problems)
    match suffix(require_file(path)):
        case ".csv" | ".tsv":
            return read_delimited(path, problems, format, columns)
        case ".jsonl" | ".ndjson" | ".json":
            return read_json(path, problems, format)
        case ".parquet":
            return read_parquet(path, problems)
        case ".xlsx":
            return read_workbook(path, problems, format, columns)
        case other:
            raise DemarcheError(
                f"{path}: {other or 'no suffix'} is not a table; expected one of {', '.join(TABLE_SUFFIXES)}, .gz and .zst allowed"
            )
