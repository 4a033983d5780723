"""Sweeps: run many trials of one config, compared on dev alone; train the best and evaluate it on test once."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labels.bootstrap import Interval
from labels.errors import BadInput, DemarcheError, suggest
from labels.wording import counted, markdown
from training.config import Config, read_config
from training.evaluate import predict_split
from training.evaluation import plots
from training.evaluation.metrics import evaluate, metrics_by_name
from training.evaluation.predictions import read_predictions
from training.fit import baselines, fit
from training.prepare import Prepared
from training.record import DIGITS, log_inputs, log_metrics
from training.reporter import Reporter
from training.run import start, train_prepared
from training.sweeps.search import Axis, axes
from training.sweeps.study import (
    STUDY,
    Best,
    Pruned,
    PruningCallback,
    Study,
    Trial,
    default_url,
    propose,
    proposed,
)
from training.tracking import runs as tracking
from training.tracking.callback import RunCallback
from training.tracking.run import Run
from training.tracking.store import check_store, redact_password


@dataclass(frozen=True)
class Swept:
    """The result of a sweep: `best` is the run of the best trial's config, `values` are the overrides it adds.

    `value` is its metric on dev, `on_test` on test (None if the gold of test has none of what it measures).
    """

    parent: str
    best: tracking.Summary
    trial: int
    trials: int
    metric: str
    value: float
    on_test: Interval | None
    values: list[str]


@dataclass(frozen=True)
class _Sweep:
    """What every trial of a sweep shares."""

    path: Path
    prepared: Prepared
    metric: str
    axes: list[Axis]
    study: Study
    trials: int
    reporter: Reporter

    @property
    def config(self) -> Config:
        return self.prepared.config

    def prepared_with(self, values: Sequence[str]) -> Prepared:
        """Return the data with the config of a trial. Raises BadInput if its values cannot be combined."""
        config = read_config(self.path, [*self.config.overrides, *values])
        return replace(self.prepared, config=config.model_copy(update={"search": None}))


def sweep(path: Path, overrides: Sequence[str] = (), *, trials: int, url: str | None, reporter: Reporter) -> Swept:
    """Continue the study of a config and its data until it has `trials` trials; other processes may help."""
    config = read_config(path, overrides)
    space = axes(path, config)
    assert config.search is not None
    check_store(url or default_url(), STUDY)
    # The search space is not part of a trial.
    prepared = start(config.model_copy(update={"search": None}), reporter=reporter)
    _check_metric(path, prepared, config.search.metric)
    study = Study(url or default_url(), _name(config, prepared), seed=config.seed)
    this = _Sweep(path, prepared, config.search.metric, space, study, trials, reporter)
    parent = study.once("run", lambda: tracking.new_run(config.tracking.experiment, f"{config.name} sweep"))
    reporter.log(
        f"study {study.name} in {redact_password(study.url)}: {len(study.finished())} of {counted(trials, 'trial')} done"
    )
    with tracking.resume_run(parent) as run:
        run.tags({"demarche.study": study.name, "demarche.overrides": " ".join(overrides)})
        _run_trials(this, parent)
        best = study.best()
        if best is None:
            raise DemarcheError(
                f"{path}: none of {counted(trials, 'trial')} finished with a score; check that the values in search.space can be fitted"
            )
        values = proposed(best.params, space)
        # The key names the best trial: if more trials find a better one, it gets its own key and is trained too.
        best_run = study.once(f"best {best.number}", lambda: _train_best(this, parent, best.number, values))
        count = len(study.finished())
        study.once(f"account of {count}", lambda: _describe(this, run, best, values))
    predictions = read_predictions(tracking.fetch_artifact(best_run, tracking.PREDICTIONS))
    on_test = metrics_by_name(predictions, seed=config.seed).get(this.metric)
    return Swept(
        parent=parent,
        best=tracking.summary(best_run),
        trial=best.number,
        trials=count,
        metric=this.metric,
        value=best.value,
        on_test=on_test.interval if on_test else None,
        values=values,
    )


def _name(config: Config, prepared: Prepared) -> str:
    """Name the study after config, labels and split: a change to any of them starts another study."""
    parts = (config.model_dump_json(), prepared.data.digest(), prepared.split.digest())
    return f"{config.name} {hashlib.sha256(repr(parts).encode()).hexdigest()[:12]}"


def _check_metric(path: Path, prepared: Prepared, metric: str) -> None:
    if not prepared.examples_in("dev"):
        raise DemarcheError(
            f"{path}: split: the dev split is empty, and a sweep compares trials on it; raise split.dev"
        )
    majority = baselines(prepared.config, prepared.data.codebook, prepared.examples_in("train"), [])["majority"]
    known = metrics_by_name(predict_split(majority, prepared, "dev"), seed=prepared.config.seed)
    if metric not in known:
        raise DemarcheError(f"{path}: search.metric: no metric {metric!r} on dev{suggest(metric, known)}")


def _run_trials(this: _Sweep, parent: str) -> None:
    """Run trials until the study has enough, then wait for those of other processes."""
    waiting = False
    while len(this.study.finished()) < this.trials:
        if this.study.attempt(this.trials, lambda trial: _try(this, parent, trial)):
            continue
        if not waiting:
            this.reporter.log("waiting for the last trials, which run in other processes")
            waiting = True
        time.sleep(0.5)


def _try(this: _Sweep, parent: str, trial: Trial) -> float:
    """Return the score of a trial on dev. Raises Pruned if it lags behind, or if its values cannot be combined."""
    values = propose(trial, this.axes)
    label = f"{len(this.study.finished()) + 1}/{this.trials}  trial {trial.number}: {' '.join(values)}: "
    for earlier in this.study.finished():
        # The same config, data and seed give the same score.
        if proposed(earlier.params, this.axes) == values:
            this.reporter.log(label + f"as trial {earlier.number}")
            if earlier.value is None:
                raise Pruned
            return earlier.value
    try:
        prepared = this.prepared_with(values)
    except BadInput as error:
        this.reporter.log(label + f"excluded ({error.problems[0].what})")
        raise Pruned(str(error)) from None
    try:
        score = _run_trial(this, prepared, parent, trial)
    except Pruned as pruned:
        this.reporter.log(label + f"pruned {pruned}")
        raise
    best = this.study.best()
    leads = best is None or score > best.value
    standing = "the best so far" if leads or best is None else f"best {best.value:.3f} (trial {best.number})"
    this.reporter.log(label + f"{this.metric} {score:.3f}, {standing}")
    return score


def _run_trial(this: _Sweep, prepared: Prepared, parent: str, trial: Trial) -> float:
    """Fit a trial and return its score on dev; its run is nested in the sweep's and keeps no model. Raises Pruned."""
    config = prepared.config
    name = f"{config.name} trial {trial.number}"
    pruned: Pruned | None = None
    with tracking.start_run(config.tracking.experiment, name, parent=parent) as run:
        run.tags({tracking.TRIAL: str(trial.number), "demarche.study": this.study.name})
        log_inputs(run, prepared)
        callback = RunCallback(run, this.reporter)
        try:
            fitted = fit(
                config,
                prepared.data.codebook,
                prepared.examples_in("train"),
                prepared.examples_in("dev"),
                initial_models=prepared.initial_models,
                callback=PruningCallback(callback, trial, this.metric),
            )
        except Pruned as error:
            # The run ends as FINISHED like any other, since a pruned trial did not fail; its name tells it apart.
            pruned = error
            run.tags({"demarche.pruned": str(pruned), "mlflow.runName": f"{name}, pruned"})
        else:
            assert fitted.dev_tagger is not None
            scores = evaluate(predict_split(fitted.dev_tagger, prepared, "dev"), seed=config.seed)
            log_metrics(run, "dev", scores)
            # The metric of the sweep may be one that runs have in their table of classes only.
            run.metrics({f"dev/{this.metric}": round(scores.metrics[this.metric].value, DIGITS)})
        callback.done()
    if pruned is not None:
        raise pruned
    return scores.metrics[this.metric].value


def _train_best(this: _Sweep, parent: str, number: int, values: Sequence[str]) -> str:
    this.reporter.log(f"trial {number} is the best: training its config and evaluating it on test")
    return train_prepared(this.prepared_with(values), reporter=this.reporter, parent=parent).run


def _describe(this: _Sweep, run: Run, best: Best, values: Sequence[str]) -> str:
    """Log the sweep's own run: its config, the best score, plots and a description."""
    trials, importances = this.study.finished(), this.study.importances()
    run.text(this.path.read_text(encoding="utf-8"), "config.yaml")
    run.metrics({f"dev/{this.metric}": round(best.value, DIGITS)})
    scores = [(trial.number, trial.value) for trial in trials]
    run.figure(plots.history(scores, metric=this.metric), "figures/history.png")
    if importances:
        run.figure(plots.importance(importances, metric=this.metric), "figures/importance.png")
    pruned = sum(trial.value is None for trial in trials)
    run.describe(
        f"**{markdown(this.config.name)}**: {counted(len(trials), 'trial')} ({pruned} pruned or excluded) of {this.study.name}, "
        f"compared by {this.metric} on dev.\n\nThe best is trial {best.number} with {best.value:.3f}: "
        f"`{' '.join(values)}`. It was trained again and evaluated on test; no other trial was."
    )
    return run.id
