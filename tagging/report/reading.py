"""Read a tags file, or the folder that batches add tags to, into arrays: the texts are left where they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from labels.errors import DemarcheError
from labels.files import require_file
from tagging.outputs import SUFFIXES
from tagging.rows import TYPES
from tagging.shards import TAGS

Codes = npt.NDArray[np.int64]

_CODED = ("article", "passage", "topic", "stance", "status", "title", "source", "published", "url", "copy_of")
"""The columns whose values are kept once, and whose rows are numbers."""
_NAMES = ("model", "codebook")
_NUMBERS = ("start", "topic_probability", "stance_probability", "assigned")
_COLUMNS = (*_CODED, *_NAMES, *_NUMBERS)
_BLOCK = 1 << 25  # bytes; a line of a file that is longer cannot be read
_GUARDED = r"^'('*[=+\-@\t\r\n＝＋－＠])"
"""An apostrophe of `--for-spreadsheet`, and what it guards."""


@dataclass(frozen=True)
class Column:
    """A column as codes: `values[codes[row]]` is the value of a row, and the code -1 stands for an empty cell."""

    codes: Codes
    values: Sequence[str]

    def code(self, value: str) -> int:
        """Return the code of a value, or -2 if no row has it."""
        return self.values.index(value) if value in self.values else -2


@dataclass(frozen=True)
class Tags:
    """The rows of a tags file without their texts, which `texts` reads."""

    path: Path
    columns: dict[str, Column]
    start: Codes
    topic_probability: npt.NDArray[np.float64]
    stance_probability: npt.NDArray[np.float64]
    assigned: npt.NDArray[np.bool_]
    names: dict[str, list[str]]

    def __getitem__(self, column: str) -> Codes:
        return self.columns[column].codes

    def __len__(self) -> int:
        return len(self.start)

    def has(self, column: str, *values: str) -> npt.NDArray[np.bool_]:
        """Return which rows have one of the values."""
        return np.isin(self[column], [self.columns[column].code(value) for value in values])


def read_tags(path: Path) -> Tags:
    """Read the tags. Raises DemarcheError if the file is no tags file."""
    batches = [_coded(batch) for batch in batches_of(path, _COLUMNS)]
    schema = pa.schema([(name, _type(name)) for name in _COLUMNS])
    table = pa.Table.from_batches(batches, schema) if batches else schema.empty_table()
    table = table.unify_dictionaries().combine_chunks()
    if table["article"].null_count:
        raise DemarcheError(f"{path}: {table['article'].null_count} rows without an article; not a tags file")
    return Tags(
        path=path,
        columns={name: _column(table[name]) for name in _CODED},
        start=pc.fill_null(table["start"], 0).to_numpy(),
        topic_probability=table["topic_probability"].to_numpy(),
        stance_probability=table["stance_probability"].to_numpy(),
        assigned=pc.fill_null(table["assigned"], False).to_numpy(),
        names={name: sorted(filter(None, pc.unique(table[name]).to_pylist())) for name in _NAMES},
    )


def texts(tags: Tags, rows: Codes) -> list[str]:
    """Return the texts of some rows, in their order."""
    order = np.argsort(rows)
    wanted, found, offset = rows[order], [], 0
    for batch in batches_of(tags.path, ("text",)):
        here = wanted[np.searchsorted(wanted, offset) : np.searchsorted(wanted, offset + len(batch))] - offset
        found += batch.column(0).take(pa.array(here)).to_pylist()
        offset += len(batch)
    result = [""] * len(rows)
    for place, text in zip(order.tolist(), found, strict=True):
        result[place] = text or ""
    return result


def inputs_of(path: Path) -> list[Path]:
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


def _type(name: str) -> Any:
    arrow = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}[TYPES[name]]
    return pa.dictionary(pa.int32(), arrow) if name in (*_CODED, *_NAMES) else arrow


def _coded(batch: Any) -> Any:
    """Return the batch with each text of a coded column kept once."""
    columns = [column.cast(_type(name)) for name, column in zip(batch.schema.names, batch.columns, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=list(batch.schema.names))


def _column(column: Any) -> Column:
    array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    codes = pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return Column(codes, array.dictionary.to_pylist())


def batches_of(path: Path, columns: Sequence[str]) -> Iterator[Any]:
    """Yield the rows of these columns, in the types of a tags file, a batch at a time."""
    for file in inputs_of(path):
        try:
            for batch in _read(file, columns):
                cells = [batch.column(name).cast(_plain(name)) for name in columns]
                yield pa.RecordBatch.from_arrays(cells, names=list(columns))
        except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
            raise DemarcheError(f"{file}: cannot be read as a tags file: {str(error).splitlines()[0]}") from None


def _plain(name: str) -> Any:
    return pa.string() if TYPES[name] is str else _type(name)


def _read(file: Path, columns: Sequence[str]) -> Iterator[Any]:
    match file.suffix.lower():
        case ".parquet":
            import pyarrow.parquet as pq

            with pq.ParquetFile(file) as parquet:
                _check_columns(file, parquet.schema_arrow.names)
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
    _check_columns(file, row if isinstance(row, dict) else ())
    parse = pj.ParseOptions(
        explicit_schema=pa.schema([(name, _plain(name)) for name in columns]), unexpected_field_behavior="ignore"
    )
    yield from pj.open_json(file, pj.ReadOptions(block_size=_BLOCK), parse)


def _read_csv(file: Path, columns: Sequence[str]) -> Iterator[Any]:
    import csv

    import pyarrow.csv as pcsv

    from labels.files import open_text

    try:
        with open_text(file) as stream:
            _check_columns(file, next(csv.reader(stream), []))
    except (csv.Error, UnicodeDecodeError) as error:
        raise DemarcheError(f"{file}:1: not the first line of a tags file: {error}") from None
    with file.open("rb") as opened:
        for_spreadsheet = opened.read(3) == b"\xef\xbb\xbf"
    convert = pcsv.ConvertOptions(
        column_types={name: _plain(name) for name in columns},
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


def _check_columns(file: Path, names: Iterable[str]) -> None:
    missing = [name for name in (*_COLUMNS, "text") if name not in set(names)]
    if missing:
        raise DemarcheError(
            f"{file}: not a tags file of this version: without the column{'s' if len(missing) > 1 else ''} "
            f"{', '.join(missing)}; write it with `demarche tag`"
        )
