"""Write tables (CSV, TSV, JSON lines, Parquet) in batches of rows, atomically."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from labels.files import atomic_write
from labels.table_files.delimited import DELIMITERS
from labels.table_files.spreadsheet import check_for_spreadsheet, guard


def arrow_schema(types: Mapping[str, type]) -> Any:
    """Return the schema of a Parquet file with these columns."""
    import pyarrow as pa

    arrow_types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    return pa.schema([(name, arrow_types[type]) for name, type in types.items()])


@contextlib.contextmanager
def table_writer(
    path: Path, types: Mapping[str, type], *, for_spreadsheet: bool = False
) -> Iterator[Callable[[Iterable[Mapping[str, Any]]], object]]:
    """Open a table and yield a function that writes a batch of rows.

    `types` maps each column to str, int, float or bool, which Parquet needs in advance. With `for_spreadsheet`, a CSV or
    TSV file begins with a byte-order mark, by which spreadsheets know UTF-8, and no cell is a formula. If the block
    raises, nothing is written and an existing file is kept.
    """
    if for_spreadsheet:
        check_for_spreadsheet(path)
    with atomic_write(path) as part:
        match path.suffix.lower():
            case ".parquet":
                import pyarrow as pa
                import pyarrow.parquet as pq

                schema = arrow_schema(types)
                with pq.ParquetWriter(part, schema, compression="zstd") as writer:
                    yield lambda rows: writer.write_table(pa.Table.from_pylist(list(rows), schema=schema))
            case ".jsonl":
                with part.open("w", encoding="utf-8", newline="\n") as stream:
                    yield lambda rows: stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            case suffix:
                # A column name with a delimiter in it must not be read as several columns.
                quote_all = any(set(name) & set(DELIMITERS) for name in types)
                with part.open("w", encoding="utf-8-sig" if for_spreadsheet else "utf-8", newline="") as stream:
                    # If lines end in "\n", Python 3.11 does not quote a text that contains "\r".
                    table = csv.writer(
                        stream,
                        delimiter="\t" if suffix == ".tsv" else ",",
                        quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL,
                        lineterminator="\r\n",
                    )
                    table.writerow(map(guard, types) if for_spreadsheet else types)

                    def write(rows: Iterable[Mapping[str, Any]]) -> None:
                        for row in rows:
                            cells = [row.get(name) for name in types]
                            table.writerow(map(guard, cells) if for_spreadsheet else cells)

                    yield write
