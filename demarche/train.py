"""The command `demarche train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demarche.label_files import here
from demarche.printing import TerminalReporter, echo, interval, scores_table, table
from demarche.promote import standing
from demarche.ui import DEFAULT_ADDRESS
from labels.errors import DemarcheError

if TYPE_CHECKING:
    from training.folds import CrossValidated
    from training.learning_curve import Curve
    from training.run import Trained
    from training.seeds import TrainedSeeds


def train(
    config: Annotated[
        str | None,
        typer.Argument(
            metavar="CONFIG", help="A training config, e.g. configs/linear.yaml.  [default: that of the project]"
        ),
    ] = None,
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
    folds: Annotated[
        int | None,
        typer.Option(
            min=2,
            max=50,
            metavar="K",
            help="Cross-validate: divide the articles into K folds, train on all but one in turn, and keep no model.",
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=2,
            max=50,
            metavar="N",
            help="Train with N seeds, from the config's own upwards, to see how much the scores depend on the seed.",
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

    ways = {"--learning-curve": learning_curve, "--folds": folds, "--seeds": seeds}
    given = [option for option, value in ways.items() if value is not None]
    if len(given) > 1:
        raise DemarcheError(f"{' and '.join(given)} cannot be combined; give one of them")
    if config is None or ("=" in config and not Path(config).exists()):
        overrides = [*([config] if config else []), *(overrides or [])]
        config = str(here("CONFIG").config)
    if check and given:
        raise DemarcheError(f"--check looks at the split of the config, which {given[0]} does not use; leave one out")
    settings = read_config(config, overrides or [])
    from training import run

    if check:
        with TerminalReporter() as reporter:
            prepared = run.check(settings, reporter=reporter)
        echo(f"{config}: no errors; passages: {run.describe_sizes(prepared.split)}")
    elif folds is not None:
        from training.folds import cross_validate

        with TerminalReporter() as reporter:
            validated = cross_validate(settings, folds, reporter=reporter)
        _print_folds(validated)
    elif seeds is not None:
        from training.seeds import train_seeds

        with TerminalReporter() as reporter:
            trained_seeds = train_seeds(settings, seeds, reporter=reporter)
        _print_seeds(trained_seeds)
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
        scores_table(trained.scores[name], trained.baselines[name], trained.ceilings.get(name), on=name)
        echo()
        for sentence in trained.findings.sentences[name]:
            echo(sentence)
        echo()
    echo(f"run    {trained.run} ({trained.run_name}, experiment {trained.experiment})")
    echo(f"store  {store_name()}")
    _print_model(trained)
    _print_ui(trained.experiment)


def _print_model(trained: Trained) -> None:
    registered = trained.registered
    if registered is None:
        echo(f"model  {trained.model}")
    elif registered.is_champion:
        echo(f"model  models:/{registered.name}@champion (version {registered.version})")
    else:
        echo(
            f"model  models:/{registered.name}/{registered.version}; the champion is still version {registered.champion}"
        )
        if trained.decision is not None:
            echo(f"       {standing(trained.decision)}")
        refused = trained.decision is not None and trained.decision.objections
        what = "to compare them again and promote it" if refused else "to promote it"
        echo(f"       {what}: demarche runs promote {registered.name}/{registered.version}")


def _print_ui(experiment: str) -> None:
    """Print the link that shows the run beside the others of its experiment."""
    from training.tracking.store import tracking_uri
    from training.tracking.view import view_link

    if tracking_uri().startswith("http"):
        echo(f"UI     {view_link(experiment)}")
    else:
        echo(f"UI     {view_link(experiment, server=DEFAULT_ADDRESS)} (start it with `demarche ui`)")


def _print_folds(validated: CrossValidated) -> None:
    from training.tracking.store import store_name

    rows = [
        tuple(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row.values())
        for row in validated.rows()
    ]
    table(tuple(validated.rows()[0]), rows)
    echo()
    scores_table(validated.scores, validated.baselines, on="all folds")
    echo()
    for sentence in [*validated.spread(), *validated.findings.sentences["test"]]:
        echo(sentence)
    echo()
    echo(f"run    {validated.run} ({validated.run_name})")
    echo(f"store  {store_name()}")
    echo("model  none: a cross-validation keeps and registers no model; without --folds, the command trains one")
    _print_ui(validated.experiment)


def _print_seeds(trained: TrainedSeeds) -> None:
    from training.evaluation.metrics import HEADLINES
    from training.tracking.store import store_name

    for on in [*(name for name in trained.metrics if name != "test"), "test"]:
        metrics = {name: trained.metrics[on][name] for name in HEADLINES if name in trained.metrics[on]}
        seeds = [seed.run_name.rpartition(" ")[2] for seed in trained.seeds]
        rows = [
            (name, str(metric), interval(metric.interval)[1], *(f"{run.value:.3f}" for run in metric.runs))
            for name, metric in metrics.items()
        ]
        table((f"on {on}", "mean ± sd", "95 % interval", *(f"seed {seed}" for seed in seeds)), rows)
        echo()
    echo("The interval covers articles and seeds.")
    echo()
    echo(f"run    {trained.run} ({trained.run_name}, experiment {trained.experiment})")
    echo(f"store  {store_name()}")
    _print_model(trained.chosen)
    echo(f"       it is of {trained.chosen.run_name}, the median on dev")
    _print_ui(trained.experiment)


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
    _print_ui(curve.experiment)
