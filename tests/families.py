"""Every family, fitted on the town, for the tests of their contract."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labels.gold.adjudication import adjudicate
from models.calibration import Platt, StanceCalibration, TopicCalibration
from models.encoders.vectors import Vectors
from models.examples import (
    FloatArray,
    JointExamples,
    NoCallback,
    Query,
    StanceExamples,
    stance_examples,
    topic_examples,
)
from models.families.average import AverageStance, AverageTopics
from models.families.baselines import MajorityStance, MajorityTopics, RuleTopics
from models.families.catalog import load_stance, load_topics
from models.families.embedding import EmbeddingStance, EmbeddingStanceSettings, EmbeddingTopics, EmbeddingTopicsSettings
from models.families.encoder import EncoderStance, EncoderStanceSettings, EncoderTopics, EncoderTopicsSettings
from models.families.joint import Joint, JointSettings, describe
from models.families.linear import LinearStance, LinearStanceSettings, LinearTopics, LinearTopicsSettings
from models.families.ngrams import Ngrams
from models.families.protocol import read_kind
from models.families.setfit import SetfitStance, SetfitStanceSettings, SetfitTopics, SetfitTopicsSettings
from models.families.similarity import SimilarityTopics, SimilarityTopicsSettings
from models.families.zero_shot import ZeroShotStance, ZeroShotStanceSettings, ZeroShotTopics, ZeroShotTopicsSettings
from tests.conftest import BOOK, CPU, make_articles, tiny_encoder, tiny_nli

WORDS = Ngrams(chars=None)


# More windows of 16 tokens than a batch holds: "tea" is spelt in three letters.
LONG = 300


STRANGE = [
    "",
    " ",
    "a",
    "tea " * LONG,
    "zzyzx qwxk",
    "雨が降っている",
    "🫖☔",
    "-- … !!",
    "\0\u2028\ufeff",
    "x" * 5_000,
    "TEAPOT teapot",
]


IDENTITY = Platt()


def encoder_settings(**more: Any) -> dict[str, Any]:
    # Windows of 16 tokens: most of the town's texts need two or three.
    return {"encoder": str(tiny_encoder()), "max_length": 16} | more


def finetune_settings(*, brief: bool, **more: Any) -> dict[str, Any]:
    epochs = 2 if brief else 15
    return encoder_settings(batch_size=16, learning_rate=1e-3, **{"kind": "encoder", "epochs": epochs} | more)


def setfit_settings(*, steps: int) -> dict[str, Any]:
    return encoder_settings(kind="setfit", steps=steps, learning_rate=1e-3)


def zero_shot_settings(**more: Any) -> dict[str, Any]:
    # Hypotheses are spelt in letters: they take many tokens.
    return {"encoder": str(tiny_nli()), "max_length": 128, "kind": "zero_shot"} | more


def vectors() -> Vectors:
    return Vectors.of_encoder(str(tiny_encoder()), CPU, max_length=16)


class AverageOfMembers:
    """An average, fitted as its members are."""

    def __init__(self, members: list[Any], calibration: Any, average: Any):
        self.members, self.calibration, self.average = members, calibration, average

    def fit(self, train: Any, dev: Any, *, callback: NoCallback) -> Any:
        fitted = [member.fit(train, dev, callback=callback) for member in self.members]
        return self.average(fitted, [self.calibration] * len(fitted))


class JointTask:
    """The joint reader as a classifier of one task."""

    def __init__(self, task: str, joint: Joint | None = None, *, brief: bool = False):
        self.task = task
        settings = finetune_settings(brief=brief, kind="joint")
        self.joint = joint or Joint(JointSettings(**settings), describe(BOOK), device=CPU, seed=1)

    def fit(self, train: Any, dev: Any, *, callback: NoCallback) -> Any:
        self.joint.fit(self._joint(train), self._joint(dev), callback=callback)
        return self

    def _joint(self, examples: Any) -> JointExamples:
        y = np.full((len(examples), len(BOOK.topics), 4), np.nan)
        if self.task == "topics":
            y[:, :, 0] = examples.y
            return JointExamples(examples.inputs, y, examples.groups)
        targets = [topic.proposition for topic in BOOK.topics]
        columns = [targets.index(query.target) for query in examples.inputs]
        y[:, :, 0] = 0.0
        y[np.arange(len(columns)), columns, 0] = 1.0
        y[np.arange(len(columns)), columns, 1:] = examples.y
        return JointExamples([query.text for query in examples.inputs], y, examples.groups)

    def predict_proba(self, inputs: Any) -> FloatArray:
        return self.joint.predict_proba(inputs)[:, :, 0] if self.task == "topics" else self.joint.stances(inputs)

    def save(self, folder: Path) -> None:
        self.joint.save(folder)


# A family → a function that makes an untrained classifier, which trains for longer where it need not be `brief`.
TOPIC_FAMILIES: dict[str, Callable[[bool], Any]] = {
    "linear": lambda brief: LinearTopics(LinearTopicsSettings()),
    "linear on words": lambda brief: LinearTopics(LinearTopicsSettings(ngrams=WORDS)),
    "linear on characters": lambda brief: LinearTopics(LinearTopicsSettings(ngrams=Ngrams(words=None))),
    "rules": lambda brief: RuleTopics.of(BOOK),
    "majority": lambda brief: MajorityTopics(),
    "embedding": lambda brief: EmbeddingTopics(
        EmbeddingTopicsSettings(**encoder_settings(kind="embedding")), vectors()
    ),
    "encoder": lambda brief: EncoderTopics(EncoderTopicsSettings(**finetune_settings(brief=brief)), device=CPU, seed=1),
    "setfit": lambda brief: SetfitTopics(
        SetfitTopicsSettings(**setfit_settings(steps=5 if brief else 60)), vectors(), seed=1
    ),
    "similarity": lambda brief: SimilarityTopics.of(
        BOOK, SimilarityTopicsSettings(**encoder_settings(kind="similarity")), vectors()
    ),
    "zero_shot": lambda brief: ZeroShotTopics.of(BOOK, ZeroShotTopicsSettings(**zero_shot_settings()), CPU),
    "average": lambda brief: AverageOfMembers(
        [LinearTopics(LinearTopicsSettings(ngrams=WORDS)), MajorityTopics()],
        TopicCalibration(curves=(IDENTITY, IDENTITY), thresholds=(0.5, 0.5)),
        AverageTopics,
    ),
    "joint": lambda brief: JointTask("topics", brief=brief),
}


STANCE_FAMILIES: dict[str, Callable[[bool], Any]] = {
    "linear": lambda brief: LinearStance(LinearStanceSettings(own_from=10**6)),
    "linear with a model per target": lambda brief: LinearStance(LinearStanceSettings(ngrams=WORDS, own_from=10)),
    "majority": lambda brief: MajorityStance(),
    "embedding": lambda brief: EmbeddingStance(
        EmbeddingStanceSettings(**encoder_settings(kind="embedding"), own_from=10), vectors()
    ),
    "encoder": lambda brief: EncoderStance(EncoderStanceSettings(**finetune_settings(brief=brief)), device=CPU, seed=1),
    "setfit": lambda brief: SetfitStance(
        SetfitStanceSettings(**setfit_settings(steps=5 if brief else 60)), vectors(), seed=1
    ),
    "zero_shot": lambda brief: ZeroShotStance.of(ZeroShotStanceSettings(**zero_shot_settings()), CPU),
    "average": lambda brief: AverageOfMembers(
        [LinearStance(LinearStanceSettings(ngrams=WORDS)), MajorityStance()], StanceCalibration(), AverageStance
    ),
    "joint": lambda brief: JointTask("stance", brief=brief),
}


FINETUNED = {"encoder", "joint", "setfit"}


UNTRAINED = {"similarity", "zero_shot"}


WITH_ENCODER = {"embedding", "similarity", "zero_shot", *FINETUNED}


IGNORE_SPANS = ["embedding", "joint", "zero_shot"]


FAMILIES = [("topics", name) for name in TOPIC_FAMILIES] + [
    (task, name)
    for task in ("stance", "stance with spans")
    for name in STANCE_FAMILIES
    if (task, name) not in {("stance with spans", name) for name in IGNORE_SPANS}
]


every_family = pytest.mark.parametrize(("task", "name"), FAMILIES)


every_trained_family = pytest.mark.parametrize(
    ("task", "name"), [(task, name) for task, name in FAMILIES if name not in UNTRAINED]
)


@cache
def examples_of(task: str, *, seed: int = 1) -> Any:
    _, passages, annotations = make_articles(40, seed=seed)
    examples = adjudicate(passages, annotations)
    if task == "topics":
        return topic_examples(examples, BOOK, ["text"], "majority")
    stances = stance_examples(examples, BOOK, ["text"], "majority")
    if task == "stance":
        return stances
    # Every second text names its target at its first word.
    queries = [
        Query(query.text, query.target, (0, len(query.text.split()[0]))) if row % 2 else query
        for row, query in enumerate(stances.inputs)
    ]
    return StanceExamples(queries, stances.y, stances.groups)


@cache
def strange(task: str) -> list[Any]:
    if task == "topics":
        return list(STRANGE)
    targets = ["drinking more tea", "a target of no example", ""]
    spans = [None, (0, 1)] if task == "stance with spans" else [None]
    return [Query(text, target, span) for text in STRANGE for target in targets for span in spans]


@cache
def new_inputs(task: str) -> list[Any]:
    """Texts like the training examples, then strange ones."""
    return [*examples_of(task, seed=2).inputs, *strange(task)]


def fit(task: str, name: str, examples: Any, *, brief: bool = True) -> Any:
    families = TOPIC_FAMILIES if task == "topics" else STANCE_FAMILIES
    return families[name](brief).fit(examples, examples.take(np.arange(0)), callback=NoCallback())


@cache
def fitted(task: str, name: str, *, brief: bool = False) -> Any:
    return fit(task, name, examples_of(task), brief=brief)


@cache
def predictions(task: str, name: str) -> FloatArray:
    """The predictions of the fitted model for the new inputs."""
    return np.asarray(fitted(task, name).predict_proba(new_inputs(task)))


def assert_same(actual: FloatArray, expected: FloatArray, name: str) -> None:
    """Compare to the last bit; an encoder's sums may be taken in another order where the batch has another shape."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-5 if name in WITH_ENCODER else 0)


def load(task: str, folder: Path) -> Any:
    if read_kind(folder) == "joint":
        return JointTask(task, Joint.load(folder))
    return load_topics(folder) if task == "topics" else load_stance(folder)


def assert_are_probabilities(probabilities: FloatArray, task: str, *, rows: int) -> None:
    assert probabilities.shape == (rows, len(BOOK.topics) if task == "topics" else 3)
    assert probabilities.dtype == np.float64
    assert np.isfinite(probabilities).all()
    assert (probabilities >= 0).all()
    assert (probabilities <= 1).all()
    if task != "topics":
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
