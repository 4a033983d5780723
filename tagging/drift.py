"""Compare a batch with what its model was trained on.

A sample of the articles is kept in memory, however many there are. It depends on their ids alone, not on their order or
on how the work was divided.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from labels.files import write_text
from models.drift import FEWEST, LARGE, MOST, SIGNIFICANT, SLIGHT, Difference, Reference, long_enough, order
from tagging.rows import READ

DRIFT, SLIGHTLY, NONE = "drift", "slight", "none"
FARTHEST = 5
_LONGEST = 2000
"""Characters kept of a passage, of which only the first words are compared."""
_KEY = "drift"
SAMPLED = ["article", "passage", "text", "topic_probability", "assigned", "status"]
"""The columns that a sample needs."""


@dataclass(frozen=True, order=True)
class Sampled:
    """A passage that stands for its article."""

    article: str
    passage: str
    text: str


@dataclass(frozen=True)
class Drift:
    """How a batch differs from the training texts of its model.

    `auc` is 0.5 for articles like the training texts and 1 for articles unlike any; it and `p` are None if there are too
    few articles. `shares` maps topic → the fractions of passages with it, here and among the training texts.
    `verdict` is `drift`, `slight`, `none`, or says why nothing was compared. `probability` and `trained_probability` are the mean probabilities of the tags, None without any. `farthest` are the
    passages of the sample that look least like the training texts, if the difference is significant.
    """

    compared: int
    auc: float | None
    p: float | None
    verdict: str
    shares: Mapping[str, tuple[float, float]]
    probability: float | None
    trained_probability: float | None
    farthest: Sequence[Sampled]

    @property
    def is_drift(self) -> bool:
        return self.verdict == DRIFT


class Sample:
    """A sample of the articles of a batch, and the mean probability of its tags."""

    def __init__(self) -> None:
        self._articles: list[tuple[int, Sampled]] = []  # a heap: first the article that leaves next
        self._probability, self._tags = 0.0, 0

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take in the rows of some articles; those of an article follow each other."""
        for article, of_article in groupby(rows, key=itemgetter("article")):
            place = -int.from_bytes(order(article))
            enters = len(self._articles) < MOST or place > self._articles[0][0]
            passages: dict[str, str] = {}
            for row in of_article:
                if row["assigned"] and row["topic_probability"] is not None:
                    self._probability += row["topic_probability"]
                    self._tags += 1
                if enters and row["status"] in READ:
                    passages[row["passage"]] = row["text"][:_LONGEST]
            if enters and (chosen := _choose(article, passages)):
                full = len(self._articles) == MOST
                (heapq.heappushpop if full else heapq.heappush)(self._articles, (place, chosen))

    def compare(self, reference: Reference, topics: Mapping[str, float]) -> Drift:
        """Compare the batch with the training texts; `topics` maps each topic of the model → its fraction of passages."""
        articles = [article for _, article in sorted(self._articles)]
        difference = reference.compare([article.text for article in articles])
        shares = zip(topics.items(), reference.shares, strict=False)
        return Drift(
            compared=len(articles),
            auc=difference and round(difference.auc, 3),
            p=difference and round(difference.p, 4),
            verdict=_verdict(difference),
            shares={topic: (round(share, 4), round(trained, 4)) for (topic, share), trained in shares},
            probability=round(self._probability / self._tags, 3) if self._tags else None,
            trained_probability=round(reference.probability, 3) if reference.probability else None,
            farthest=_farthest(articles, difference) if difference and difference.p < SIGNIFICANT else (),
        )


def _choose(article: str, passages: Mapping[str, str]) -> Sampled | None:
    """Return the passage that stands for an article, or None if all are too short."""
    for passage in sorted(passages, key=lambda passage: order(article, passage)):
        if long_enough(passages[passage]):
            return Sampled(article, passage, passages[passage])
    return None


def _verdict(difference: Difference | None) -> str:
    if difference is None:
        return f"too few articles: {FEWEST} are needed, in the batch and among the training texts"
    if difference.p >= SIGNIFICANT or difference.auc < SLIGHT:
        return NONE
    return DRIFT if difference.auc >= LARGE else SLIGHTLY


def _farthest(articles: Sequence[Sampled], difference: Difference) -> list[Sampled]:
    return [articles[row] for row in np.argsort(-difference.scores, kind="stable")[:FARTHEST]]


def note_drift(manifest: Path, drift: Drift) -> None:
    """Write the drift of the latest batch into the manifest of a folder of tags."""
    content = json.loads(manifest.read_text(encoding="utf-8"))
    write_text(manifest, json.dumps(content | {_KEY: asdict(drift)}, indent=1, ensure_ascii=False) + "\n")
