"""The commands `demarche labels export TOOL` and `demarche labels import TOOL` for annotation tools."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from demarche.label_files import (
    LabelFiles,
    annotations_out,
    file_arguments,
    file_options,
    read_and_warn,
    unlabelled_files,
)
from demarche.printing import echo, warn
from labels.wording import counted

if TYPE_CHECKING:
    from collections import Counter

    from labels.codebook import Codebook as Book
    from labels.passages import Passage
    from labels.tools.collected import Imported
    from labels.tools.work import Exported, Suggestion, Work

SomeAnnotations = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[ANNOTATIONS]", help="Readings to show in the tool (JSON lines); any number of files."),
]
Tags = Annotated[
    Path | None,
    typer.Option(metavar="TAGS", help="Tags of the passages, by `demarche tag`, to show as suggestions of the model."),
]
Folder = Annotated[Path, typer.Option(help="Folder for the files to load into the tool.")]
KnownPassages = Annotated[
    Path | None,
    typer.Option(
        "--passages",
        metavar="PASSAGES",
        help="The passages that were exported; their texts must be the same.  [default: those of the project]",
        show_default=False,
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder for passages.jsonl and annotations.jsonl, or file for the annotations alone (.jsonl).  "
        "[default: labels/annotations/TOOL.jsonl in a project]",
        show_default=False,
    ),
]
Rename = Annotated[
    list[str] | None,
    typer.Option(
        "--annotator", metavar="OLD=NEW", help="What an annotator of the tool is called in the annotations. Repeatable."
    ),
]


class Job(NamedTuple):
    """The tasks of an export, and what is lost in it so far."""

    book: Book
    tasks: Sequence[Work]
    lost: Counter[str]


def read_job(
    codebook: Path,
    passages: Path,
    annotations: Sequence[Path] | None,
    tags: Path | None,
    *,
    out: Path,
    files: Sequence[str],
) -> Job:
    """Read what is to be exported as `files` in the folder `out`."""
    from collections import Counter

    from labels.check import read_passages
    from labels.codebook import read_codebook
    from labels.tools.work import check_folder, prepare

    check_folder(out, files, inputs=[codebook, passages, *(annotations or ()), *([tags] if tags else [])])
    lost: Counter[str] = Counter()
    if annotations:
        data = read_and_warn(LabelFiles(codebook, passages, list(annotations)))
        book, texts, readings = data.codebook, data.passages, data.annotations
    else:
        book, texts, readings = read_codebook(codebook), read_passages(passages), []
    suggestions: dict[str, Suggestion] = {}
    if tags is not None:
        from tagging.suggestions import suggestions_of

        suggestions = suggestions_of(tags, book, texts, lost)
    return Job(book, prepare(book, texts, readings, suggestions, lost), lost)


def print_exported(exported: Exported, tool: str) -> None:
    from labels.tools.records import NAMES

    parts = [
        counted(exported.tasks, "task"),
        *([counted(exported.readings, "reading")] if exported.readings else []),
        *(
            [counted(exported.suggestions, "suggestion of a model", "suggestions of a model")]
            if exported.suggestions
            else []
        ),
    ]
    echo(f"{', '.join(parts)} in {', '.join(str(file) for file in exported.files)}")
    if exported.lost:
        warn(f"not in {NAMES[tool]}: " + ", ".join(f"{count} {kind}" for kind, count in exported.lost.items()))


def import_command(tool: str, export: str, codebook: Path, passages: Path, folder: Path) -> str:
    """Return the command that reads the tool's export back."""
    options = []
    if file_options(codebook, passages):
        options = ["--codebook", str(codebook), "--out", str(folder.with_name(f"{folder.name}-imported"))]
    return shlex.join(["demarche", "labels", "import", tool, export, *options])


class ImportFiles(NamedTuple):
    """The files of an import: `passages`, if any, must have the texts of the export."""

    codebook: Path
    passages: Path | None
    out: Path


def import_files(file: Path, codebook: Path | None, passages: Path | None, out: Path | None, tool: str) -> ImportFiles:
    """Return the files that an import names, or else those of the project. Raises DemarcheError if it cannot be written."""
    if codebook is None:
        codebook, passages = unlabelled_files(codebook, passages)
    out = annotations_out(out, tool)
    check_out(out, inputs=[file, codebook, *([passages] if passages else [])])
    return ImportFiles(codebook, passages, out)


def parse_names(option: str, pairs: Sequence[str]) -> dict[str, str]:
    """Parse `OLD=NEW`; the new name has no equals sign."""
    from labels.errors import DemarcheError

    names: dict[str, str] = {}
    for pair in pairs:
        old, _, new = pair.rpartition("=")
        if not old or not new.strip():
            raise DemarcheError(f"{option} {pair}: write OLD=NEW, e.g. {option} 1=anna")
        if names.setdefault(old, new.strip()) != new.strip():
            raise DemarcheError(f"{option} is given twice for {old!r}; keep one")
    return names


def known_passages(path: Path | None) -> dict[str, Passage] | None:
    from labels.check import read_passages

    return None if path is None else {passage.id: passage for passage in read_passages(path)}


def write_imported(imported: Imported, files: ImportFiles) -> None:
    """Write the annotations, and in a folder the passages beside them, and print what comes next."""
    codebook, passages, out = files
    from labels.errors import DemarcheError
    from labels.files import jsonl_writer, write_jsonl

    for note in imported.notes:
        warn(f"note: {note}")
    if not imported.annotations:
        raise DemarcheError("no passage has been read yet; nothing was written")
    annotations_file, passages_file = out, passages
    if out.suffix.lower() == ".jsonl":
        write_jsonl(out, imported.annotations)
    else:
        annotations_file, passages_file = out / "annotations.jsonl", out / "passages.jsonl"
        with jsonl_writer(passages_file) as write_passages, jsonl_writer(annotations_file) as write_annotations:
            write_passages(imported.passages)
            write_annotations(imported.annotations)
    _print_counts(imported, out)
    arguments = file_arguments(codebook, passages_file or Path("PASSAGES"), [annotations_file])
    echo("next:")
    echo("  " + shlex.join(["demarche", "labels", "check", *arguments]))


def check_out(out: Path, *, inputs: Sequence[Path]) -> None:
    """Raise DemarcheError, before any work is done, if the import cannot be written."""
    from labels.files import check_output

    files = [out] if out.suffix.lower() == ".jsonl" else [out / "annotations.jsonl", out / "passages.jsonl"]
    for file in files:
        check_output(file, inputs=inputs)


def _print_counts(imported: Imported, out: Path) -> None:
    from collections import Counter

    from labels.errors import one_line

    by = Counter(annotation.annotator for annotation in imported.annotations)
    listed = ", ".join(f"{one_line(name)} {count}" for name, count in by.items())
    echo(
        f"{counted(len(imported.annotations), 'reading')} of {counted(len(imported.passages), 'passage')} in {out}: {listed}"
    )
    if imported.unread:
        echo(f"{counted(imported.unread, 'passage')} without a reading")
    if imported.left_out:
        warn("left out: " + ", ".join(f"{count} {kind}" for kind, count in imported.left_out.items()))
