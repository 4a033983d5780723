"""Where the results of a batch go: to files that appear when they are complete, or to a folder that grows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from labels.errors import DemarcheError
from labels.files import atomic_write, check_jsonl_output, check_output, jsonl_writer
from labels.passages import Article
from labels.table_files.spreadsheet import check_for_spreadsheet
from labels.tables.writers import arrow_schema, table_writer
from tagging.rows import EXPLANATION, TYPES
from tagging.shards import ARTICLES, CANDIDATES, TAGS, Shards

SUFFIXES = (".parquet", ".jsonl", ".csv")
_ARTICLE = dict.fromkeys(Article.model_fields, str)


@dataclass(frozen=True)
class Outputs:
    """The outputs of a batch: the tags, the topics that are candidates, and the articles as they were read.

    `tags` is a file, or a folder to which batches add tags and candidates. The text of the articles is what the offsets
    of the passages refer to. With `for_spreadsheet`, no cell of a CSV file is a formula. With `explanation`, the rows have the
    columns for it.
    """

    tags: Path
    candidates: Path | None = None
    articles: Path | None = None
    for_spreadsheet: bool = False
    explanation: bool = False

    @property
    def is_folder(self) -> bool:
        return self.tags.is_dir() or not self.tags.suffix

    @property
    def files(self) -> dict[str, Path]:
        """The files to write, by kind."""
        files = {TAGS: None if self.is_folder else self.tags, CANDIDATES: self.candidates, ARTICLES: self.articles}
        return {kind: path for kind, path in files.items() if path is not None}

    @property
    def shards(self) -> Path:
        """The folder of the shards: it stays, or is there until the files are complete."""
        return self.tags if self.is_folder else self.tags.with_name(f"{self.tags.name}.parts")

    @property
    def written(self) -> list[Path]:
        """The files and folders that are no inputs, even if they lie in a folder that is one."""
        return [self.shards, *self.files.values()]

    @property
    def schemas(self) -> dict[str, Mapping[str, type]]:
        """The columns of the shards by kind; articles are kept only if they are wanted."""
        types = self._types
        return {TAGS: types, CANDIDATES: types} | ({ARTICLES: _ARTICLE} if self.articles else {})

    @property
    def _types(self) -> Mapping[str, type]:
        return TYPES | (dict.fromkeys(EXPLANATION, str) if self.explanation else {})

    def check(self) -> None:
        """Raise DemarcheError if an output cannot be written, before any work is done."""
        files = self.files
        if self.is_folder and files:
            raise DemarcheError(
                f"{self.tags}: a folder holds the candidates too; leave out --candidates-out and --articles-out, or name "
                f"a file that ends in {', '.join(SUFFIXES)}"
            )
        for path in (files.get(TAGS), files.get(CANDIDATES)):
            if path is not None:
                self._check_table(path)
        if self.articles is not None:
            check_jsonl_output(self.articles)
        if len({path.resolve() for path in files.values()}) < len(files):
            raise DemarcheError(f"{self.tags}: --out, --candidates-out and --articles-out must be different files")
        if self.is_folder and self.for_spreadsheet:
            raise DemarcheError(f"{self.tags}: --for-spreadsheet is for a CSV file; name one")
        if self.is_folder and self.tags.is_symlink() and not self.tags.exists():
            raise DemarcheError(
                f"{self.tags}: links to {self.tags.readlink()}, which is not there; make that folder, or name another"
            )
        check_output(self.shards / "part")

    def _check_table(self, path: Path) -> None:
        if path.suffix not in SUFFIXES:
            raise DemarcheError(
                f"{path}: not a tags file; name a file that ends in {', '.join(SUFFIXES)}, or a folder without a dot in "
                "its name"
            )
        if self.for_spreadsheet:
            check_for_spreadsheet(path)
        check_output(path)

    def complete(self, shards: Shards) -> None:
        """Make the files from the shards, and remove the shards; a folder is complete as it is.

        Until the files are there, the batch counts as unfinished.
        """
        if self.is_folder:
            shards.finish()
            return
        with contextlib.ExitStack() as stack:
            for kind, path in self.files.items():
                stack.enter_context(self._written(kind, path, shards))
        shards.discard()

    @contextlib.contextmanager
    def _written(self, kind: str, path: Path, shards: Shards) -> Iterator[None]:
        """Write a file; it appears when the block ends."""
        if kind == ARTICLES:
            with jsonl_writer(path) as write:
                for table in shards.tables(kind):
                    write({key: value for key, value in row.items() if value is not None} for row in table.to_pylist())
                yield
        elif path.suffix == ".parquet":
            import pyarrow.parquet as pq

            # The tables of the shards have the columns of the file, so their rows need not be made.
            with (
                atomic_write(path) as part,
                pq.ParquetWriter(part, arrow_schema(self._types), compression="zstd") as writer,
            ):
                for table in shards.tables(kind):
                    writer.write_table(table)
                yield
        else:
            with table_writer(path, self._types, for_spreadsheet=self.for_spreadsheet) as write_rows:
                for table in shards.tables(kind):
                    write_rows(table.to_pylist())
                yield
