"""The trials of a sweep in Optuna, shared by all processes that take part; the only module that imports Optuna."""

from __future__ import annotations

import contextlib
import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import optuna
from filelock import FileLock
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from labels.errors import DemarcheError
from models.examples import TrainingCallback
from training.sweeps.search import Axis, override
from training.tracking.owner import is_gone, owner_tags
from training.tracking.store import Store, check_store, redact_password, sqlite_path, tracking_uri

Trial: TypeAlias = optuna.trial.BaseTrial
Pruned: TypeAlias = optuna.TrialPruned
STUDY = Store("the study's database", "--study", frozenset({"studies"}))
_HEARTBEAT, _GRACE = 60, 600  # seconds: between the heartbeats of a trial, and until it is given up without one
_RESULT = "made"
_FEWEST = 8
"""Minimum number of trials to estimate the importance of a key."""


class _Taken(Exception):
    """All trials that were requested are finished or running."""


class Tried(NamedTuple):
    """A trial that was evaluated, or pruned (no value)."""

    number: int
    value: float | None
    params: dict[str, Any]


class Best(NamedTuple):
    """The trial with the highest value."""

    number: int
    value: float
    params: dict[str, Any]


def default_url() -> str:
    """Return the URL of `sweeps.db` next to the tracking store if that is a file, else in the working folder."""
    store = sqlite_path(tracking_uri())
    folder = store.parent if store is not None else Path.cwd()
    return f"sqlite:///{(folder / 'sweeps.db').as_posix()}"


@contextlib.contextmanager
def study_errors(url: str) -> Iterator[None]:
    """Raise a one-line DemarcheError if the study's database fails within the block."""
    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0][:200]
        raise DemarcheError(
            f"{redact_password(url)}: the study's database failed ({reason}); check that it exists, that the disk is not "
            "full and that no other program has locked it, or choose another with --study"
        ) from error


class Study:
    """A named search: its trials, and the work that is done once for all processes."""

    def __init__(self, url: str, name: str, *, seed: int):
        check_store(url, STUDY)
        # Importing Optuna sets its log level to INFO, but our own messages report the result of a trial.
        optuna.logging.set_verbosity(optuna.logging.CRITICAL)
        self.url = url
        self.name = name
        file = sqlite_path(url)
        # SQLite has no row locks: claims are made one at a time.
        self._lock = FileLock(f"{file}.lock") if file is not None else contextlib.nullcontext()
        with study_errors(url), self._lock, warnings.catch_warnings():
            # Optuna warns that heartbeats are experimental.
            warnings.simplefilter("ignore")
            try:
                self._storage = RDBStorage(
                    url,
                    engine_kwargs={"connect_args": {"timeout": 60}} if file is not None else {"pool_pre_ping": True},
                    heartbeat_interval=_HEARTBEAT,
                    grace_period=_GRACE,
                    heartbeat_stale_trial_callback=_enqueue_again,
                )
            except (ImportError, RuntimeError) as error:
                # There is no driver for the database, or another version of Optuna created it.
                raise DemarcheError(
                    f"{redact_password(url)}: the study's database cannot be opened ({error}); name another with --study"
                ) from None
            processes = self._load("processes")
            number = processes.ask().number
            processes.tell(number, state=TrialState.FAIL)
            self._study = self._load()
            # Different processes propose different values, and a single process always proposes the same ones.
            self._study.sampler = optuna.samplers.TPESampler(seed=seed + number)
            # One epoch means little while the learning rate is still warming up.
            self._study.pruner = optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2)

    def _load(self, part: str | None = None) -> optuna.Study:
        """Load or create the Optuna study of the trials, or of another part of the work."""
        name = self.name if part is None else f"{self.name}: {part}"
        study: optuna.Study = optuna.create_study(
            storage=self._storage, study_name=name, direction="maximize", load_if_exists=True
        )
        return study

    def attempt(self, most: int, work: Callable[[Trial], float]) -> bool:
        """Run one trial unless `most` are finished or running in any process; return whether it ran.

        `work` returns the trial's value. The values of an interrupted trial are tried again by the next call, in any
        process. A failed trial does not count.
        """
        with study_errors(self.url):
            return self._attempt(self._study, most, work)

    def once(self, part: str, make: Callable[[], str]) -> str:
        """Call `make` in one process only, and return its result in all of them.

        `part` names the work. The first process does it and the others wait for its result; if that process is killed,
        another does it.
        """
        with study_errors(self.url):
            study = self._load(part)

            def work(trial: Trial) -> float:
                trial.set_user_attr(_RESULT, make())
                return 0.0

            while not (complete := study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))):
                if not self._attempt(study, 1, work):
                    time.sleep(0.5)
            return str(complete[0].user_attrs[_RESULT])

    def _attempt(self, study: optuna.Study, most: int, work: Callable[[Trial], float]) -> bool:
        values: list[float] = []
        with contextlib.ExitStack() as claim:
            claim.enter_context(self._lock)
            _give_up_dead(study)
            if sum(trial.state != TrialState.WAITING for trial in _active(study)) >= most:
                return False

            def objective(trial: Trial) -> float:
                trial.set_user_attr("owner", owner_tags())
                # A database server has no file lock, so another process may have claimed this trial: numbers decide.
                if sum(other.number < trial.number for other in _active(study)) >= most:
                    raise _Taken
                claim.close()
                try:
                    values.append(work(trial))
                    return values[0]
                except KeyboardInterrupt:
                    _enqueue_again(study, study.trials[trial.number])
                    raise

            try:
                study.optimize(objective, n_trials=1)
            except _Taken:
                return False
            except (ValueError, optuna.exceptions.UpdateFinishedTrialError):
                # This process was suspended for so long that another failed its trial; the values are tried again.
                if not values:
                    raise
        return True

    def finished(self) -> list[Tried]:
        """Return the trials that were evaluated or pruned, in any process."""
        with study_errors(self.url):
            trials = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
        return [
            Tried(trial.number, trial.values[0] if trial.state == TrialState.COMPLETE else None, trial.params)
            for trial in trials
        ]

    def best(self) -> Best | None:
        """Return the trial with the highest value (the first of equals), or None if no trial was evaluated."""
        evaluated = [
            Best(trial.number, trial.value, trial.params) for trial in self.finished() if trial.value is not None
        ]
        return max(evaluated, key=lambda trial: (trial.value, -trial.number), default=None)

    def importances(self) -> dict[str, float]:
        """Return how much of the metric's variance each key explains (PED-ANOVA); empty if there are too few trials."""
        values = [trial.value for trial in self.finished() if trial.value is not None]
        if len(values) < _FEWEST or len(set(values)) < 2:
            return {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dict(optuna.importance.get_param_importances(self._study))


def propose(trial: Trial, axes: Sequence[Axis]) -> list[str]:
    """Propose values for a trial, as overrides."""
    return [override(axis.key, _value(trial, axis)) for axis in axes]


def proposed(params: dict[str, Any], axes: Sequence[Axis]) -> list[str]:
    """Return the overrides of a trial that was run."""
    return propose(optuna.trial.FixedTrial(params), axes)


def _value(trial: Trial, axis: Axis) -> Any:
    dimension = axis.dimension
    if dimension.choices is not None:
        # Optuna does not accept lists as choices, so they are passed as JSON text.
        texts = [json.dumps(choice, ensure_ascii=False) for choice in dimension.choices]
        return json.loads(trial.suggest_categorical(axis.key, texts))
    assert dimension.low is not None
    assert dimension.high is not None
    if axis.whole:
        step = int(dimension.step or 1)
        return trial.suggest_int(axis.key, int(dimension.low), int(dimension.high), step=step, log=dimension.log)
    value = trial.suggest_float(axis.key, dimension.low, dimension.high, step=dimension.step, log=dimension.log)
    # Short enough to read and copy, and still within the range.
    return min(max(float(f"{value:.4g}"), dimension.low), dimension.high)


class PruningCallback:
    """Reports the searched metric to Optuna after each epoch, and stops a trial that lags behind."""

    def __init__(self, inner: TrainingCallback, trial: Trial, metric: str):
        self._inner = inner
        self._trial = trial
        self._task, _, self._metric = metric.partition("/")

    def step(self, what: str, *, done: int, total: int) -> None:
        self._inner.step(what, done=done, total=total)

    def epoch(self, what: str, number: int, metrics: Mapping[str, float]) -> None:
        """Report the metrics of an epoch. Raises Pruned."""
        self._inner.epoch(what, number, metrics)
        value = metrics.get(f"dev/{self._metric}")
        # A member of an average, or a fit on a part of the data, does not show how good the whole will be.
        if what in (self._task, "joint") and value is not None:
            self._trial.report(value, number)
            if self._trial.should_prune():
                raise Pruned(f"after epoch {number}, at {value:.3f}")

    def checkpoints(self, key: str) -> Path | None:
        return self._inner.checkpoints(key)


def _active(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that are finished, running, or waiting to be tried again."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state != TrialState.FAIL]


def _give_up_dead(study: optuna.Study) -> None:
    """Fail trials whose process on this machine is gone. Optuna itself fails those whose heartbeat stopped."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        unowned = "owner" not in trial.user_attrs and _old(trial)
        if is_gone(trial.user_attrs.get("owner", {})) or unowned:
            study.tell(trial.number, state=TrialState.FAIL)
            _enqueue_again(study, trial)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)


def _old(trial: FrozenTrial) -> bool:
    """Return whether a trial without an owner is so old that its process must have died before recording one."""
    return trial.datetime_start is not None and datetime.now() - trial.datetime_start > timedelta(seconds=_HEARTBEAT)


def _enqueue_again(study: optuna.Study, trial: FrozenTrial) -> None:
    """Enqueue the same values for the next attempt, which may find the checkpoints of this one."""
    if trial.params:
        study.enqueue_trial(trial.params)
