"""The command `demarche tag`."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from demarche.app import EXIT_PARTLY
from demarche.drift import print_drift, track_batch
from demarche.label_files import here
from demarche.options import (
    ARTICLES,
    ARTICLES_OUT,
    FOR_SPREADSHEET,
    DateColumn,
    IdColumn,
    TextColumn,
    TimeLimit,
    TitleColumn,
    options_from_fields,
)
from demarche.printing import echo, not_read, warn
from demarche.tag_progress import ProgressKind, shown_progress
from demarche.tag_summary import print_changed, print_summary
from labels.file_format import AS_FOUND, FileFormat


class Engine(StrEnum):
    """Where the processes that tag run."""

    processes = "processes"
    ray = "ray"


@options_from_fields
def tag(
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="INPUT", help=f"{ARTICLES}  [default: those of the project]")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="A models:/ or runs:/ URI, or a model folder.  [default: that of the project]"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File for the tags (.parquet, .jsonl or .csv), or a folder that batches add tags to.  "
            "[default: that of the project]"
        ),
    ] = None,
    text: TextColumn = None,
    id: IdColumn = None,
    title: TitleColumn = None,
    date: DateColumn = None,
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column with the stance target of each article.")
    ] = None,
    candidates_out: Annotated[
        Path | None,
        typer.Option(
            help="Also write the topics that are for review and not assigned to this file, in the same columns."
        ),
    ] = None,
    articles_out: Annotated[Path | None, typer.Option(help=ARTICLES_OUT)] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Add columns with the words that weighed most for each topic and stance.")
    ] = False,
    for_spreadsheet: Annotated[bool, typer.Option("--for-spreadsheet", help=FOR_SPREADSHEET)] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Start again, and drop what earlier or unfinished batches left.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of processes.  [default: one per core, at most 8; 1 for a model with an encoder]",
        ),
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="Where the processes run: on this machine, or on a Ray cluster (extra `ray`).")
    ] = Engine.processes,
    ray_address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="The Ray cluster.  [default: the one that Ray finds, or else this machine]"
        ),
    ] = None,
    no_track: Annotated[
        bool, typer.Option("--no-track", help="Write no run about the batch to MLflow, whatever MODEL is.")
    ] = False,
    time_limit: TimeLimit = 60,
    progress: Annotated[
        ProgressKind | None,
        typer.Option(
            metavar="KIND",
            help="Show the progress as a bar, as JSON lines (json), or not at all (none).  "
            "[default: bar on a terminal, otherwise none]",
        ),
    ] = None,
    format: FileFormat = AS_FOUND,
) -> None:
    """Tag new articles with topics and stances."""
    from tagging.batch import Cluster, tag_files
    from tagging.outputs import Outputs
    from tagging.readers import ArticleColumns, check_inputs

    if ray_address is not None and engine is not Engine.ray:
        raise typer.BadParameter("is for --engine ray", param_hint="--ray-address")
    inputs = inputs or [str(here("INPUT").articles)]
    model = model or here("--model").model
    out = out or here("--out").tags
    outputs = Outputs(out, candidates_out, articles_out, for_spreadsheet, explain)
    # Fetching a model can take a long time, so check the paths first.
    check_inputs(inputs)
    outputs.check()
    folder, name = resolve_model(model)
    columns = ArticleColumns(text=text, id=id, title=title, date=date, target=target, format=format)
    begun = time.monotonic()
    with shown_progress(progress) as shown:
        summary = tag_files(
            inputs,
            folder,
            outputs,
            model=name,
            columns=columns,
            replace=replace,
            jobs=jobs,
            time_limit=time_limit,
            cluster=Cluster(ray_address) if engine is Engine.ray else None,
            progress=shown,
        )
    print_summary(summary, model=name)
    echo(f"tags in {out / 'tags'}, candidates in {out / 'candidates'}" if outputs.is_folder else f"tags in {out}")
    if candidates_out is not None:
        echo(f"candidates in {candidates_out}")
    if articles_out is not None:
        echo(f"articles as read in {articles_out}")
    print_drift(summary)
    print_changed(summary)
    if not no_track and is_uri(model):
        # The version that tagged: an alias may have moved while it did.
        track_batch(summary, model=uri_of(name), name=name, folder=folder, out=out, seconds=time.monotonic() - begun)
    for note in summary.notes:
        warn(f"note: {note}")
    not_read(summary.unreadable)
    if summary.unreadable:
        raise typer.Exit(EXIT_PARTLY)


def is_uri(model: str) -> bool:
    """Return whether a model is one of MLflow's, not a folder."""
    return model.startswith(("models:", "runs:"))


def uri_of(name: str) -> str:
    """Return the folder or the URI of a model by its name in the tags: a registered one is `NAME/VERSION` there."""
    is_registered = not Path(name).is_dir() and name.rpartition("/")[2].isdecimal() and ":" not in name
    return f"models:/{name}" if is_registered else name


def resolve_model(model: str) -> tuple[Path, str]:
    """Return the model's folder and name, importing MLflow (which is slow) only for a URI."""
    if not is_uri(model):
        return Path(model), model
    from training.tracking import registry

    return registry.fetch(model)
