"""The only module that talks to MLflow: runs, registered models, and the way from a URI to a folder."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

# Nothing is sent anywhere, and a server that went away is given up on in seconds, not minutes.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow
import psutil
from mlflow import MlflowClient
from mlflow.entities import Run as MlflowRun
from mlflow.entities import RunStatus
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.store.db.utils import _initialize_tables
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from labels.errors import DemarcheError
from labels.splits import read_split
from models.saved import check_seal, model_digest
from training.store import reach, sqlite_path, tracking_uri

# What is worth telling the user is told by the command line; errors too, where MLflow logs a traceback.
for _logger in ("mlflow", "alembic"):
    logging.getLogger(_logger).setLevel(logging.CRITICAL)

CHAMPION = "champion"
PREDICTIONS = "predictions/test.jsonl"
SPLIT = "split.jsonl"
_PYFUNC = Path(__file__).with_name("pyfunc.py")
_ARTIFACT = "tagger"
_LONGEST_NAME = 250  # characters that MLflow takes
_STORE_ERRORS = (MlflowException, SQLAlchemyError)


@contextlib.contextmanager
def _store_told() -> Iterator[None]:
    """What a store refuses in mid-work (locked, full, gone, of another version), as one line."""
    try:
        yield
    except (*_STORE_ERRORS, ImportError) as error:
        hint = "see that it is there, has room, and that nothing else holds it"
        if "schema" in str(error):
            hint = f"copy it, then `mlflow db upgrade {tracking_uri()}`"
        raise DemarcheError(f"{tracking_uri()}: the tracking store failed ({_first_line(error)}); {hint}") from error


@_store_told()
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


@dataclass(frozen=True)
class Registered:
    """A version of a registered model; `champion` is the version that has the alias now."""

    name: str
    version: str
    champion: str

    @property
    def is_champion(self) -> bool:
        return self.version == self.champion


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
            name=_ARTIFACT,
            python_model=str(_PYFUNC),
            artifacts={_ARTIFACT: str(folder)},
            pip_requirements=_requirements(),
            metadata={"demarche_digest": digest},
        )
        self.metrics(metrics, model_id=info.model_id)
        return str(info.model_id)

    def register(self, model_id: str, name: str, *, description: str, digest: str) -> Registered:
        """A new version; it becomes champion only where there is none yet."""
        with contextlib.suppress(MlflowException):
            self.client.create_registered_model(name)  # it may well be there already
        version = self.client.create_model_version(
            name,
            f"models:/{model_id}",
            run_id=self.id,
            tags={"demarche.digest": digest},
            description=description,
            model_id=model_id,
        )
        champion = champion_of(self.client, name)
        if champion is None:
            self.client.set_registered_model_alias(name, CHAMPION, version.version)
            # Aliases have no compare-and-swap: whoever wrote last is champion.
            champion = champion_of(self.client, name) or version.version
        self.tags({"demarche.registered": f"{name}/{version.version}"})
        return Registered(name, str(version.version), champion)


@contextlib.contextmanager
def tracked(experiment: str, name: str) -> Iterator[Run]:
    """A run that ends FINISHED, or FAILED or KILLED with the reason, whatever happens inside.

    SIGTERM is taken like Ctrl-C. Runs that a kill -9 left open are closed first.
    """
    with _store_told(), _tracked(experiment, name) as run:
        yield run


@contextlib.contextmanager
def _tracked(experiment: str, name: str) -> Iterator[Run]:
    client = open_store(create=True)
    experiment_id = _experiment(client, experiment)
    _close_orphans(client)
    mlflow.set_experiment(experiment_id=experiment_id)
    before = signal.getsignal(signal.SIGTERM)
    in_main = threading.current_thread() is threading.main_thread()
    if in_main:
        signal.signal(signal.SIGTERM, _interrupt)
    active = mlflow.start_run(run_name=name, tags=_owner())
    try:
        yield Run(client, active)
    except BaseException as error:
        killed = isinstance(error, KeyboardInterrupt | SystemExit)
        reason = "interrupted" if killed else f"{type(error).__name__}: {error}"
        # A store that fails now too must not hide why the run ended; the next run closes this one.
        with contextlib.suppress(*_STORE_ERRORS, OSError):
            mlflow.set_tag("demarche.reason", reason[:4000])
            mlflow.end_run(RunStatus.to_string(RunStatus.KILLED if killed else RunStatus.FAILED))
        raise
    else:
        mlflow.end_run()
    finally:
        if in_main:
            signal.signal(signal.SIGTERM, before)


class Fetched(NamedTuple):
    """A saved tagger's folder, and how tags name it: `name/version`, or the address as given."""

    folder: Path
    name: str


@_store_told()
def fetch(uri: str) -> Fetched:
    """The model at `models:/NAME@ALIAS`, `models:/NAME/VERSION` or `runs:/RUN/tagger`, or a folder on disk.

    Raises DemarcheError where there is none, or where it is not the one that the store knows.
    """
    if not re.match(r"^(models|runs):", uri):
        return Fetched(Path(uri), uri)
    client = open_store()
    try:
        model_id, name, digest = _looked_up(client, uri)
        location = client.get_logged_model(model_id).artifact_location
        folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=f"{location}/artifacts/{_ARTIFACT}"))
    except (MlflowException, OSError) as error:
        known = ", ".join(model.name for model in client.search_registered_models(max_results=20))
        raise DemarcheError(
            f"{uri}: no such model in {tracking_uri()} ({_first_line(error)}); registered there: {known or 'none'}"
        ) from None
    check_seal(folder)
    if digest is not None and model_digest(folder) != digest:
        raise DemarcheError(f"{uri}: {folder} is not the model that was registered; its digest differs; train it again")
    return Fetched(folder, name)


def learnt(run: str) -> set[str]:
    """The passages that a run's model learnt from: those of train and dev."""
    places = read_split(artifact(run, SPLIT)).values()
    return {place.passage for place in places if place.side in ("train", "dev")}


@_store_told()
def promote(name: str, version: str) -> Registered:
    """Makes a version the champion."""
    client = open_store()
    try:
        client.get_model_version(name, version)
        client.set_registered_model_alias(name, CHAMPION, version)
    except MlflowException as error:
        raise DemarcheError(
            f"{name}/{version}: {_first_line(error)}; `demarche runs list` shows what there is"
        ) from None
    return Registered(name, version, champion_of(client, name) or version)


@_store_told()
def champions() -> set[str]:
    """`name/version` of every registered model's champion."""
    models = open_store().search_registered_models(max_results=1000)
    return {f"{model.name}/{model.aliases[CHAMPION]}" for model in models if CHAMPION in model.aliases}


def champion_of(client: MlflowClient, name: str) -> str | None:
    """The version that has the alias, or None."""
    try:
        return str(client.get_model_version_by_alias(name, CHAMPION).version)
    except MlflowException as error:
        if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
            return None
        raise


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


@_store_told()
def runs(experiment: str | None = None, *, most: int = 50) -> list[Summary]:
    """The latest runs, the newest first."""
    client = open_store()
    experiments = {found.experiment_id: found.name for found in client.search_experiments()}
    if experiment is not None and experiment not in experiments.values():
        known = ", ".join(sorted(experiments.values()))
        raise DemarcheError(f"no experiment {experiment!r} in {tracking_uri()}; there are: {known}")
    ids = [id for id, name in experiments.items() if experiment in (None, name)]
    found = client.search_runs(ids, order_by=["attributes.start_time DESC"], max_results=most)
    return [_summary(run, experiments[run.info.experiment_id]) for run in found]


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


def artifact(run: str, path: str) -> Path:
    """A file that a run logged, fetched to this machine."""
    try:
        return Path(mlflow.artifacts.download_artifacts(run_id=run, artifact_path=path))
    except (MlflowException, OSError) as error:
        raise DemarcheError(f"run {run}: has no {path} ({_first_line(error)}); it did not finish") from None


def git_commit() -> str | None:
    """The commit that the working folder is at, with `+` where files differ from it."""
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5)
        changed = subprocess.run(["git", "status", "--porcelain", "-uno"], capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if commit.returncode != 0:
        return None
    return commit.stdout.strip() + ("+" if changed.stdout.strip() else "")


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


def _owner() -> dict[str, str]:
    process = psutil.Process()
    return {
        "demarche.host": socket.gethostname(),
        "demarche.pid": str(process.pid),
        "demarche.pid_started": str(process.create_time()),
    }


def _close_orphans(client: MlflowClient) -> None:
    """Marks runs KILLED, of whatever experiment, whose process on this machine is gone."""
    here = socket.gethostname()
    everywhere = [experiment.experiment_id for experiment in client.search_experiments()]
    for run in client.search_runs(everywhere, "attributes.status = 'RUNNING'"):
        tags = run.data.tags
        if tags.get("demarche.host") == here and not _alive(tags):
            client.set_tag(run.info.run_id, "demarche.reason", "its process is gone (killed, or the machine went down)")
            client.set_terminated(run.info.run_id, RunStatus.to_string(RunStatus.KILLED))


def _alive(tags: Mapping[str, str]) -> bool:
    try:
        process = psutil.Process(int(tags["demarche.pid"]))
        return abs(process.create_time() - float(tags["demarche.pid_started"])) < 1
    except (psutil.NoSuchProcess, KeyError, ValueError):
        return False


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _looked_up(client: MlflowClient, uri: str) -> tuple[str, str, str | None]:
    """The logged model's id, how tags name it, and the digest that the store knows. Raises MlflowException."""
    if match := re.match(r"^runs:/([^/]+)(?:/.*)?$", uri):
        run = client.get_run(match[1])
        if not run.outputs or not run.outputs.model_outputs:
            raise MlflowException("the run logged no model")
        return str(run.outputs.model_outputs[0].model_id), uri, run.data.tags.get("demarche.model")
    if match := re.match(r"^models:/([^/@]+)@(.+)$", uri):
        version = client.get_model_version_by_alias(match[1], match[2])
    elif match := re.match(r"^models:/([^/@]+)/(.+)$", uri):
        version = client.get_model_version(match[1], match[2])
    else:
        raise MlflowException("expected models:/NAME@ALIAS, models:/NAME/VERSION or runs:/RUN/tagger")
    return _of_version(version), f"{version.name}/{version.version}", version.tags.get("demarche.digest")


def _of_version(version: ModelVersion) -> str:
    # The sqlite store forgets `model_id`; what the version was made of stays in `source`.
    match = re.match(r"^models:/(m-\w+)$", version.source or "")
    if match is None:
        raise MlflowException("the version was not registered by `demarche train`")
    return match[1]


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


def _requirements() -> list[str]:
    from importlib.metadata import version

    names = ("mlflow", "scikit-learn", "numpy", "scipy", "safetensors", "pydantic", "pyyaml")
    return [f"{name}=={version(name)}" for name in names]


def _first_line(error: Exception) -> str:
    # SQLAlchemy may put a remark in brackets before what happened.
    lines = [line for line in str(error).strip().splitlines() if not line.startswith("(raised as a result")]
    return lines[0][:200] if lines else type(error).__name__
