"""Tags to a file, a batch at a time; the file appears when it is whole."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from labels.errors import DemarcheError
from labels.files import check_out, replacing
from tagging.rows import COLUMNS, Row

if TYPE_CHECKING:
    import pyarrow as pa

Write = Callable[[Sequence[Row]], None]
SUFFIXES = (".parquet", ".jsonl", ".csv")


def check_tags_out(path: Path) -> None:
    """Raises DemarcheError before any work where nothing could be written in the end."""
    if path.suffix not in SUFFIXES:
        raise DemarcheError(f"{path}: tags go to a file ending in {', '.join(SUFFIXES)}")
    check_out(path)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Write]:
    """Takes rows a batch at a time. Nothing is left behind, and an older file stays, if the block raises."""
    with replacing(path) as part:
        match path.suffix:
            case ".parquet":
                import pyarrow as pa
                import pyarrow.parquet as pq

                schema = _schema()
                with pq.ParquetWriter(part, schema, compression="zstd") as writer:
                    yield lambda rows: writer.write_table(pa.Table.from_pylist(list(rows), schema=schema))
            case ".jsonl":
                with part.open("w", encoding="utf-8", newline="\n") as stream:
                    yield lambda rows: stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            case _:
                with part.open("w", encoding="utf-8", newline="") as stream:
                    table = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
                    table.writeheader()
                    yield table.writerows


def _schema() -> pa.Schema:
    import pyarrow as pa

    kinds = {"start": pa.int64(), "end": pa.int64(), "assigned": pa.bool_()}
    numbers = ("topic_probability", "stance_probability", "favor", "against", "neutral")
    kinds |= dict.fromkeys(numbers, pa.float64())
    return pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
