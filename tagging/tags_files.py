"""Read the rows of tags files, and of the folders that batches add tags to, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from labels.errors import DemarcheError
from labels.files import require_file
from tagging.outputs import SUFFIXES
from tagging.rows import TYPES
from tagging.shards import TAGS

_BLOCK = 1 << 25  # bytes; a line of a file that is longer cannot be read
_GUARDED = r"^'('*[=+\-@\t\r\n＝＋－＠])"
"""An apostrophe of `--for-spreadsheet`, and what it guards."""
_ARROW_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def schema_of(columns: Sequence[str]) -> Any:
    """Return the Arrow schema of columns of a tags file."""
    return pa.schema([(name, _ARROW_TYPES[TYPES[name]]) for name in columns])


def files_of(path: Path) -> list[Path]:
    """Return the files with the tags. Raises DemarcheError if there are none."""
    if not path.is_dir():
        if path.suffix.lower() not in SUFFIXES:
            raise DemarcheError(
                f"{path}: not a tags file; name a file that ends in {', '.join(SUFFIXES)}, or a folder of `demarche tag`"
            )
        return [require_file(path, what="tags file")]
    files = sorted((path / TAGS).glob("part-*.parquet")) or sorted(path.glob("part-*.parquet"))
    if not files and not (path / TAGS).is_dir():
        raise DemarcheError(f"{path}: no folder of tags; name one that `demarche tag --out` wrote, or a tags file")
    return files


def batches_of(path: Path, columns: Sequence[str]) -> Iterator[Any]:
    """Yield the rows of these columns, in the types of a tags file, a batch at a time.

    Raises DemarcheError if the file is no tags file, or one of an older version without one of the columns.
    """
    schema = schema_of(columns)
    for file in files_of(path):
        try:
            for batch in _read(file, columns):
                cells = [batch.column(field.name).cast(field.type) for field in schema]
                yield pa.RecordBatch.from_arrays(cells, schema=schema)
        except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
            raise DemarcheError(f"{file}: cannot be read as a tags file: {str(error).splitlines()[0]}") from None


def _read(file: Path, columns: Sequence[str]) -> Iterator[Any]:
    match file.suffix.lower():
        case ".parquet":
            import pyarrow.parquet as pq

            # By default, what is read of the file stays in memory until it is closed.
            with pq.ParquetFile(file, pre_buffer=False) as parquet:
                _check_columns(file, columns, parquet.schema_arrow.names)
                yield from parquet.iter_batches(columns=list(columns))
        case ".jsonl":
            yield from _read_json_lines(file, columns)
        case _:
            yield from _read_csv(file, columns)


def _read_json_lines(file: Path, columns: Sequence[str]) -> Iterator[Any]:
    import pyarrow.json as pj

    from labels.files import load_json, open_text

    try:
        with open_text(file) as stream:
            first = stream.readline()
        row = load_json(first) if first else None
    except (DemarcheError, UnicodeDecodeError) as error:
        raise DemarcheError(f"{file}:1: not a row of a tags file: {error}") from None
    if row is None:
        return
    _check_columns(file, columns, row if isinstance(row, dict) else ())
    parse = pj.ParseOptions(explicit_schema=schema_of(columns), unexpected_field_behavior="ignore")
    yield from pj.open_json(file, pj.ReadOptions(block_size=_BLOCK), parse)


def _read_csv(file: Path, columns: Sequence[str]) -> Iterator[Any]:
    import csv

    import pyarrow.csv as pcsv

    from labels.files import open_text

    try:
        with open_text(file) as stream:
            _check_columns(file, columns, next(csv.reader(stream), []))
    except (csv.Error, UnicodeDecodeError) as error:
        raise DemarcheError(f"{file}:1: not the first line of a tags file: {error}") from None
    with file.open("rb") as opened:
        for_spreadsheet = opened.read(3) == b"\xef\xbb\xbf"
    convert = pcsv.ConvertOptions(
        column_types=schema_of(columns),
        include_columns=list(columns),
        null_values=[""],
        strings_can_be_null=True,
    )
    read = pcsv.ReadOptions(block_size=_BLOCK)
    for batch in pcsv.open_csv(file, read, pcsv.ParseOptions(newlines_in_values=True), convert):
        yield _unguarded(batch) if for_spreadsheet else batch


def _unguarded(batch: Any) -> Any:
    cells = [
        pc.replace_substring_regex(column, _GUARDED, r"\1") if pa.types.is_string(column.type) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(cells, names=list(batch.schema.names))


def _check_columns(file: Path, columns: Sequence[str], names: Iterable[str]) -> None:
    missing = [name for name in columns if name not in set(names)]
    if missing:
        raise DemarcheError(
            f"{file}: not a tags file of this version: without the column{'s' if len(missing) > 1 else ''} "
            f"{', '.join(missing)}; write it with `demarche tag`"
        )
