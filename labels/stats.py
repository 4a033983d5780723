"""Count passages by label, annotator, source and split."""

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
    """A titled table of counts, one row per name."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def gold_table(examples: Iterable[Example], topics: Iterable[str]) -> Table:
    """Count passages by adjudicated topic and stance, with ties and unknown stances in columns of their own."""
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


def annotator_table(data: LabelledData) -> Table:
    """Count the passages, labels and stances of each annotator."""
    passages: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    stances: Counter[tuple[str, str]] = Counter()
    for annotation in data.annotations:
        passages[annotation.annotator] += 1
        labels[annotation.annotator] += len(annotation.labels)
        stances.update((annotation.annotator, label.stance or "no stance") for label in annotation.labels)
    columns = (*STANCES, "no stance")
    rows = [
        (name, str(passages[name]), str(labels[name]), *(str(stances[name, column]) for column in columns))
        for name in sorted(passages)
    ]
    return Table("annotators", ("annotator", "passages", "labels", *columns), rows)


def source_table(data: LabelledData) -> Table:
    """Count the articles and passages of each source."""
    articles: dict[str, set[str]] = {}
    passages: Counter[str] = Counter()
    for passage in data.passages:
        name = passage.source or "(unknown)"
        articles.setdefault(name, set()).add(passage.article)
        passages[name] += 1
    rows = [(name, str(len(articles[name])), str(passages[name])) for name in sorted(articles)]
    return Table("sources", ("source", "articles", "passages"), rows)


def split_table(data: LabelledData, splits: Mapping[str, str | None]) -> Table:
    """Count the passages in each split; `splits` maps passage ids to splits."""
    counts = Counter(splits.get(passage.id) or "(none)" for passage in data.passages)
    return Table("splits", ("split", "passages"), [(name, str(count)) for name, count in sorted(counts.items())])
