"""The share of each topic and stance among the passages of a batch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labels.codebook import STANCES
from tagging.report.reading import Tags
from tagging.rows import READ


class Total(NamedTuple):
    """A share: of a topic among the passages read, or of a stance among the passages of a topic.

    `period` is None for the whole batch. `corrected` is the share without the errors of the classifier, with its 95 %
    interval from `low` to `high`; `caution` says why it may not hold.
    """

    topic: str
    stance: str | None
    period: str | None
    passages: int
    share: float
    corrected: float | None
    low: float | None
    high: float | None
    method: str
    caution: str | None


def totals_of(tags: Tags) -> list[Total]:
    """Return the share of each topic, most frequent first, each followed by the shares of its stances."""
    read = len(np.unique(tags["passage"][tags.has("status", *READ)]))
    tagged = tags.assigned & (tags["topic"] >= 0)
    counts = np.bincount(tags["topic"][tagged], minlength=len(tags.columns["topic"].values))
    totals = []
    for topic in np.argsort(-counts, kind="stable"):
        if not counts[topic]:
            continue
        name = tags.columns["topic"].values[topic]
        totals.append(_counted(name, None, int(counts[topic]), of=read))
        stances = tags["stance"][tagged & (tags["topic"] == topic)]
        of_topic = np.bincount(stances[stances >= 0], minlength=len(tags.columns["stance"].values))
        totals += [
            _counted(name, stance, int(count), of=int(counts[topic]))
            for stance, count in sorted(
                zip(tags.columns["stance"].values, of_topic, strict=True), key=lambda pair: _place(pair[0])
            )
            if count
        ]
    return totals


def _place(stance: str) -> int:
    return STANCES.index(stance) if stance in STANCES else len(STANCES)


def _counted(topic: str, stance: str | None, passages: int, *, of: int) -> Total:
    return Total(topic, stance, None, passages, passages / of, None, None, None, "as tagged", None)
