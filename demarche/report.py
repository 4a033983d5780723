"""The command `demarche report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from demarche.label_files import here
from demarche.options import TagsPath
from demarche.printing import echo, warn
from demarche.totals import Model, ReadByPeople, model_of_tags, read_examples
from labels.errors import DemarcheError
from labels.wording import counted

if TYPE_CHECKING:
    from tagging.report.reading import Tags
    from tagging.totals import Total


def report(
    tags: TagsPath = None,
    *,
    out: Annotated[Path, typer.Option(help="File for the page (.html).")],
    model: Model = None,
    read: ReadByPeople = None,
    title: Annotated[str | None, typer.Option(help="Title of the page.  [default: the name of TAGS]")] = None,
    by: Annotated[
        Literal["day", "week", "month", "year"] | None,
        typer.Option(help="Length of the periods: day, week, month or year.  [default: as the dates want]"),
    ] = None,
) -> None:
    """Make a web page that shows tags: charts over time, sources, passages, and what needs review.

    The shares of topics and stances are corrected for the errors of the model as by `demarche totals`.
    """
    from labels.files import check_output, write_text
    from tagging.report.data import page_data
    from tagging.report.page import fill
    from tagging.report.reading import read_tags
    from tagging.tags_files import files_of

    tags = tags or here("TAGS").tags
    if out.suffix.lower() not in (".html", ".htm"):
        raise DemarcheError(f"{out}: the report is a web page; name a file that ends in .html")
    check_output(out, inputs=[tags, *files_of(tags), *(read or [])])
    arrays = read_tags(tags)
    data = page_data(arrays, totals=_totals(tags, arrays, model, read), unit=by)
    write_text(out, fill(data, title=title or f"Tags in {tags.name}"))
    summary = data["summary"]
    if summary["shown"] < summary["showable"]:
        echo(
            f"the page counts all passages and shows those of the most recent articles: {summary['shown']:,} of "
            f"{summary['showable']:,} with a topic or for review"
        )
    if summary["undatedPassages"]:
        echo(f"{counted(summary['undatedPassages'], 'passage')} without a date, counted outside the charts over time")
    echo(f"report in {out} ({out.stat().st_size / 1e6:.1f} MB)")


def _totals(path: Path, tags: Tags, model: str | None, read: list[Path] | None) -> list[Total]:
    """Return the shares, corrected if the model is found."""
    from tagging.rows import READ
    from tagging.totals import read_tags, totals

    if not tags.has("status", *READ).any():
        return []
    batch = read_tags(path)
    try:
        folder, confusion = model_of_tags(path, batch, model)
    except DemarcheError as error:
        if model is not None or read is not None:
            raise
        warn(f"note: the shares are not corrected: {error}")
        return totals(batch, confusion=None)
    return totals(batch, confusion=confusion, read=None if read is None else read_examples(folder, read))
