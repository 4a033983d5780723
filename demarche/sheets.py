"""The commands `demarche labels sheet` and `demarche labels import sheets`: coding sheets, and their way back."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from demarche.label_files import (
    CodebookOption,
    Passages,
    PassagesOption,
    annotations_out,
    file_arguments,
    unlabelled_files,
)
from demarche.printing import echo, table, warn
from demarche.ties_sheet import print_import
from labels.wording import counted

if TYPE_CHECKING:
    from labels.passages import Passage
    from labels.sheets.collect import ImportedSheets

_SHOWN = 20

Format = Annotated[
    Literal["xlsx", "csv"] | None,
    typer.Option("--format", metavar="xlsx|csv", help="Write only these files.  [default: both]", show_default=False),
]


def sheet(
    passages: Passages = None,
    *,
    codebook: CodebookOption = None,
    annotators: Annotated[str, typer.Option(metavar="NAMES", help="Names of the annotators: anna,bert.")],
    out: Annotated[
        Path, typer.Option(help="Folder for the sheets: anna.xlsx and anna.csv, of which one is filled in.")
    ],
    overlap: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            metavar="SHARE",
            help="Share of the passages that all annotators read, drawn at random: agreement is measured on them. The "
            "others are divided evenly.",
        ),
    ] = 0.3,
    slots: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Number of topics that a row has columns for.  [default: 3, or fewer if the codebook has fewer]",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of who reads what, and of the order.")] = 13,
    format: Format = None,
) -> None:
    """Write a coding sheet for each annotator.

    A sheet is a workbook with drop-downs and the codebook beside them, and a CSV file with the same columns. Annotators
    do not see which passages the others read. `demarche labels import sheets` brings the filled-in sheets back.
    """
    from labels.check import read_passages
    from labels.codebook import read_codebook
    from labels.doubts import undefined_topics
    from labels.sheets.assignment import assign, check_annotators
    from labels.sheets.layout import check_fits, make_sheet, slots_for
    from labels.sheets.write import sheet_files, write_sheets

    codebook, passages = unlabelled_files(codebook, passages)
    names = [name.strip() for name in annotators.split(",") if name.strip()]
    check_annotators(names)
    sheet_files(out, names, _formats(format))
    book, known = read_codebook(codebook), read_passages(passages)
    check_fits(known, book)
    for what in undefined_topics(book):
        warn(f"note: {what}")
    parts = assign(known, names, overlap=overlap, seed=seed)
    number = min(slots or slots_for(book), len(book.topics))
    sheets = [make_sheet(name, part, book, slots=number) for name, part in parts.items() if part]
    write_sheets(out, sheets, book, _formats(format))
    shared = set.intersection(*({passage.id for passage in part} for part in parts.values()))
    _print_parts(parts, shared)
    if len(names) > 1 and not shared:
        warn(
            "note: no passage is read by two annotators, so their agreement cannot be measured; --overlap gives them some"
        )
    echo()
    echo(f"{counted(len(sheets), 'sheet')} of {counted(len(known), 'passage')} in {out}; when they are filled in:")
    print_import(out, codebook, passages, out.with_name(f"{out.name}.jsonl"))


def _print_parts(parts: dict[str, list[Passage]], shared: set[str]) -> None:
    several = len(parts) > 1
    table(
        ("annotator", "passages", "articles", *(("read by all",) if several else ())),
        [
            (
                name,
                str(len(part)),
                str(len({passage.article for passage in part})),
                *((str(len(shared)),) if several else ()),
            )
            for name, part in parts.items()
        ],
    )


def _formats(format: str | None) -> tuple[str, ...]:
    from labels.sheets.write import FORMATS

    return (f".{format}",) if format else FORMATS


def import_sheets(
    sheets: Annotated[
        list[Path],
        typer.Argument(metavar="DIR", help="Folder with the returned sheets (.xlsx or .csv), or such files."),
    ],
    codebook: CodebookOption = None,
    passages: PassagesOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File for the annotations (JSON lines).  [default: labels/annotations/DIR.jsonl in a project]",
            show_default=False,
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Encoding of the CSV files that are not UTF-8, e.g. windows-1252."),
    ] = None,
) -> None:
    """Import coding sheets that annotators filled in.

    A row without a topic was not read; `none` in it says that the passage has none of the topics. Rows may be sorted,
    filtered or missing. If an annotator returns both files of a sheet, their readings are put together.
    """
    from labels.sheets.collect import import_sheets_to_file

    codebook, passages = unlabelled_files(codebook, passages)
    returned = sheets[0].resolve()  # the folder `.` has a name, too
    out = annotations_out(out, returned.name if returned.is_dir() else returned.stem)
    imported = import_sheets_to_file(sheets, out, codebook=codebook, passages=passages, encoding=encoding)
    _print_returned(imported)
    for note in imported.notes:
        warn(f"note: {note}")
    echo()
    echo(
        f"{counted(len(imported.annotations), 'annotation')} by {counted(len(imported.returned), 'annotator')} in {out}"
    )
    _print_next(imported, file_arguments(codebook, passages, [out]), out)


def _print_returned(imported: ImportedSheets) -> None:
    from labels.errors import quoted_list

    table(
        ("annotator", "rows given", "not returned", "unread", "read", "of them none", "in doubt"),
        [
            (
                each.annotator,
                *map(str, (each.given, each.not_returned, each.unread, each.read, each.none, each.in_doubt)),
            )
            for each in imported.returned
        ],
    )
    if doubts := imported.in_doubt:
        rows = [(each.passage, each.annotator, each.note or "") for each in doubts[:_SHOWN]]
        table(("passage", "annotator", "note"), rows, title="in doubt")
        if len(doubts) > _SHOWN:
            echo(f"… and {len(doubts) - _SHOWN} more")
    for each in imported.returned:
        if each.missing:
            warn(f"note: not returned by {each.annotator!r}: {quoted_list(each.missing)}")


def _print_next(imported: ImportedSheets, files: list[str], out: Path) -> None:
    from labels.passages import DECIDERS

    voters = [each.passage for each in imported.annotations if each.annotator not in DECIDERS]
    if not voters:
        echo("name them beside the annotations that they decide:" if files else "with these decisions:")
        command = ["adjudicate", *files[:2], *(["ANNOTATIONS", str(out)] if files else []), "--out", "decisions.jsonl"]
    elif len(set(voters)) < len(voters):
        echo("how far the annotators agree:")
        command = ["agreement", *files]
    else:
        command = ["stats", *files]
    echo("  " + shlex.join(["demarche", "labels", *command]))
