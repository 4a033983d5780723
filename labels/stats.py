"""How many passages carry which label, by whom, from where, and on which side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from labels.check import LabelledData
from labels.codebook import STANCES
from labels.gold.adjudication import Example

NONE = "(none of the topics)"
OTHER = "(named targets)"


@dataclass(frozen=True)
class Table:
    """Counts under a heading: one row a name."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def gold_table(examples: Iterable[Example], topics: Iterable[str]) -> Table:
    """Passages by topic and stance, as adjudicated; ties and unknown stances counted apart."""
    counts: Counter[tuple[str, str]] = Counter()
    for example in examples:
        if not example.topics:
            counts[NONE, "passages"] += 1
        for topic, holds in example.topics.items():
            counts[topic, "passages" if holds else "tied"] += 1
        for target, stance in example.stances.items():
            name = target.topic or OTHER
            counts[name, stance or "no stance"] += 1
            if target.topic is None:
                counts[name, "passages"] += 1
    columns = ("passages", *STANCES, "no stance", "tied")
    names = [*topics, OTHER, NONE]
    rows = [(name, *(str(counts[name, column]) for column in columns)) for name in names]
    return Table("gold", ("topic", *columns), [row for row in rows if any(cell != "0" for cell in row[1:])])


def reader_table(data: LabelledData) -> Table:
    """What each annotator read and found."""
    read: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    stances: Counter[tuple[str, str]] = Counter()
    for annotation in data.annotations:
        read[annotation.annotator] += 1
        labels[annotation.annotator] += len(annotation.labels)
        stances.update((annotation.annotator, label.stance or "no stance") for label in annotation.labels)
    columns = (*STANCES, "no stance")
    rows = [
        (name, str(read[name]), str(labels[name]), *(str(stances[name, column]) for column in columns))
        for name in sorted(read)
    ]
    return Table("annotators", ("annotator", "passages", "labels", *columns), rows)


def source_table(data: LabelledData) -> Table:
    articles: dict[str, set[str]] = {}
    passages: Counter[str] = Counter()
    for passage in data.passages:
        name = passage.source or "(not known)"
        articles.setdefault(name, set()).add(passage.article)
        passages[name] += 1
    rows = [(name, str(len(articles[name])), str(passages[name])) for name in sorted(articles)]
    return Table("sources", ("source", "articles", "passages"), rows)


def side_table(data: LabelledData, sides: Mapping[str, str | None]) -> Table:
    """Passages on each side of a split, by id → side."""
    counts = Counter(sides.get(passage.id) or "(none)" for passage in data.passages)
    return Table("split", ("side", "passages"), [(name, str(count)) for name, count in sorted(counts.items())])
