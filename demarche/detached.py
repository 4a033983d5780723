"""The commands `demarche labels detach` and `demarche labels attach`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demarche.app import EXIT_PARTLY
from demarche.printing import echo, warn
from labels.wording import counted

if TYPE_CHECKING:
    from labels.detached import Attached, DetachedPassage
    from labels.passages import Passage

_MOST_LISTED = 20


def detach(
    passages: Annotated[Path, typer.Argument(metavar="PASSAGES", help="Passages (JSON lines).")],
    out: Annotated[Path, typer.Option(help="File for the passages without text (JSON lines).")],
) -> None:
    """Write passages without their text.

    Labels can then be shared where the articles cannot. Each passage keeps its id, article, offsets, group, split,
    published and source, and gets digests of its text. Its title, url and meta are left out. `demarche labels attach`
    fills in the text again.
    """
    from labels.check import read_passages
    from labels.detached import detach
    from labels.files import check_jsonl_output, write_jsonl

    check_jsonl_output(out, inputs=[passages])
    count = write_jsonl(out, map(detach, read_passages(passages)))
    echo(f"{counted(count, 'passage')} without text in {out}")


def attach(
    detached: Annotated[Path, typer.Argument(metavar="DETACHED", help="Passages without text (JSON lines).")],
    articles: Annotated[
        Path,
        typer.Option(help="Your copy of the articles: JSON lines with id and text, or a folder of files ID.json."),
    ],
    out: Annotated[Path, typer.Option(help="File for the passages (JSON lines).")],
    text_field: Annotated[
        str | None,
        typer.Option(metavar="FIELD", help="Field with an article's text.  [default: text, or content_original]"),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="Encoding of the files that are not UTF-8, e.g. windows-1252.")
    ] = None,
) -> None:
    """Fill in the text of detached passages.

    The text comes from your own copy of the articles and is verified by its digest. A passage that has moved within
    its article, or differs only in white space, quotation marks or Unicode form, gets the text and offsets of your
    copy. Passages that are not found are listed and left out, and the exit code is then 3.
    """
    from labels.article_copies import read_copies
    from labels.check import read_detached
    from labels.detached import attach
    from labels.encodings import check_encoding
    from labels.errors import DemarcheError
    from labels.files import check_jsonl_output, write_jsonl

    check_encoding(encoding)
    _check_not_among(articles, out)
    check_jsonl_output(out, inputs=[detached, articles])
    passages = read_detached(detached)
    ids = {passage.article for passage in passages}
    attached = attach(passages, read_copies(articles, ids, text_field=text_field, encoding=encoding))
    if len(attached.missing) == len(passages):
        raise DemarcheError(
            f"{articles}: has none of the {counted(len(ids), 'article')} of {detached}; give a file of articles (JSON lines) with "
            "their ids, or the folder in which each is a file named ID.json"
        )
    _list_not_found(attached, articles)
    if not attached.passages:
        raise DemarcheError(f"{articles}: has none of the passages of {detached}; use the same edition of the articles")
    write_jsonl(out, attached.passages)
    echo(f"{len(attached.passages)} of {_count(passages)} with their text in {out}")
    if attached.normalised:
        echo(f"{_count(attached.normalised)} matched after normalising white space and quotes")
    if attached.moved:
        echo(f"{_count(attached.moved)} moved: the same text at other offsets")
    if len(attached.passages) < len(passages):
        raise typer.Exit(EXIT_PARTLY)


def _check_not_among(articles: Path, out: Path) -> None:
    """Raise DemarcheError if `out` is directly in the folder of the articles, where any file may be one of them."""
    from labels.errors import DemarcheError

    # Either `out` or the file that it links to may be in the folder.
    if articles.is_dir() and articles.resolve() in (out.parent.resolve(), out.resolve().parent):
        raise DemarcheError(
            f"{out}: is in {articles}, the folder of the articles, and could overwrite one; choose a file in another "
            "folder"
        )


def _count(passages: Sequence[Passage | DetachedPassage]) -> str:
    return counted(len(passages), "passage")


def _list_not_found(attached: Attached, articles: Path) -> None:
    """Print the passages that were not found, by kind, up to the first 20 of each."""
    from labels.errors import one_line

    kinds: dict[str, list[DetachedPassage]] = {
        f"the article is not in {articles}, or has no text": attached.missing,
        "another edition: the article has other words": attached.changed,
    }
    for kind, passages in kinds.items():
        if passages:
            warn(f"{_count(passages)} left out: {kind}")
        for passage in passages[:_MOST_LISTED]:
            warn(one_line(f"  {passage.id} (article {passage.article})"))
        if len(passages) > _MOST_LISTED:
            warn(f"  … and {len(passages) - _MOST_LISTED} more")
