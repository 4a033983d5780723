"""The prepared view of an experiment in the UI, kept as a shared view of MLflow, and the link that opens it."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import zlib
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from mlflow import MlflowClient
from mlflow.entities import Experiment

from labels.errors import DemarcheError
from training.tracking.client import open_store, store_errors
from training.tracking.store import store_name, tracking_uri
from training.tracking.view_state import metrics_of, view_state

KEY = "demarche"
TAG = f"mlflow.sharedViewState.{KEY}"
"""The tag of an experiment in which MLflow's UI looks for the view that a link names."""
_COMPRESSED = "deflate;"
_LONGEST = 20_000  # characters that MLflow accepts
_LATEST = 200
KIND = "demarche.kind"
"""The tag of a run that trained no model, such as `tagging`."""


def encode(state: dict[str, Any], *, created: int, updated: int) -> str:
    """Return the value of the tag, with a digest that tells our view from one that a user has saved; times in ms."""
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode(), 9)).decode()
    view = {"name": "Demarche", "createdAt": created, "updatedAt": updated, "state": _COMPRESSED + packed}
    # The UI keeps only the four keys above if a user saves other columns or charts, or another name.
    return json.dumps(view | {"digest": _digest(view)})


def decode(text: str) -> dict[str, Any] | None:
    """Return the state in the value of the tag, or None if it is not as we wrote it."""
    try:
        view = json.loads(text)
        if view.pop("digest", None) != _digest(view):
            return None
        state: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(view["state"].removeprefix(_COMPRESSED))))
    except (ValueError, AttributeError, KeyError, zlib.error):
        return None
    return state


def _digest(view: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(view).encode()).hexdigest()[:16]


def show_metrics(client: MlflowClient, experiment: str, metrics: Iterable[str]) -> None:
    """Write the view of an experiment (its id), or add metrics to it. One that a user has changed is left alone."""
    stored = client.get_experiment(experiment).tags.get(TAG)
    before = None if stored is None else decode(stored)
    if stored is not None and before is None:
        return
    known = set(metrics) | (metrics_of(before) if before else set())
    state = view_state(known)
    now = int(time.time() * 1000)
    created = json.loads(stored)["createdAt"] if stored else now
    text = encode(state, created=created, updated=now)
    if len(text) > _LONGEST:
        state = view_state(known, rest=False)
        text = encode(state, created=created, updated=now)
    if state != before and len(text) <= _LONGEST:
        client.set_experiment_tag(experiment, TAG, text)


@store_errors()
def view_link(experiment: str | None = None, *, server: str | None = None) -> str:
    """Return the link to the view of an experiment; without a name, that of the latest run.

    `server` is the address of the UI; without it, it is that of the tracking server. If there is no run yet, the link
    is to the list of experiments. Raises DemarcheError if the store has no experiment of the name.
    """
    client = open_store(create=True)
    address = (server or _without_password(tracking_uri())).rstrip("/")
    found = _experiment(client, experiment)
    if found is None:
        return f"{address}/#/experiments?workflowType=machine_learning"
    id = found.experiment_id
    # Runs of an earlier version may be in the experiment, or some that another program has logged.
    latest = client.search_runs([id], max_results=_LATEST)
    show_metrics(client, id, {name for run in latest for name in run.data.metrics})
    return f"{address}/#/experiments/{id}/runs?viewStateShareKey={KEY}&workflowType=machine_learning"


def _experiment(client: MlflowClient, name: str | None) -> Experiment | None:
    if name is not None:
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            raise DemarcheError(f"no experiment {name!r} in {store_name()}; `demarche runs list` shows the experiments")
        return experiment
    experiments = {each.experiment_id: each for each in client.search_experiments()}
    trained = f"tags.`{KIND}` IS NULL"  # not a batch of tagged articles
    latest = client.search_runs(list(experiments), trained, order_by=["attributes.start_time DESC"], max_results=1)
    return experiments[latest[0].info.experiment_id] if latest else None


def _without_password(url: str) -> str:
    """Return the address of a server without user and password, which a link must not show."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
