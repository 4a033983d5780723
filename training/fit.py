"""From labelled examples to a tagger: fit the families, calibrate them, choose thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
from models.examples import Quiet, TopicExamples, Watch, stance_examples, topic_examples
from models.families import StanceClassifier, TopicClassifier
from models.tagger import Settings, Tagger, TwoStage
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
    warnings: list[str] = []
    topic_model: TopicClassifier | None = None
    dev_topic_model: TopicClassifier | None = None
    topic_calibration = None
    if config.topics is not None:
        parts = [topic_examples(side, codebook, config.input, config.data.votes) for side in (train, dev)]
        warnings += _thin(parts[0] + parts[1], codebook)
        read = held_out.topics(config.topics, config, codebook, *parts, watch=watch)
        topic_model, dev_topic_model = read.model, read.of_train
        topic_calibration, unmet = calibrate_topics(
            read.raw, read.y, precision=config.thresholds.precision, seed=config.seed
        )
        warnings += [
            f"topic {codebook.topics[position].id!r}: precision {config.thresholds.precision} was not reached out of "
            "fold; its threshold is the nearest to it"
            for position in unmet
        ]
    stance_model: StanceClassifier | None = None
    dev_stance_model: StanceClassifier | None = None
    stance_calibration = None
    if config.stance is not None:
        asked = [stance_examples(side, codebook, config.input, config.data.votes) for side in (train, dev)]
        if not len(asked[0]):
            raise DemarcheError("the training side has no stances; take `stance:` out of the config or label some")
        told = held_out.stance(config.stance, config, *asked, watch=watch)
        stance_model, dev_stance_model = told.model, told.of_train
        stance_calibration = calibrate_stance(told.raw, told.y)
    settings = Settings(
        input=config.input,
        review=config.review,
        topic_calibration=topic_calibration,
        stance_calibration=stance_calibration,
        languages=languages_learnt([example.passage.text for example in (*train, *dev)]),
    )
    tagger = Tagger(codebook, TwoStage(topic_model, stance_model), settings)
    if dev_topic_model is None and dev_stance_model is None:
        return Fitted(tagger, None, warnings)
    return Fitted(tagger, Tagger(codebook, TwoStage(dev_topic_model, dev_stance_model), settings), warnings)


def baselines(
    config: Config, codebook: Codebook, train: Sequence[Example], dev: Sequence[Example]
) -> dict[str, Tagger]:
    """What trivial models get: `majority`, and `rules` where the codebook has keywords."""
    topics: dict[str, TopicClassifier | None] = {"majority": None}
    if config.topics is not None:
        examples = [topic_examples(side, codebook, config.input, "majority") for side in (train, dev)]
        topics["majority"] = MajorityTopics().fit(*examples, watch=Quiet())
        if any(topic.keywords for topic in codebook.topics):
            topics["rules"] = RuleTopics.of(codebook)
    stance = None
    if config.stance is not None:
        asked = [stance_examples(side, codebook, config.input, "majority") for side in (train, dev)]
        stance = MajorityStance().fit(*asked, watch=Quiet())
    plain = TopicCalibration(curves=(Platt(),) * len(codebook.topics), thresholds=(0.5,) * len(codebook.topics))
    settings = Settings(
        input=config.input,
        review=0.0,
        topic_calibration=None if config.topics is None else plain,
        stance_calibration=StanceCalibration(),
    )
    return {name: Tagger(codebook, TwoStage(model, stance), settings) for name, model in topics.items()}


def _thin(examples: TopicExamples, codebook: Codebook) -> list[str]:
    """Topics that cannot be learnt or calibrated from so few examples."""
    counts, hints = (examples.y > 0.5).sum(axis=0), examples.y.sum(axis=0) > 0
    return [
        f"topic {topic.id!r} has {count} examples in train and dev; "
        + ("its probabilities and threshold are not calibrated" if hint else "there is nothing to learn it from")
        for topic, count, hint in zip(codebook.topics, counts, hints, strict=True)
        if count < FEWEST
    ]
