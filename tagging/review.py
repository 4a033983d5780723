"""List the passages that need review for an annotator, with what the tagger says of them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from labels.codebook import STANCES
from labels.tables.columns import TableColumns
from labels.tables.worklist import FEWEST_TOPICS, PASSAGE_COLUMNS, answer_columns
from labels.tables.writers import table_writer
from tagging.rows import REVIEW
from tagging.shards import CANDIDATES
from tagging.tags_files import batches_of

_PLACE = ("passage", "article", "start", "text", "title", "source", "published", "url")
_COLUMNS = (*_PLACE, "topic", "topic_probability", "assigned", "stance", *STANCES, "status")


@dataclass(frozen=True)
class ForReview:
    """A passage that needs review: its columns, and its rows with a topic, the most probable first."""

    place: Mapping[str, Any]
    tags: Sequence[Mapping[str, Any]]

    @property
    def topics(self) -> list[str]:
        """The topics in doubt; a passage whose candidates are in no file that was read has none."""
        return [tag["topic"] for tag in self.tags if tag["status"] == REVIEW]


def for_review(tags: Path, candidates: Path | None = None) -> Iterator[ForReview]:
    """Yield the passages with a row for review, in the order of the tags.

    The candidates of a folder of tags lie in it. Raises DemarcheError if a file holds no tags.
    """
    if candidates is None and any((tags / CANDIDATES).glob("part-*.parquet")):
        candidates = tags / CANDIDATES
    near: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in _rows(candidates) if candidates else ():
        near[row["passage"]].append(row)
    for passage, of_passage in groupby(_rows(tags), key=lambda row: row["passage"]):
        rows = list(of_passage)
        if passage is not None and any(row["status"] == REVIEW for row in (*rows, *near[passage])):
            with_topic = [row for row in (*rows, *near[passage]) if row["topic"]]
            with_topic.sort(key=lambda row: -(row["topic_probability"] or 0))
            yield ForReview({name: rows[0][name] for name in _PLACE}, with_topic)


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    for batch in batches_of(path, _COLUMNS):
        yield from batch.to_pylist()


def choose(passages: Sequence[ForReview], n: int, *, topic: str | None = None, seed: int) -> list[ForReview]:
    """Return n passages in their order: of each topic in doubt about as many, drawn at random."""
    by_topic: dict[str, list[int]] = defaultdict(list)
    for place, passage in enumerate(passages):
        for each in passage.topics or [""]:
            if topic is None or each == topic:
                by_topic[each].append(place)
    shuffled = [random.Random(f"{seed} {name}").sample(places, len(places)) for name, places in by_topic.items()]
    chosen: dict[int, None] = {}
    while len(chosen) < n and any(shuffled):
        for places in shuffled:
            if places and len(chosen) < n:
                chosen[places.pop()] = None
    return [passages[place] for place in sorted(chosen)]


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
