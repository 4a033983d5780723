"""Rows to a table (CSV, TSV, JSON lines, Parquet), a batch at a time; the file appears when it is whole."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from labels.files import atomic_write
from labels.table_files import DELIMITERS


@contextlib.contextmanager
def table_writer(path: Path, kinds: Mapping[str, type]) -> Iterator[Callable[[Iterable[Mapping[str, Any]]], object]]:
    """Takes rows a batch at a time. Nothing is left behind, and an older file stays, if the block raises.

    `kinds`: each column and what it holds (str, int, float or bool), which Parquet must know beforehand.
    """
    with atomic_write(path) as part:
        match path.suffix.lower():
            case ".parquet":
                import pyarrow as pa
                import pyarrow.parquet as pq

                types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
                schema = pa.schema([(name, types[kind]) for name, kind in kinds.items()])
                with pq.ParquetWriter(part, schema, compression="zstd") as writer:
                    yield lambda rows: writer.write_table(pa.Table.from_pylist(list(rows), schema=schema))
            case ".jsonl":
                with part.open("w", encoding="utf-8", newline="\n") as stream:
                    yield lambda rows: stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            case form:
                # A name that holds a delimiter must not be taken for several columns.
                several = any(set(name) & set(DELIMITERS) for name in kinds)
                with part.open("w", encoding="utf-8", newline="") as stream:
                    # With "\n" alone for a line's end, Python 3.11 leaves a text with "\r" in it unquoted.
                    table = csv.DictWriter(
                        stream,
                        list(kinds),
                        delimiter="\t" if form == ".tsv" else ",",
                        quoting=csv.QUOTE_ALL if several else csv.QUOTE_MINIMAL,
                        lineterminator="\r\n",
                    )
                    table.writeheader()
                    yield table.writerows
