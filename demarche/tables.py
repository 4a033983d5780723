"""The commands `demarche labels import table` and `demarche labels export table`."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from demarche.app import new_app
from demarche.label_files import Annotations, Codebook, Passages, label_files, read_and_warn
from demarche.options import FOR_SPREADSHEET, After, options_from_fields
from demarche.printing import echo, warn
from labels.file_format import FileFormat
from labels.tables.columns import Empty, ImportOptions, TableColumns
from labels.wording import counted

import_app = new_app("Import labelled data from other formats.")
export_app = new_app("Export labelled data to other formats.")


@import_app.command("table")
@partial(options_from_fields, metavar="COLUMN")
def import_table(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A .csv, .tsv, .jsonl, .json, .parquet or .xlsx table (each also .gz or .zst)."
        ),
    ],
    columns: TableColumns,
    format: FileFormat,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for passages.jsonl, annotations.jsonl and codebook.yaml."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print how the table is read, with its first rows, and write nothing.")
    ] = False,
    toward: Annotated[
        str | None, typer.Option(help="Target of all stances, if there is no target column."), After("target")
    ] = None,
    annotator_name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Annotator of the whole table, if it is one annotator's."),
        After("annotator"),
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option(help="Table with the texts, if FILE has only labels. The column --id joins the two."),
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OLD=NEW", help="Rename a column before it is read, so that it fits a pattern. Repeatable."
        ),
    ] = None,
    empty: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]none|unread",
            help="What empty cells mean: none of the topics, or text not read. NAME is a column or an annotator. Repeatable.",
        ),
    ] = None,
    one_stance: Annotated[
        Literal["each", "unknown"] | None,
        typer.Option(
            metavar="each|unknown",
            help="What the one stance of a row with several topics is about: each of them, or it is unknown which.",
        ),
    ] = None,
    value: Annotated[
        list[str] | None,
        typer.Option(metavar="OLD=NEW", help="Map a label, e.g. NONE=neutral; OLD= drops it. Repeatable."),
    ] = None,
    separator: Annotated[
        str | None, typer.Option(help="Separator between the topics in a cell.  [default: ';', '|' or a line end]")
    ] = None,
    yes_from: Annotated[
        float | None,
        typer.Option(
            metavar="SCORE", help="Smallest score that means yes, in columns or mappings of scores per topic."
        ),
    ] = None,
    codebook: Annotated[
        Path | None,
        typer.Option(help="Codebook to use (YAML). Without it, a minimal codebook is created from the table's topics."),
    ] = None,
) -> None:
    """Import a table of labelled texts.

    The table becomes passages, annotations and a codebook. Patterns say whose labels columns hold, and on what: with
    --topics '{annotator}_topics' --stance '{annotator}_{topic}', the column anna_trade is Anna's stance toward trade.
    """
    from demarche.how_read import print_reading, print_summary
    from labels.codebook import read_codebook
    from labels.errors import DemarcheError
    from labels.tables.columns import DEFAULT_ANNOTATOR
    from labels.tables.imports import import_table, import_table_to_folder

    options = ImportOptions(
        annotator=annotator_name or DEFAULT_ANNOTATOR,
        values=_parse_pairs("--value", value or [], "NONE=neutral"),
        separator=separator,
        yes_from=yes_from,
        target=toward,
        rename=_parse_pairs("--rename", rename or [], "Q7=anna_topics"),
        empty=_parse_empty(empty or []),
        one_stance=one_stance,
        format=format,
    )
    if dry_run:
        book = read_codebook(codebook) if codebook else None
        imported = import_table(file, columns, options, book, texts=texts)
        print_reading(imported.how)
    elif out is None:
        raise DemarcheError("--out is missing; name a folder for the passages and annotations, or add --dry-run")
    else:
        imported = import_table_to_folder(file, out, columns, options, codebook=codebook, texts=texts)
    for note in imported.notes:
        warn(f"note: {note}")
    echo(f"topics: {', '.join(imported.codebook.topic_ids) or 'none, only stance toward named targets'}")
    print_summary(imported.how)
    counts = f"{counted(len(imported.passages), 'passage')} and {counted(len(imported.annotations), 'annotation')}"
    if dry_run or out is None:
        echo(f"{counts}; nothing was written")
        return
    if codebook is not None:
        name = imported.codebook.reference
    elif imported.codebook.topics:
        name = f"{out / 'codebook.yaml'}: add a definition and a target to each topic"
    else:
        name = str(out / "codebook.yaml")
    echo(f"{counts} in {out}; codebook {name}")


def _parse_pairs(option: str, pairs: list[str], example: str) -> dict[str, str]:
    """Parse the `OLD=NEW` pairs of an option."""
    from labels.errors import DemarcheError

    values: dict[str, str] = {}
    for pair in pairs:
        old, _, new = pair.rpartition("=")
        if not old:
            raise DemarcheError(f"{option}: write OLD=NEW, e.g. {option} {example}")
        if values.setdefault(old, new) != new:
            raise DemarcheError(f"{option} is given twice for {old!r}: {values[old]!r} and {new!r}; keep one")
    return values


def _parse_empty(given: list[str]) -> dict[str, Empty]:
    """Parse `none`, `unread`, `NAME=none` and `NAME=unread`; without a name, the key is empty."""
    from labels.errors import DemarcheError

    meanings: dict[str, Empty] = {}
    for each in given:
        name, _, said = each.rpartition("=")
        meaning: Empty | None = "none" if said == "none" else "unread" if said == "unread" else None
        if meaning is None:
            raise DemarcheError(f"--empty {each}: write none, unread, or NAME=none or NAME=unread for one column")
        if meanings.setdefault(name, meaning) != meaning:
            raise DemarcheError(
                f"--empty is given twice for {name or 'all columns'}, once none and once unread; keep one"
            )
    return meanings


@export_app.command("table")
def export_table(
    *,
    codebook: Codebook = None,
    passages: Passages = None,
    annotations: Annotations = None,
    out: Annotated[Path, typer.Option(help="Table to write (.csv, .tsv, .jsonl or .parquet).")],
    for_spreadsheet: Annotated[bool, typer.Option("--for-spreadsheet", help=FOR_SPREADSHEET)] = False,
) -> None:
    """Export labels as a flat table, one row per label.

    `demarche labels import table` reads it back.
    """
    from labels.tables.exports import check_table_output, export_table

    files = label_files(codebook, passages, annotations)
    check_table_output(
        out, inputs=[files.codebook, files.passages, *files.annotations], for_spreadsheet=for_spreadsheet
    )
    data = read_and_warn(files)
    exported = export_table(data, out, for_spreadsheet=for_spreadsheet)
    echo(
        f"{counted(exported.rows, 'row')} of {counted(len(data.passages), 'passage')} and "
        f"{counted(len(data.annotations), 'annotation')} in {out}"
    )
    if exported.lost:
        warn("not in the table: " + ", ".join(f"{count} {kind}" for kind, count in exported.lost.items()))
    command = ["demarche", "labels", "import", "table", str(out), "--out", str(out.with_name(out.stem + "-imported"))]
    echo("to read it back:")
    values = [part for old, new in exported.values.items() for part in ("--value", f"{old}={new}")]
    options = [*column_options(exported.columns), *values, *(["--from-spreadsheet"] if for_spreadsheet else [])]
    echo("  " + shlex.join([*command, "--codebook", str(files.codebook), *options]))


def column_options(columns: TableColumns) -> list[str]:
    """Return the `labels import table` options that read these columns, leaving out defaults."""
    options = []
    for field, value in asdict(columns).items():
        names = [value] if isinstance(value, str) else value or ()
        options += [part for name in names for part in (f"--{field.replace('_', '-')}", name)]
    return options[2:] if options[:2] == ["--text", "text"] else options
