"""The commands `demarche runs …`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from demarche.app import new_app
from demarche.printing import echo, table

app = new_app("List, compare and promote runs.")


@app.command("list")
def list_(
    experiment: Annotated[
        str | None, typer.Option(metavar="NAME", help="List only the runs of this experiment.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=50_000, help="Maximum number of runs, newest first.")] = 20,
    parts: Annotated[
        bool,
        typer.Option("--parts", help="Include the trials of sweeps, the points of learning curves and single folds."),
    ] = False,
) -> None:
    """List the latest runs with their headline metrics."""
    from training.evaluation.metrics import HEADLINES
    from training.tracking import registry
    from training.tracking import runs as tracking
    from training.tracking.store import store_name

    runs = tracking.runs(experiment, most=most, parts=parts)
    if not runs:
        echo(f"no runs yet in {store_name()}")
        return
    rows, champions = [], registry.champions()
    for run in runs:
        model = run.tags.get("demarche.registered", "")
        model += " (champion)" if model in champions else ""
        scores = [run.metrics.get(f"test/{name}") for name in HEADLINES]
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started))
        cells = ["–" if score is None else f"{score:.3f}" for score in scores]
        rows.append((run.id[:8], run.name, run.experiment, run.status.lower(), when, *cells, model))
    table(("run", "name", "experiment", "status", "started", *HEADLINES, "model"), rows)


@app.command()
def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="Two or more runs, each an id, the start of an id, or a name that only one run has; the first is the "
            "reference.",
        ),
    ],
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAME", help="A metric to compare, e.g. topics/map; repeatable."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also plot the differences to this file (.png, .svg or .pdf).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the bootstrap.")] = 13,
) -> None:
    """Compare runs with a reference run.

    Differences are computed on the test passages common to both runs, with confidence intervals from a paired bootstrap
    over articles. On fewer than 30 passages, or 5 articles, there is no verdict.
    """
    from training.compare_runs import check_plot_output, compare_runs, draw, verdict

    if out is not None:
        check_plot_output(out)
    comparison = compare_runs(runs, metrics=metrics, seed=seed)
    rows = []
    for run, difference in comparison.differences:
        value, low, high = difference.difference
        rows.append(
            (run, difference.metric, str(difference.passages), f"{difference.first:.3f}", f"{difference.second:.3f}",
             f"{value:+.3f}", f"{low:+.3f} to {high:+.3f}", verdict(difference))
        )  # fmt: skip
    echo(f"reference: {comparison.reference}")
    table(("run", "metric", "passages", "reference", "run's", "difference", "95 % interval", ""), rows)
    if out is not None:
        draw(comparison, out)
        echo(f"plot in {out}")


@app.command()
def promote(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of a registered model.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="The version to promote.")],
) -> None:
    """Make a version of a registered model its champion."""
    from training.tracking import registry

    registered = registry.promote(name, version)
    echo(f"models:/{name}@champion is now version {registered.champion}")
