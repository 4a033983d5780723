"""The adjudicator's sheet of `demarche labels adjudicate`, and the command that brings a folder of sheets back."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from demarche.label_files import file_options
from demarche.printing import echo, warn
from labels.wording import counted

if TYPE_CHECKING:
    from labels.check import LabelledData
    from labels.gold.adjudication import Example


def print_import(folder: Path, codebook: Path, passages: Path, out: Path) -> None:
    """Print the command that imports the sheets of a folder."""
    options = file_options(codebook, passages)
    options += ["--out", str(out)] if options else []
    echo("  " + shlex.join(["demarche", "labels", "import", "sheets", str(folder), *options]))


def check_ties(folder: Path | None, *, differing: bool) -> None:
    """Raise DemarcheError, before any work is done, if the adjudicator's sheet cannot be written."""
    from labels.errors import DemarcheError
    from labels.passages import ADJUDICATOR
    from labels.sheets.write import sheet_files

    if folder is not None:
        sheet_files(folder, [ADJUDICATOR])
    elif differing:
        raise DemarcheError("--differing is for the sheet of an adjudicator; name its folder with --sheet")


def write_ties(
    data: LabelledData,
    examples: list[Example],
    folder: Path,
    files: tuple[Path, Path],
    *,
    differing: bool,
    seed: int,
) -> None:
    """Write the adjudicator's sheet into a folder, and print how to bring it back. `files`: codebook and passages."""
    from labels.passages import ADJUDICATOR
    from labels.sheets.ties import open_questions
    from labels.sheets.write import write_sheets

    asked = open_questions(data, examples, differing=differing, seed=seed)
    if asked and asked.with_targets:
        warn(
            f"note: {counted(asked.with_targets, 'open passage')} with labels toward named targets, for which a sheet has no "
            "columns; decide them in a table (demarche labels export table)"
        )
    if asked is None or not asked.sheet.rows:
        echo(f"nothing to decide in a sheet; {folder} is not written")
        return
    write_sheets(folder, [asked.sheet], data.codebook)
    others = len(asked.sheet.rows) - asked.tied
    echo(
        f"{counted(len(asked.sheet.rows), 'passage')} to decide ({asked.tied} tied, {others} in doubt"
        f"{' or different' if differing else ''}) in {folder / ADJUDICATOR}.xlsx; when it is filled in:"
    )
    print_import(folder, *files, folder.with_name(f"{folder.name}.jsonl"))
