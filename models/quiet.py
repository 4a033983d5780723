"""Silence third-party libraries: no telemetry, no progress bars, no log output.

It is in `models/` because every Demarche process imports that package: the command line, the tagging processes and the
served model. `labels/` uses none of these libraries. This module imports only the standard library, so that it can run
before anything heavy is imported.
"""

from __future__ import annotations

import os
import sys


def quiet_libraries() -> None:
    """Turn off the telemetry, progress bars and logs of MLflow, Alembic, Optuna, Hugging Face, Ray
    and OpenVINO.

    Call it at the start of a process: MLflow and Hugging Face read the variables when they are imported, and child
    processes inherit them. Variables that the user has set are kept, except for telemetry. Our own messages report what
    the user needs to know, including errors. Optuna sets its own log level when it is imported, so `Study` silences it.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # OpenVINO has no variable for it, and does without this package where it cannot be imported.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    for name, value in {
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "TOKENIZERS_PARALLELISM": "true",  # otherwise a fork after the first text logs a warning
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # links to a server, amid our own lines
        "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # Alembic's level too; both are set when MLflow is imported
        # A server that stops answering fails a request within seconds, not minutes.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    }.items():
        os.environ.setdefault(name, value)
    if "mlflow" in sys.modules:
        import logging

        level = logging.getLevelNamesMapping().get(os.environ["MLFLOW_LOGGING_LEVEL"].upper(), logging.CRITICAL)
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(level)
