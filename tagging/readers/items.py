"""What reading yields: an article, a file that is read later, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from labels.compression import LARGEST_TEXT
from labels.errors import DemarcheError, explain, one_line
from labels.file_format import AS_FOUND, FileFormat
from labels.passages import Article
from models.cleaning import INVISIBLE
from tagging.readers.remote import RemoteFile


@dataclass(frozen=True)
class ArticleColumns:
    """The columns of a table of articles, and what the user says about the form of the files.

    By default the columns are `text` (or else `content` or `body`), which is required, and `id`, `title`, and
    `published` or `date`, if present. There is no default for `target`.
    """

    text: str | None = None
    id: str | None = None
    title: str | None = None
    date: str | None = None
    target: str | None = None
    format: FileFormat = AS_FOUND

    def optional(self) -> dict[str, str]:
        """Return the columns named on the command line, by option, except for the text."""
        columns = {"--id": self.id, "--title": self.title, "--date": self.date, "--target": self.target}
        return {option: column for option, column in columns.items() if column is not None}


class ReadArticle(NamedTuple):
    """An article, and the target of its stance if the table names one.

    `shared_id` is the id in its table, if other tables have it too.
    """

    article: Article
    target: str | None = None
    shared_id: str | None = None


class Unreadable(NamedTuple):
    """A file or row that could not be read as an article, and the reason."""

    name: str
    reason: str


class ArticleFile(NamedTuple):
    """A file that is no table and that `read_file` can read, perhaps in another process.

    A `path` is absolute, `name` is the id of its article, and `encoding` is that of files that are not UTF-8.
    """

    path: Path | RemoteFile
    name: str
    encoding: str | None = None


def id_of(item: ReadArticle | ArticleFile | Unreadable) -> str:
    """Return the id of an article, or the name of what may become one."""
    return item.article.id if isinstance(item, ReadArticle) else item.name


def make_article(id: str, text: str, **metadata: str | None) -> ReadArticle | Unreadable:
    """Return the article, or an Unreadable if it has no text."""
    if "\0" in text:
        return Unreadable(id, "binary, not text (it contains a zero byte)")
    if is_blank(text):
        return Unreadable(id, "empty")
    if what := reason_too_long(text):
        return Unreadable(id, what)
    try:
        return ReadArticle(Article(id=id, text=text, **metadata))
    except ValidationError as error:
        return Unreadable(id, "; ".join(explain(error)))


def reason_too_long(text: str) -> str | None:
    """Return why the text is too long for an article, or None."""
    return f"{len(text):,} characters are no article; split it" if len(text) > LARGEST_TEXT else None


def is_blank(text: str) -> bool:
    """Return whether the text has no passage, only white space and invisible characters."""
    return all(letter.isspace() or letter in INVISIBLE for letter in text)


def unreadable(path: Path | RemoteFile, name: str, error: Exception) -> Unreadable:
    """Return the Unreadable for an error in the file."""
    reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    return Unreadable(name, reason.removeprefix(f"{path}: "))


def nothing_read(unreadable: Sequence[Unreadable]) -> DemarcheError:
    """Return the error for inputs without a single article, with the first few reasons."""
    reasons = [f"  {one_line(item.name)}: {one_line(item.reason)}" for item in unreadable[:5]]
    if len(unreadable) > 5:
        reasons.append(f"  … and {len(unreadable) - 5} more")
    return DemarcheError("no article could be read; nothing is written", *reasons)
