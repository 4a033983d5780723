"""The command `demarche ui`: start the MLflow UI and print the link to the runs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import IO, Annotated

import typer

from demarche.printing import echo, warn

_HOST, _PORT = "127.0.0.1", 5000
DEFAULT_ADDRESS = f"http://{_HOST}:{_PORT}"
_PATIENCE = 300.0  # seconds; on a busy machine, MLflow takes more than one minute to start
_NEWS_AFTER = 10.0


def ui(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of the UI.")] = _PORT,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to bind to.")] = _HOST,
    experiment: Annotated[
        str | None, typer.Option(metavar="NAME", help="Experiment to link to.  [default: that of the latest run]")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the link in the browser.")] = False,
) -> None:
    """Start the MLflow UI for the tracking store, and print a link to the runs with their headline metrics."""
    from training.tracking.store import store_name, tracking_uri
    from training.tracking.view import view_link

    if tracking_uri().startswith("http"):
        echo(f"the store is a server that has its own UI: {store_name()}")
        _show(view_link(experiment), open_=open_)
        return
    _check_address(host, port)
    address = _address(host, port)
    link = view_link(experiment, server=address)
    with _server(host, port, address) as server:
        _show(link, open_=open_)
        echo(f"store {store_name()}; stop the UI with Ctrl-C")
        server.wait()


def _show(link: str, *, open_: bool) -> None:
    echo(f"MLflow UI: {link}")
    if open_:
        import webbrowser

        if not webbrowser.open(link):
            warn("no browser could be started; open the link yourself")


def _address(host: str, port: int) -> str:
    """Return where a browser on this machine finds the UI."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
    return f"http://{everywhere.get(host, f'[{host}]' if ':' in host else host)}:{port}"


def _check_address(host: str, port: int) -> None:
    import socket

    from labels.errors import DemarcheError

    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        raise DemarcheError(
            f"{host}:{port}: the UI cannot listen on this address ({error.strerror or error}); "
            "choose another with --port or --host"
        ) from None


@contextlib.contextmanager
def _server(host: str, port: int, address: str) -> Iterator[subprocess.Popen[str]]:
    """Start MLflow's server, wait until it answers, and stop it at the end.

    What it prints while it starts is shown only if it does not start; from then on it prints errors.
    """
    from labels.errors import DemarcheError

    process = subprocess.Popen(
        _command(host, port), env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        encoding="utf-8", errors="replace", start_new_session=True,
    )  # fmt: skip
    said: list[str] = []
    answers, stopping = threading.Event(), threading.Event()
    assert process.stderr is not None
    reader = threading.Thread(target=_pass_on, args=(process.stderr, said, answers, stopping), daemon=True)
    reader.start()
    try:
        if not _wait_until_it_answers(process, address):
            reader.join(timeout=1)
            raise DemarcheError(f"{address}: the UI did not start", *said[-20:])
        answers.set()
        yield process
    finally:
        # In a session of its own, Ctrl-C does not reach it, which it would answer with a traceback.
        stopping.set()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _command(host: str, port: int) -> list[str]:
    import sys

    from training.tracking.store import tracking_uri

    # One process serves one user; each more takes seconds to start, and as much memory again.
    options = ["--host", host, "--port", str(port), "--workers", "1", "--uvicorn-opts", "--log-level error"]
    return [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", tracking_uri(), *options]


def _environment() -> dict[str, str]:
    import os

    # Its jobs evaluate language models, which we do not have.
    quiet = {"MLFLOW_LOGGING_LEVEL": "ERROR", "PYTHONWARNINGS": "ignore", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return os.environ | quiet | {"DO_NOT_TRACK": "true"}


def _pass_on(output: IO[str], said: list[str], answers: threading.Event, stopping: threading.Event) -> None:
    """Keep the lines of a server that is starting, and print those of one that answers, until it is stopped."""
    for line in output:
        if stopping.is_set():
            continue
        if answers.is_set():
            warn(line.rstrip())
        else:
            said.append(line.rstrip())


def _wait_until_it_answers(process: subprocess.Popen[str], address: str) -> bool:
    import urllib.request

    began, told = time.monotonic(), False
    while process.poll() is None and (waited := time.monotonic() - began) < _PATIENCE:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=5):
            return True
        if waited > _NEWS_AFTER and not told:
            warn("MLflow is starting …")
            told = True
        time.sleep(0.2)
    return False
