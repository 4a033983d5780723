"""The files of a labelled data set that commands name, or else those of the project in the working folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from demarche.printing import warn
from labels.errors import DemarcheError

if TYPE_CHECKING:
    from labels.check import LabelledData
    from labels.passages import Annotation
    from labels.project import Project

ARGUMENTS = ("CODEBOOK", "PASSAGES", "ANNOTATIONS")

Codebook = Annotated[
    Path | None,
    typer.Argument(metavar="CODEBOOK", help="Codebook (YAML).  [default: that of the project, like the others]"),
]
Passages = Annotated[Path | None, typer.Argument(metavar="PASSAGES", help="Passages (JSON lines).")]
Annotations = Annotated[
    list[Path] | None, typer.Argument(metavar="ANNOTATIONS", help="Annotations (JSON lines); one or more files.")
]


CodebookOption = Annotated[
    Path | None, typer.Option("--codebook", help="Codebook (YAML).  [default: that of the project]", show_default=False)
]

PassagesOption = Annotated[
    Path | None,
    typer.Option("--passages", help="Passages (JSON lines).  [default: those of the project]", show_default=False),
]


class LabelFiles(NamedTuple):
    """The files of a labelled data set, as a command names them."""

    codebook: Path
    passages: Path
    annotations: list[Path]


def here(missing: str) -> Project:
    """Return the project of the working folder. Raises DemarcheError with the names of the `missing` arguments."""
    from labels.project import FILE, find_project

    if (project := find_project()) is None:
        above = next((folder for folder in Path.cwd().parents if (folder / FILE).is_file()), None)
        where = f"go to its folder, {above}" if above else "`demarche init` starts one"
        raise DemarcheError(
            f"{missing}: missing; name them, or run the command in the folder of a project: there is no {FILE} in "
            f"{Path.cwd()} ({where})"
        )
    return project


def unlabelled_files(codebook: Path | None, passages: Path | None) -> tuple[Path, Path]:
    """Return the codebook and the passages that a command names, each or else that of the project."""
    if codebook is not None and passages is not None:
        return codebook, passages
    missing = [name for name, given in (("PASSAGES", passages), ("--codebook", codebook)) if given is None]
    project = here(", ".join(missing))
    return codebook or project.codebook, passages or project.cut_passages()


def file_options(codebook: Path, passages: Path) -> list[str]:
    """Return the options that name these files in a command that is printed; none if they are the project's."""
    return [] if _are_of_project(codebook, passages) else ["--codebook", str(codebook), "--passages", str(passages)]


def file_arguments(codebook: Path, passages: Path, annotations: list[Path]) -> list[str]:
    """Return the arguments that name these files in a command that is printed; none if they are the project's."""
    from labels.project import find_project

    if _are_of_project(codebook, passages):
        project = find_project()
        if project is not None and set(annotations) <= set(project.annotation_files()):
            return []
    return [str(codebook), str(passages), *map(str, annotations)]


def _are_of_project(codebook: Path, passages: Path) -> bool:
    from labels.project import find_project

    project = find_project()
    return project is not None and (codebook, passages) == (project.codebook, project.passages)


def annotations_out(out: Path | None, name: str) -> Path:
    """Return the file for annotations that a command names, or else NAME.jsonl where the project has its annotations."""
    return out or here("--out").new_annotations(name)


def label_files(codebook: Path | None, passages: Path | None, annotations: list[Path] | None) -> LabelFiles:
    """Return the files that a command names, or else those of the project. Raises DemarcheError for a part of them."""
    if codebook is not None and passages is not None and annotations:
        return LabelFiles(codebook, passages, annotations)
    missing = [name for name, given in zip(ARGUMENTS, (codebook, passages, annotations), strict=True) if not given]
    if len(missing) < len(ARGUMENTS):
        raise DemarcheError(
            f"{' and '.join(missing)}: missing; name all of {', '.join(ARGUMENTS)}, or in a project none"
        )
    project = here(", ".join(missing))
    return LabelFiles(project.codebook, *project.labelled())


def read_and_warn(files: LabelFiles, *, articles: Path | None = None) -> LabelledData:
    """Read labelled data, and print the warnings about it."""
    from labels.check import read_labelled

    data = read_labelled(files.codebook, [files.passages], files.annotations, articles=articles)
    for problem in data.warnings:
        warn(f"warning: {problem}")
    return data


def read_annotations(files: Sequence[Path]) -> list[Annotation]:
    """Read files of annotations. Raises BadInput with every line that is not an annotation."""
    from labels.errors import Problems
    from labels.files import read_jsonl
    from labels.passages import Annotation

    problems = Problems()
    annotations = [each for file in files for _, each in read_jsonl(file, Annotation, problems)]
    problems.raise_any()
    return annotations
