"""Read a tags file, or the folder that batches add tags to, into arrays: the texts are left where they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from labels.errors import DemarcheError
from tagging.tags_files import batches_of, schema_of

Codes = npt.NDArray[np.int64]

_CODED = ("article", "passage", "topic", "stance", "status", "title", "source", "published", "url", "copy_of")
"""The columns whose values are kept once, and whose rows are numbers."""
_NAMES = ("model", "codebook")
_NUMBERS = ("start", "topic_probability", "stance_probability", "assigned")
_COLUMNS = (*_CODED, *_NAMES, *_NUMBERS)


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


def _type(name: str) -> Any:
    arrow = schema_of([name]).field(0).type
    return pa.dictionary(pa.int32(), arrow) if name in (*_CODED, *_NAMES) else arrow


def _coded(batch: Any) -> Any:
    """Return the batch with each text of a coded column kept once."""
    columns = [column.cast(_type(name)) for name, column in zip(batch.schema.names, batch.columns, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=list(batch.schema.names))


def _column(column: Any) -> Column:
    array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    codes = pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return Column(codes, array.dictionary.to_pylist())
