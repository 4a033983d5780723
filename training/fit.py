"""From labelled examples to a tagger: fit the families, calibrate them, choose thresholds."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass

import numpy as np

from labels.adjudication import Example
from labels.codebook import Codebook
from labels.errors import DemarcheError
from labels.language import languages_learnt
from models.baselines import MajorityStance, MajorityTopics, RuleTopics
from models.calibration import (
    FEWEST,
    Platt,
    StanceCalibration,
    TopicCalibration,
    calibrate_stance,
    calibrate_topics,
)
from models.examples import FloatArray, Quiet, Watch, joint_examples, stance_examples, topic_examples
from models.families import StanceClassifier, TopicClassifier
from models.tagger import OnePass, Reader, Settings, Tagger, TwoStage
from training import held_out
from training.config import Config


@dataclass(frozen=True)
class Fitted:
    """`tagger` learnt from train and dev; `dev_tagger` from train alone, to be judged on dev."""

    tagger: Tagger
    dev_tagger: Tagger | None
    warnings: list[str]


def fit(
    config: Config, codebook: Codebook, train: Sequence[Example], dev: Sequence[Example], *, watch: Watch
) -> Fitted:
    """Fits and calibrates; calibration sees only predictions for articles that the model did not learn from."""
    read = (_two_stage if config.joint is None else _one_pass)(config, codebook, train, dev, watch)
    settings = Settings(
        input=config.input,
        review=config.review,
        topic_calibration=read.topics,
        stance_calibration=read.stance,
        languages=languages_learnt([example.passage.text for example in (*train, *dev)]),
    )
    tagger = Tagger(codebook, read.reader, settings)
    dev_tagger = None if read.of_train is None else Tagger(codebook, read.of_train, settings)
    return Fitted(tagger, dev_tagger, read.warnings)


@dataclass(frozen=True)
class _Calibrated:
    """`reader`, calibrated; `of_train` learnt from train alone."""

    reader: Reader
    of_train: Reader | None
    topics: TopicCalibration | None
    stance: StanceCalibration | None
    warnings: list[str]


def _two_stage(
    config: Config, codebook: Codebook, train: Sequence[Example], dev: Sequence[Example], watch: Watch
) -> _Calibrated:
    # What is not trained has no model, neither of all nor of train.
    topic_models: tuple[TopicClassifier | None, TopicClassifier | None] = None, None
    stance_models: tuple[StanceClassifier | None, StanceClassifier | None] = None, None
    topic_calibration, stance_calibration = None, None
    warnings: list[str] = []
    if config.topics is not None:
        parts = [topic_examples(side, codebook, config.input, config.data.votes) for side in (train, dev)]
        read = held_out.topics(config.topics, config, codebook, *parts, watch=watch)
        topic_models = read.model, read.of_train
        topic_calibration, warnings = _calibrate_topics(
            config, codebook, read.raw, read.y, where=_where(read.y, *parts)
        )
    if config.stance is not None:
        asked = [stance_examples(side, codebook, config.input, config.data.votes) for side in (train, dev)]
        if not len(asked[0]):
            raise DemarcheError("the training side has no stances; take `stance:` out of the config or label some")
        told = held_out.stance(config.stance, config, *asked, watch=watch)
        stance_models = told.model, told.of_train
        stance_calibration = calibrate_stance(told.raw, told.y)
        warnings += _thin_stance(told.y, where=_where(told.y, *asked))
    reader, of_train = (TwoStage(*pair) for pair in zip(topic_models, stance_models, strict=True))
    judged = of_train if of_train.reads_topics or of_train.reads_stance else None
    return _Calibrated(reader, judged, topic_calibration, stance_calibration, warnings)


def _one_pass(
    config: Config, codebook: Codebook, train: Sequence[Example], dev: Sequence[Example], watch: Watch
) -> _Calibrated:
    assert config.joint is not None
    parts = [joint_examples(side, codebook, config.input, config.data.votes) for side in (train, dev)]
    found = held_out.joint(config.joint, config, codebook, *parts, watch=watch)
    topics, warnings = _calibrate_topics(
        config, codebook, found.raw[:, :, 0], found.y[:, :, 0], where=_where(found.y, *parts)
    )
    told = ~np.isnan(found.y[:, :, 1])
    stance = calibrate_stance(found.raw[told][:, 1:], found.y[told][:, 1:])
    warnings += _thin_stance(found.y[told], where=_where(found.y, *parts))
    of_train = None if found.of_train is None else OnePass(found.of_train)
    return _Calibrated(OnePass(found.model), of_train, topics, stance, warnings)


def _where(y: FloatArray, _: Sized, dev: Sized) -> str:
    """Which sides the rows that are calibrated on come from."""
    return "train and dev" if len(y) > len(dev) else "dev"


def _calibrate_topics(
    config: Config, codebook: Codebook, raw: FloatArray, y: FloatArray, *, where: str
) -> tuple[TopicCalibration, list[str]]:
    calibration, unmet = calibrate_topics(raw, y, precision=config.thresholds.precision, seed=config.seed)
    return calibration, _thin(y, codebook, where=where) + [
        f"topic {codebook.topics[position].id!r}: precision {config.thresholds.precision} was not reached out of "
        "fold; its threshold is the nearest to it"
        for position in unmet
    ]


def baselines(
    config: Config, codebook: Codebook, train: Sequence[Example], dev: Sequence[Example]
) -> dict[str, Tagger]:
    """What trivial models get: `majority`, and `rules` where the codebook has keywords."""
    topics: dict[str, TopicClassifier | None] = {"majority": None}
    if config.reads_topics:
        examples = [topic_examples(side, codebook, config.input, "majority") for side in (train, dev)]
        topics["majority"] = MajorityTopics().fit(*examples, watch=Quiet())
        if any(topic.keywords for topic in codebook.topics):
            topics["rules"] = RuleTopics.of(codebook)
    stance = None
    if config.reads_stance:
        asked = [stance_examples(side, codebook, config.input, "majority") for side in (train, dev)]
        stance = MajorityStance().fit(*asked, watch=Quiet())
    plain = TopicCalibration(curves=(Platt(),) * len(codebook.topics), thresholds=(0.5,) * len(codebook.topics))
    settings = Settings(
        input=config.input,
        review=0.0,
        topic_calibration=plain if config.reads_topics else None,
        stance_calibration=StanceCalibration(),
    )
    return {name: Tagger(codebook, TwoStage(model, stance), settings) for name, model in topics.items()}


def _thin(y: FloatArray, codebook: Codebook, *, where: str) -> list[str]:
    """Topics that cannot be learnt or calibrated from so few examples."""
    counts, hints = (y > 0.5).sum(axis=0), y.sum(axis=0) > 0
    nothing = "there is nothing to " + ("calibrate it on" if where == "dev" else "learn it from")
    return [
        f"topic {topic.id!r} has {count} examples in {where}; "
        + ("its probabilities and threshold are not calibrated" if hint else nothing)
        for topic, count, hint in zip(codebook.topics, counts, hints, strict=True)
        if count < FEWEST
    ]


def _thin_stance(y: FloatArray, *, where: str) -> list[str]:
    few = len(y) < FEWEST
    return [f"stance has {len(y)} examples in {where}; its probabilities are not calibrated"] if few else []
