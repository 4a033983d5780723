"""Read the rows of a file that an annotator returned: whose each is, its passage, and the answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from labels.codebook import Codebook, fits
from labels.compression import suffix
from labels.errors import DemarcheError, Problems, one_line, quoted_list, suggest
from labels.file_format import FileFormat
from labels.passages import Passage
from labels.sheets.answers import Answer, AnswerReader
from labels.sheets.layout import DOUBT, ID, MARK, NOTE, QUESTION, SLOT, TEXT, Mark, writable
from labels.sheets.workbook import CODEBOOK, LISTS
from labels.table_files import read_rows
from labels.table_files.spreadsheet import unguard
from labels.table_files.workbook_sheets import find_sheet
from labels.tables.cells import fold, identifier, is_blank, word
from labels.wording import counted

_NEEDED = (ID, MARK, "topic_1")
_OWN = {ID, TEXT, QUESTION, DOUBT, NOTE, MARK, "title", "source", "date"}
_NUMBERED = (*SLOT, "reading")
_MANY = 2000
"""Among more passages than this, a misspelt id is not looked for."""


class SheetRow(NamedTuple):
    """A row of a returned sheet."""

    file: Path
    line: int
    mark: Mark
    passage: str
    answer: Answer


class SheetReader:
    """Reads returned files. Mistakes become problems, and what is odd but readable becomes a note."""

    def __init__(
        self, codebook: Codebook, passages: Sequence[Passage], source: Path, problems: Problems, *, encoding: str | None
    ) -> None:
        self._codebook, self._source, self._problems = codebook, source, problems
        self._passages = {passage.id: passage for passage in passages}
        texts = Counter(_words(passage.text) for passage in passages)
        self._by_text = {words: each for each in passages if texts[words := _words(each.text)] == 1}
        self._answers = AnswerReader(codebook)
        self._encoding = encoding

    def read(self, path: Path) -> list[SheetRow]:
        """Return the rows of a file that belong to a passage."""
        before = len(self._problems)
        numbered = list(read_rows(path, self._problems, self._format(path), columns=(ID, MARK, TEXT)))
        if len(self._problems) > before and not numbered:
            return []
        rows = [(line, _by_column(row)) for line, row in numbered]
        names = dict.fromkeys(name for _, row in rows for name in row)
        if not self._has_columns(path, names):
            return []
        if own := [name for name in names if not _is_known(name)]:
            self._problems.note(path, None, f"not imported: {quoted_list(own)}, which the sheet did not have")
        marked = list(self._marked(path, rows))
        known = [(line, row, mark, self._find(row)) for line, row, mark in marked]
        if known and not any(passage for *_, passage in known):
            self._problems.add(
                path,
                None,
                f"none of its {counted(len(known), 'passage')} is in {self._source}; name the passages that the sheet was "
                "made of (--passages)",
            )
            return []
        read: list[SheetRow] = []
        for line, row, mark, passage in known:
            if passage is None:
                self._report_unknown(path, line, row)
            elif self._has_its_text(path, line, row, passage):
                read.append(SheetRow(path, line, mark, passage.id, self._answer(path, line, row)))
        return read

    def _format(self, path: Path) -> FileFormat:
        """Return the form of the file, and report or note what the rows of a workbook do not show."""
        if suffix(path) != ".xlsx":
            return FileFormat(encoding=self._encoding, from_spreadsheet=True)
        found = find_sheet(path, (ID, MARK))
        if found is None:
            return FileFormat()
        for area in found.merged:
            self._problems.add(
                path,
                None,
                f"cells {area} of sheet {found.name!r} are merged, so only the first has a value; unmerge them and fill in each",
            )
        if found.hidden_rows:
            self._problems.note(path, None, f"{counted(found.hidden_rows, 'hidden row')} read like the others")
        if others := [name for name in found.others if name not in (CODEBOOK, LISTS)]:
            self._problems.note(path, None, f"only sheet {found.name!r} is read, not {quoted_list(others)}")
        return FileFormat(sheet=found.name)

    def _has_columns(self, path: Path, names: Iterable[str]) -> bool:
        missing = [name for name in _NEEDED if name not in names]
        if {ID, MARK} <= set(missing) or not names:
            what = "is not a coding sheet: it has no columns 'id' and 'sheet'; move it out of the folder"
            self._problems.add(path, None, what)
        elif missing:
            listed = ", ".join(map(repr, missing))
            self._problems.add(
                path, None, f"has no column {listed}; copy it back from the sheet as it was given, or name it so again"
            )
        return not missing

    def _marked(
        self, path: Path, rows: Sequence[tuple[int, dict[str, Any]]]
    ) -> Iterator[tuple[int, dict[str, Any], Mark]]:
        """Yield the rows with a mark that fits the codebook; a row without a mark takes that of all the others."""
        marks = {mark for _, row in rows if (mark := Mark.parse(word(row.get(MARK))))}
        only = next(iter(marks)) if len(marks) == 1 else None
        refused = {mark for mark in marks if not self._fits(path, mark)}
        for line, row in rows:
            cell = word(row.get(MARK))
            mark = Mark.parse(cell) if cell else only
            if is_blank(row.get(ID)) and is_blank(row.get(TEXT)):
                self._check_nothing_lost(path, line, row)
            elif mark is None:
                what = (
                    f"column {MARK!r}: {one_line(cell)!r} does not say whose row it is; copy the cell from another row"
                )
                self._problems.add(path, line, what)
            elif mark not in refused:
                yield line, row, mark

    def _fits(self, path: Path, mark: Mark) -> bool:
        fit = fits(mark.codebook, self._codebook)
        if fit == "other":
            self._problems.add(
                path,
                None,
                f"the sheet of {mark.annotator!r} is for codebook {mark.codebook}, but --codebook is "
                f"{self._codebook.reference}; name the codebook that it was made for",
            )
        elif fit == "older":
            self._problems.note(path, None, f"made for {mark.codebook}, read with {self._codebook.reference}")
        return fit != "other"

    def _check_nothing_lost(self, path: Path, line: int, row: Mapping[str, Any]) -> None:
        """Report a row without a passage that has an answer. Other such rows are a coder's own, such as a sum."""
        filled = [name for name in row if name.rpartition("_")[0] in SLOT and not is_blank(row[name])]
        if filled:
            what = f"column {filled[0]!r}: filled in, but 'id' and 'text' are empty; copy them back, or empty the row"
            self._problems.add(path, line, what)

    def _find(self, row: Mapping[str, Any]) -> Passage | None:
        """Return the passage of the row: by its id, or by its text if a spreadsheet has changed the id."""
        try:
            id = identifier(ID, row.get(ID))
        except DemarcheError:
            id = ""
        return self._passages.get(id) or self._passages.get(unguard(id)) or self._by_text.get(_words(row.get(TEXT)))

    def _report_unknown(self, path: Path, line: int, row: Mapping[str, Any]) -> None:
        id = word(row.get(ID))
        hint = suggest(id, self._passages) if len(self._passages) < _MANY else "; correct the id"
        self._problems.add(path, line, f"column {ID!r}: passage {one_line(id)!r} is not in {self._source}{hint}")

    def _has_its_text(self, path: Path, line: int, row: Mapping[str, Any], passage: Passage) -> bool:
        """Report a text that is not that of the passage. An empty one is accepted: the id says which it is."""
        text = row.get(TEXT)
        if is_blank(text) or _words(text) == _words(passage.text):
            return True
        other = self._by_text.get(_words(text))
        self._problems.add(
            path,
            line,
            f"column {TEXT!r}: the text is that of passage {other.id!r}, but the id is {passage.id!r}, as after sorting some "
            "columns without the others; undo that, or read the passage again"
            if other
            else f"column {TEXT!r}: not the text of passage {passage.id!r} in {self._source}; copy it back, or empty the cell "
            "if the reading is of that passage",
        )
        return False

    def _answer(self, path: Path, line: int, row: Mapping[str, Any]) -> Answer:
        answer = self._answers.read(row, lambda what: self._problems.add(path, line, what))
        if answer.labels is None and (answer.doubt or answer.note):
            what = "a doubt or a note, but no topic, so the passage counts as not read; write its topics, or none"
            self._problems.note(path, line, what)
        return answer


def _by_column(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row with the names of columns as a sheet has them, however they are spelt now."""
    return {_spelt(name, row): cell for name, cell in row.items()}


def _spelt(name: str, names: Container[str]) -> str:
    known = "_".join(fold(name).split())
    return known if _is_known(known) and known not in names else name


def _is_known(name: str) -> bool:
    kind, _, number = name.rpartition("_")
    return name in _OWN or (kind in _NUMBERED and number.isdecimal())


def _words(text: Any) -> str:
    """Return the words of a text, without what a workbook or a spreadsheet program changes in it."""
    plain = unguard(text) if isinstance(text, str) else word(text)
    return " ".join(writable(plain).split())
