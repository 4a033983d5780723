"""Models, each with its probabilities for articles that it did not learn from: what calibration may look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from labels.codebook import Codebook
from labels.errors import DemarcheError
from models.baselines import MajorityStance, MajorityTopics, RuleTopics
from models.calibration import calibrate_stance, calibrate_topics, folds
from models.examples import FloatArray, JointExamples, StanceExamples, TopicExamples, Watch
from models.families import StanceClassifier, StanceLearner, TopicClassifier, TopicLearner
from models.settings import (
    AverageStanceSettings,
    AverageTopicsSettings,
    EmbeddingStanceSettings,
    EmbeddingTopicsSettings,
    Encoded,
    EncoderStanceSettings,
    EncoderTopicsSettings,
    JointSettings,
    LinearStanceSettings,
    LinearTopicsSettings,
    MajoritySettings,
    RulesSettings,
    SetfitStanceSettings,
    SetfitTopicsSettings,
    SimilarityTopicsSettings,
    StanceSettings,
    TopicsSettings,
    ZeroShotStanceSettings,
    ZeroShotTopicsSettings,
)
from training.config import Config
from training.prepare import earlier

if TYPE_CHECKING:
    from models.joint import Joint

Model = TypeVar("Model")


@dataclass(frozen=True)
class HeldOut(Generic[Model]):
    """`raw` and gold `y` of rows that the model they come from did not learn from.

    Either of train followed by dev (cross-fitted: `model` learnt from both), or of dev alone. `of_train` learnt
    from train alone and can be judged on dev; None without dev.
    """

    raw: FloatArray
    y: FloatArray
    model: Model
    of_train: Model | None


def topics(
    settings: TopicsSettings,
    config: Config,
    codebook: Codebook,
    train: TopicExamples,
    dev: TopicExamples,
    *,
    watch: Watch,
) -> HeldOut[TopicClassifier]:
    if isinstance(settings, AverageTopicsSettings):
        from models.average import AverageTopics

        members = [
            topics(member, _drawing(config, number), codebook, train, dev, watch=_Part(watch, f"member_{number}"))
            for number, member in enumerate(settings.of, start=1)
        ]
        found = [calibrate_topics(member.raw, member.y, precision=None, seed=config.seed)[0] for member in members]
        return _averaged(AverageTopics, members, found, dev)
    new = _topic_family(settings, config, codebook, train + dev)
    return _held_out(new, train, dev, what="topics", seed=config.seed, watch=watch)


def stance(
    settings: StanceSettings, config: Config, train: StanceExamples, dev: StanceExamples, *, watch: Watch
) -> HeldOut[StanceClassifier]:
    if isinstance(settings, AverageStanceSettings):
        from models.average import AverageStance

        members = [
            stance(member, _drawing(config, number), train, dev, watch=_Part(watch, f"member_{number}"))
            for number, member in enumerate(settings.of, start=1)
        ]
        return _averaged(AverageStance, members, [calibrate_stance(member.raw, member.y) for member in members], dev)
    new = _stance_family(settings, config, train + dev)
    return _held_out(new, train, dev, what="stance", seed=config.seed, watch=watch)


def joint(
    settings: JointSettings,
    config: Config,
    codebook: Codebook,
    train: JointExamples,
    dev: JointExamples,
    *,
    watch: Watch,
) -> HeldOut[Joint]:
    """`raw` and `y` are (rows, topics, 4), as JointExamples say."""
    from models.joint import Joint, describe

    start = earlier(settings, "joint")
    new = partial(Joint, settings, describe(codebook), machine=_machine(config), seed=config.seed, start=start)
    return _held_out(new, train, dev, what="joint", seed=config.seed, watch=watch)


def inputs(examples: TopicExamples | StanceExamples | JointExamples) -> Any:
    return examples.queries if isinstance(examples, StanceExamples) else examples.texts


def _topic_family(
    settings: TopicsSettings, config: Config, codebook: Codebook, examples: TopicExamples
) -> Callable[[], TopicLearner]:
    """Makes the classifiers that are to be fitted on parts of `examples`."""
    match settings:
        case LinearTopicsSettings():
            from models.features import Counted
            from models.linear import LinearTopics

            return partial(LinearTopics, settings, Counted(examples.texts, settings.ngrams))
        case EmbeddingTopicsSettings():
            from models.embedding import EmbeddingTopics

            return partial(EmbeddingTopics, settings, _vectors(settings, config))
        case EncoderTopicsSettings():
            from models.encoder import EncoderTopics

            start = earlier(settings, "topics")
            return partial(EncoderTopics, settings, machine=_machine(config), seed=config.seed, start=start)
        case SetfitTopicsSettings():
            from models.setfit import SetfitTopics

            return partial(SetfitTopics, settings, _vectors(settings, config), seed=config.seed)
        case SimilarityTopicsSettings():
            from models.similarity import SimilarityTopics

            similarity = SimilarityTopics.of(codebook, settings, _vectors(settings, config))
            return lambda: similarity
        case ZeroShotTopicsSettings():
            from models.zero_shot import ZeroShotTopics

            zero_shot = ZeroShotTopics.of(codebook, settings, _machine(config))
            return lambda: zero_shot
        case RulesSettings():
            return partial(RuleTopics.of, codebook)
        case MajoritySettings():
            return MajorityTopics
        case _:
            raise AssertionError(settings)


def _stance_family(settings: StanceSettings, config: Config, examples: StanceExamples) -> Callable[[], StanceLearner]:
    """Makes the classifiers that are to be fitted on parts of `examples`."""
    match settings:
        case LinearStanceSettings():
            from models.features import Counted
            from models.linear import LinearStance

            return partial(LinearStance, settings, Counted((q.text for q in examples.queries), settings.ngrams))
        case EmbeddingStanceSettings():
            from models.embedding import EmbeddingStance

            return partial(EmbeddingStance, settings, _vectors(settings, config))
        case EncoderStanceSettings():
            from models.encoder import EncoderStance

            start = earlier(settings, "stance")
            return partial(EncoderStance, settings, machine=_machine(config), seed=config.seed, start=start)
        case SetfitStanceSettings():
            from models.setfit import SetfitStance

            return partial(SetfitStance, settings, _vectors(settings, config), seed=config.seed)
        case ZeroShotStanceSettings():
            from models.zero_shot import ZeroShotStance

            zero_shot = ZeroShotStance.of(settings, _machine(config))
            return lambda: zero_shot
        case MajoritySettings():
            return MajorityStance
        case _:
            raise AssertionError(settings)


def _vectors(settings: Encoded, config: Config) -> Any:
    from models.vectors import Vectors

    return Vectors.of_encoder(settings.encoder, _machine(config), max_length=settings.max_length)


def _machine(config: Config) -> Any:
    from models.encoders import machine

    return machine(config.device, config.precision)


def _held_out(new: Callable[[], Any], train: Any, dev: Any, *, what: str, seed: int, watch: Watch) -> HeldOut[Any]:
    if not new().cross_fit:
        if not len(dev):
            raise DemarcheError(
                f"{what}: this family is calibrated on dev, and the dev side has nothing labelled for it; "
                "raise split.dev"
            )
        model = new().fit(train, dev, watch=watch)
        return HeldOut(model.predict_proba(inputs(dev)), dev.y, model, model)
    both = train + dev
    nothing = both.take(np.arange(0))
    raw = np.zeros_like(both.y)
    parts = folds(train, dev, seed=seed)
    of_train = None
    for done, (rest, fold) in enumerate(parts):
        watch.step(what, done=done, total=len(parts) + 1)
        model = new().fit(both.take(rest), nothing, watch=_Part(watch, f"fit_{done + 1}"))
        raw[fold] = model.predict_proba(inputs(both.take(fold)))
        if done == 0 and len(dev):
            of_train = model
    watch.step(what, done=len(parts), total=len(parts) + 1)
    model = new().fit(both, nothing, watch=_Part(watch, f"fit_{len(parts) + 1}"))
    watch.step(what, done=len(parts) + 1, total=len(parts) + 1)
    return HeldOut(raw, both.y, model, of_train)


def _averaged(
    average: Callable[[Sequence[Any], Sequence[Any]], Any],
    members: Sequence[HeldOut[Any]],
    calibrations: Sequence[Any],
    dev: TopicExamples | StanceExamples,
) -> HeldOut[Any]:
    # Dev stands last in all of them; train is held out only where every member was cross-fitted.
    rows = min(len(member.y) for member in members)
    found = [
        calibration.probabilities(member.raw)[-rows:] for member, calibration in zip(members, calibrations, strict=True)
    ]
    of_train = None
    if len(dev):
        of_train = average([member.of_train for member in members], calibrations)
    model = average([member.model for member in members], calibrations)
    return HeldOut(np.asarray(np.mean(found, axis=0)), members[0].y[-rows:], model, of_train)


def _drawing(config: Config, number: int) -> Config:
    """The members of an average draw from seeds of their own: of the same kind, they are to err each in its own way
    (deep ensembles, Lakshminarayanan et al. 2017)."""
    return config.model_copy(update={"seed": (config.seed + 1000 * (number - 1)) % 2**32})


class _Part:
    """Watches one of several fits that make a model: a member of an average, a fit of a cross-fit."""

    def __init__(self, watch: Watch, name: str):
        self._watch = watch
        self._name = name

    def step(self, what: str, *, done: int, total: int) -> None:
        self._watch.step(self._of(what), done=done, total=total)

    def epoch(self, what: str, number: int, figures: Mapping[str, float]) -> None:
        self._watch.epoch(self._of(what), number, figures)

    def _of(self, what: str) -> str:
        task, *inner = what.split("/")
        return "/".join([task, self._name, *inner])

    def checkpoints(self, key: str) -> Path | None:
        return self._watch.checkpoints(key)
