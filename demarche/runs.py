"""`demarche runs …` and `demarche ui`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from demarche.app import commands
from demarche.printing import table

app = commands("List, compare and promote runs.")


@app.command("list")
def list_(
    experiment: Annotated[str | None, typer.Option(help="Only this experiment.")] = None,
    most: Annotated[int, typer.Option(min=1, max=50_000, help="How many, the newest first.")] = 20,
    parts: Annotated[bool, typer.Option("--parts", help="Trials of sweeps and shares of learning curves too.")] = False,
) -> None:
    """The latest runs with their headline figures."""
    from training.evaluation.metrics import HEADLINES
    from training.tracking import registry
    from training.tracking import runs as tracking
    from training.tracking.store import tracking_uri

    found = tracking.runs(experiment, most=most, parts=parts)
    if not found:
        typer.echo(f"no runs yet in {tracking_uri()}")
        return
    rows, champions = [], registry.champions()
    for run in found:
        model = run.tags.get("demarche.registered", "")
        model += " (champion)" if model in champions else ""
        figures = [run.metrics.get(f"test/{name}") for name in HEADLINES]
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started))
        cells = ["–" if figure is None else f"{figure:.3f}" for figure in figures]
        rows.append((run.id[:8], run.name, run.experiment, run.status.lower(), when, *cells, model))
    table(("run", "name", "experiment", "status", "started", *HEADLINES, "model"), rows)


@app.command()
def compare(
    runs: Annotated[
        list[str], typer.Argument(help="Two or more runs: ids (or their start) or names; the first is the yardstick.")
    ],
    metrics: Annotated[list[str] | None, typer.Option("--metric", help="E.g. topics/map; repeatable.")] = None,
    out: Annotated[Path | None, typer.Option(help="Draw the differences there (.png, .svg or .pdf).")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 13,
) -> None:
    """Differences to the first run, paired on the test passages that both were judged on."""
    from labels.errors import DemarcheError
    from labels.files import atomic_write, check_output
    from training.evaluation.compare import compare as compare_predictions
    from training.evaluation.metrics import HEADLINES
    from training.evaluation.predictions import read_predictions
    from training.tracking import runs as tracking

    if len(runs) < 2:
        raise DemarcheError("name at least two runs; `demarche runs list` shows what there is")
    if out is not None and out.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise DemarcheError(f"{out}: differences are drawn as .png, .svg or .pdf")
    if out is not None:
        check_output(out)
    found = [tracking.find_run(run) for run in runs]
    predictions = [read_predictions(tracking.fetch_artifact(run.id, tracking.PREDICTIONS)) for run in found]
    rows, drawn = [], []
    for run, theirs in zip(found[1:], predictions[1:], strict=True):
        for found_ in compare_predictions(predictions[0], theirs, metrics=metrics or HEADLINES, seed=seed):
            apart = found_.difference
            same = apart.low == apart.high == 0
            verdict = (
                ("better" if apart.value > 0 else "worse") if found_.clear else "the same" if same else "not told apart"
            )
            name = f"{run.name} {run.id[:8]}"
            rows.append(
                (name, found_.metric, f"{found_.first:.3f}", f"{found_.second:.3f}",
                 f"{apart.value:+.3f}", f"{apart.low:+.3f} to {apart.high:+.3f}", verdict)
            )  # fmt: skip
            drawn.append((name, found_))
    typer.echo(f"yardstick: {found[0].name} {found[0].id[:8]}")
    table(("run", "metric", "yardstick", "run's", "difference", "95 % interval", ""), rows)
    if out is not None:
        from training.evaluation.plots import differences

        figure = differences(drawn, reference=f"{found[0].name} {found[0].id[:8]}")
        with atomic_write(out) as part:
            figure.savefig(part, dpi=150, format=out.suffix[1:].lower())
        typer.echo(f"drawn in {out}")


@app.command()
def promote(
    name: Annotated[str, typer.Argument(help="A registered model.")],
    version: Annotated[str, typer.Argument(help="The version that becomes champion.")],
) -> None:
    """Make a version of a registered model its champion."""
    from training.tracking import registry

    registered = registry.promote(name, version)
    typer.echo(f"models:/{name}@champion is now version {registered.champion}")


def ui(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Where the UI listens on this machine.")] = 5000,
    host: Annotated[str, typer.Option(help="On which address.")] = "127.0.0.1",
) -> None:
    """Open the MLflow UI on the store that `demarche train` writes to."""
    import os
    import sys

    from training.tracking import runs as tracking
    from training.tracking.store import tracking_uri

    tracking.open_store(create=True)
    if tracking_uri().startswith("http"):
        typer.echo(f"the store is a server with a UI of its own: {tracking_uri()}")
        return
    _check_address(host, port)
    typer.echo(f"MLflow UI (Ctrl-C ends it): http://{host}:{port}/#/experiments?workflowType=machine_learning")
    typer.echo(f"store {tracking_uri()}")
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", tracking_uri()]
    environment = os.environ | {"MLFLOW_LOGGING_LEVEL": "INFO", "DO_NOT_TRACK": "true"}
    # In place of this process, so that whatever ends it ends the UI.
    os.execve(command[0], [*command, "--host", host, "--port", str(port)], environment)


def _check_address(host: str, port: int) -> None:
    import socket

    from labels.errors import DemarcheError

    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        raise DemarcheError(
            f"{host}:{port}: the UI cannot listen there ({error.strerror or error}); name another with --port or --host"
        ) from None
