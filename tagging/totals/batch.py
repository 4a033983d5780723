"""A tagged batch as arrays: what the model said of each passage that it read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from labels.codebook import STANCES
from labels.errors import DemarcheError
from tagging.rows import READ
from tagging.tags_files import batches_of, schema_of

Numbers = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
By = Literal["year", "month", "source"]

COLUMNS = (
    "article", "passage", "topic", "topic_probability", "assigned", "stance", *STANCES, "status", "model", "source",
    "published",
)  # fmt: skip
UNKNOWN = "unknown"
"""The period of articles without a date, or without a source."""
_LENGTH = {"year": 4, "month": 7}
_DATE = re.compile(r"\d{4}-\d{2}(?:\D|$)")


@dataclass(frozen=True)
class Batch:
    """The passages that the model read.

    `article` (n) has the position of each passage's article. `probability` (n, topics) is that of a topic that was
    assigned, otherwise NaN; `stance` (n, topics) is the position of its stance, or -1; `stances` (n, topics, 3) are
    their probabilities. `period` (n) is a position in `periods`.
    """

    topics: Sequence[str]
    passages: Sequence[str]
    articles: int
    article: Codes
    probability: Numbers
    stance: Codes
    stances: Numbers
    period: Codes
    periods: Sequence[str]

    def __len__(self) -> int:
        return len(self.article)

    def of(self, period: str | None) -> npt.NDArray[np.bool_]:
        """Return which passages are of a period; None is the whole batch."""
        return np.ones(len(self), bool) if period is None else self.period == self.periods.index(period)

    def has(self, topic: int) -> npt.NDArray[np.bool_]:
        """Return which passages the topic was assigned to."""
        return ~np.isnan(self.probability[:, topic])


def read_tags(path: Path, columns: Sequence[str] = COLUMNS) -> pa.Table:
    """Read some columns of a tags file, or of a folder that batches add to. Raises DemarcheError if it is neither."""
    tags = pa.Table.from_batches(batches_of(path, columns), schema_of(columns))
    # A JSON file of anything else has none of the columns.
    for name in ("article", "status", "model", "assigned"):
        if tags[name].null_count:
            raise DemarcheError(f"{path}: not a tags file that `demarche tag` wrote: rows without {name!r}")
    return tags


def batch_of(tags: pa.Table, *, by: By | None = None, topics: Sequence[str] | None = None) -> Batch:
    """Return the passages of a tags table by period; by default, the topics are those that were assigned.

    Copies, boilerplate and passages in other languages are left out: the model did not read them.
    """
    tags = tags.filter(pc.is_in(tags["status"], pa.array(READ)))
    if not len(tags):
        raise DemarcheError("the tags have no passage that the model read; tag articles in a language that it knows")
    articles, article = _codes(tags["article"])
    # A passage's id is unique in its article.
    keys = pc.binary_join_element_wise(pc.cast(article, pa.string()), tags["passage"], " ")
    _, passage = _codes(keys)
    _, first = np.unique(passage, return_index=True)
    assigned = tags.filter(tags["assigned"])
    if topics is None:
        topics = sorted(pc.unique(assigned["topic"]).to_pylist())
    rows = np.asarray(tags["assigned"])
    column = np.asarray(pc.fill_null(pc.index_in(tags["topic"], pa.array(topics, pa.string())), -1))
    rows = rows & (column >= 0)
    place = passage[rows], column[rows]
    probability = np.full((len(first), len(topics)), np.nan)
    # A topic without a probability is one that the table of articles named.
    probability[place] = np.nan_to_num(np.asarray(tags["topic_probability"], dtype=float)[rows], nan=1.0)
    stance = np.full(probability.shape, -1)
    stance[place] = np.asarray(pc.fill_null(pc.index_in(tags["stance"], pa.array(STANCES)), -1))[rows]
    stances = np.full((*probability.shape, 3), np.nan)
    stances[place] = np.stack([np.asarray(tags[name], dtype=float)[rows] for name in STANCES], axis=1)
    periods, period = _periods(tags, by, first)
    return Batch(
        topics=tuple(topics),
        passages=tags["passage"].take(pa.array(first)).to_pylist(),
        articles=articles,
        article=np.asarray(article)[first],
        probability=probability,
        stance=stance,
        stances=stances,
        period=period,
        periods=periods,
    )


def _periods(tags: pa.Table, by: By | None, first: Codes) -> tuple[Sequence[str], Codes]:
    if by is None:
        return (), np.zeros(len(first), np.int64)
    cells = tags["source" if by == "source" else "published"].take(pa.array(first)).to_pylist()
    names = [(cell or UNKNOWN) if by == "source" else _start(cell, _LENGTH[by]) for cell in cells]
    periods, period = np.unique(np.array(names, dtype=object).astype(str), return_inverse=True)
    return periods.tolist(), period


def _start(published: str | None, length: int) -> str:
    return published[:length] if published and _DATE.match(published) else UNKNOWN


def _codes(column: pa.ChunkedArray) -> tuple[int, Codes]:
    """Return the number of different values, and the position of each row's, in the order in which they come."""
    encoded = column.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    return len(encoded.dictionary), np.asarray(encoded.indices).astype(np.int64)
