"""Fit models and collect out-of-fold predictions for calibration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labels.errors import DemarcheError
from models.calibration import calibrate_stance, calibrate_topics, folds
from models.examples import Examples, JointExamples, StanceExamples, TopicExamples, TrainingCallback
from models.families.average import AverageSettings, AverageStance, AverageTopics
from models.families.catalog import (
    StanceSettings,
    TopicsSettings,
    load_stance,
    load_topics,
    stance_family,
    topic_family,
)
from models.families.joint import JointSettings
from models.families.protocol import FitContext, StanceClassifier, TopicClassifier
from training.kept_members import fit_or_load
from training.out_of_fold import OutOfFold

if TYPE_CHECKING:
    from models.families.joint import Joint


def fit_topics(
    settings: TopicsSettings,
    context: FitContext,
    train: TopicExamples,
    dev: TopicExamples,
    *,
    callback: TrainingCallback,
) -> OutOfFold[TopicClassifier]:
    if isinstance(settings, AverageSettings):
        members = [
            fit_or_load(
                partial(fit_topics, member, context_, train, dev, callback=callback_),
                load_topics,
                task="topics",
                settings=member,
                context=context_,
                train=train,
                dev=dev,
                callback=callback_,
            )
            for member, context_, callback_ in _members(settings, context, callback)
        ]
        calibrations = [calibrate_topics(each.raw, each.y, precision=None, seed=context.seed)[0] for each in members]
        return _average(AverageTopics, members, calibrations, dev)
    learner = topic_family(settings.kind).factory(settings, context)
    return _fit_out_of_fold(learner, train, dev, task="topics", seed=context.seed, callback=callback)


def fit_stance(
    settings: StanceSettings,
    context: FitContext,
    train: StanceExamples,
    dev: StanceExamples,
    *,
    callback: TrainingCallback,
) -> OutOfFold[StanceClassifier]:
    if isinstance(settings, AverageSettings):
        members = [
            fit_or_load(
                partial(fit_stance, member, context_, train, dev, callback=callback_),
                load_stance,
                task="stance",
                settings=member,
                context=context_,
                train=train,
                dev=dev,
                callback=callback_,
            )
            for member, context_, callback_ in _members(settings, context, callback)
        ]
        return _average(AverageStance, members, [calibrate_stance(each.raw, each.y) for each in members], dev)
    learner = stance_family(settings.kind).factory(settings, context)
    return _fit_out_of_fold(learner, train, dev, task="stance", seed=context.seed, callback=callback)


def fit_joint(
    settings: JointSettings,
    context: FitContext,
    train: JointExamples,
    dev: JointExamples,
    *,
    callback: TrainingCallback,
) -> OutOfFold[Joint]:
    """Fit a joint reader; `raw` and `y` are (rows, topics, 4), as in JointExamples."""
    from models.families.joint import Joint, describe

    learner = partial(
        Joint, settings, describe(context.codebook), device=context.device(), seed=context.seed,
        initial=context.initial(settings.init, "joint"),
    )  # fmt: skip
    return _fit_out_of_fold(learner, train, dev, task="joint", seed=context.seed, callback=callback)


def _fit_out_of_fold(
    learner: Callable[[], Any],
    train: Examples[Any],
    dev: Examples[Any],
    *,
    task: str,
    seed: int,
    callback: TrainingCallback,
) -> OutOfFold[Any]:
    if not learner().cross_fit:
        if not len(dev):
            raise DemarcheError(
                f"{task}: this family is calibrated on dev, and dev has no {task} labels; raise split.dev"
            )
        model = learner().fit(train, dev, callback=callback)
        return OutOfFold(model.predict_proba(dev.inputs), dev.y, model, model)
    both = train + dev
    empty = both.take(np.arange(0))
    raw = np.zeros_like(both.y)
    parts = folds(train, dev, seed=seed)
    train_model = None
    for done, (rest, fold) in enumerate(parts):
        callback.step(task, done=done, total=len(parts) + 1)
        model = learner().fit(both.take(rest), empty, callback=_PartCallback(callback, f"fit_{done + 1}"))
        raw[fold] = model.predict_proba(both.take(fold).inputs)
        if done == 0 and len(dev):
            train_model = model  # the first fold is dev
    callback.step(task, done=len(parts), total=len(parts) + 1)
    model = learner().fit(both, empty, callback=_PartCallback(callback, f"fit_{len(parts) + 1}"))
    callback.step(task, done=len(parts) + 1, total=len(parts) + 1)
    return OutOfFold(raw, both.y, model, train_model)


def _members(
    settings: AverageSettings[Any], context: FitContext, callback: TrainingCallback
) -> list[tuple[Any, FitContext, TrainingCallback]]:
    """Return settings, context and callback of each member.

    Members have different seeds, so that two of one kind make different errors (deep ensembles, Lakshminarayanan et al.
    2017).
    """
    return [
        (
            member,
            replace(context, seed=(context.seed + 1000 * (number - 1)) % 2**32),
            _PartCallback(callback, f"member_{number}"),
        )
        for number, member in enumerate(settings.of, start=1)
    ]


def _average(
    average: Callable[[Sequence[Any], Sequence[Any]], Any],
    members: Sequence[OutOfFold[Any]],
    calibrations: Sequence[Any],
    dev: Examples[Any],
) -> OutOfFold[Any]:
    # Dev comes last in every member's rows; train is out-of-fold only if every member was cross-fitted.
    rows = min(len(member.y) for member in members)
    calibrated = [
        calibration.probabilities(member.raw)[-rows:] for member, calibration in zip(members, calibrations, strict=True)
    ]
    train_model = None
    if len(dev):
        train_model = average([member.train_model for member in members], calibrations)
    model = average([member.model for member in members], calibrations)
    return OutOfFold(np.asarray(np.mean(calibrated, axis=0)), members[0].y[-rows:], model, train_model)


class _PartCallback:
    """Reports one of the several fits of a model: a member of an average, or a fit of a cross-fit."""

    def __init__(self, callback: TrainingCallback, name: str):
        self._callback = callback
        self._name = name

    def step(self, what: str, *, done: int, total: int) -> None:
        self._callback.step(self._full_name(what), done=done, total=total)

    def epoch(self, what: str, number: int, metrics: Mapping[str, float]) -> None:
        self._callback.epoch(self._full_name(what), number, metrics)

    def _full_name(self, what: str) -> str:
        task, *inner = what.split("/")
        return "/".join([task, self._name, *inner])

    def checkpoints(self, key: str) -> Path | None:
        return self._callback.checkpoints(key)
