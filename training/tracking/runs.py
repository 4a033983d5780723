"""Runs in MLflow: writing one down, finding and reading them again."""

from __future__ import annotations

import contextlib
import logging
import re
import signal
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Run as MlflowRun
from mlflow.entities import RunStatus
from mlflow.exceptions import MlflowException
from mlflow.store.db.utils import _initialize_tables
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from labels.errors import DemarcheError
from models.saved import has_encoder
from training.tracking.owner import gone, owner
from training.tracking.store import reach, sqlite_path, tracking_uri

# What is worth telling the user is told by the command line; errors too, where MLflow logs a traceback.
for _logger in ("mlflow", "alembic"):
    logging.getLogger(_logger).setLevel(logging.CRITICAL)

PREDICTIONS = "predictions/test.jsonl"
SPLIT = "split.jsonl"
INIT = "demarche.init"
"""The runs of the models that a run started from, parted by blanks."""
_SERVING = Path(__file__).with_name("serving.py")
ARTIFACT = "tagger"
TRIAL = "demarche.trial"
SHARE = "demarche.share"
_REASON = "demarche.reason"
_LONGEST_NAME = 250  # characters that MLflow takes
_STORE_ERRORS = (MlflowException, SQLAlchemyError)


@contextlib.contextmanager
def store_told() -> Iterator[None]:
    """What a store refuses in mid-work (locked, full, gone, of another version), as one line."""
    try:
        yield
    except (*_STORE_ERRORS, ImportError) as error:
        hint = "see that it is there, has room, and that nothing else holds it"
        if "schema" in str(error):
            hint = f"copy it, then `mlflow db upgrade {tracking_uri()}`"
        raise DemarcheError(f"{tracking_uri()}: the tracking store failed ({first_line(error)}); {hint}") from error


@store_told()
def open_store(*, create: bool = False) -> MlflowClient:
    """A client of the store. Raises DemarcheError within seconds where it does not answer.

    `create`: a database that is not there yet is made; otherwise its absence is said.
    """
    uri = tracking_uri()
    reach(uri, create=create)
    if uri.startswith("sqlite:") and not sqlite_path(uri).exists():
        _make_database(sqlite_path(uri))
    mlflow.set_tracking_uri(uri)
    return MlflowClient()


def _make_database(path: Path) -> None:
    """MLflow builds one in dozens of steps; a database that was left half-way would never open again."""
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        part = Path(folder) / path.name
        engine = create_engine(f"sqlite:///{part}")
        try:
            _initialize_tables(engine)
        finally:
            engine.dispose()
        # Another run that made it meanwhile is already writing to it.
        if not path.exists():
            part.replace(path)


class Run:
    """One experiment as it is being written down."""

    def __init__(self, client: MlflowClient, run: MlflowRun):
        self.client = client
        self.id: str = run.info.run_id
        self.name: str = run.info.run_name

    def params(self, params: Mapping[str, Any]) -> None:
        mlflow.log_params({slug(name): value for name, value in params.items()})

    def tags(self, tags: Mapping[str, str]) -> None:
        mlflow.set_tags(dict(tags))

    def metrics(self, metrics: Mapping[str, float], *, step: int | None = None, model_id: str | None = None) -> None:
        whole = {slug(name): value for name, value in metrics.items() if value == value}
        mlflow.log_metrics(whole, step=step, model_id=model_id)

    def describe(self, markdown: str) -> None:
        mlflow.set_tag("mlflow.note.content", markdown)

    def text(self, text: str, path: str) -> None:
        mlflow.log_text(text, path)

    def file(self, file: Path, folder: str | None = None) -> None:
        mlflow.log_artifact(str(file), folder)

    def figure(self, figure: Any, path: str) -> None:
        mlflow.log_figure(figure, path, save_kwargs={"dpi": 150, "bbox_inches": "tight"})

    def table(self, rows: Sequence[Mapping[str, Any]], path: str) -> None:
        columns = list(rows[0]) if rows else ["nothing"]
        mlflow.log_table({column: [row[column] for row in rows] for column in columns}, path)

    def dataset(self, rows: Sequence[Mapping[str, Any]], *, name: str, source: str, digest: str, context: str) -> None:
        """One side of the data. MLflow's own digest overlooks list columns and rows past 10,000."""
        import mlflow.data
        import pandas as pd
        from mlflow.data.pandas_dataset import from_pandas

        frame = pd.DataFrame.from_records(list(rows))
        with warnings.catch_warnings():
            # MLflow has two names for a local file and warns that it took one of them.
            warnings.filterwarnings("ignore", message="The specified dataset source", category=UserWarning)
            dataset = from_pandas(frame, source=source, name=name, digest=digest)
        mlflow.log_input(dataset, context=context)

    def model(self, folder: Path, *, metrics: Mapping[str, float], digest: str) -> str:
        """Logs a saved tagger as a pyfunc, its scores linked to it; gives the model's id."""
        import mlflow.pyfunc

        info = mlflow.pyfunc.log_model(
            name=ARTIFACT,
            python_model=str(_SERVING),
            artifacts={ARTIFACT: str(folder)},
            pip_requirements=_requirements(folder),
            metadata={"demarche_digest": digest},
        )
        self.metrics(metrics, model_id=info.model_id)
        return str(info.model_id)


@contextlib.contextmanager
def tracked(experiment: str, name: str, *, parent: str | None = None) -> Iterator[Run]:
    """A run that ends FINISHED, or FAILED or KILLED with the reason, whatever happens inside.

    `parent` is the run that it stands below. SIGTERM is taken like Ctrl-C. Runs that a kill -9 left
    open are closed first.
    """
    with store_told():
        client = open_store(create=True)
        experiment_id = _experiment(client, experiment)
        _close_orphans(client)
        with _open(
            client, experiment_id=experiment_id, run_name=name, nested=bool(parent), parent_run_id=parent
        ) as run:
            yield run


@contextlib.contextmanager
def taken_up(id: str) -> Iterator[Run]:
    """A run of several processes, or of one that was ended: it goes on, and ends like a new one.

    Raises DemarcheError where the store does not have it.
    """
    with store_told():
        client = open_store(create=True)
        _close_orphans(client)
        try:
            known = client.get_run(id)
        except MlflowException:
            known = None
        if known is None or known.info.lifecycle_stage != "active":
            raise DemarcheError(
                f"run {id} is not in {tracking_uri()}, or was deleted there; restore it, or begin anew with another --study"
            )
        if _REASON in known.data.tags:
            client.delete_tag(id, _REASON)
        with _open(client, run_id=id) as run:
            yield run


@store_told()
def new_run(experiment: str, name: str) -> str:
    """The id of a run that is to be taken up, by whichever process."""
    client = open_store(create=True)
    made = client.create_run(_experiment(client, experiment), run_name=name, tags=owner())
    return str(made.info.run_id)


@contextlib.contextmanager
def _open(client: MlflowClient, **which: Any) -> Iterator[Run]:
    before = signal.getsignal(signal.SIGTERM)
    in_main = threading.current_thread() is threading.main_thread()
    if in_main:
        signal.signal(signal.SIGTERM, _interrupt)
    active = mlflow.start_run(**which, tags=owner())
    try:
        yield Run(client, active)
    except BaseException as error:
        killed = isinstance(error, KeyboardInterrupt | SystemExit)
        reason = "interrupted" if killed else f"{type(error).__name__}: {error}"
        # A store that fails now too must not hide why the run ended; the next run closes this one.
        with contextlib.suppress(*_STORE_ERRORS, OSError):
            mlflow.set_tag(_REASON, reason[:4000])
            mlflow.end_run(RunStatus.to_string(RunStatus.KILLED if killed else RunStatus.FAILED))
        raise
    else:
        mlflow.end_run()
    finally:
        if in_main:
            signal.signal(signal.SIGTERM, before)


@dataclass(frozen=True)
class Summary:
    """A run as a list shows it."""

    id: str
    name: str
    experiment: str
    status: str
    started: float
    metrics: dict[str, float]
    tags: dict[str, str]


@store_told()
def runs(experiment: str | None = None, *, most: int = 50, parts: bool = True) -> list[Summary]:
    """The latest runs, the newest first; without `parts`, no trials of sweeps and no shares of learning curves."""
    client = open_store()
    experiments = {found.experiment_id: found.name for found in client.search_experiments()}
    if experiment is not None and experiment not in experiments.values():
        known = ", ".join(sorted(experiments.values()))
        raise DemarcheError(f"no experiment {experiment!r} in {tracking_uri()}; there are: {known}")
    ids = [id for id, name in experiments.items() if experiment in (None, name)]
    which = "" if parts else f"tags.`{TRIAL}` IS NULL AND tags.`{SHARE}` IS NULL"
    found = client.search_runs(ids, which, order_by=["attributes.start_time DESC"], max_results=most)
    return [_summary(run, experiments[run.info.experiment_id]) for run in found]


@store_told()
def summary(id: str) -> Summary:
    client = open_store()
    run = client.get_run(id)
    return _summary(run, client.get_experiment(run.info.experiment_id).name)


def find_run(name_or_id: str) -> Summary:
    """A run by its name (the latest that finished, or else the latest), its id, or the start of its id."""
    known = runs(most=1000)
    by_id = [run for run in known if run.id.startswith(name_or_id)]
    by_name = sorted((run for run in known if run.name == name_or_id), key=lambda run: run.status != "FINISHED")
    if len(by_id) > 1 and not by_name:
        raise DemarcheError(f"{name_or_id}: the ids of {len(by_id)} runs start so; give more of it")
    for run in (*by_name, *by_id):
        return run
    raise DemarcheError(f"{name_or_id}: no such run in {tracking_uri()}; `demarche runs list` shows what there is")


@store_told()
def tagged(run: str) -> dict[str, str]:
    """A run's tags. Raises DemarcheError where there is no such run."""
    try:
        return dict(open_store().get_run(run).data.tags)
    except MlflowException as error:
        raise DemarcheError(f"run {run}: not in {tracking_uri()} ({first_line(error)})") from None


def artifact(run: str, path: str) -> Path:
    """A file that a run logged, fetched to this machine."""
    try:
        return Path(mlflow.artifacts.download_artifacts(run_id=run, artifact_path=path))
    except (MlflowException, OSError) as error:
        raise DemarcheError(
            f"run {run}: has no {path} ({first_line(error)}); it did not finish, or it holds other runs: name one of "
            "those (`demarche runs list --parts`)"
        ) from None


def slug(name: str) -> str:
    """A name that MLflow takes for a metric or a param: letters and digits of any script and `_-. /`.

    It must also be a plain path: no part of it may be empty, `.` or `..`.
    """
    parts = re.sub(r"[^\w\-. /]+", "_", name).split("/")
    return "/".join("_" if part in ("", ".", "..") else part for part in parts)[:_LONGEST_NAME].rstrip("/")


def _experiment(client: MlflowClient, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        # A sqlite store keeps its files beside it; a server knows its own place.
        root = None
        if tracking_uri().startswith("sqlite:"):
            folder = re.sub(r"^\.|[^\w.-]+", "_", name)
            root = (sqlite_path(tracking_uri()).parent / "mlruns" / folder).as_uri()
        # The UI shows an experiment of this kind as models in training, not as prompts and traces.
        kind = {"mlflow.experimentKind": "custom_model_development"}
        return str(client.create_experiment(name, artifact_location=root, tags=kind))
    if found.lifecycle_stage != "active":
        raise DemarcheError(f"experiment {name!r} was deleted; restore it in the UI or set tracking.experiment")
    return str(found.experiment_id)


def _close_orphans(client: MlflowClient) -> None:
    """Marks runs KILLED, of whatever experiment, whose process on this machine is gone."""
    everywhere = [experiment.experiment_id for experiment in client.search_experiments()]
    for run in client.search_runs(everywhere, "attributes.status = 'RUNNING'"):
        if gone(run.data.tags):
            client.set_tag(run.info.run_id, _REASON, "its process is gone (killed, or the machine went down)")
            client.set_terminated(run.info.run_id, RunStatus.to_string(RunStatus.KILLED))


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _summary(run: MlflowRun, experiment: str) -> Summary:
    return Summary(
        id=run.info.run_id,
        name=run.info.run_name,
        experiment=experiment,
        status=run.info.status,
        started=run.info.start_time / 1000,
        metrics=dict(run.data.metrics),
        tags=dict(run.data.tags),
    )


def _requirements(folder: Path) -> list[str]:
    from importlib.metadata import version

    names = ["mlflow", "scikit-learn", "numpy", "scipy", "safetensors", "pydantic", "pyyaml"]
    if has_encoder(folder):
        names += ["torch", "transformers"]
    return [f"{name}=={version(name)}" for name in names]


def first_line(error: Exception) -> str:
    # SQLAlchemy may put a remark in brackets before what happened.
    lines = [line for line in str(error).strip().splitlines() if not line.startswith("(raised as a result")]
    return lines[0][:200] if lines else type(error).__name__
