"""`labels export` and `labels import` for Prodigy, doccano and Argilla."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from demarche.app import App
from demarche.label_files import Codebook, CodebookOption, Passages, unlabelled_files
from demarche.printing import echo
from demarche.tools import (
    Folder,
    KnownPassages,
    OutOption,
    Rename,
    SomeAnnotations,
    Tags,
    import_command,
    import_files,
    known_passages,
    parse_names,
    print_exported,
    read_job,
    write_imported,
)

Annotator = Annotated[
    str | None, typer.Option("--annotator-name", metavar="NAME", help="Annotator of what names no annotator.")
]


def export_prodigy(
    codebook: Codebook = None,
    passages: Passages = None,
    *,
    out: Folder,
    annotations: SomeAnnotations = None,
    tags: Tags = None,
) -> None:
    """Write tasks for Prodigy's interface `choice` (tasks.jsonl), and readings for `prodigy db-in` (answers.jsonl)."""
    from labels.tools import prodigy

    codebook, passages = unlabelled_files(codebook, passages)
    job = read_job(codebook, passages, annotations, tags, out=out, files=prodigy.FILES)
    print_exported(prodigy.export(out, job.book, job.tasks, job.lost), prodigy.TOOL)
    echo('to label them, with "choice_style": "multiple" in prodigy.json, and to read the labels back:')
    echo(f"  prodigy mark DATASET {out / 'tasks.jsonl'} --view-id choice")
    echo("  prodigy db-out DATASET > answers.jsonl")
    echo("  " + import_command(prodigy.TOOL, "answers.jsonl", codebook, passages, out))


def import_prodigy(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The output of `prodigy db-out` (JSON lines).")],
    codebook: CodebookOption = None,
    out: OutOption = None,
    passages: KnownPassages = None,
    annotator: Rename = None,
    annotator_name: Annotator = None,
) -> None:
    """Import the answers of Prodigy to tasks made by `demarche labels export prodigy`.

    An accepted task without options has none of the topics; an ignored one is unread. A rejected binary task (with one
    `label`) means that the label does not hold.
    """
    from labels.codebook import read_codebook
    from labels.tools import prodigy

    files = import_files(file, codebook, passages, out, prodigy.TOOL)
    names, book = parse_names("--annotator", annotator or []), read_codebook(files.codebook)
    imported = prodigy.read(file, book, annotator=annotator_name, known=known_passages(files.passages), names=names)
    write_imported(imported, files)


def export_doccano(
    codebook: Codebook = None,
    passages: Passages = None,
    *,
    out: Folder,
    annotations: SomeAnnotations = None,
    tags: Tags = None,
    project: Annotated[
        Literal["intent-and-slots", "text-classification", "sequence-labeling"],
        typer.Option(
            metavar="intent-and-slots|text-classification|sequence-labeling",
            help="Kind of the project; only the first holds topics, stances and evidence.",
        ),
    ] = "intent-and-slots",
    annotator: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose readings to write; doccano takes those of one annotator.")
    ] = None,
) -> None:
    """Write a data set for doccano (data.jsonl), and its labels (categories.json, spans.json)."""
    from labels.tools import doccano

    codebook, passages = unlabelled_files(codebook, passages)
    job = read_job(codebook, passages, annotations, tags, out=out, files=doccano.FILES)
    exported = doccano.export(out, job.book, job.tasks, job.lost, kind=project, annotator=annotator)
    print_exported(exported, doccano.TOOL)
    echo("in doccano: Labels > Import labels, then Dataset > Import dataset > JSONL")
    if project == "intent-and-slots":
        echo("(there, with the columns text, cats and entities); to read them back, Export dataset > JSONL, and:")
    else:
        echo("(there, with the columns text and label); to read them back, Export dataset > JSONL, and:")
    echo("  " + import_command(doccano.TOOL, "anna.jsonl", codebook, passages, out))


def import_doccano(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of the export, one for each user (JSON lines).")],
    codebook: CodebookOption = None,
    out: OutOption = None,
    passages: KnownPassages = None,
    annotator_name: Annotated[
        str | None,
        typer.Option("--annotator-name", metavar="NAME", help="Annotator.  [default: the name of the file]"),
    ] = None,
    empty: Annotated[
        Literal["none", "unread"] | None,
        typer.Option(
            metavar="none|unread", help="What an example without labels means: none of the topics, or not read."
        ),
    ] = None,
) -> None:
    """Import the export of a doccano project made by `demarche labels export doccano`."""
    from labels.codebook import read_codebook
    from labels.tools import doccano

    files = import_files(file, codebook, passages, out, doccano.TOOL)
    known, book = known_passages(files.passages), read_codebook(files.codebook)
    imported = doccano.read(file, book, annotator=annotator_name, empty=empty, known=known)
    write_imported(imported, files)


def export_argilla(
    codebook: Codebook = None,
    passages: Passages = None,
    *,
    out: Folder,
    annotations: SomeAnnotations = None,
    tags: Tags = None,
    user: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=ID", help="The Argilla user (UUID) who is an annotator here. Repeatable."),
    ] = None,
) -> None:
    """Write an Argilla dataset: its settings (settings.json) and its records (records.json)."""
    from labels.tools import argilla

    codebook, passages = unlabelled_files(codebook, passages)
    job = read_job(codebook, passages, annotations, tags, out=out, files=argilla.FILES)
    users = parse_names("--user", user or [])
    print_exported(argilla.export(out, job.book, job.tasks, job.lost, users=users), argilla.TOOL)
    echo("in Python, with `import argilla as rg, json` and a client:")
    echo(f"  dataset = rg.Dataset(name='passages', settings=rg.Settings.from_json('{out / 'settings.json'}')).create()")
    echo(f"  dataset.records.from_json('{out / 'records.json'}')")
    echo("to read the labels back:")
    echo(f"  {argilla.TO_LIST}")
    echo("  " + import_command(argilla.TOOL, "records.json", codebook, passages, out))


def import_argilla(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The records, with the status of responses (JSON).")],
    codebook: CodebookOption = None,
    out: OutOption = None,
    passages: KnownPassages = None,
    annotator: Rename = None,
) -> None:
    """Import the records of an Argilla dataset made by `demarche labels export argilla`.

    Submitted responses are readings; drafts and discarded responses are left out. Annotators are the ids of their users.
    """
    from labels.codebook import read_codebook
    from labels.tools import argilla

    files = import_files(file, codebook, passages, out, argilla.TOOL)
    names, book = parse_names("--annotator", annotator or []), read_codebook(files.codebook)
    imported = argilla.read(file, book, known=known_passages(files.passages), names=names)
    write_imported(imported, files)


def register(import_app: App, export_app: App) -> None:
    """Add the commands to `labels import` and `labels export`."""
    import_app.command("prodigy")(import_prodigy)
    export_app.command("prodigy")(export_prodigy)
    import_app.command("doccano")(import_doccano)
    export_app.command("doccano")(export_doccano)
    import_app.command("argilla")(import_argilla)
    export_app.command("argilla")(export_argilla)
