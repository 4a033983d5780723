"""Record a batch of tagged articles as a run, linked to the model that tagged it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping

from mlflow.entities import LoggedModelInput

from training.tracking import runs
from training.tracking.client import open_store, store_errors
from training.tracking.registry import model_id_of
from training.tracking.view import KIND

SUFFIX = "-tagging"
"""Runs of batches are in an experiment of their own, named for that of the training run."""
# By itself, MLflow tries for minutes to reach a server that went away.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}


def record_batch(uri: str, name: str, *, tags: Mapping[str, str], metrics: Mapping[str, float], report: str) -> str:
    """Record a batch that the model at `uri` has tagged, and return the run's id.

    `name` is that of the run, and `report` what it says of itself in Markdown. Raises DemarcheError within seconds if
    the store does not answer.
    """
    with _short_patience(), store_errors():
        client = open_store()
        model = model_id_of(uri)
        experiment = client.get_experiment(client.get_logged_model(model).experiment_id).name
        with runs.start_run(f"{experiment}{SUFFIX}", name) as run:
            run.tags({KIND: runs.TAGGING, **tags})
            client.log_inputs(run.id, models=[LoggedModelInput(model)])
            run.metrics(metrics)
            run.describe(report)
    return run.id


@contextlib.contextmanager
def _short_patience() -> Iterator[None]:
    before = {key: os.environ.get(key) for key in _PATIENCE}
    os.environ.update({key: value for key, value in _PATIENCE.items() if before[key] is None})
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
