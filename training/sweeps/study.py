"""The trials of a sweep in Optuna, shared by all processes that take part; the only module that talks to Optuna."""

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
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from labels.errors import DemarcheError
from models.examples import TrainingCallback
from training.sweeps.search import Axis, override
from training.tracking.owner import gone, owner
from training.tracking.store import reach_host, reach_sqlite, sqlite_path, tracking_uri

optuna.logging.set_verbosity(optuna.logging.CRITICAL)

Trial: TypeAlias = optuna.trial.BaseTrial
Pruned: TypeAlias = optuna.TrialPruned
_BEAT, _GRACE = 60, 600  # seconds: how often a trial says that it goes on, and when it is given up on
_MADE = "made"
_FEWEST = 8
"""Trials that say anything of which key matters."""
_PORTS = {"mysql": 3306, "mariadb": 3306}


class _Taken(Exception):
    """All trials asked for are finished or going on."""


class Tried(NamedTuple):
    """A trial that was judged, or pruned (no value)."""

    number: int
    value: float | None
    params: dict[str, Any]


class Best(NamedTuple):
    """The trial with the largest figure."""

    number: int
    value: float
    params: dict[str, Any]


def default_url() -> str:
    """Beside the tracking store where that is a file, else in the working folder."""
    store = tracking_uri()
    folder = sqlite_path(store).parent if store.startswith("sqlite:") else Path.cwd()
    return f"sqlite:///{(folder / 'sweeps.db').as_posix()}"


def shown(url: str) -> str:
    """The URL without its password."""
    return make_url(url).render_as_string(hide_password=True)


def reach(url: str) -> None:
    """Raises DemarcheError within seconds where the database of studies does not answer."""
    try:
        parts = make_url(url)
        parts.get_dialect().import_dbapi()
    except ArgumentError:
        raise DemarcheError(f"--study {url}: not a database; write e.g. sqlite:///PATH") from None
    except ImportError as error:
        raise DemarcheError(f"--study {shown(url)}: its driver is not installed ({error})") from None
    if parts.get_backend_name() == "sqlite":
        if not parts.database:
            raise DemarcheError(f"--study {url}: names no file; write sqlite:///PATH")
        reach_sqlite(sqlite_path(url), "the study's database", tables={"studies"})
    elif parts.host:
        reach_host(
            parts.host,
            parts.port or _PORTS.get(parts.get_backend_name(), 5432),
            "the study's database",
            "start it or mend --study",
        )


@contextlib.contextmanager
def _told(url: str) -> Iterator[None]:
    """What the database of studies refuses, as one line."""
    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0][:200]
        raise DemarcheError(
            f"{shown(url)}: the study's database failed ({reason}); see that it is there, has room, and that "
            "nothing else holds it, or name another with --study"
        ) from error


class Study:
    """A named search, its trials, and what is to be done once for all processes."""

    def __init__(self, url: str, name: str, *, seed: int):
        reach(url)
        self.url = url
        self.name = name
        sqlite = url.startswith("sqlite:")
        # sqlite has no row locks: claims are made one at a time.
        self._lock = FileLock(f"{sqlite_path(url)}.lock") if sqlite else contextlib.nullcontext()
        with _told(url), self._lock, warnings.catch_warnings():
            # Of heartbeats, which are new in Optuna.
            warnings.simplefilter("ignore")
            try:
                self._storage = RDBStorage(
                    url,
                    engine_kwargs={"connect_args": {"timeout": 60}} if sqlite else {"pool_pre_ping": True},
                    heartbeat_interval=_BEAT,
                    grace_period=_GRACE,
                    heartbeat_stale_trial_callback=_again,
                )
            except (ImportError, RuntimeError) as error:
                # No driver for such a database, or one that another Optuna made.
                raise DemarcheError(
                    f"{shown(url)}: the study's database cannot be opened ({error}); mend --study"
                ) from None
            lobby = self._of("processes")
            number = lobby.ask().number
            lobby.tell(number, state=TrialState.FAIL)
            self._study = self._of()
            # No two processes propose the same, and one alone proposes the same each time.
            self._study.sampler = optuna.samplers.TPESampler(seed=seed + number)
            # One epoch says little where the learning rate is still warming up.
            self._study.pruner = optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2)

    def _of(self, part: str | None = None) -> optuna.Study:
        name = self.name if part is None else f"{self.name}: {part}"
        found: optuna.Study = optuna.create_study(
            storage=self._storage, study_name=name, direction="maximize", load_if_exists=True
        )
        return found

    def attempt(self, most: int, work: Callable[[Trial], float]) -> bool:
        """Runs a trial where fewer than `most` are finished or going on; whether it did.

        A trial that is interrupted is tried again, by whoever asks next. A failed one counts for nothing.
        """
        with _told(self.url):
            return self._attempt(self._study, most, work)

    def once(self, part: str, make: Callable[[], str]) -> str:
        """What `make` gave to the first process that asked; the others wait for it, or do it where that one was killed."""
        with _told(self.url):
            study = self._of(part)

            def work(trial: Trial) -> float:
                trial.set_user_attr(_MADE, make())
                return 0.0

            while not (made := study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))):
                if not self._attempt(study, 1, work):
                    time.sleep(0.5)
            return str(made[0].user_attrs[_MADE])

    def _attempt(self, study: optuna.Study, most: int, work: Callable[[Trial], float]) -> bool:
        worked: list[float] = []
        with contextlib.ExitStack() as claim:
            claim.enter_context(self._lock)
            _give_up_dead(study)
            if sum(trial.state != TrialState.WAITING for trial in _standing(study)) >= most:
                return False

            def objective(trial: Trial) -> float:
                trial.set_user_attr("owner", owner())
                # With no lock but the database's own, another may have come first: numbers decide.
                if sum(other.number < trial.number for other in _standing(study)) >= most:
                    raise _Taken
                claim.close()
                try:
                    worked.append(work(trial))
                    return worked[0]
                except KeyboardInterrupt:
                    _again(study, study.trials[trial.number])
                    raise

            try:
                study.optimize(objective, n_trials=1)
            except _Taken:
                return False
            except (ValueError, optuna.exceptions.UpdateFinishedTrialError):
                # This process stood still for so long that another gave the trial up; its values are tried again.
                if not worked:
                    raise
        return True

    def finished(self) -> list[Tried]:
        with _told(self.url):
            found = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
        return [
            Tried(trial.number, trial.values[0] if trial.state == TrialState.COMPLETE else None, trial.params)
            for trial in found
        ]

    def best(self) -> Best | None:
        """The first of those with the largest figure."""
        evaluated = [Best(one.number, one.value, one.params) for one in self.finished() if one.value is not None]
        return max(evaluated, key=lambda one: (one.value, -one.number), default=None)

    def importances(self) -> dict[str, float]:
        """How much of the figure's spread each key explains (PED-ANOVA); empty where too few trials say so."""
        values = [one.value for one in self.finished() if one.value is not None]
        if len(values) < _FEWEST or len(set(values)) < 2:
            return {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dict(optuna.importance.get_param_importances(self._study))


def propose(trial: Trial, axes: Sequence[Axis]) -> list[str]:
    """The trial's values, as overrides."""
    return [override(axis.key, _value(trial, axis)) for axis in axes]


def proposed(params: dict[str, Any], axes: Sequence[Axis]) -> list[str]:
    """The overrides of a trial that was run."""
    return propose(optuna.trial.FixedTrial(params), axes)


def _value(trial: Trial, axis: Axis) -> Any:
    dimension = axis.dimension
    if dimension.choices is not None:
        # Optuna takes no lists for choices: their text stands for them.
        texts = [json.dumps(choice, ensure_ascii=False) for choice in dimension.choices]
        return json.loads(trial.suggest_categorical(axis.key, texts))
    assert dimension.low is not None
    assert dimension.high is not None
    if axis.whole:
        step = int(dimension.step or 1)
        return trial.suggest_int(axis.key, int(dimension.low), int(dimension.high), step=step, log=dimension.log)
    value = trial.suggest_float(axis.key, dimension.low, dimension.high, step=dimension.step, log=dimension.log)
    # Short enough to be read and copied, and still within the range.
    return min(max(float(f"{value:.4g}"), dimension.low), dimension.high)


class PruningCallback:
    """Tells Optuna of the figure that is searched for after each epoch, and ends a trial that lags behind."""

    def __init__(self, inner: TrainingCallback, trial: Trial, metric: str):
        self._inner = inner
        self._trial = trial
        self._task, _, self._figure = metric.partition("/")

    def step(self, what: str, *, done: int, total: int) -> None:
        self._inner.step(what, done=done, total=total)

    def epoch(self, what: str, number: int, figures: Mapping[str, float]) -> None:
        """Raises Pruned."""
        self._inner.epoch(what, number, figures)
        value = figures.get(f"dev/{self._figure}")
        # A member of an average, or a fit on a part, does not tell how good the whole will be.
        if what in (self._task, "joint") and value is not None:
            self._trial.report(value, number)
            if self._trial.should_prune():
                raise Pruned(f"after epoch {number}, at {value:.3f}")

    def checkpoints(self, key: str) -> Path | None:
        return self._inner.checkpoints(key)


def _standing(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that are finished, going on, or waiting to be tried again."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state != TrialState.FAIL]


def _give_up_dead(study: optuna.Study) -> None:
    """Trials of processes of this machine that are gone; Optuna itself gives up those whose heart stopped."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        unowned = "owner" not in trial.user_attrs and _old(trial)
        if gone(trial.user_attrs.get("owner", {})) or unowned:
            study.tell(trial.number, state=TrialState.FAIL)
            _again(study, trial)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)


def _old(trial: FrozenTrial) -> bool:
    """Killed in the moment before it said whose it was."""
    return trial.datetime_start is not None and datetime.now() - trial.datetime_start > timedelta(seconds=_BEAT)


def _again(study: optuna.Study, trial: FrozenTrial) -> None:
    """The same values for whoever asks next: what it had learnt may lie in checkpoints."""
    if trial.params:
        study.enqueue_trial(trial.params)
