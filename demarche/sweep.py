"""`demarche sweep`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demarche.printing import Bar, table

if TYPE_CHECKING:
    from training.sweeps.sweep import Swept


def sweep(
    config: Annotated[Path, typer.Argument(help="A training config with a `search:` block, e.g. configs/sweep.yaml.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="E.g. topics.c=4.")] = None,
    trials: Annotated[int, typer.Option(min=1, help="How many there are to be in all, earlier calls included.")] = 20,
    study: Annotated[
        str | None, typer.Option(metavar="URL", help="Database of the study; sweeps.db beside the store if not given.")
    ] = None,
) -> None:
    """Try the values of a config's `search:` on dev, then train the best and judge it on test.

    The same command goes on where an earlier one ended, or beside one that is still going on.
    """
    from training.sweeps.sweep import sweep as run
    from training.tracking.store import tracking_uri

    with Bar() as bar:
        swept = run(config, overrides=overrides or [], trials=trials, url=study, progress=bar, say=bar.say)
    _result(swept)
    again = ["demarche", "train", str(config), *(overrides or []), *swept.values]
    typer.echo(f"store  {tracking_uri()}")
    typer.echo(f"again  {shlex.join(again)}")


def _result(swept: Swept) -> None:
    from training.evaluation.metrics import HEADLINES

    found = swept.best.metrics
    rows = []
    for name in [*HEADLINES, *([] if swept.metric in HEADLINES else [swept.metric])]:
        if f"test/{name}" in found:
            low, high = found.get(f"test/{name}_low"), found.get(f"test/{name}_high")
            dev = found.get(f"dev/{name}")
            rows.append(
                (name, f"{found[f'test/{name}']:.3f}", "–" if low is None else f"{low:.3f}–{high:.3f}",
                 "–" if dev is None else f"{dev:.3f}")
            )  # fmt: skip
    table(("best config on test", "score", "95 % interval", "on dev"), rows)
    typer.echo(f"\nbest   trial {swept.trial} of {swept.trials}: {swept.metric} {swept.value:.3f} on dev")
    typer.echo(f"run    {swept.best.id} ({swept.best.name}, experiment {swept.best.experiment}), sweep {swept.parent}")
    model = swept.best.tags.get("demarche.registered")
    typer.echo(f"model  {f'models:/{model}' if model else f'runs:/{swept.best.id}/tagger'}")
