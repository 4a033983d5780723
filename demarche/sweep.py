"""The command `demarche sweep`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demarche.printing import TerminalReporter, echo, table

if TYPE_CHECKING:
    from training.sweeps.sweep import Swept


def sweep(
    config: Annotated[
        Path,
        typer.Argument(metavar="CONFIG", help="A training config with a `search:` block, e.g. configs/sweep.yaml."),
    ],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Config keys to override, e.g. topics.c=4.")
    ] = None,
    trials: Annotated[
        int, typer.Option(min=1, help="Total number of trials, including those of earlier runs of the command.")
    ] = 20,
    study: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Optuna storage URL of the study.  [default: sweeps.db next to the tracking store]"
        ),
    ] = None,
) -> None:
    """Tune the hyperparameters of a config, then train it.

    The trials draw values from the config's `search:` block and are compared on dev. The best config is trained again,
    evaluated on test, and registered if it sets `tracking.register`. Run the same command again to resume a stopped
    sweep, or in parallel to share the trials of a running one.
    """
    from training.sweeps.sweep import sweep as run
    from training.tracking.store import store_name

    with TerminalReporter() as reporter:
        swept = run(config, overrides or [], trials=trials, url=study, reporter=reporter)
    _print_best(swept)
    again = ["demarche", "train", str(config), *(overrides or []), *swept.values]
    echo(f"store  {store_name()}")
    echo(f"again  {shlex.join(again)}")


def _print_best(swept: Swept) -> None:
    from training.evaluation.metrics import HEADLINES
    from training.tracking.run import interval_tag

    best, rows = swept.best, []
    for name in HEADLINES:
        test, dev = (best.metrics.get(f"{split}/{name}") for split in ("test", "dev"))
        if test is not None:
            bounds = best.tags.get(interval_tag("test", name), "").partition(" ")[2] or "–"
            rows.append((name, f"{test:.3f}", bounds, "–" if dev is None else f"{dev:.3f}"))
    if swept.metric not in HEADLINES and swept.on_test is not None:
        value, _, bounds = str(swept.on_test).partition(" ")
        rows.append((swept.metric, value, bounds or "–", f"{swept.value:.3f}"))
    table(("best config on test", "score", "95 % interval", "on dev"), rows)
    echo()
    echo(f"best   trial {swept.trial} of {swept.trials}: {swept.metric} {swept.value:.3f} on dev")
    echo(f"run    {best.id} ({best.name}, experiment {best.experiment}), sweep {swept.parent}")
    model = best.tags.get("demarche.registered")
    echo(f"model  {f'models:/{model}' if model else f'runs:/{best.id}/tagger'}")
