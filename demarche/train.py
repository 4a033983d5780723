"""`demarche train` and `demarche evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demarche.printing import Bar, scores_table, table, warn

if TYPE_CHECKING:
    from training.config import Config


def train(
    config: Annotated[Path, typer.Argument(help="A training config, e.g. configs/linear.yaml.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="E.g. topics.c=4.")] = None,
    learning_curve: Annotated[
        int | None, typer.Option(min=2, max=50, help="Train on so many growing shares: what would more labels bring?")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Check config and data, split, and stop.")] = False,
) -> None:
    """Train, judge, track and register the tagger of a config."""
    from training.config import read_config

    settings = read_config(config, overrides or [])
    from training import run
    from training.prepare import prepare
    from training.tracking.store import tracking_uri

    if check:
        prepared = prepare(settings)
        for problem in prepared.data.warnings:
            warn(f"warning: {problem}")
        typer.echo(f"{config}: fine; " + ", ".join(f"{name} {count}" for name, count in prepared.split.sizes().items()))
        return
    if learning_curve is not None:
        _learning_curve(settings, overrides or [], learning_curve)
        return
    with Bar() as bar:
        trained = run.train(settings, overrides=overrides or [], progress=bar, say=bar.say)
    scores_table(trained.test, trained.baselines)
    typer.echo(f"\nrun    {trained.run} ({trained.run_name}, experiment {trained.experiment})")
    typer.echo(f"store  {tracking_uri()}")
    registered = trained.registered
    if registered is None:
        typer.echo(f"model  {trained.model}")
    elif registered.is_champion:
        typer.echo(f"model  models:/{registered.name}@champion (version {registered.version})")
    else:
        typer.echo(f"model  models:/{registered.name}/{registered.version}; champion stays {registered.champion}")
        typer.echo(f"       to promote it: demarche runs promote {registered.name} {registered.version}")


def _learning_curve(settings: Config, overrides: Sequence[str], shares: int) -> None:
    from training.learning_curve import learning_curve
    from training.tracking.store import tracking_uri

    with Bar() as bar:
        curve = learning_curve(settings, shares, overrides=overrides, progress=bar, say=bar.say)
    rows = [
        (
            point.name,
            str(point.passages),
            str(point.articles),
            *(str(point.scores.metrics[name].interval) for name in curve.names),
        )
        for point in curve.points
    ]
    table(("share", "passages", "articles", *curve.names), rows)
    typer.echo("")
    for sentence in curve.sentences:
        typer.echo(sentence)
    typer.echo(f"\nrun    {curve.run} ({curve.run_name}), with figures/learning_curve.png")
    typer.echo(f"store  {tracking_uri()}")


def evaluate(
    model: Annotated[str, typer.Argument(help="A models:/ or runs:/ URI, or a model folder.")],
    passages: Annotated[Path, typer.Argument(help="Passages, as JSON lines.")],
    annotations: Annotated[list[Path], typer.Argument(help="Annotations of them, as JSON lines.")],
    codebook: Annotated[Path | None, typer.Option(help="Their codebook; the model's own if not given.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write predictions there, as JSON lines.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 13,
) -> None:
    """Judge a model on new gold, without training."""
    from labels.errors import DemarcheError
    from labels.files import check_output, write_jsonl
    from models.tagger import Tagger
    from training.run import evaluate_model
    from training.tracking import registry

    if out is not None:
        check_output(out, inputs=[passages, *annotations, *([codebook] if codebook else [])])
    folder, _ = registry.fetch(model)
    tagger = Tagger.load(folder)
    learnt: set[str] = set()
    if tagger.settings.run and model.startswith(("models:", "runs:")):
        try:
            learnt = registry.trained_on(tagger.settings.run)
        except DemarcheError as error:
            warn(f"warning: {error}; whether the model learnt from these passages cannot be told")
    scores, predictions = evaluate_model(
        tagger, passages, annotations, codebook or folder / "codebook.yaml", learnt=learnt, seed=seed, say=warn
    )
    scores_table(scores, on="this gold")
    if out is not None:
        write_jsonl(out, predictions)
        typer.echo(f"\n{len(predictions)} predictions in {out}")
