"""No process of ours sends telemetry or shows the logs of libraries, and no import changes the process it is in."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from models.quiet import quiet_libraries
from tests.conftest import REPOSITORY

TELEMETRY = ("MLFLOW_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY")


def python(program: str) -> str:
    """The output of a program in a process without any of the variables that we set."""
    names = ("MLFLOW_", "HF_", "TOKENIZERS_", "PYTEST_")  # under pytest MLflow sends nothing in any case
    env = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60,
        env=env | {"PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_importing_our_packages_changes_neither_the_environment_nor_log_levels() -> None:
    python("""
import logging, os
names = ["", "mlflow", "alembic", "optuna", "transformers", "huggingface_hub"]
levels = lambda: [logging.getLogger(name).level for name in names]
before = dict(os.environ), levels()
import labels, models, tagging, training
import models.quiet, training.tracking, training.sweeps, training.tracking.store
assert (dict(os.environ), levels()) == before
""")


def test_the_command_line_turns_telemetry_off_before_the_libraries_are_imported() -> None:
    python(f"""
import os, sys
import demarche.__main__
assert not {{"mlflow", "huggingface_hub", "torch", "logging"}} & sys.modules.keys(), sys.modules.keys()
assert all(os.environ[name] in ("true", "1") for name in {TELEMETRY})
from huggingface_hub import constants
import mlflow, logging
from mlflow.telemetry.utils import is_telemetry_disabled
assert constants.HF_HUB_DISABLE_TELEMETRY
assert is_telemetry_disabled()
assert logging.getLogger("mlflow").level == logging.getLogger("alembic").level == logging.CRITICAL
""")


def test_what_the_user_sets_stands_except_for_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    quiet_libraries()
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "60"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_processes_that_tag_send_no_telemetry() -> None:
    # What each of them calls first.
    python(f"""
import os
from tagging.worker import initialise
assert not {{*{TELEMETRY}}} & os.environ.keys()
initialise(1)
assert all(os.environ[name] in ("true", "1") for name in {TELEMETRY})
""")


def test_libraries_log_no_traceback_once_an_interrupt_was_received() -> None:
    script = (
        "import logging, signal\n"
        "from demarche import interrupted\n"
        "interrupted.handle_signals()\n"
        "logger = logging.getLogger('sqlalchemy.pool.impl.QueuePool')\n"
        "logger.error('before')\n"
        "try:\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "except KeyboardInterrupt:\n"
        "    logger.error('after')\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stderr == "before\n"
