"""Many trials of one config, judged on dev alone; the best is trained and judged on test, once."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labels.errors import BadInput, DemarcheError, suggest
from training.config import Config, read_config
from training.evaluation import plots as figures
from training.evaluation.metrics import evaluate, metrics_by_name
from training.fit import baselines, fit
from training.prepare import Prepared
from training.record import log_inputs, log_metrics
from training.run import Say, predict_side, ready, train_prepared
from training.sweeps.search import Axis, axes
from training.sweeps.study import (
    Best,
    Pruned,
    PruningCallback,
    Study,
    Trial,
    default_url,
    propose,
    proposed,
    reach,
    shown,
)
from training.tracking import runs as tracking
from training.tracking.callback import Progress, RunCallback


@dataclass(frozen=True)
class Swept:
    """What a sweep came to; `best` is the run of the config of the best trial, `values` its overrides."""

    parent: str
    best: tracking.Summary
    trial: int
    trials: int
    metric: str
    value: float
    values: list[str]


@dataclass(frozen=True)
class _Sweep:
    """All that a trial needs."""

    path: Path
    overrides: Sequence[str]
    prepared: Prepared
    metric: str
    axes: list[Axis]
    study: Study
    most: int
    progress: Progress
    say: Say

    @property
    def config(self) -> Config:
        return self.prepared.config


def sweep(path: Path, *, overrides: Sequence[str], trials: int, url: str | None, progress: Progress, say: Say) -> Swept:
    """Goes on with the study of this config and data until it has so many trials, beside other processes that do."""
    config = read_config(path, overrides)
    space = axes(path, overrides, config)
    assert config.search is not None
    reach(url or default_url())
    # What is searched is no part of what a trial is.
    prepared = ready(config.model_copy(update={"search": None}), say=say)
    _check_metric(path, prepared, config.search.metric)
    study = Study(url or default_url(), _name(config, prepared), seed=config.seed)
    this = _Sweep(path, overrides, prepared, config.search.metric, space, study, trials, progress, say)
    parent = study.once("run", lambda: tracking.new_run(config.tracking.experiment, f"{config.name} sweep"))
    say(f"study {study.name} in {shown(study.url)}: {len(study.finished())} of {trials} trials done")
    with tracking.taken_up(parent) as run:
        run.tags({"demarche.study": study.name, "demarche.overrides": " ".join(overrides)})
        _try_all(this, parent)
        best = study.best()
        if best is None:
            raise DemarcheError(
                f"{path}: none of {trials} trials was judged; see that search.space holds what can be fitted"
            )
        values = proposed(best.params, space)
        # The name holds the trial: more trials may find a better one, which is then judged too.
        fitted = study.once(f"best {best.number}", lambda: _fit_best(this, parent, best.number, values))
        count = len(study.finished())
        study.once(f"account of {count}", lambda: _account(this, run, best, values))
    return Swept(parent, tracking.summary(fitted), best.number, count, this.metric, best.value, values)


def _name(config: Config, prepared: Prepared) -> str:
    """Another config, other labels or another split are another study."""
    parts = (config.model_dump_json(), prepared.data.digest(), prepared.split.digest())
    return f"{config.name} {hashlib.sha256(repr(parts).encode()).hexdigest()[:12]}"


def _check_metric(path: Path, prepared: Prepared, metric: str) -> None:
    dev = prepared.examples_in("dev")
    if not dev:
        raise DemarcheError(f"{path}: split: the dev side is empty; a sweep chooses on it: raise split.dev")
    trivial = baselines(prepared.config, prepared.data.codebook, prepared.examples_in("train"), [])["majority"]
    known = metrics_by_name(predict_side(trivial, prepared, dev), seed=prepared.config.seed)
    if metric not in known:
        raise DemarcheError(f"{path}: search.metric: no dev figure {metric!r}{suggest(metric, known)}")


def _try_all(this: _Sweep, parent: str) -> None:
    waiting = False
    while len(this.study.finished()) < this.most:
        if this.study.attempt(this.most, lambda trial: _try(this, parent, trial)):
            continue
        if not waiting:
            this.say("the last trials are going on in other processes; waiting for them")
            waiting = True
        time.sleep(0.5)


def _try(this: _Sweep, parent: str, trial: Trial) -> float:
    """The figure on dev. Raises Pruned where the trial lags behind, or its values exclude each other."""
    values = propose(trial, this.axes)
    said = f"{len(this.study.finished()) + 1}/{this.most}  trial {trial.number}: {' '.join(values)}: "
    for earlier in this.study.finished():
        # The same config, data and seed give the same figure.
        if proposed(earlier.params, this.axes) == values:
            this.say(said + f"as trial {earlier.number}")
            if earlier.value is None:
                raise Pruned
            return earlier.value
    try:
        prepared = _with(this, values)
    except BadInput as error:
        this.say(said + f"excluded ({error.problems[0].what})")
        raise Pruned(str(error)) from None
    outcome = _run_trial(this, prepared, values, parent, trial)
    if isinstance(outcome, str):
        this.say(said + f"pruned {outcome}")
        raise Pruned(outcome)
    best = this.study.best()
    leads = best is None or outcome > best.value
    beside = "the best so far" if leads or best is None else f"best {best.value:.3f} (trial {best.number})"
    this.say(said + f"{this.metric} {outcome:.3f}, {beside}")
    return outcome


def _run_trial(this: _Sweep, prepared: Prepared, values: Sequence[str], parent: str, trial: Trial) -> float | str:
    """The figure on dev, or why the trial was pruned; a run below the sweep's, without a model."""
    config, codebook = prepared.config, prepared.data.codebook
    name = f"{config.name} trial {trial.number}"
    with tracking.tracked(config.tracking.experiment, name, parent=parent) as run:
        run.tags({tracking.TRIAL: str(trial.number), "demarche.study": this.study.name})
        log_inputs(run, prepared, [*this.overrides, *values])
        callback = RunCallback(run, this.progress)
        pruning = PruningCallback(callback, trial, this.metric)
        try:
            fitted = fit(
                config,
                codebook,
                prepared.examples_in("train"),
                prepared.examples_in("dev"),
                initial_models=prepared.initial_models,
                callback=pruning,
            )
        except Pruned as pruned:
            # FINISHED as any other, told apart by name: a pruned trial did what it was to do.
            run.tags({"demarche.pruned": str(pruned), "mlflow.runName": f"{name}, pruned"})
            callback.done()
            return str(pruned)
        assert fitted.dev_tagger is not None
        scores = evaluate(predict_side(fitted.dev_tagger, prepared, prepared.examples_in("dev")), seed=config.seed)
        log_metrics(run, "dev", scores)
        callback.done()
    return scores.metrics[this.metric].value


def _with(this: _Sweep, values: Sequence[str]) -> Prepared:
    """The data with the config of a trial. Raises BadInput where its values exclude each other."""
    config = read_config(this.path, [*this.overrides, *values])
    return replace(this.prepared, config=config.model_copy(update={"search": None}))


def _fit_best(this: _Sweep, parent: str, number: int, values: Sequence[str]) -> str:
    this.say(f"trial {number} is the best: training its config and judging it on test")
    trained = train_prepared(
        _with(this, values),
        overrides=[*this.overrides, *values],
        progress=this.progress,
        say=this.say,
        parent=parent,
    )
    return trained.run


def _account(this: _Sweep, run: tracking.Run, best: Best, values: Sequence[str]) -> str:
    """What the sweep's own run shows."""
    finished, importances = this.study.finished(), this.study.importances()
    run.text(this.path.read_text(encoding="utf-8"), "config.yaml")
    run.metrics({f"dev/{this.metric}": best.value})
    tried = [(one.number, one.value) for one in finished]
    run.figure(figures.history(tried, metric=this.metric), "figures/history.png")
    if importances:
        run.figure(figures.importance(importances, metric=this.metric), "figures/importance.png")
    pruned = sum(value is None for _, value in tried)
    run.describe(
        f"**{this.config.name}**: {len(tried)} trials ({pruned} pruned or excluded) of {this.study.name}, "
        f"compared by {this.metric} on dev.\n\nThe best is trial {best.number} with {best.value:.3f}: "
        f"`{' '.join(values)}`. It was trained again and judged on test; no other trial was."
    )
    return run.id
