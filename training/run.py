"""Run a config: from labels to an evaluated, tracked and registered tagger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from labels.splits.split import Split
from models.examples import TrainingCallback
from training.config import Config
from training.evaluate import ceiling_on, evaluate_beside, evaluate_test_splits, evaluation_sets, predict_split
from training.evaluation.ceiling import Ceiling
from training.evaluation.confusion import with_confusion
from training.evaluation.metrics import Scores, evaluate
from training.evaluation.predictions import Prediction
from training.fit import baselines, fit
from training.prepare import Prepared, prepare, without_gold, without_people
from training.promotion.promote import Decision, against_champion
from training.record import Logged, log_inputs, log_model, log_page, log_scores, log_split, register_model
from training.report.describe import OnSets
from training.report.findings import Evaluated, Findings, find
from training.report.model_card import WHOLE_CARD, model_card
from training.reporter import Reporter
from training.tracking import runs as tracking
from training.tracking.callback import RunCallback
from training.tracking.registry import Registered
from training.tracking.run import Run
from training.tracking.store import check_store, tracking_uri


@dataclass(frozen=True)
class Trained:
    """The result of a training run; `scores` to `findings` are those of `Evaluated`.

    `decision` compares a registered version that is not the champion with the one that is.
    """

    run: str
    run_name: str
    experiment: str
    scores: Mapping[str, Scores]
    baselines: Mapping[str, Mapping[str, Scores]]
    ceilings: Mapping[str, Ceiling]
    findings: Findings
    model: str
    registered: Registered | None
    decision: Decision | None = None


def train(config: Config, *, reporter: Reporter) -> Trained:
    """Fit, evaluate and track the tagger of a config, and register it if the config says so."""
    return train_prepared(start(config, reporter=reporter), reporter=reporter)


def start(config: Config, *, reporter: Reporter) -> Prepared:
    """Check that the tracking store answers, then prepare the data of a config and report its sizes."""
    # Check the store first, so that one that does not answer is reported before a large data set is read.
    check_store(tracking_uri())
    prepared = check(config, reporter=reporter)
    reporter.log(f"passages: {describe_sizes(prepared.split)}")
    return prepared


def check(config: Config, *, reporter: Reporter) -> Prepared:
    """Read, check and split the data of a config, and log warnings about it."""
    prepared = prepare(config)
    for data in (prepared.data, *(each.data for each in prepared.evaluation.values())):
        for problem in data.warnings:
            reporter.warn(str(problem))
    for sentence in (*prepared.agreements, *without_people(prepared)):
        reporter.log(sentence)
    if config.reads_topics:
        for warning in without_gold(prepared.examples_in("test"), prepared.data.codebook):
            reporter.warn(warning)
        for name, each in prepared.evaluation.items():
            for warning in without_gold(each.examples, prepared.data.codebook):
                reporter.warn(f"evaluation.{name}: {warning}")
    return prepared


def describe_sizes(split: Split) -> str:
    """Return the number of passages in each split, train first: `train 2089, dev 458, test 565`."""
    order = {"train": 0, "dev": 1}
    sizes = sorted(split.sizes().items(), key=lambda item: order.get(item[0], 2))
    return ", ".join(f"{name} {count}" for name, count in sizes)


def train_prepared(prepared: Prepared, *, reporter: Reporter, parent: str | None = None) -> Trained:
    """Train on prepared data; `parent` is the run that the new run is nested in."""
    return register_trained(train_unregistered(prepared, reporter=reporter, parent=parent), prepared, reporter=reporter)


@dataclass(frozen=True)
class Finished:
    """A finished run whose model is not registered yet, and the model's card."""

    run: Run
    model: Logged
    card: str
    trained: Trained


def train_unregistered(
    prepared: Prepared,
    *,
    reporter: Reporter,
    parent: str | None = None,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> Finished:
    """Train on prepared data in a run with this name (the config's by default) and these tags; log its model."""
    config = prepared.config
    with tracking.start_run(config.tracking.experiment, name or config.name, parent=parent) as run:
        run.tags(tags or {})
        callback = RunCallback(run, reporter)
        evaluated = fit_and_evaluate(run, prepared, callback, reporter)
        reporter.log("saving the model")
        tagger = with_confusion(evaluated.tagger, evaluated.predictions["test"])
        model = log_model(run, tagger, evaluated.scores, prepared)
        card = model_card(prepared, evaluated, run=run.id)
        run.text(card, WHOLE_CARD)
        callback.done()
    trained = Trained(
        run=run.id,
        run_name=run.name,
        experiment=config.tracking.experiment,
        scores=evaluated.scores,
        baselines=evaluated.baselines,
        ceilings=evaluated.ceilings,
        findings=evaluated.findings,
        model=f"runs:/{run.id}/tagger",
        registered=None,
    )
    return Finished(run, model, card, trained)


def register_trained(finished: Finished, prepared: Prepared, *, reporter: Reporter) -> Trained:
    """Register the model of a finished run, if the config says so: only such a run has one, whenever it is killed."""
    trained = finished.trained
    registered = register_model(finished.run, finished.model, prepared, finished.card)
    decision = None
    if registered is not None and not registered.is_champion:
        decision = against_champion(registered, prepared, trained.run, reporter=reporter)
    return replace(trained, registered=registered, decision=decision)


def fit_and_evaluate(run: Run, prepared: Prepared, callback: TrainingCallback, reporter: Reporter) -> Evaluated:
    """Fit and evaluate a tagger, and log everything except the model to the run."""
    config, codebook = prepared.config, prepared.data.codebook
    log_inputs(run, prepared)
    log_split(run, prepared)
    examples = prepared.examples_in("train"), prepared.examples_in("dev")
    fitted = fit(config, codebook, *examples, initial_models=prepared.initial_models, callback=callback)
    for warning in fitted.warnings:
        reporter.warn(warning)
    origin = {"run": run.id, "data": prepared.data.digest()}
    tagger = replace(fitted.tagger, settings=fitted.tagger.settings.model_copy(update=origin))
    others = baselines(config, codebook, *examples)
    scores: dict[str, Scores] = {}
    of_baselines: dict[str, dict[str, Scores]] = {}
    ceilings: dict[str, Ceiling] = {}
    predictions: dict[str, list[Prediction]] = {}
    for name, gold, splits in evaluation_sets(prepared):
        reporter.log(f"evaluating on {name}")
        scores[name], of_baselines[name], predictions[name] = evaluate_beside(
            tagger, others, gold, splits, seed=config.seed
        )
        of_annotators = ceiling_on(tagger, prepared, name, predictions[name])
        if of_annotators is not None:
            ceilings[name] = of_annotators
    test_splits = evaluate_test_splits(predictions["test"], prepared.split, seed=config.seed)
    on_dev = {}
    if fitted.dev_tagger is not None:
        on_dev["dev"] = evaluate(predict_split(fitted.dev_tagger, prepared, "dev"), seed=config.seed)
    on_sets = OnSets(scores, of_baselines, ceilings, predictions)
    evaluated = Evaluated(
        **vars(on_sets),
        tagger=tagger,
        test_splits=test_splits,
        findings=find(prepared, on_sets),
        warnings=fitted.warnings,
    )
    log_scores(run, scores | test_splits | on_dev, of_baselines, ceilings, predictions)
    log_page(run, prepared, evaluated)
    return evaluated
