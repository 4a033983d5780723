"""A PostgreSQL database and a tracking server on it, for the tests."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

USER = "postgres"
"""The user that Debian's package makes: PostgreSQL does not run as root."""


def _programs() -> Path:
    """Return the folder of PostgreSQL's programs, which Debian does not put on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    path = found[-1] if found else shutil.which("initdb")
    if path is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg, the driver of PostgreSQL, is not installed (pip install 'psycopg[binary]')")
    if os.geteuid() == 0 and not any(user.pw_name == USER for user in pwd.getpwall()):
        pytest.skip(f"PostgreSQL does not run as root, and there is no user {USER}")
    return Path(path).parent


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Start a new database, and yield its URL. It listens on a socket in its own folder alone."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="demarche-postgres-"))
    as_user: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, USER)
        as_user = ["runuser", "-u", USER, "--"]

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [*as_user, str(programs / program), *arguments], check=True, stdout=subprocess.DEVNULL, cwd=folder
        )

    data = str(folder / "data")
    try:
        run("initdb", "-D", data, "-U", "mlflow", "-A", "trust", "--no-sync")
        # Nothing here has to survive a power cut.
        run(
            "pg_ctl",
            "-D",
            data,
            "-w",
            "-l",
            str(folder / "log"),
            "-o",
            f"-F -k {folder} -c listen_addresses=''",
            "start",
        )
        try:
            run("createdb", "-h", str(folder), "-U", "mlflow", "mlflow")
            yield f"postgresql+psycopg://mlflow@/mlflow?host={folder}"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Server:
    """An MLflow tracking server that keeps the artifacts itself."""

    def __init__(self, database: str, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url, self.artifacts = f"http://127.0.0.1:{port}", folder / "artifacts"
        self._log = folder / "log"
        command = ["server", "--backend-store-uri", database, "--artifacts-destination", str(self.artifacts)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", *command, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"],
                stdout=log, stderr=log, start_new_session=True,
                env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            )  # fmt: skip

    def wait(self) -> None:
        """Wait until the server answers."""
        for _ in range(1200):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/health", timeout=5).close()
                return
            assert self._process.poll() is None, self._log.read_text()
            time.sleep(0.2)
        pytest.fail(f"the server did not start: {self._log.read_text()}")

    def kill(self) -> None:
        """Kill the server and the processes that it started, which are in a session of their own."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
