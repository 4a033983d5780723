"""The command `demarche train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demarche.printing import TerminalReporter, echo, scores_table, table

if TYPE_CHECKING:
    from training.learning_curve import Curve
    from training.run import Trained


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A training config, e.g. configs/linear.yaml.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Config keys to override, e.g. topics.c=4.")
    ] = None,
    learning_curve: Annotated[
        int | None,
        typer.Option(
            min=2,
            max=50,
            metavar="N",
            help="Train on 1/N, 2/N … N/N of the training articles, to see whether more labels would help.",
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check the config, the data and the split, then stop.")
    ] = False,
) -> None:
    """Train, evaluate and track the model described by a config.

    The run and its model are logged to MLflow. The model is registered if the config sets `tracking.register`.
    """
    from training.config import read_config

    settings = read_config(config, overrides or [])
    from training import run

    if check:
        with TerminalReporter() as reporter:
            prepared = run.check(settings, reporter=reporter)
        echo(f"{config}: no errors; passages: {run.describe_sizes(prepared.split)}")
    elif learning_curve is None:
        with TerminalReporter() as reporter:
            trained = run.train(settings, reporter=reporter)
        _print_trained(trained)
    else:
        from training.learning_curve import learning_curve as train_curve

        with TerminalReporter() as reporter:
            curve = train_curve(settings, learning_curve, reporter=reporter)
        _print_curve(curve)


def _print_trained(trained: Trained) -> None:
    from training.tracking.store import store_name

    for name in [*(name for name in trained.scores if name != "test"), "test"]:
        scores_table(trained.scores[name], trained.baselines[name], on=name)
        echo()
    echo(f"run    {trained.run} ({trained.run_name}, experiment {trained.experiment})")
    echo(f"store  {store_name()}")
    registered = trained.registered
    if registered is None:
        echo(f"model  {trained.model}")
    elif registered.is_champion:
        echo(f"model  models:/{registered.name}@champion (version {registered.version})")
    else:
        echo(
            f"model  models:/{registered.name}/{registered.version}; the champion is still version {registered.champion}"
        )
        echo(f"       to promote it: demarche runs promote {registered.name} {registered.version}")


def _print_curve(curve: Curve) -> None:
    from training.tracking.store import store_name

    rows = [
        (
            point.name,
            str(point.passages),
            str(point.articles),
            *(str(point.scores.metrics[n].interval) for n in curve.names),
        )
        for point in curve.points
    ]
    table(("part of train", "passages", "articles", *curve.names), rows)
    echo()
    for sentence in curve.sentences:
        echo(sentence)
    echo()
    echo(f"run    {curve.run} ({curve.run_name}), with figures/learning_curve.png")
    echo(f"store  {store_name()}")
