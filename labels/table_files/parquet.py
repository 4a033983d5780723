"""Read Parquet tables."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO

from labels.compression import DAMAGED, is_compressed, open_bytes
from labels.errors import Problems
from labels.table_files.rows import Rows, repeated_names


def read_parquet(path: Path, problems: Problems) -> Rows:
    """Yield (number, row) of a Parquet file. What cannot be read becomes a problem."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # By default, what is read of the file stays in memory until it is closed.
        with pq.ParquetFile(seekable(path), pre_buffer=False) as table:
            if what := repeated_names(table.schema_arrow.names):
                problems.add(path, None, what)
                return
            number = 0
            for batch in table.iter_batches(batch_size=1024):
                for row in batch.to_pylist(maps_as_pydicts="strict"):
                    number += 1
                    yield number, row
    except KeyError as error:
        if "duplicate keys" in str(error):
            problems.add(path, number + 1, "a mapping has a key twice; remove one")
            return
        problems.add(path, None, f"has times in the time zone {error}, which is not known here; write them in UTC")
    except (pa.ArrowException, *DAMAGED, ValueError, OverflowError) as error:
        # Texts that are not UTF-8 and dates beyond the year 9999 only fail as the rows are read.
        problems.add(path, None, f"not a Parquet file, or a damaged one: {error}")


def seekable(path: Path) -> Path | IO[bytes]:
    """Return the path, or the content of a compressed file: readers of these formats jump to and fro in it."""
    if not is_compressed(path):
        return path
    with open_bytes(path) as stream:
        return io.BytesIO(stream.read())
