"""The commands `demarche runs …`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demarche.app import new_app
from demarche.options import FOR_SPREADSHEET
from demarche.printing import TerminalReporter, echo, interval, print_lines, table, warn
from labels.wording import counted

if TYPE_CHECKING:
    from training.comparison.contenders import Contender
    from training.comparison.leaderboard import Board
    from training.comparison.runs import Comparison
    from training.reporter import Reporter
    from training.tracking.runs import Summary

app = new_app("List, compare and promote runs.")


class Format(StrEnum):
    """How a comparison is printed."""

    terminal = "terminal"
    markdown = "markdown"
    json = "json"


@app.command("list")
def list_(
    experiment: Annotated[
        str | None, typer.Option(metavar="NAME", help="List only the runs of this experiment.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=50_000, help="Maximum number of runs, newest first.")] = 20,
    parts: Annotated[
        bool,
        typer.Option(
            "--parts",
            help="Include the trials of sweeps, the points of learning curves, single folds and each of several seeds.",
        ),
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
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started))
        cells = [_score(run, name) for name in HEADLINES]
        rows.append((run.id[:8], run.name, run.experiment, run.status.lower(), when, *cells, model))
    table(("run", "name", "experiment", "status", "started", *HEADLINES, "model"), rows)


def _score(run: Summary, name: str) -> str:
    """Return a metric on test, with its spread if the run has several seeds."""
    from training.tracking.runs import spread_tag

    score = run.metrics.get(f"test/{name}")
    return "–" if score is None else run.tags.get(spread_tag("test", name), f"{score:.3f}")


@app.command()
def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="Two or more runs, each an id, the start of an id, or a name (the newest finished run of that name); "
            "the first is the reference.",
        ),
    ],
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="NAME",
            help="A metric to compare, e.g. topics/map; repeatable.  [default: the headlines, then each topic]",
        ),
    ] = None,
    on: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PASSAGES ANNOTATIONS…",
            help="Evaluate the models of all runs afresh on these passages, in place of their test splits.",
        ),
    ] = None,
    format: Annotated[
        Format, typer.Option(metavar="terminal|markdown|json", help="How the comparison is printed.")
    ] = Format.terminal,
    out: Annotated[
        Path | None, typer.Option(help="Also plot the differences to this file (.png, .svg or .pdf).")
    ] = None,
    differing: Annotated[
        Path | None,
        typer.Option(help="Also write the passages that the runs tag differently (.csv, .tsv, .jsonl or .parquet)."),
    ] = None,
    for_spreadsheet: Annotated[bool, typer.Option("--for-spreadsheet", help=FOR_SPREADSHEET)] = False,
    log: Annotated[
        bool, typer.Option("--log", help="Also log a table and a plot to MLflow, in a run that links the runs.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the bootstrap.")] = 13,
) -> None:
    """Compare runs with a reference run.

    Differences are computed on the test passages, which must be the same for all runs, with confidence intervals from a
    paired bootstrap over articles. On fewer than 30 passages, or 5 articles, there is no verdict.
    """
    from training.comparison import formats
    from training.comparison.differing import check_differing_output, write_differing
    from training.comparison.runs import TEST, check_plot_output, compare_contenders, draw

    if out is not None:
        check_plot_output(out)
    if differing is not None:
        check_differing_output(differing, inputs=on or [], for_spreadsheet=for_spreadsheet)
    with TerminalReporter() as reporter:
        contenders = _contenders(runs, on, reporter)
    where = " + ".join(path.name for path in on) if on else TEST
    comparison = compare_contenders(contenders, on=where, metrics=metrics, seed=seed)
    if format is Format.json:
        print_lines(formats.as_json(comparison))
    elif format is Format.markdown:
        print_lines(formats.as_markdown(comparison))
    else:
        _print_comparison(comparison)
    # Anything but the comparison itself goes to standard error, so that a program can read it.
    if out is not None:
        draw(comparison, out)
        warn(f"plot in {out}")
    if differing is not None:
        count = write_differing(comparison, differing, for_spreadsheet=for_spreadsheet)
        warn(f"{counted(count, 'difference')} in {differing}")
    if log:
        from training.comparison.record import log_comparison

        warn(f"logged in run {log_comparison(comparison)}")


def _contenders(names: Sequence[str], on: Sequence[Path] | None, reporter: Reporter) -> list[Contender]:
    from labels.errors import DemarcheError
    from training.comparison.contenders import fetch, fetch_afresh
    from training.comparison.find import MOST, find_run
    from training.tracking import runs as tracking

    if len(names) < 2:
        raise DemarcheError("give at least two runs; `demarche runs list` lists them")
    known = tracking.runs(most=MOST)
    found = [find_run(name, known, reporter=reporter) for name in names]
    if on is None:
        return [fetch(run) for run in found]
    passages, *annotations = on
    if not annotations:
        raise DemarcheError("--on: name the passages, then one or more files of annotations")
    return fetch_afresh(found, passages, annotations, reporter=reporter)


def _print_comparison(comparison: Comparison) -> None:
    from training.comparison.formats import COLUMNS, cells

    echo(f"reference: {comparison.reference.title}, on {comparison.on}")
    for title, part in (("", "metrics"), ("by topic (p corrected for their number)", "topics")):
        rows = [cells(each.contender.title, row) for each in comparison.compared for row in getattr(each, part)]
        if rows:
            table(COLUMNS, rows, title=title or None)
    echo()
    for sentence in comparison.sentences():
        echo(sentence)
    for note in dict.fromkeys(note for each in comparison.compared for note in each.notes):
        echo(note)


@app.command()
def leaderboard(
    experiment: Annotated[
        str | None, typer.Option(metavar="NAME", help="Rank only the runs of this experiment.")
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The metric that ranks.  [default: the first headline that a run has, from joint/micro_f1]",
        ),
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=1_000, help="Maximum number of runs, newest first.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the bootstrap.")] = 13,
) -> None:
    """Rank the finished runs that were tested on the same passages.

    Runs share a rank if none of them is clearly worse than the best of them, by a paired bootstrap over articles. There
    is a ranking for each test set, that of the newest run first.
    """
    from training.comparison.leaderboard import leaderboards
    from training.tracking import runs as tracking
    from training.tracking.store import store_name

    with TerminalReporter() as reporter:
        boards = leaderboards(
            tracking.runs(experiment, most=most, parts=False), metric=metric, seed=seed, reporter=reporter
        )
    if not boards:
        echo(f"no finished runs yet in {store_name()}")
    for board in boards:
        _print_board(board)


def _print_board(board: Board) -> None:
    from training.evaluation.metrics import HEADLINES

    # The metric that ranks stands first.
    columns, rows = dict.fromkeys((board.metric, *HEADLINES)), []
    for place in board.places:
        run = place.contender.run
        shown = place.headlines | {board.metric: place.score}
        scores = [f"{shown[name]} {interval(shown[name].interval)[1]}" if name in shown else "–" for name in columns]
        rows.append((f"{place.rank}{'=' if place.tied else ''}", run.id[:8], run.name, run.experiment, *scores))
    title = f"test set {board.test[:8]}: {counted(board.passages, 'passage')} of {counted(board.articles, 'article')}"
    table(("rank", "run", "name", "experiment", *columns), rows, title=title)
    if board.unranked:
        echo(f"without {board.metric}: {', '.join(contender.title for contender in board.unranked)}")
    if any(place.tied for place in board.places):
        echo(f"=: no clear difference in {board.metric} to the best run of that rank")
