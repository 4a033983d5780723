"""What the page knows: counts of all rows, and the passages that have a topic or are for review."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tagging.report.counts import Articles, articles_of, cube_of, summary_of
from tagging.report.periods import Unit, parse_date
from tagging.report.reading import Codes, Tags, texts
from tagging.rows import REVIEW
from tagging.totals import Total, assumption

MOST_PASSAGES = 50_000
"""The passages that a page shows; the counts are those of all passages."""


def page_data(
    tags: Tags, *, totals: Sequence[Total] = (), unit: Unit | None = None, most_passages: int = MOST_PASSAGES
) -> dict[str, Any]:
    """Return the data of the page: lists with an entry for each cell, article, passage and tag, for compact JSON.

    `totals` are the shares of topics and stances. Of more than `most_passages` passages, the page has those of the most
    recent articles.
    """
    articles = articles_of(tags, unit)
    rows = np.flatnonzero((tags.assigned & (tags["topic"] >= 0)) | tags.has("status", REVIEW))
    shown = _most_recent(tags, articles, rows, most_passages)
    return {
        "names": tags.names,
        "summary": summary_of(tags, articles) | {"shown": _distinct(tags, shown), "showable": _distinct(tags, rows)},
        "unit": articles.periods.unit,
        "periods": articles.periods.names,
        "topics": list(tags.columns["topic"].values),
        "stances": list(tags.columns["stance"].values),
        "sources": list(articles.sources),
        "cube": cube_of(tags, articles)._asdict(),
        "totals": [vars(total) for total in _most_frequent_first(totals)],
        "assumption": assumption(totals),
        **_passages(tags, articles, shown),
    }


def _most_frequent_first(totals: Sequence[Total]) -> list[Total]:
    """Return the totals with the topic of most passages first; those of a topic stay together, in their order."""
    passages = {total.topic: total.passages for total in reversed(totals) if total.stance is None}
    return sorted(totals, key=lambda total: -passages[total.topic])


def _distinct(tags: Tags, rows: Codes) -> int:
    return len(np.unique(tags["passage"][rows]))


def _most_recent(tags: Tags, articles: Articles, rows: Codes, most: int) -> Codes:
    """Return the rows in the order of the page: the most recent article first, undated ones last."""
    dates = [parse_date(text) for text in tags.columns["published"].values]
    days = np.array([day.toordinal() if day else 0 for day in dates] + [0])[tags["published"]]
    # The first row of an article stands for it: all of its rows have the same date.
    order = rows[np.lexsort((tags["topic"][rows], tags.start[rows], articles.row[tags["article"][rows]], -days[rows]))]
    passage = tags["passage"][order]
    is_first = np.diff(passage, prepend=-2) != 0
    return order[np.cumsum(is_first) <= most]


def _passages(tags: Tags, articles: Articles, rows: Codes) -> dict[str, Any]:
    """Return the articles, passages and tags of these rows."""
    starts_passage = np.diff(tags["passage"][rows], prepend=-2) != 0
    starts_article = np.diff(tags["article"][rows], prepend=-2) != 0
    heads, firsts = tags["article"][rows[starts_article]], rows[starts_passage]
    tagged = tags.assigned[rows] & (tags["topic"][rows] >= 0)
    of_tag = rows[tagged]
    return {
        "articles": {
            "id": _values(tags, "article", rows[starts_article]),
            **{name: _values(tags, name, articles.row[heads]) for name in ("title", "url", "published")},
            "source": articles.source[heads].tolist(),
            "sourceName": _values(tags, "source", articles.row[heads]),
            "period": articles.period[heads].tolist(),
            "copies": _copies(tags, articles, heads),
        },
        "passages": {
            "article": (np.cumsum(starts_article)[starts_passage] - 1).tolist(),
            "text": texts(tags, firsts),
            "review": _review(tags, rows, starts_passage),
        },
        "tags": {
            "passage": (np.cumsum(starts_passage) - 1)[tagged].tolist(),
            "topic": tags["topic"][of_tag].tolist(),
            "stance": tags["stance"][of_tag].tolist(),
            "review": tags.has("status", REVIEW)[of_tag].astype(int).tolist(),
            "topicPercent": _percent(tags.topic_probability[of_tag]),
            "stancePercent": _percent(tags.stance_probability[of_tag]),
        },
    }


def _values(tags: Tags, column: str, rows: Codes) -> list[str | None]:
    values = [*tags.columns[column].values, None]
    return [values[code] for code in tags[column][rows].tolist()]


def _review(tags: Tags, rows: Codes, starts: Any) -> list[int]:
    """Return 1 for each passage that has a row for review, and 0 for the others."""
    place = np.cumsum(starts) - 1
    for_review = np.zeros(int(starts.sum()), dtype=np.int64)
    for_review[place[tags.has("status", REVIEW)[rows]]] = 1
    codes: list[int] = for_review.tolist()
    return codes


def _percent(probabilities: Any) -> list[int]:
    percents: list[int] = np.nan_to_num(np.round(100 * probabilities)).astype(int).tolist()
    return percents


def _copies(tags: Tags, articles: Articles, heads: Codes) -> dict[int, list[list[Any]]]:
    """Return the copies of the articles, by the place of the article: source, period, name of the source and date."""
    place = {int(code): number for number, code in enumerate(heads)}
    found: dict[int, list[list[Any]]] = {}
    copies = articles.copies
    names, dates = (_values(tags, column, articles.row[copies]) for column in ("source", "published"))
    for copy, name, published in zip(copies.tolist(), names, dates, strict=True):
        number = place.get(int(articles.original[copy]))
        if number is not None:
            where = [int(articles.source[copy]), int(articles.period[copy])]
            found.setdefault(number, []).append([*where, name, published])
    return found
