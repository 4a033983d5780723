"""Runs in MLflow: write them, find them and read them again."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus, RunStatus, RunTag
from mlflow.entities import Run as MlflowRun
from mlflow.exceptions import MlflowException
from mlflow.tracking.context.registry import resolve_tags
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT, MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from labels.errors import DemarcheError
from training.tracking.client import STORE_ERRORS, first_line, open_store, store_errors
from training.tracking.downloads import download_folder
from training.tracking.interrupts import interrupts_delayed, termination_interrupts
from training.tracking.owner import OWNER, is_gone, owner_tags
from training.tracking.run import Run, slug
from training.tracking.store import sqlite_path, store_name, tracking_uri
from training.tracking.view import KIND, show_metrics

PREDICTIONS = "predictions/test.jsonl"
SPLIT = "split.jsonl"
DEVICE = "demarche.device"
"""The hardware of a run that trained an encoder; other runs do not have the tag."""
INIT = "demarche.init"
"""The runs of the models that a run started from, separated by spaces."""
TRIAL = "demarche.trial"
SHARE = "demarche.share"
SEED = "demarche.seed"
"""The tag of a run that was trained with one of several seeds."""
SEEDS = "demarche.seeds"
"""The tag of the run that those of several seeds are nested in: their ids, separated by spaces."""
FOLD = "demarche.fold"
FOLDS = "demarche.folds"
"""The number of folds of a cross-validation, on the run that has the predictions of all of them."""
COMPARISON = "demarche.comparison"
"""The tag of a run that compares others: their ids, separated by spaces, first the reference run."""
TAGGING = "tagging"
"""The kind of a run that records a batch of tagged articles."""
_PARTS = (TRIAL, SHARE, SEED, FOLD)
_REASON = "demarche.reason"
_NO_SUCH_RUN = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}
"""MLflow's error codes for an unknown id, and for one that cannot be an id."""


@contextlib.contextmanager
def start_run(experiment: str, name: str, *, parent: str | None = None) -> Iterator[Run]:
    """Start a run that ends FINISHED, or FAILED or KILLED with the reason, whatever happens inside.

    `parent` is the id of the run to nest it under. SIGTERM and SIGHUP are handled like Ctrl-C. Runs that a `kill -9` left open are
    closed first.
    """
    with store_errors():
        client = open_store(create=True)
        experiment_id = _experiment(client, experiment)
        _close_orphans(client)
        with _write(client, lambda: _create_run(client, experiment_id, name, parent)) as run:
            yield run


@contextlib.contextmanager
def resume_run(id: str) -> Iterator[Run]:
    """Reopen a run that another process shares or that has already ended; it ends like a new one.

    Raises DemarcheError if the store does not have the run.
    """
    with store_errors():
        client = open_store(create=True)
        _close_orphans(client)
        run = _get_run(client, id)
        if run is None or run.info.lifecycle_stage != "active":
            raise DemarcheError(
                f"run {id} is not in {store_name()}, or was deleted there; restore it, or start again with another --study"
            )
        with _write(client, lambda: _reopen(client, run)) as resumed:
            yield resumed


@store_errors()
def new_run(experiment: str, name: str) -> str:
    """Create a run that any process can open with `resume_run`, and return its id."""
    client = open_store(create=True)
    return str(_create_run(client, _experiment(client, experiment), name).info.run_id)


def _create_run(client: MlflowClient, experiment_id: str, name: str, parent: str | None = None) -> MlflowRun:
    """Create a run with the tags that the UI expects (user, source, git commit) and those of this process."""
    tags = resolve_tags() | owner_tags() | {MLFLOW_RUN_NAME: name}
    if parent is not None:
        tags[MLFLOW_PARENT_RUN_ID] = parent
    return client.create_run(experiment_id, tags=tags, run_name=name)


def _reopen(client: MlflowClient, run: MlflowRun) -> MlflowRun:
    """Mark a run as running, in this process."""
    id = run.info.run_id
    if _REASON in run.data.tags:
        client.delete_tag(id, _REASON)
    client.update_run(id, status=RunStatus.to_string(RunStatus.RUNNING))
    client.log_batch(id, tags=[RunTag(key, value) for key, value in owner_tags().items()])
    return run


@contextlib.contextmanager
def _write(client: MlflowClient, open_run: Callable[[], MlflowRun]) -> Iterator[Run]:
    """Open a run, yield it to write to, and set its status at the end."""
    id = None
    with termination_interrupts():
        try:
            with interrupts_delayed():
                run = open_run()
                id = run.info.run_id
            writer = Run(client, run)
            yield writer
            client.set_terminated(id)
            _disown(client, id)
            show_metrics(client, writer.experiment, writer.logged_metrics)
        except BaseException as error:
            if id is None:
                raise
            killed = isinstance(error, KeyboardInterrupt | SystemExit)
            reason = "interrupted" if killed else f"{type(error).__name__}: {error}"
            # If the store fails here as well, that must not hide why the run ended; the next run closes this one.
            with contextlib.suppress(*STORE_ERRORS, OSError):
                _end(client, run, RunStatus.KILLED if killed else RunStatus.FAILED, reason)
            raise


def _end(client: MlflowClient, run: MlflowRun, status: int, reason: str) -> None:
    """End a run that did not finish, and the models that it had begun to log."""
    id = run.info.run_id
    with interrupts_delayed():
        begun = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{id}'")
        for model in begun:
            if model.status == LoggedModelStatus.PENDING:
                client.finalize_logged_model(model.model_id, LoggedModelStatus.FAILED)
        client.set_tag(id, _REASON, reason[:4000])
        client.set_terminated(id, RunStatus.to_string(status))
        _disown(client, id)


def _disown(client: MlflowClient, id: str) -> None:
    """Delete the owner of a run that has ended: it would only be one more tag to read."""
    try:
        client.delete_tag(id, OWNER)
    except MlflowException as error:
        # Another process that shares the run has deleted it, or it is a run of an earlier version.
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise


@dataclass(frozen=True)
class Summary:
    """A run as shown in lists; `started` is in seconds since 1970."""

    id: str
    name: str
    experiment: str
    experiment_id: str
    status: str
    started: float
    metrics: dict[str, float]
    tags: dict[str, str]
    datasets: dict[str, str]
    """The digest of the data of each split and evaluation set."""


@store_errors()
def runs(experiment: str | None = None, *, most: int = 50, parts: bool = True) -> list[Summary]:
    """Return the latest runs that trained or searched, newest first.

    Trials of sweeps, points of learning curves, single seeds of several and single folds are left out without `parts`.
    Batches of tagged articles are no such runs.
    """
    client = open_store()
    experiments = {experiment.experiment_id: experiment.name for experiment in client.search_experiments()}
    if experiment is not None and experiment not in experiments.values():
        names = ", ".join(sorted(experiments.values()))
        raise DemarcheError(f"no experiment {experiment!r} in {store_name()}; there are: {names}")
    ids = [id for id, name in experiments.items() if experiment in (None, name)]
    without = (COMPARISON, KIND) if parts else (COMPARISON, KIND, *_PARTS)
    query = " AND ".join(f"tags.`{tag}` IS NULL" for tag in without)
    latest = client.search_runs(ids, query, order_by=["attributes.start_time DESC"], max_results=most)
    return [_summary(run, experiments[run.info.experiment_id]) for run in latest]


@store_errors()
def summary(id: str) -> Summary:
    """Return the summary of a run."""
    client = open_store()
    run = client.get_run(id)
    return _summary(run, client.get_experiment(run.info.experiment_id).name)


@store_errors()
def find_by_id(id: str) -> Summary | None:
    """Return the summary of a run, or None if the store does not have it or it was deleted."""
    client = open_store()
    run = _get_run(client, id)
    if run is None or run.info.lifecycle_stage != "active":
        return None
    return _summary(run, client.get_experiment(run.info.experiment_id).name)


@store_errors()
def run_tags(id: str) -> dict[str, str]:
    """Return a run's tags. Raises DemarcheError if the store does not have the run."""
    run = _get_run(open_store(), id)
    if run is None:
        raise DemarcheError(f"run {id}: not in {store_name()}; it was deleted, or it is in another store")
    return dict(run.data.tags)


def spread_tag(split: str, metric: str) -> str:
    """Return the tag that holds a headline metric of several seeds with its spread: `0.844 ± 0.006`."""
    return slug(f"spread/{split}/{metric}")


def has_encoder(id: str) -> bool:
    """Return whether a run trained a model with an encoder."""
    return DEVICE in run_tags(id)


@store_errors()
def dataset_digests(id: str) -> dict[str, str]:
    """Return the digest of the data of each split and evaluation set that a run logged."""
    run = _get_run(open_store(), id)
    return {} if run is None else _datasets(run)


def predictions_of(name: str) -> str:
    """Return the artifact with a run's predictions on `test` or a set of `evaluation`."""
    return f"predictions/{name}.jsonl"


def fetch_artifact(id: str, path: str) -> Path:
    """Download a file that a run logged, and return the local path."""
    client = open_store()
    try:
        location = client.get_run(id).info.artifact_uri
        return Path(client.download_artifacts(id, path, download_folder(location)))
    except (MlflowException, OSError) as error:
        raise DemarcheError(
            f"run {id}: has no {path} ({first_line(error)}); it did not finish, or it only groups other runs; name one "
            "of those (`demarche runs list --parts`)"
        ) from None


def _experiment(client: MlflowClient, name: str) -> str:
    """Return the id of an experiment, which is created if it does not exist."""
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        # The artifacts of a SQLite store are kept next to it; a server chooses the location itself.
        root = None
        path = sqlite_path(tracking_uri())
        if path is not None:
            folder = re.sub(r"^\.|[^\w.-]+", "_", name)
            root = (path.parent / "mlruns" / folder).as_uri()
        # The UI shows an experiment of this kind as models in training, not as prompts and traces.
        kind = {"mlflow.experimentKind": "custom_model_development"}
        return str(client.create_experiment(name, artifact_location=root, tags=kind))
    if experiment.lifecycle_stage != "active":
        raise DemarcheError(f"experiment {name!r} was deleted; restore it in the UI or set tracking.experiment")
    return str(experiment.experiment_id)


def _get_run(client: MlflowClient, id: str) -> MlflowRun | None:
    """Return a run, or None if the store does not have it."""
    try:
        return client.get_run(id)
    except MlflowException as error:
        if error.error_code in _NO_SUCH_RUN:
            return None
        raise


def _close_orphans(client: MlflowClient) -> None:
    """Mark open runs, of any experiment, as KILLED if their process on this machine is gone."""
    everywhere = [experiment.experiment_id for experiment in client.search_experiments()]
    for run in client.search_runs(everywhere, "attributes.status = 'RUNNING'"):
        if is_gone(run.data.tags):
            _end(client, run, RunStatus.KILLED, "its process is gone (killed, or the machine went down)")


def _summary(run: MlflowRun, experiment: str) -> Summary:
    return Summary(
        id=run.info.run_id,
        name=run.info.run_name,
        experiment=experiment,
        experiment_id=run.info.experiment_id,
        status=run.info.status,
        started=run.info.start_time / 1000,
        metrics=dict(run.data.metrics),
        tags=dict(run.data.tags),
        datasets=_datasets(run),
    )


def _datasets(run: MlflowRun) -> dict[str, str]:
    inputs = run.inputs.dataset_inputs if run.inputs else []
    return {tag.value: each.dataset.digest for each in inputs for tag in each.tags if tag.key == MLFLOW_DATASET_CONTEXT}
