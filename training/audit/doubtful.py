"""Find the training labels that a model contradicts most.

A label is as doubtful as its out-of-fold probability is low: the self-confidence of confident learning (Northcutt et al.
2021). Only labels of train and dev are audited. If labels of test were corrected where a model contradicts them, that
model would seem better than it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from labels.codebook import STANCES, Codebook
from labels.errors import DemarcheError
from labels.gold.adjudication import Example, Proportions, Target
from labels.passages import GOLD
from labels.wording import counted
from models.calibration import calibrate_stance, calibrate_topics
from models.examples import (
    Examples,
    FloatArray,
    Input,
    NoCallback,
    TrainingCallback,
    joint_examples,
    stance_examples,
    topic_examples,
)
from models.families.protocol import FitContext
from training.comparison.find import MOST, find_run
from training.config import Config, read_config
from training.cross_fit import fit_joint, fit_stance, fit_topics
from training.prepare import Prepared
from training.record import data_tags
from training.reporter import Reporter
from training.run import check
from training.tracking import runs as tracking

_CONFIG = "config.yaml"


@dataclass(frozen=True)
class Doubt:
    """A label, and its out-of-fold probability. `label` is a stance, or whether the topic holds."""

    about: str
    label: str
    probability: float


@dataclass(frozen=True)
class Suspect:
    """A passage with its most doubtful label, and what the model says: probabilities of topics, and of stances."""

    example: Example
    doubt: Doubt
    topics: Mapping[str, float]
    stances: Mapping[Target, Proportions]


@dataclass(frozen=True)
class Audit:
    """The audited passages, the most doubtful first. No annotator overrides the labels of those in `by_gold`."""

    prepared: Prepared
    suspects: list[Suspect]
    by_gold: frozenset[str]

    @property
    def codebook(self) -> Codebook:
        return self.prepared.data.codebook


class _Progress(NoCallback):
    """Reports the steps of a fit."""

    def __init__(self, reporter: Reporter):
        self._reporter = reporter

    def step(self, what: str, *, done: int, total: int) -> None:
        self._reporter.step(what, done=done, total=total)


def audit(run_or_config: str, overrides: Sequence[str] = (), *, reporter: Reporter) -> Audit:
    """Rank the passages of train and dev by the probability of their labels, as models of a config see them out of fold.

    Nothing is saved. Raises BadInput or DemarcheError for user errors, as training does.
    """
    config, digest = _config(run_or_config, overrides, reporter=reporter)
    prepared = check(config, reporter=reporter)
    if digest not in (None, data_tags(prepared)["demarche.data"]):
        reporter.warn(f"the labels have changed since {run_or_config} was trained; they are audited as they are now")
    topics, stances = out_of_fold(prepared, _Progress(reporter))
    examples = prepared.examples_in("train") + prepared.examples_in("dev")
    _warn_of_unread(prepared, topics, stances, reporter)
    suspects = list(_suspects(examples, topics, stances))
    if not suspects:
        raise DemarcheError(f"{run_or_config}: no label of train or dev was read out of fold; raise split.dev")
    suspects.sort(key=lambda suspect: (suspect.doubt.probability, suspect.example.passage.id))
    by_gold = {annotation.passage for annotation in prepared.data.annotations if annotation.annotator == GOLD}
    return Audit(prepared, suspects, frozenset(by_gold))


def _config(run_or_config: str, overrides: Sequence[str], *, reporter: Reporter) -> tuple[Config, str | None]:
    """Return a config file, or the config of a run and the digest of its data.

    Paths in the config of a run are relative to the working folder, as they were when it was trained.
    """
    path = Path(run_or_config)
    if path.suffix.lower() in (".yaml", ".yml") or path.is_file():
        return read_config(path, overrides), None
    run = find_run(run_or_config, tracking.runs(most=MOST), reporter=reporter)
    return read_config(tracking.fetch_artifact(run.id, _CONFIG), overrides), run.tags.get("demarche.data")


Topics = dict[str, Mapping[str, float]]
"""{passage: {topic: probability}}."""
Stances = dict[str, dict[Target, Proportions]]
"""{passage: {target: probabilities}}."""


def out_of_fold(prepared: Prepared, callback: TrainingCallback) -> tuple[Topics, Stances]:
    """Return calibrated probabilities for the passages of train and dev that the predicting model did not learn from."""
    config, codebook = prepared.config, prepared.data.codebook
    if config.joint is not None:
        return _read_jointly(prepared, callback)
    topics: Topics = {}
    stances: Stances = {}
    if config.topics is not None:
        kept = [_of_known_topics(prepared, split) for split in ("train", "dev")]
        texts = [topic_examples(each, codebook, config.input, config.data.votes) for each in kept]
        fitted = fit_topics(config.topics, _context(prepared, texts), *texts, callback=callback)
        topics = _topics(prepared, [*kept[0], *kept[1]], fitted.raw, fitted.y)
    if config.stance is not None:
        single = [_by_target(prepared, split) for split in ("train", "dev")]
        queries = [stance_examples(each, codebook, config.input, config.data.votes) for each in single]
        fitted_stance = fit_stance(config.stance, _context(prepared, queries), *queries, callback=callback)
        asked = [(each.passage.id, target) for each in (*single[0], *single[1]) for target in each.stances]
        stances = _stances(asked, fitted_stance.raw, fitted_stance.y)
    return topics, stances


def _read_jointly(prepared: Prepared, callback: TrainingCallback) -> tuple[Topics, Stances]:
    config, codebook = prepared.config, prepared.data.codebook
    assert config.joint is not None
    kept = [_of_known_topics(prepared, split) for split in ("train", "dev")]
    texts = [joint_examples(each, codebook, config.input, config.data.votes) for each in kept]
    fitted = fit_joint(config.joint, _context(prepared, texts), *texts, callback=callback)
    examples = [*kept[0], *kept[1]]
    examples = examples[len(examples) - len(fitted.raw) :]
    rows, columns = np.nonzero(~np.isnan(fitted.y[:, :, 1]))
    asked = [
        (examples[row].passage.id, Target(codebook.topic_ids[column]))
        for row, column in zip(rows, columns, strict=True)
    ]
    return (
        _topics(prepared, examples, fitted.raw[:, :, 0], fitted.y[:, :, 0]),
        _stances(asked, fitted.raw[rows, columns, 1:], fitted.y[rows, columns, 1:]),
    )


def _of_known_topics(prepared: Prepared, split: str) -> list[Example]:
    """Return the examples that `topic_examples` has a row for."""
    soft = prepared.config.data.votes == "soft"
    return [example for example in prepared.examples_in(split) if soft or not example.tied_topics]


def _by_target(prepared: Prepared, split: str) -> list[Example]:
    """Return an example for each row of `stance_examples`, with the stance of that row alone."""
    soft = prepared.config.data.votes == "soft"
    return [
        replace(example, stances={target: stance})
        for example in prepared.examples_in(split)
        for target, stance in example.stances.items()
        if stance is not None or (soft and target in example.stance_votes)
    ]


def _context(prepared: Prepared, splits: Sequence[Examples[Input]]) -> FitContext:
    config = prepared.config
    return FitContext(
        codebook=prepared.data.codebook,
        examples=splits[0] + splits[1],  # type: ignore[arg-type]
        seed=config.seed,
        device_name=config.device,
        precision=config.precision,
        initial_models=prepared.initial_models,
    )


def _topics(prepared: Prepared, examples: Sequence[Example], raw: FloatArray, y: FloatArray) -> Topics:
    """Return calibrated probabilities. The rows are the last of the examples: all of them, or those of dev."""
    calibration, _ = calibrate_topics(raw, y, precision=None, seed=prepared.config.seed)
    read = examples[len(examples) - len(raw) :]
    ids = prepared.data.codebook.topic_ids
    return {
        example.passage.id: dict(zip(ids, map(float, row), strict=True))
        for example, row in zip(read, calibration.probabilities(raw), strict=True)
    }


def _stances(asked: Sequence[tuple[str, Target]], raw: FloatArray, y: FloatArray) -> Stances:
    """Return calibrated probabilities. The rows are the last of the passages and targets: all of them, or those of dev."""
    stances: Stances = {}
    probabilities = calibrate_stance(raw, y).probabilities(raw)
    for (passage, target), row in zip(asked[len(asked) - len(raw) :], probabilities, strict=True):
        favor, against, neutral = map(float, row)
        stances.setdefault(passage, {})[target] = (favor, against, neutral)
    return stances


def _suspects(examples: Sequence[Example], topics: Topics, stances: Stances) -> Iterator[Suspect]:
    for example in examples:
        id = example.passage.id
        doubts = list(_doubts(example, topics.get(id, {}), stances.get(id, {})))
        if doubts:
            yield Suspect(
                example, min(doubts, key=lambda each: each.probability), topics.get(id, {}), stances.get(id, {})
            )


def _doubts(example: Example, topics: Mapping[str, float], stances: Mapping[Target, Proportions]) -> Iterator[Doubt]:
    """Yield the labels of a passage with their probabilities; nothing contradicts a tie."""
    for topic, probability in topics.items():
        holds = example.topics.get(topic, False)
        if holds is not None:
            yield Doubt(topic, "yes" if holds else "no", probability if holds else 1 - probability)
    for target, proportions in stances.items():
        stance = example.stances.get(target)
        if stance is not None:
            yield Doubt(target.topic or target.text or "", stance, proportions[STANCES.index(stance)])


def _warn_of_unread(prepared: Prepared, topics: Topics, stances: Stances, reporter: Reporter) -> None:
    """Warn of the tasks whose models are trained once, and read only dev out of fold."""
    train = {example.passage.id for example in prepared.examples_in("train")}
    for task in prepared.config.families:
        read = topics if task != "stance" else stances
        if not train & read.keys():
            reporter.warn(
                f"{task}: this family is not cross-fitted, so only {counted(len(read), 'passage')} of dev were audited; "
                f"to audit train too, set {task}.cross_fit=true if it has that key, or use a config of another family"
            )
