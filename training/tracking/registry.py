"""Registered models: register versions, find champions, and resolve a URI to a folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.uri import is_local_uri

from labels.errors import DemarcheError
from labels.splits.split import read_split
from models.saved import model_digest
from training.tracking.client import first_line, open_store, store_errors
from training.tracking.downloads import download_folder
from training.tracking.interrupts import interrupts_delayed
from training.tracking.run import ARTIFACT, REGISTERED, Run
from training.tracking.runs import INIT, SPLIT, fetch_artifact, run_tags
from training.tracking.store import store_name

CHAMPION = "champion"


@dataclass(frozen=True)
class Registered:
    """A version of a registered model; `champion` is the version that has the alias now."""

    name: str
    version: str
    champion: str

    @property
    def is_champion(self) -> bool:
        return self.version == self.champion


@store_errors()
def register(run: Run, model_id: str, name: str, *, about: str, description: str, digest: str) -> Registered:
    """Register the model of a finished run as a new version, which becomes champion if there is none yet.

    `description` is that of the version. `about` describes the registered model, unless it is described already.
    """
    client = run.client
    # Without the alias and the tag, the version would be one that nobody knows the use of.
    with interrupts_delayed():
        try:
            client.create_registered_model(name, description=about)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            if not client.get_registered_model(name).description:
                client.update_registered_model(name, about)
        version = client.create_model_version(
            name,
            f"models:/{model_id}",
            run_id=run.id,
            tags={"demarche.digest": digest},
            description=description,
            model_id=model_id,
        )
        champion = champion_of(client, name)
        if champion is None:
            client.set_registered_model_alias(name, CHAMPION, version.version)
            # Aliases have no compare-and-swap, so the last writer decides the champion.
            champion = champion_of(client, name) or version.version
        run.tags({REGISTERED: f"{name}/{version.version}"})
    return Registered(name, str(version.version), champion)


@store_errors()
def model_id_of(uri: str) -> str:
    """Return the id of the logged model at a `models:/` or `runs:/` URI. Raises DemarcheError if there is none."""
    return _look_up(open_store(), uri)[0]


class Fetched(NamedTuple):
    """A saved tagger's folder, and the model's name in the rows of `demarche tag`: `name/version`, or the URI itself."""

    folder: Path
    name: str


@store_errors()
def fetch(uri: str) -> Fetched:
    """Return the model at `models:/NAME@ALIAS`, `models:/NAME/VERSION`, `runs:/RUN/tagger` or a folder on disk.

    Raises DemarcheError if there is none, or if its manifest is not the one that was registered. Loading the model
    verifies the files against the manifest.
    """
    if not re.match(r"^(models|runs):", uri):
        return Fetched(Path(uri), uri)
    client = open_store()
    try:
        model_id, name, digest = _look_up(client, uri)
        location = str(client.get_logged_model(model_id).artifact_location)
    except MlflowException as error:
        models = client.search_registered_models(max_results=20)
        for model in models:
            if uri == f"models:/{model.name}@{CHAMPION}" and CHAMPION not in model.aliases:
                raise DemarcheError(
                    f"{uri}: no version of {model.name} is the champion; `demarche runs promote {model.name}/VERSION`"
                ) from None
        names = ", ".join(model.name for model in models)
        raise DemarcheError(
            f"{uri}: no such model in {store_name()} ({first_line(error)}); registered models: {names or 'none'}"
        ) from None
    folder = _download(uri, location)
    if digest is not None and model_digest(folder) != digest:
        raise DemarcheError(f"{uri}: {folder} is not the model that was registered; its digest differs; train it again")
    return Fetched(folder, name)


def _download(uri: str, location: str) -> Path:
    """Return the local folder of a model whose files the store has at `location`. Raises DemarcheError."""
    known = "registered" if uri.startswith("models:") else "logged"
    path = local_file_uri_to_path(location) if is_local_uri(location) else None
    if path is not None and not Path(path).exists():
        raise DemarcheError(
            f"{uri}: {known}, but its files were at {path} and are gone; if the folder was moved, move it back there, or "
            "train the model again"
        )
    try:
        return Path(
            mlflow.artifacts.download_artifacts(
                artifact_uri=f"{location}/artifacts/{ARTIFACT}", dst_path=download_folder(location)
            )
        )
    except (MlflowException, OSError) as error:
        raise DemarcheError(
            f"{uri}: {known}, but its files at {path or location} cannot be read ({first_line(error)}); "
            "train the model again"
        ) from None


def trained_on(run: str, splits: Sequence[str] = ("train", "dev")) -> set[str]:
    """Return the passages in these splits of a run, and those that the models it started from were trained on."""
    places = read_split(fetch_artifact(run, SPLIT)).values()
    passages = {place.passage for place in places if place.split in splits}
    return passages.union(*(trained_on(before) for before in run_tags(run).get(INIT, "").split()))


@store_errors()
def champions() -> set[str]:
    """Return `name/version` of every registered model's champion."""
    models = open_store().search_registered_models(max_results=1000)
    return {f"{model.name}/{model.aliases[CHAMPION]}" for model in models if CHAMPION in model.aliases}


def champion_of(client: MlflowClient, name: str) -> str | None:
    """Return the version that is the champion, or None."""
    return holder_of(client, name, CHAMPION)


def holder_of(client: MlflowClient, name: str, alias: str) -> str | None:
    """Return the version that has an alias, or None."""
    try:
        return str(client.get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
            return None
        raise


def _look_up(client: MlflowClient, uri: str) -> tuple[str, str, str | None]:
    """Return the logged model's id, its name and its registered digest. Raises MlflowException if there is none."""
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
    return _model_id(version), f"{version.name}/{version.version}", version.tags.get("demarche.digest")


def _model_id(version: ModelVersion) -> str:
    # The SQLite store does not keep `model_id`; the version's `source` still names it.
    match = re.match(r"^models:/(m-\w+)$", version.source or "")
    if match is None:
        raise MlflowException("the version was not registered by `demarche train`")
    return match[1]
