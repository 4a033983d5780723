"""The commands `demarche train` and `demarche evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demarche.printing import TerminalReporter, echo, interval, scores_table, table
from demarche.promote import standing
from labels.wording import counted

if TYPE_CHECKING:
    from training.learning_curve import Curve
    from training.run import Trained
    from training.seeds import TrainedSeeds


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
    from labels.errors import DemarcheError
    from training.config import read_config

    if seeds is not None and learning_curve is not None:
        raise DemarcheError("--seeds and --learning-curve cannot be combined; give one of them")
    settings = read_config(config, overrides or [])
    from training import run

    if check:
        with TerminalReporter() as reporter:
            prepared = run.check(settings, reporter=reporter)
        echo(f"{config}: no errors; passages: {run.describe_sizes(prepared.split)}")
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
        scores_table(trained.scores[name], trained.baselines[name], on=name)
        echo()
    echo(f"run    {trained.run} ({trained.run_name}, experiment {trained.experiment})")
    echo(f"store  {store_name()}")
    _print_model(trained)


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
        echo(f"       to promote it: demarche runs promote {registered.name}/{registered.version}")


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


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A models:/ or runs:/ URI, or a model folder.")],
    passages: Annotated[Path, typer.Argument(metavar="PASSAGES", help="Passages (JSON lines).")],
    annotations: Annotated[
        list[Path],
        typer.Argument(metavar="ANNOTATIONS", help="Annotations of the passages (JSON lines); one or more files."),
    ],
    codebook: Annotated[
        Path | None, typer.Option(help="Codebook of the annotations (YAML).  [default: the model's own]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the predictions to this file (JSON lines).")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the bootstrap.")] = 13,
) -> None:
    """Evaluate a model on new annotations, without training."""
    from labels.files import check_jsonl_output, write_jsonl
    from training.evaluate import evaluate_model

    if out is not None:
        check_jsonl_output(out, inputs=[passages, *annotations, *([codebook] if codebook else [])])
    with TerminalReporter() as reporter:
        scores, predictions = evaluate_model(
            model, passages, annotations, codebook=codebook, seed=seed, reporter=reporter
        )
    scores_table(scores, on="the annotations")
    if out is not None:
        write_jsonl(out, predictions)
        echo()
        echo(f"{counted(len(predictions), 'prediction')} in {out}")
