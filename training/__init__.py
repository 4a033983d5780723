"""Run configs: read, split, fit, evaluate and track; compare and promote runs."""

import os

# Set here because MLflow reads these when it is first imported, whichever module imports it.
# No telemetry is sent, and a server that does not answer fails in seconds, not minutes.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
