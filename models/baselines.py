"""Models that learn next to nothing: what every other family has to beat."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from labels.codebook import Codebook
from models.examples import FloatArray, Query, StanceExamples, TopicExamples, Watch
from models.families import read_settings, write_settings


class MajorityTopics:
    """Every topic with its share in training, whatever the text."""

    cross_fit = True

    def __init__(self, shares: Sequence[float] = ()):
        self.shares = list(shares)

    def fit(self, train: TopicExamples, dev: TopicExamples, *, watch: Watch) -> Self:
        y = np.vstack([train.y, dev.y])
        self.shares = (y.sum(axis=0) / max(len(y), 1)).tolist()
        return self

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        return np.tile(np.array(self.shares), (len(texts), 1))

    def save(self, folder: Path) -> None:
        write_settings(folder, "majority", shares=self.shares)

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(read_settings(folder)["shares"])


class RuleTopics:
    """A topic where one of the codebook's keywords stands in the text, as a whole word, in any case."""

    cross_fit = True

    def __init__(self, keywords: Sequence[Sequence[str]]):
        self.keywords = [list(words) for words in keywords]
        self._patterns = [
            re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, words)) + r")(?!\w)", re.IGNORECASE) if words else None
            for words in self.keywords
        ]

    @classmethod
    def of(cls, codebook: Codebook) -> Self:
        return cls([topic.keywords for topic in codebook.topics])

    def fit(self, train: TopicExamples, dev: TopicExamples, *, watch: Watch) -> Self:
        return self

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        found = [[float(bool(rule and rule.search(text))) for rule in self._patterns] for text in texts]
        return np.array(found, dtype=np.float64).reshape(len(texts), len(self._patterns))

    def save(self, folder: Path) -> None:
        write_settings(folder, "rules", keywords=self.keywords)

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(read_settings(folder)["keywords"])


class MajorityStance:
    """The shares of the stances toward the target in training; of all targets where it is new."""

    cross_fit = True

    def __init__(
        self, overall: Sequence[float] = (1 / 3, 1 / 3, 1 / 3), by_target: dict[str, list[float]] | None = None
    ):
        self.overall = list(overall)
        self.by_target = by_target or {}

    def fit(self, train: StanceExamples, dev: StanceExamples, *, watch: Watch) -> Self:
        y = np.vstack([train.y, dev.y])
        targets = np.array([query.target for query in (*train.queries, *dev.queries)])
        if len(y):
            self.overall = y.mean(axis=0).tolist()
        self.by_target = {str(target): y[targets == target].mean(axis=0).tolist() for target in np.unique(targets)}
        return self

    def predict_proba(self, queries: Sequence[Query]) -> FloatArray:
        rows = [self.by_target.get(query.target, self.overall) for query in queries]
        return np.array(rows, dtype=np.float64).reshape(len(queries), 3)

    def save(self, folder: Path) -> None:
        write_settings(folder, "majority", overall=self.overall, by_target=self.by_target)

    @classmethod
    def load(cls, folder: Path) -> Self:
        settings = read_settings(folder)
        return cls(settings["overall"], settings["by_target"])
