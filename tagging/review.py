"""List the passages that need review for an annotator, with what the tagger says of them."""

from __future__ import annotations

import heapq
import random
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow.compute as pc

from labels.codebook import STANCES
from labels.tables.columns import TableColumns
from labels.tables.worklist import FEWEST_TOPICS, PASSAGE_COLUMNS, answer_columns
from labels.tables.writers import table_writer
from tagging.rows import REVIEW
from tagging.shards import CANDIDATES
from tagging.tags_files import batches_of

_PLACE = ("passage", "article", "start", "text", "title", "source", "published", "url")
_COLUMNS = (*_PLACE, "topic", "topic_probability", "assigned", "stance", *STANCES, "status")
_ROWS_AT_ONCE = 1_000
"""Rows that are made of a batch at once: as Python's objects they take far more memory."""

_Rows = list[Mapping[str, Any]]


@dataclass(frozen=True)
class ForReview:
    """A passage that needs review: its columns, and its rows with a topic, the most probable first."""

    place: Mapping[str, Any]
    tags: Sequence[Mapping[str, Any]]

    @property
    def topics(self) -> list[str]:
        """The topics in doubt; a passage whose candidates are in no file that was read has none."""
        return [tag["topic"] for tag in self.tags if tag["status"] == REVIEW]


class Drawn(NamedTuple):
    """The passages that were drawn, in the order of the tags, and the number of all that need review."""

    passages: list[ForReview]
    found: int


def draw(tags: Path, candidates: Path | None = None, *, n: int, topic: str | None = None, seed: int) -> Drawn:
    """Draw n passages that need review at random: of each topic in doubt about as many.

    The candidates of a folder of tags lie in it. However many rows there are, the memory holds those of a batch and of
    n passages for each topic, and some bytes for each candidate. Raises DemarcheError if a file holds no tags.
    """
    if candidates is None and any((tags / CANDIDATES).glob("part-*.parquet")):
        candidates = tags / CANDIDATES
    near = _Near.read(candidates) if candidates else _Near()
    lots: dict[str, _Lots] = {}
    found = 0
    for passage, of_passage in groupby(_rows(tags), key=lambda row: row["passage"]):
        rows = list(of_passage)
        near_topics = near.topics_of(passage) if passage is not None else []
        if passage is None or not (near_topics or any(row["status"] == REVIEW for row in rows)):
            continue
        doubted = [row["topic"] for row in rows if row["status"] == REVIEW and row["topic"]]
        for each in dict.fromkeys([*doubted, *near_topics]) or [""]:
            if topic is None or each == topic:
                if each not in lots:
                    lots[each] = _Lots(n, f"{seed} {each}")
                lots[each].add(found, rows)
        found += 1
    drawn = _take_in_turn([each.drawn() for each in lots.values()], n)
    passages = {rows[0]["passage"]: rows for _, rows in sorted(drawn.items())}
    for row in _rows(candidates) if candidates else ():
        if row["passage"] in passages:
            passages[row["passage"]].append(row)
    return Drawn([_for_review(rows) for rows in passages.values()], found)


class _Near:
    """The topics of candidates by passage: of each candidate the hash of its passage, and the number of its topic."""

    def __init__(self, passages: Sequence[int] = (), topics: Sequence[int] = (), names: Sequence[str] = ()) -> None:
        by_passage = np.argsort(np.asarray(passages, dtype=np.int64), kind="stable")
        self._passages = np.asarray(passages, dtype=np.int64)[by_passage]
        self._topics = np.asarray(topics, dtype=np.int32)[by_passage]
        self._names = names

    @classmethod
    def read(cls, candidates: Path) -> Self:
        passages, topics = array("q"), array("i")
        numbers: dict[str, int] = {}
        for rows in batches_of(candidates, ("passage", "topic", "status")):
            batch = rows.filter(pc.and_(pc.equal(rows.column(2), REVIEW), pc.is_valid(rows.column(1))))
            passages.extend(map(hash, batch.column(0).to_pylist()))
            topics.extend(numbers.setdefault(topic, len(numbers)) for topic in batch.column(1).to_pylist())
        return cls(passages, topics, list(numbers))

    def topics_of(self, passage: str) -> list[str]:
        key = hash(passage)
        start = np.searchsorted(self._passages, key, side="left")
        end = np.searchsorted(self._passages, key, side="right")
        return [self._names[number] for number in self._topics[start:end]]


class _Lots:
    """The n passages of a topic with the smallest random numbers; `place` is the position of a passage among all."""

    def __init__(self, n: int, seed: str) -> None:
        self._n, self._random = n, random.Random(seed)
        self._heap: list[tuple[float, int, _Rows]] = []  # the largest number first

    def add(self, place: int, rows: _Rows) -> None:
        lot = (-self._random.random(), place, rows)
        if len(self._heap) < self._n:
            heapq.heappush(self._heap, lot)
        elif lot[0] > self._heap[0][0]:
            heapq.heapreplace(self._heap, lot)

    def drawn(self) -> list[tuple[int, _Rows]]:
        """Return place and rows of the passages in the order of their numbers."""
        return [(place, rows) for _, place, rows in sorted(self._heap, reverse=True)]


def _take_in_turn(of_topics: Sequence[Sequence[tuple[int, _Rows]]], n: int) -> dict[int, _Rows]:
    """Return place → rows of n passages: of each topic one, then of each another."""
    drawn: dict[int, _Rows] = {}
    for place, rows in (each for turn in zip_longest(*of_topics) for each in turn if each is not None):
        if len(drawn) == n:
            break
        drawn[place] = rows
    return drawn


def _for_review(rows: Sequence[Mapping[str, Any]]) -> ForReview:
    with_topic = sorted((row for row in rows if row["topic"]), key=lambda row: -(row["topic_probability"] or 0))
    return ForReview({name: rows[0][name] for name in _PLACE}, with_topic)


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    for batch in batches_of(path, _COLUMNS):
        for start in range(0, len(batch), _ROWS_AT_ONCE):
            yield from batch.slice(start, _ROWS_AT_ONCE).to_pylist()


def write_review(
    path: Path, passages: Sequence[ForReview], *, blind: bool = False, for_spreadsheet: bool = False
) -> TableColumns:
    """Write a row per passage with empty columns for a reading, and return the columns that an import reads.

    A `blind` list does not show what the tagger says.
    """
    answers, columns = answer_columns(topics=max(FEWEST_TOPICS, *(len(each.tags) + 1 for each in passages)))
    types: dict[str, type] = {**dict.fromkeys(PASSAGE_COLUMNS, str), "url": str, "start": int}
    types |= ({} if blind else {"doubtful": str, "model": str}) | answers
    with table_writer(path, types, for_spreadsheet=for_spreadsheet) as write:
        write([dict.fromkeys(types) | _row(each, types) for each in passages])
    return replace(
        columns, id="id", article="article", title="title", source="source", date="published", url="url", start="start"
    )


def _row(passage: ForReview, types: Iterable[str]) -> dict[str, Any]:
    row = {**passage.place, "id": passage.place["passage"]}
    row |= {"doubtful": ", ".join(passage.topics), "model": "; ".join(map(_said, passage.tags))}
    return {name: value for name, value in row.items() if name in types}


def _said(tag: Mapping[str, Any]) -> str:
    """Return what the tagger says of a topic: `trade 43% (not assigned): against 80%, favor 15%, neutral 5%`."""
    topic = f"{tag['topic']} {tag['topic_probability']:.0%}" if tag["topic_probability"] is not None else tag["topic"]
    shares = sorted(((tag[stance], stance) for stance in STANCES if tag[stance] is not None), reverse=True)
    stances = ", ".join(f"{stance} {share:.0%}" for share, stance in shares)
    return topic + ("" if tag["assigned"] else " (not assigned)") + (f": {stances}" if stances else "")
