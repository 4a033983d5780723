"""Write coding sheets into a folder, all of them or none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from labels.codebook import Codebook
from labels.errors import DemarcheError
from labels.files import atomic_write, check_output
from labels.sheets.layout import Sheet
from labels.sheets.workbook import write_workbook
from labels.tables.writers import table_writer

FORMATS = (".xlsx", ".csv")


def sheet_files(folder: Path, annotators: Iterable[str], formats: Sequence[str] = FORMATS) -> list[Path]:
    """Return the files of these annotators' sheets.

    Raises DemarcheError, before any work is done, if one of them exists, since it may be filled in, or cannot be written.
    """
    files = [folder / f"{name}{suffix}" for name in annotators for suffix in formats]
    for path in files:
        check_output(path)
        if path.exists():
            raise DemarcheError(f"{path}: exists, and may be filled in; name another folder with --out, or delete it")
    return files


def write_sheets(
    folder: Path, sheets: Sequence[Sheet], codebook: Codebook, formats: Sequence[str] = FORMATS
) -> list[Path]:
    """Write each sheet in each of the formats, and return the files. Cells that look like formulas stay texts."""
    files = sheet_files(folder, [sheet.mark.annotator for sheet in sheets], formats)
    with ExitStack() as stack:
        # The files appear at the end of the block: one that cannot be written leaves none of the others.
        for path in files:
            sheet = next(each for each in sheets if path == folder / f"{each.mark.annotator}{path.suffix}")
            if path.suffix == ".xlsx":
                write_workbook(stack.enter_context(atomic_write(path)), sheet, codebook)
            else:
                write = stack.enter_context(table_writer(path, dict.fromkeys(sheet.columns, str), for_spreadsheet=True))
                write(sheet.cells())
    return files
