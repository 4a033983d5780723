"""What a user says about the form of the files to read.

The command line turns each field into an option, with the annotated text as its help. It imports this module at
start-up, so import nothing heavy here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

_NO_DELIMITERS = "\"'\r\n "


@dataclass(frozen=True)
class FileFormat:
    """The form of files, where it cannot be told from the files themselves."""

    encoding: Annotated[
        str | None,
        "Encoding of the files that are not UTF-8, e.g. windows-1252. A byte-order mark has priority.",
        "NAME",
    ] = None
    delimiter: Annotated[
        str | None, "Character between the cells of a CSV table.  [default: found in the header line]", "CHARACTER"
    ] = None
    names: Annotated[
        str | None, "Column names of a table without a header line, separated by commas: id,text,topic.", "NAMES"
    ] = None
    sheet: Annotated[str | None, "Sheet of an Excel workbook.  [default: the first with rows]", "NAME"] = None
    from_spreadsheet: Annotated[
        bool,
        "The table was written with --for-spreadsheet: take away the apostrophes before what looks like a formula.",
    ] = False

    def check(self) -> None:
        """Raise DemarcheError if an option cannot be meant."""
        from labels.encodings import check_encoding
        from labels.errors import DemarcheError

        check_encoding(self.encoding)
        if self.delimiter not in (None, "tab", "\\t") and (
            len(self.delimiter or "") != 1 or self.delimiter in _NO_DELIMITERS
        ):
            raise DemarcheError(f"--delimiter: {self.delimiter!r} cannot separate cells; give one character, or tab")
        if self.names is not None and not all(self.column_names):
            raise DemarcheError(f"--names: {self.names!r} has an empty name; separate names by commas: id,text,topic")

    @property
    def column_names(self) -> list[str]:
        """The names of the columns of a table without a header line; empty if the table has one."""
        return [name.strip() for name in self.names.split(",")] if self.names else []


AS_FOUND = FileFormat()
"""Nothing is said: every file is read as it is found."""
