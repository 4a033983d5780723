"""Running a config: read it, split, fit, judge, track; comparing and promoting runs."""

import os

# Here, because MLflow reads these when it is first imported, by whichever module of the room that is.
# Nothing is sent anywhere, and a server that went away is given up on in seconds, not minutes.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
