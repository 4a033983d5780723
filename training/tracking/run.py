"""Log to a single run: params, tags, metrics, artifacts, data sets and the model."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mlflow import MlflowClient
from mlflow.entities import Dataset as MlflowDataset
from mlflow.entities import DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.entities import Run as MlflowRun
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT, MLFLOW_RUN_NOTE

from models.saved import has_encoder
from training.tracking.interrupts import interrupts_delayed

_SERVING = Path(__file__).with_name("serving.py")


ARTIFACT = "tagger"
REGISTERED = "demarche.registered"
"""The tag with the registered model of a run: `name/version`."""

_LONGEST_NAME = 250  # characters that MLflow accepts


class Dataset(NamedTuple):
    """The name and the digest of a data set, by which MLflow links metrics to it. A digest has at most 36 characters."""

    name: str
    digest: str


class Run:
    """A run that is being written. Everything is logged to it by its id, whatever other runs are active."""

    def __init__(self, client: MlflowClient, run: MlflowRun):
        self.client = client
        self.id: str = run.info.run_id
        self.name: str = run.info.run_name
        self.experiment: str = run.info.experiment_id
        self.logged_metrics: set[str] = set()

    def params(self, params: Mapping[str, Any]) -> None:
        """Log params."""
        self.client.log_batch(self.id, params=[Param(slug(name), str(value)) for name, value in params.items()])

    def tags(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        self.client.log_batch(self.id, tags=[RunTag(name, value) for name, value in tags.items()])

    def metrics(
        self,
        metrics: Mapping[str, float],
        *,
        step: int | None = None,
        model_id: str | None = None,
        dataset: Dataset | None = None,
    ) -> None:
        """Log the metrics that have a value (not NaN), and link them to a logged model and a data set if these are given."""
        now = int(time.time() * 1000)
        name, digest = dataset or (None, None)
        with_value = {slug(key): value for key, value in metrics.items() if value == value}
        self.client.log_batch(
            self.id,
            metrics=[
                Metric(key, value, now, step or 0, model_id, name, digest, self.id) for key, value in with_value.items()
            ],
        )
        self.logged_metrics.update(with_value)

    def describe(self, markdown: str) -> None:
        """Set the description that the UI shows."""
        self.client.set_tag(self.id, MLFLOW_RUN_NOTE, markdown)

    def page(self, artifact: str) -> str:
        """Return the address of an artifact in the UI, relative to any of its pages."""
        return f"#/experiments/{self.experiment}/runs/{self.id}/artifacts/{artifact}"

    def text(self, text: str, path: str) -> None:
        """Log a text as an artifact."""
        self.client.log_text(self.id, text, path)

    def file(self, file: Path, folder: str | None = None) -> None:
        """Log a file as an artifact."""
        self.client.log_artifact(self.id, str(file), folder)

    def figure(self, figure: Any, path: str) -> None:
        """Log a plot as an artifact."""
        self.client.log_figure(self.id, figure, path, save_kwargs={"dpi": 150})

    def table(self, rows: Sequence[Mapping[str, Any]], path: str) -> None:
        """Log rows as a table, which the UI can show for several runs at once."""
        columns = list(rows[0]) if rows else ["nothing"]
        self.client.log_table(self.id, {column: [row[column] for row in rows] for column in columns}, path)

    def dataset(self, rows: Sequence[Mapping[str, Any]], dataset: Dataset, *, source: str, context: str) -> None:
        """Log a split of the data, or a set to evaluate on. MLflow's own digest ignores list columns and rows past 10,000."""
        import pandas as pd
        from mlflow.data.pandas_dataset import from_pandas

        frame = pd.DataFrame.from_records(list(rows))
        with warnings.catch_warnings():
            # MLflow has two source types for a local file, and warns that it chose one of them.
            warnings.filterwarnings("ignore", message="The specified dataset source", category=UserWarning)
            logged = from_pandas(frame, source=source, name=dataset.name, digest=dataset.digest)
        tags = [InputTag(MLFLOW_DATASET_CONTEXT, context)]
        self.client.log_inputs(self.id, [DatasetInput(MlflowDataset.from_dictionary(logged.to_dict()), tags)])

    def model(self, folder: Path, *, digest: str) -> str:
        """Log a saved tagger as a pyfunc, and return the model's id."""
        import mlflow.pyfunc
        from mlflow.models import Model

        with interrupts_delayed():
            params = self.client.get_run(self.id).data.params
            # Left to itself, MLflow puts a model that is logged by the id of its run into the default experiment.
            model = self.client.create_logged_model(
                self.experiment, name=ARTIFACT, source_run_id=self.id, params=params
            )
            # `mlflow.pyfunc.log_model` makes this call without `run_id`, and would start a run.
            Model.log(
                artifact_path=None,
                flavor=mlflow.pyfunc,
                model_id=model.model_id,
                run_id=self.id,
                python_model=str(_SERVING),
                artifacts={ARTIFACT: str(folder)},
                pip_requirements=pip_requirements(folder),
                metadata={"demarche_digest": digest},
            )
        return str(model.model_id)


def slug(name: str) -> str:
    """Return the name with only the characters that MLflow accepts: letters and digits of any script, `_-. /`.

    The name must also be a plain path: no part of it may be empty, `.` or `..`.
    """
    parts = re.sub(r"[^\w\-. /]+", "_", name).split("/")
    return "/".join("_" if part in ("", ".", "..") else part for part in parts)[:_LONGEST_NAME].rstrip("/")


def interval_tag(split: str, metric: str) -> str:
    """Return the tag that holds a headline metric with its interval: `0.844 [0.802, 0.882]`."""
    return slug(f"interval/{split}/{metric}")


def pip_requirements(folder: Path) -> list[str]:
    """Return the pip requirements for serving a saved tagger, with the versions installed here."""
    from importlib.metadata import version

    names = [
        "mlflow",
        "numpy",
        "platformdirs",
        "py3langid",
        "pydantic",
        "pyyaml",
        "safetensors",
        "scikit-learn",
        "scipy",
    ]
    if has_encoder(folder):
        names += ["torch", "transformers"]
    return [f"{name}=={version(name)}" for name in names]
