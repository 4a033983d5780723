"""Running a config from labels to a judged, tracked and registered tagger."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labels.check import read_labelled
from labels.gold.adjudication import Example, adjudicate
from labels.splits.split import Split
from models.examples import TrainingCallback
from models.tagger import Tagger
from training.config import Config
from training.evaluation.metrics import Scores, evaluate
from training.evaluation.predictions import Prediction, predict
from training.fit import baselines, fit
from training.prepare import Prepared, prepare, without_gold
from training.record import description, log_inputs, log_model, log_scores, log_split
from training.tracking import runs as tracking
from training.tracking.callback import Progress, RunCallback
from training.tracking.registry import Registered
from training.tracking.runs import Run
from training.tracking.store import check_store, tracking_uri

Say = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """What a run came to."""

    run: str
    run_name: str
    experiment: str
    test: Scores
    baselines: dict[str, Scores]
    model: str
    registered: Registered | None


@dataclass(frozen=True)
class Evaluated:
    """A tagger with its figures on test and those of trivial models; `predictions` are those on test."""

    tagger: Tagger
    test: Scores
    baselines: dict[str, Scores]
    predictions: list[Prediction]


def train(config: Config, *, overrides: Sequence[str], progress: Progress, say: Say) -> Trained:
    """Fits, judges and writes down one experiment; `say` is told of each step in a few words."""
    return train_prepared(ready(config, say=say), overrides=overrides, progress=progress, say=say)


def ready(config: Config, *, say: Say) -> Prepared:
    """The data of a config on its sides, with everything said that is odd about it."""
    # A store that does not answer is told before the data is read, however much of it there is.
    check_store(tracking_uri())
    prepared = prepare(config)
    for problem in prepared.data.warnings:
        say(f"warning: {problem}")
    if config.reads_topics:
        for warning in without_gold(prepared.examples_in("test"), prepared.data.codebook):
            say(f"warning: {warning}")
    say("split: " + ", ".join(f"{name} {count}" for name, count in prepared.split.sizes().items()))
    return prepared


def train_prepared(
    prepared: Prepared, *, overrides: Sequence[str], progress: Progress, say: Say, parent: str | None = None
) -> Trained:
    """Trains on data that is ready; `parent` is the run that the new one stands below."""
    config = prepared.config
    with tracking.start_run(config.tracking.experiment, config.name, parent=parent) as run:
        callback = RunCallback(run, progress)
        evaluated = fit_and_evaluate(run, prepared, callback, overrides=overrides, say=say)
        say("logging the model")
        model, registered = log_model(run, evaluated.tagger, prepared, evaluated.test)
        callback.done()
    return Trained(
        run=run.id,
        run_name=run.name,
        experiment=config.tracking.experiment,
        test=evaluated.test,
        baselines=evaluated.baselines,
        model=model,
        registered=registered,
    )


def fit_and_evaluate(
    run: Run, prepared: Prepared, callback: TrainingCallback, *, overrides: Sequence[str], say: Say
) -> Evaluated:
    """Writes down all of a run but its model."""
    config, codebook = prepared.config, prepared.data.codebook
    log_inputs(run, prepared, overrides)
    log_split(run, prepared)
    train_side, dev_side, test_side = (
        prepared.examples_in("train"),
        prepared.examples_in("dev"),
        prepared.examples_in("test"),
    )
    fitted = fit(config, codebook, train_side, dev_side, initial_models=prepared.initial_models, callback=callback)
    for warning in fitted.warnings:
        say(f"warning: {warning}")
    tagger = replace(fitted.tagger, settings=fitted.tagger.settings.model_copy(update={"run": run.id}))
    say("judging")
    predictions = predict_side(tagger, prepared, test_side)
    scores = {"test": evaluate(predictions, seed=config.seed)}
    scores |= _by_test_side(predictions, prepared.split, seed=config.seed)
    if fitted.dev_tagger is not None:
        scores["dev"] = evaluate(predict_side(fitted.dev_tagger, prepared, dev_side), seed=config.seed)
    trivial = {
        name: evaluate(predict_side(baseline, prepared, test_side), seed=config.seed)
        for name, baseline in baselines(config, codebook, train_side, dev_side).items()
    }
    log_scores(run, scores, trivial, predictions)
    run.describe(description(prepared, scores["test"], trivial, overrides, fitted.warnings))
    return Evaluated(tagger, scores["test"], trivial, predictions)


def evaluate_model(
    tagger: Tagger,
    passages: Path,
    annotations: Sequence[Path],
    codebook: Path,
    *,
    learnt: Container[str] = (),
    seed: int,
    say: Say,
) -> tuple[Scores, list[Prediction]]:
    """A saved tagger on new gold, with the same figures as in training; `learnt` are ids that are not new."""
    data = read_labelled(codebook, passages, annotations)
    for problem in data.warnings:
        say(f"warning: {problem}")
    examples = adjudicate(data.passages, data.annotations)
    if tagger.reader.reads_topics:
        for warning in without_gold(examples, tagger.codebook):
            say(f"warning: {warning}")
    known = sum(example.passage.id in learnt for example in examples)
    if known:
        say(
            f"warning: the model learnt from passages of {known} of these {len(examples)} ids; "
            "if they are the same passages, the figures are too good"
        )
    predictions = predict(tagger, examples, ["test"] * len(examples))
    return evaluate(predictions, seed=seed), predictions


def predict_side(tagger: Tagger, prepared: Prepared, examples: Sequence[Example]) -> list[Prediction]:
    sides = [prepared.split.places[example.passage.id].split or "" for example in examples]
    return predict(tagger, examples, sides)


def _by_test_side(predictions: Sequence[Prediction], split: Split, *, seed: int) -> dict[str, Scores]:
    """Where the data has several test sides, each of them by itself as well.

    Not the one that is named `test`: by that name go the figures of all of them together.
    """
    if len(split.test_splits) < 2:
        return {}
    return {
        side: evaluate([prediction for prediction in predictions if prediction.split == side], seed=seed)
        for side in split.test_splits
        if side != "test"
    }
