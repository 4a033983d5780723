"""Count the tags of a batch by topic, stance, source, period and status: once a story, and once a copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tagging.report.periods import Periods, Unit, parse_date, periods_of
from tagging.report.reading import Codes, Column, Tags
from tagging.rows import BOILERPLATE, COPY, NO_TOPIC, OTHER_LANGUAGE, READ, REVIEW

MOST_SOURCES = 24
"""The sources that are counted one by one, the most frequent first; the others are counted together."""
NO_SOURCE, OTHER_SOURCES = "source unknown", "other sources"


@dataclass(frozen=True)
class Articles:
    """The articles of a batch, by the codes of the column `article`.

    `row` is the first row of each. `original` is the article with the tags of a copy, -1 if it is not in the file, and
    -2 for an article that is no copy. `source` is a number in `sources`, and `period` one in `periods`, or -1.
    """

    row: Codes
    original: Codes
    source: Codes
    sources: Sequence[str]
    period: Codes
    periods: Periods

    @property
    def copies(self) -> Codes:
        """The copies whose original is in the file."""
        return np.flatnonzero(self.original >= 0)


def articles_of(tags: Tags, unit: Unit | None) -> Articles:
    """Return what the rows say of each article."""
    rows = np.unique(tags["article"], return_index=True)[1]
    place = {article: code for code, article in enumerate(tags.columns["article"].values)}
    originals = [place.get(article, -1) for article in tags.columns["copy_of"].values]
    is_copy = tags.has("status", COPY)[rows]
    original = np.where(is_copy, np.array([*originals, -1])[tags["copy_of"][rows]], -2)
    source, sources = _sources(tags.columns["source"], rows)
    days = np.array([parse_date(text) for text in tags.columns["published"].values] + [None], dtype=object)
    periods = periods_of(days[tags["published"][rows]].tolist(), unit)
    return Articles(rows, original, source, sources, np.array(periods.of, dtype=np.int64), periods)


def _sources(column: Column, rows: Codes) -> tuple[Codes, list[str]]:
    """Return the number of each article's source, and the names."""
    codes = column.codes[rows]
    counts = np.bincount(codes[codes >= 0], minlength=len(column.values))
    order = [int(code) for code in np.argsort(-counts, kind="stable") if counts[code]]
    names = [column.values[code] for code in order[:MOST_SOURCES]]
    number = np.full(len(column.values) + 1, len(names))
    number[order[:MOST_SOURCES]] = np.arange(len(names))
    if len(order) > MOST_SOURCES:
        names.append(OTHER_SOURCES)
    if (codes < 0).any():
        number[-1] = len(names)
        names.append(NO_SOURCE)
    return number[codes], names


class Cube(NamedTuple):
    """Counts by topic, stance, source, period and whether a passage is for review; -1 stands for none.

    The rows of topic -1 count the passages that the model read, whatever their topics. `stories` counts an article once,
    and `copies` counts each copy too, in its own source and period.
    """

    topic: list[int]
    stance: list[int]
    source: list[int]
    period: list[int]
    review: list[int]
    stories: list[int]
    copies: list[int]


def cube_of(tags: Tags, articles: Articles) -> Cube:
    """Count the tags and the passages read."""
    passages, review = passages_read(tags)
    tagged = np.flatnonzero(tags.assigned & (tags["topic"] >= 0))
    none = np.full(len(passages), -1)
    facts = np.stack(
        [
            np.concatenate([none, tags["topic"][tagged]]),
            np.concatenate([none, tags["stance"][tagged]]),
            np.concatenate([review, tags.has("status", REVIEW)[tagged]]),
        ]
    )
    article = np.concatenate([tags["article"][passages], tags["article"][tagged]])
    of_copy, copy = _rows_of_copies(article, articles)
    instance, row = np.concatenate([article, copy]), np.concatenate([np.arange(len(article)), of_copy])
    keys = np.stack(
        [facts[0][row], facts[1][row], articles.source[instance], articles.period[instance], facts[2][row]]
    ).astype(np.int64)
    cells, place = _cells(keys)
    stories = np.bincount(place[: len(article)], minlength=cells.shape[1])
    copies = np.bincount(place, minlength=cells.shape[1])
    topic, stance, source, period, for_review = cells.tolist()
    return Cube(topic, stance, source, period, for_review, stories.tolist(), copies.tolist())


def passages_read(tags: Tags) -> tuple[Codes, Codes]:
    """Return the first row of each passage that the model read, and 1 for those that have a row for review."""
    rows = np.flatnonzero(tags.has("status", *READ))
    passages, first, place = np.unique(tags["passage"][rows], return_index=True, return_inverse=True)
    review = np.bincount(place, weights=tags.has("status", REVIEW)[rows], minlength=len(passages)) > 0
    return rows[first], review.astype(np.int64)


def _rows_of_copies(article: Codes, articles: Articles) -> tuple[Codes, Codes]:
    """Return the rows that each copy repeats, and the copy of each: `article` is the article of each row."""
    order = np.argsort(article, kind="stable")
    copies = articles.copies
    first = np.searchsorted(article[order], articles.original[copies])
    count = np.searchsorted(article[order], articles.original[copies], side="right") - first
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return order[np.repeat(first, count) + within], np.repeat(copies, count)


def _cells(keys: Codes) -> tuple[Codes, Codes]:
    """Return the distinct columns of `keys`, and the place of each column among them."""
    if keys.shape[1] == 0:
        return keys, np.zeros(0, dtype=np.int64)
    # One number a column: sorting numbers is far faster than sorting columns.
    sizes = tuple(int(size) for size in keys.max(axis=1) + 2)
    numbers, place = np.unique(np.ravel_multi_index(tuple(keys + 1), sizes), return_inverse=True)
    return np.stack(np.unravel_index(numbers, sizes)) - 1, place


def summary_of(tags: Tags, articles: Articles) -> dict[str, int]:
    """Return the counts of the batch as a whole, by name."""
    passages, review = passages_read(tags)
    undated = articles.period[tags["article"][passages]] < 0
    tagged = tags.assigned & (tags["topic"] >= 0)
    return {
        "articles": int((articles.original == -2).sum()),
        "copies": int((articles.original >= -1).sum()),
        "copiesWithoutOriginal": int((articles.original == -1).sum()),
        "passages": len(passages),
        "review": int(review.sum()),
        "tags": int(tagged.sum()),
        "noTopic": int(tags.has("status", NO_TOPIC).sum()),
        "boilerplate": int(tags.has("status", BOILERPLATE).sum()),
        "otherLanguage": int(tags.has("status", OTHER_LANGUAGE).sum()),
        "undatedArticles": int((articles.period[articles.original == -2] < 0).sum()),
        "undatedPassages": int(undated.sum()),
    }
