"""Baselines that need almost no training; every other family has to beat them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import AfterValidator

from labels.codebook import Codebook
from labels.files import Frozen
from models.cleaning import clean
from models.examples import FloatArray, Query, StanceExamples, TopicExamples, TrainingCallback
from models.families.protocol import SETTINGS_FILE, FamilySettings, FitContext, write_settings
from models.saved_parts import Fraction, read_json


class RulesSettings(FamilySettings):
    """Topics by the codebook's keywords."""

    finds_unseen_topics: ClassVar[bool] = True
    kind: Literal["rules"]


class MajoritySettings(FamilySettings):
    """The label proportions of the training data, whatever the text."""

    kind: Literal["majority"]


def _must_sum_to_one(proportions: tuple[float, float, float]) -> tuple[float, float, float]:
    if abs(sum(proportions) - 1) > 1e-6:
        raise ValueError("the proportions of the stances do not sum to 1")
    return proportions


_Proportions = Annotated[tuple[Fraction, Fraction, Fraction], AfterValidator(_must_sum_to_one)]


class _SavedTopics(Frozen):
    kind: Literal["majority"] = "majority"
    proportions: tuple[Fraction, ...]


class _SavedRules(Frozen):
    kind: Literal["rules"] = "rules"
    keywords: tuple[tuple[str, ...], ...]


class _SavedStance(Frozen):
    kind: Literal["majority"] = "majority"
    overall: _Proportions
    by_target: dict[str, _Proportions]


class MajorityTopics:
    """Predicts for each topic its proportion in the training data, whatever the text."""

    cross_fit = True

    @classmethod
    def factory(cls, settings: MajoritySettings, context: FitContext) -> Callable[[], Self]:
        return cls

    def __init__(self, proportions: Sequence[float] = ()):
        self.proportions = list(proportions)

    def fit(self, train: TopicExamples, dev: TopicExamples, *, callback: TrainingCallback) -> Self:
        y = np.vstack([train.y, dev.y])
        self.proportions = (y.sum(axis=0) / max(len(y), 1)).tolist()
        return self

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        return np.tile(np.array(self.proportions), (len(texts), 1))

    def save(self, folder: Path) -> None:
        write_settings(folder, _SavedTopics(proportions=tuple(self.proportions)))

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(read_json(folder / SETTINGS_FILE, _SavedTopics).proportions)


class RuleTopics:
    """Finds a topic where the text contains one of its keywords as a whole word, ignoring case."""

    cross_fit = True

    @classmethod
    def factory(cls, settings: RulesSettings, context: FitContext) -> Callable[[], Self]:
        return partial(cls.of, context.codebook)

    def __init__(self, keywords: Sequence[Sequence[str]]):
        self.keywords = [list(words) for words in keywords]
        self._patterns = [
            re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, words)) + r")(?!\w)", re.IGNORECASE) if words else None
            for words in self.keywords
        ]

    @classmethod
    def of(cls, codebook: Codebook) -> Self:
        return cls([list(map(clean, topic.keywords)) for topic in codebook.topics])

    def fit(self, train: TopicExamples, dev: TopicExamples, *, callback: TrainingCallback) -> Self:
        return self

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        matches = [[float(bool(rule and rule.search(text))) for rule in self._patterns] for text in texts]
        return np.array(matches, dtype=np.float64).reshape(len(texts), len(self._patterns))

    def save(self, folder: Path) -> None:
        write_settings(folder, _SavedRules(keywords=tuple(map(tuple, self.keywords))))

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(read_json(folder / SETTINGS_FILE, _SavedRules).keywords)


class MajorityStance:
    """Predicts the stance proportions of the target in the training data, or of all targets if the target is new."""

    cross_fit = True

    @classmethod
    def factory(cls, settings: MajoritySettings, context: FitContext) -> Callable[[], Self]:
        return cls

    def __init__(
        self, overall: Sequence[float] = (1 / 3, 1 / 3, 1 / 3), by_target: dict[str, list[float]] | None = None
    ):
        self.overall = list(overall)
        self.by_target = by_target or {}

    def fit(self, train: StanceExamples, dev: StanceExamples, *, callback: TrainingCallback) -> Self:
        y = np.vstack([train.y, dev.y])
        targets = np.array([query.target for query in (*train.inputs, *dev.inputs)])
        if len(y):
            self.overall = y.mean(axis=0).tolist()
        self.by_target = {str(target): y[targets == target].mean(axis=0).tolist() for target in np.unique(targets)}
        return self

    def predict_proba(self, queries: Sequence[Query]) -> FloatArray:
        rows = [self.by_target.get(query.target, self.overall) for query in queries]
        return np.array(rows, dtype=np.float64).reshape(len(queries), 3)

    def save(self, folder: Path) -> None:
        write_settings(folder, _SavedStance.model_validate({"overall": self.overall, "by_target": self.by_target}))

    @classmethod
    def load(cls, folder: Path) -> Self:
        saved = read_json(folder / SETTINGS_FILE, _SavedStance)
        return cls(saved.overall, {target: list(each) for target, each in saved.by_target.items()})
