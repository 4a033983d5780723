"""Label Studio: `labels export label-studio`, `labels import label-studio` and `labels backend`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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


def export_label_studio(
    codebook: Codebook = None,
    passages: Passages = None,
    *,
    out: Folder,
    annotations: SomeAnnotations = None,
    tags: Tags = None,
) -> None:
    """Make a Label Studio project: its configuration (config.xml) and its tasks (tasks.json)."""
    from labels.tools import label_studio

    codebook, passages = unlabelled_files(codebook, passages)
    job = read_job(codebook, passages, annotations, tags, out=out, files=label_studio.FILES)
    print_exported(label_studio.export(out, job.book, job.tasks, job.lost), label_studio.TOOL)
    echo(f"in Label Studio: new project, Labeling Setup > Custom template > Code: paste {out / 'config.xml'};")
    echo(f"then Import: {out / 'tasks.json'}. To read the labels back, Export > JSON, and:")
    echo("  " + import_command(label_studio.TOOL, "EXPORT.json", codebook, passages, out))


def import_label_studio(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The project's export (format JSON).")],
    codebook: CodebookOption = None,
    out: OutOption = None,
    passages: KnownPassages = None,
    annotator: Rename = None,
) -> None:
    """Import the JSON export of a Label Studio project made by `demarche labels export label-studio`.

    Annotators are their numbers in Label Studio, or their e-mail addresses if the export has them. A task that was
    submitted without a topic has none of them; a task that was skipped or never submitted is unread.
    """
    from labels.codebook import read_codebook
    from labels.tools import label_studio

    files = import_files(file, codebook, passages, out, label_studio.TOOL)
    book = read_codebook(files.codebook)
    names = parse_names("--annotator", annotator or [])
    imported = label_studio.read(file, book, known=known_passages(files.passages), names=names)
    write_imported(imported, files)


def backend(
    codebook: Annotated[
        Path | None, typer.Argument(metavar="CODEBOOK", help="Codebook of the project (YAML).  [default: the model's]")
    ] = None,
    *,
    model: Annotated[str, typer.Option(metavar="MODEL", help="A models:/ or runs:/ URI, or a model folder.")],
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port on this machine (127.0.0.1).")] = 9090,
) -> None:
    """Serve a model's suggestions to Label Studio, until Ctrl-C.

    Add the address that is printed to the project: Settings > Model > Connect Model. Label Studio refuses models on its
    own machine unless it was started with ML_BLOCK_LOCAL_IP=false and SSRF_PROTECTION_ENABLED=false in its environment.
    """
    import socket

    import uvicorn

    from demarche.tag import resolve_model
    from labels.codebook import fits, read_codebook
    from labels.errors import DemarcheError
    from models.tagger import Tagger
    from tagging.label_studio_backend import Backend, application
    from tagging.suggestions import suggestion_of

    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise DemarcheError(f"127.0.0.1:{port}: {error.strerror or error}; choose another with --port") from None
    folder, name = resolve_model(model)
    tagger = Tagger.load(folder)
    book = tagger.codebook
    if codebook is not None and fits(read_codebook(codebook).reference, book) == "other":
        raise DemarcheError(f"{codebook}: the model has another codebook, {book.reference}; choose another model")
    served = Backend(book, lambda passages: [suggestion_of(tags, name) for tags in tagger.tag(passages)], name)
    echo(f"{name} with codebook {book.reference} at http://127.0.0.1:{port}; stop it with Ctrl-C")
    # Requests carry the token of a user of Label Studio: nothing of them is logged.
    uvicorn.run(application(served), host="127.0.0.1", port=port, log_level="error", access_log=False)


def register(import_app: App, export_app: App) -> None:
    """Add the commands to `labels import` and `labels export`."""
    import_app.command("label-studio")(import_label_studio)
    export_app.command("label-studio")(export_label_studio)
