"""Fit the families of a config, calibrate them and choose thresholds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labels.codebook import Codebook
from labels.errors import DemarcheError
from labels.gold.adjudication import Example
from labels.wording import counted
from models.calibration import (
    FEWEST,
    Platt,
    StanceCalibration,
    TopicCalibration,
    calibrate_stance,
    calibrate_topics,
)
from models.drift import Reference
from models.examples import (
    Examples,
    FloatArray,
    NoCallback,
    StanceExamples,
    TrainingCallback,
    joint_examples,
    stance_examples,
    topic_examples,
)
from models.familiarity import Familiarity
from models.families.baselines import MajorityStance, MajorityTopics, RuleTopics
from models.families.linear import LinearStanceSettings
from models.families.protocol import FamilySettings, FitContext, StanceClassifier, TopicClassifier
from models.language import training_languages
from models.reader import OnePass, Reader, TwoStage
from models.tagger import Tagger, TaggerSettings
from training.config import Config
from training.cross_fit import fit_joint, fit_stance, fit_topics
from training.out_of_fold import OutOfFold


@dataclass(frozen=True)
class Fitted:
    """A fitted `tagger`, trained on train and dev, and a `dev_tagger`, trained on train only and evaluated on dev."""

    tagger: Tagger
    dev_tagger: Tagger | None
    warnings: list[str]


def fit(
    config: Config,
    codebook: Codebook,
    train: Sequence[Example],
    dev: Sequence[Example],
    *,
    initial_models: Mapping[str, Path] | None = None,
    callback: TrainingCallback,
) -> Fitted:
    """Fit and calibrate a tagger; calibration sees only out-of-fold predictions.

    `initial_models` are the earlier models to start from, as returned by `initial_models(config)`.
    """
    make = _two_stage if config.joint is None else _one_pass
    calibrated = make(config, codebook, train, dev, initial_models or {}, callback)
    texts = [example.passage.text for example in (*train, *dev)]
    settings = TaggerSettings(
        input=config.input,
        review=config.review,
        topic_calibration=calibrated.topics,
        stance_calibration=calibrated.stance,
        languages=training_languages(texts),
        familiarity=_familiarity([*train, *dev]),
        text_share=config.thresholds.text,
    )
    tagger = Tagger(codebook, calibrated.reader, settings, _reference([*train, *dev], calibrated))
    dev_tagger = None
    if calibrated.train_reader is not None:
        # With the words of dev, no passage of dev would be unfamiliar, and the scores on dev would be too high.
        on_train = settings.model_copy(update={"familiarity": _familiarity(train)})
        dev_tagger = Tagger(codebook, calibrated.train_reader, on_train)
    return Fitted(tagger, dev_tagger, calibrated.warnings)


def _familiarity(examples: Sequence[Example]) -> Familiarity | None:
    passages = [example.passage for example in examples]
    return Familiarity.of([passage.text for passage in passages], [passage.group_id for passage in passages])


def _reference(examples: Sequence[Example], calibrated: _Calibrated) -> Reference:
    passages, topics = [example.passage for example in examples], calibrated.topics
    return Reference.of(
        [passage.text for passage in passages],
        [passage.group_id for passage in passages],
        np.zeros((0, 0)) if topics is None else np.asarray(topics.probabilities(calibrated.raw_topics)),
        () if topics is None else topics.thresholds,
    )


@dataclass(frozen=True)
class _Calibrated:
    """A reader with its calibration; `train_reader` is trained on train alone, and `raw_topics` are out-of-fold."""

    reader: Reader
    train_reader: Reader | None
    topics: TopicCalibration | None
    stance: StanceCalibration | None
    warnings: list[str]
    raw_topics: FloatArray


def _two_stage(
    config: Config,
    codebook: Codebook,
    train: Sequence[Example],
    dev: Sequence[Example],
    initial_models: Mapping[str, Path],
    callback: TrainingCallback,
) -> _Calibrated:
    def context(examples: Examples[Any]) -> FitContext:
        return _context(config, codebook, examples, initial_models)

    topics: OutOfFold[TopicClassifier] | None = None
    stance: OutOfFold[StanceClassifier] | None = None
    topic_calibration, stance_calibration = None, None
    warnings: list[str] = []
    if config.topics is not None:
        texts = [topic_examples(split, codebook, config.input, config.data.votes) for split in (train, dev)]
        topics = fit_topics(config.topics, context(texts[0] + texts[1]), *texts, callback=callback)
        topic_calibration, warnings = _calibrate_topics(
            config, codebook, topics.raw, topics.y, where=_where(topics.y, texts[1])
        )
    if config.stance is not None:
        queries = [stance_examples(split, codebook, config.input, config.data.votes) for split in (train, dev)]
        if not len(queries[0]):
            raise DemarcheError("train has no stances; remove `stance:` from the config, or label some")
        stance = fit_stance(config.stance, context(queries[0] + queries[1]), *queries, callback=callback)
        stance_calibration = _calibrate_stance(config, stance.raw, stance.y)
        warnings += _few_stances(stance.y, where=_where(stance.y, queries[1]))
        warnings += _few_by_topic(config.stance, codebook, queries[0] + queries[1])
    reader = TwoStage(topics.model if topics else None, stance.model if stance else None)
    train_reader = TwoStage(topics.train_model if topics else None, stance.train_model if stance else None)
    has_dev = train_reader.reads_topics or train_reader.reads_stance
    return _Calibrated(
        reader,
        train_reader if has_dev else None,
        topic_calibration,
        stance_calibration,
        warnings,
        topics.raw if topics else np.zeros((0, 0)),
    )


def _one_pass(
    config: Config,
    codebook: Codebook,
    train: Sequence[Example],
    dev: Sequence[Example],
    initial_models: Mapping[str, Path],
    callback: TrainingCallback,
) -> _Calibrated:
    assert config.joint is not None
    examples = [joint_examples(split, codebook, config.input, config.data.votes) for split in (train, dev)]
    context = _context(config, codebook, examples[0] + examples[1], initial_models)
    joint = fit_joint(config.joint, context, *examples, callback=callback)
    where = _where(joint.y, examples[1])
    topics, warnings = _calibrate_topics(config, codebook, joint.raw[:, :, 0], joint.y[:, :, 0], where=where)
    has_stance = ~np.isnan(joint.y[:, :, 1])
    stance = _calibrate_stance(config, joint.raw[has_stance][:, 1:], joint.y[has_stance][:, 1:])
    warnings += _few_stances(joint.y[has_stance], where=where)
    train_reader = None if joint.train_model is None else OnePass(joint.train_model)
    return _Calibrated(OnePass(joint.model), train_reader, topics, stance, warnings, joint.raw[:, :, 0])


def _context(
    config: Config, codebook: Codebook, examples: Examples[Any], initial_models: Mapping[str, Path]
) -> FitContext:
    return FitContext(
        codebook=codebook,
        examples=examples,
        seed=config.seed,
        device_name=config.device,
        precision=config.precision,
        initial_models=initial_models,
    )


def _where(y: FloatArray, dev: Sized) -> str:
    """Name the splits that the rows of calibration come from."""
    return "train and dev" if len(y) > len(dev) else "dev"


def _calibrate_topics(
    config: Config, codebook: Codebook, raw: FloatArray, y: FloatArray, *, where: str
) -> tuple[TopicCalibration, list[str]]:
    calibration, unmet = calibrate_topics(raw, y, precision=config.thresholds.precision, seed=config.seed)
    return calibration, _few_examples(y, codebook, where=where) + [
        f"topic {codebook.topics[position].id!r}: precision {config.thresholds.precision} was not reached on "
        "out-of-fold predictions; its threshold is the nearest to it"
        for position in unmet
    ]


def _calibrate_stance(config: Config, raw: FloatArray, y: FloatArray) -> StanceCalibration:
    calibration = calibrate_stance(raw, y)
    if config.thresholds.stance == "likeliest":
        return calibration.model_copy(update={"weights": StanceCalibration().weights})
    return calibration


def baselines(
    config: Config, codebook: Codebook, train: Sequence[Example], dev: Sequence[Example]
) -> dict[str, Tagger]:
    """Return the baseline taggers: `majority`, and `rules` where the codebook has keywords."""
    topics: dict[str, TopicClassifier | None] = {"majority": None}
    if config.reads_topics:
        examples = [topic_examples(split, codebook, config.input, "majority") for split in (train, dev)]
        topics["majority"] = MajorityTopics().fit(*examples, callback=NoCallback())
        if any(topic.keywords for topic in codebook.topics):
            topics["rules"] = RuleTopics.of(codebook)
    stance = None
    if config.reads_stance:
        queries = [stance_examples(split, codebook, config.input, "majority") for split in (train, dev)]
        stance = MajorityStance().fit(*queries, callback=NoCallback())
    plain = TopicCalibration(curves=(Platt(),) * len(codebook.topics), thresholds=(0.5,) * len(codebook.topics))
    settings = TaggerSettings(
        input=config.input,
        review=0.0,
        topic_calibration=plain if config.reads_topics else None,
        stance_calibration=StanceCalibration(),
    )
    return {name: Tagger(codebook, TwoStage(model, stance), settings) for name, model in topics.items()}


def _few_examples(y: FloatArray, codebook: Codebook, *, where: str) -> list[str]:
    """Return a warning for each topic with too few examples to be trained or calibrated."""
    counts, has_votes = (y > 0.5).sum(axis=0), y.sum(axis=0) > 0
    nothing = "it cannot be " + ("calibrated" if where == "dev" else "trained")
    return [
        f"topic {topic.id!r} has {counted(count, 'example')} in {where}; "
        + ("its probabilities and threshold are not calibrated" if votes else nothing)
        for topic, count, votes in zip(codebook.topics, counts, has_votes, strict=True)
        if count < FEWEST
    ]


def _few_stances(y: FloatArray, *, where: str) -> list[str]:
    few = len(y) < FEWEST
    return [f"stance has {counted(len(y), 'example')} in {where}; its probabilities are not calibrated"] if few else []


def _few_by_topic(settings: FamilySettings, codebook: Codebook, examples: StanceExamples) -> list[str]:
    """Return a warning if the linear family has too few labels of some topics to tell their stances apart."""
    linear = [member for member in settings.members if isinstance(member, LinearStanceSettings)]
    counts = Counter(query.target for query in examples.inputs)
    of_topics = [(topic.id, counts[topic.proposition]) for topic in codebook.topics]
    few = [(id, count) for id, count in of_topics if linear and 0 < count < min(each.own_from for each in linear)]
    if not few or len(counts) < 2:
        return []
    listed = ", ".join(f"{id} {count}" for id, count in few[:12]) + (", …" if len(few) > 12 else "")
    return [
        f"stance: the linear family has fewer than {min(each.own_from for each in linear)} labels of {listed}: it learns "
        "little of how stances differ between topics, and often gives all topics of a passage the same one; label more, "
        "or compare with the family `embedding`"
    ]
