"""The command `demarche init`, and what a new project lacks."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from demarche.label_files import ARGUMENTS, here, read_annotations
from demarche.printing import echo, table
from labels.errors import DemarcheError

if TYPE_CHECKING:
    from labels.codebook import Codebook
    from labels.project import Project


_FILES = {
    "demarche.yaml": "where the files of the project are",
    "codebook.yaml": "the topics, their definitions and rules",
    "config.yaml": "how a model is trained",
    "articles": "the articles to label",
}


class Unfinished(NamedTuple):
    """A project without labels."""

    project: Project
    codebook: Codebook
    next_step: str


def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the project; it may have other files.")],
    topics: Annotated[
        str,
        typer.Option(
            metavar="IDS", help="Ids or names of the topics, e.g. 'trade, foreign aid'.  [default: one as an example]"
        ),
    ] = "",
) -> None:
    """Start a project of your own.

    It has a codebook to fill in, a training config, and a folder for articles. In its folder, commands need no paths.
    """
    from labels.project import create_project

    written = create_project(folder, [id.strip() for id in topics.split(",") if id.strip()])
    table(("file", "content"), [(str(path), _FILES[path.name]) for path in written])
    echo()
    echo(f"Fill in {written[1]}, put articles into {written[-1]}, and go on in the folder:")
    if folder.absolute() != Path.cwd():
        echo(f"  cd {shlex.quote(str(folder))}")
    echo("  demarche labels check")
    echo("  demarche labels passages")


def unfinished_project() -> Unfinished | None:
    """Return what the project of the working folder lacks before its labels can be checked, or None if it has labels."""
    from labels.codebook import read_codebook

    project = here(", ".join(ARGUMENTS))
    codebook = read_codebook(project.codebook)
    try:
        project.labelled()
    except DemarcheError as next_step:
        return Unfinished(project, codebook, str(next_step))
    return None


def check_keeps_annotated(out: Path, passages: list[str]) -> None:
    """Raise DemarcheError if passages that are annotated are not among these, which are to be written to `out`."""
    from labels.errors import quoted_list
    from labels.wording import counted

    files = here("PASSAGES").annotation_files()
    gone = {annotation.passage for annotation in read_annotations(files)} - set(passages)
    if gone:
        raise DemarcheError(
            f"{out}: would lose {counted(len(gone), 'annotated passage')} ({quoted_list(sorted(gone)[:3])}), which the "
            "articles no longer have; put the articles back, or remove the annotations"
        )


def print_unfinished(found: Unfinished) -> None:
    """Print what the codebook lacks, and the next step of the project."""
    print_codebook(found.project.codebook, found.codebook)
    echo(found.next_step)


def print_codebook(path: Path, codebook: Codebook) -> None:
    """Print which fields of the codebook's topics are empty, and that it has no errors."""
    from labels.doubts import unfinished
    from labels.wording import counted

    if missing := unfinished(codebook):
        rows = [(id, *fields) for id, fields in missing.items()]
        table(("topic", "still missing", "may help"), rows, title=str(path))
        echo()
    echo(f"no errors: codebook {codebook.reference} with {counted(len(codebook.topics), 'topic')}")
