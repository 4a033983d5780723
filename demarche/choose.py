"""Commands that choose passages for annotators: `demarche labels audit`, `demarche labels suggest`, `demarche review`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demarche.app import EXIT_PARTLY
from demarche.label_files import here
from demarche.options import (
    ARTICLE_FILES,
    FOR_SPREADSHEET,
    DateColumn,
    IdColumn,
    TagsPath,
    TextColumn,
    TimeLimit,
    TitleColumn,
    options_from_fields,
)
from demarche.printing import TerminalReporter, echo, not_read, table, warn
from demarche.tables import column_options
from demarche.tag import resolve_model
from labels.file_format import AS_FOUND, FileFormat
from labels.wording import counted

if TYPE_CHECKING:
    from labels.tables.columns import TableColumns
    from tagging.suggest import Suggestion
    from training.audit.doubtful import Audit, Suspect

_SHOWN = 10
_LONGEST = 60


def audit(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|CONFIG", help="A run (an id, the start of an id, or a name), or a training config."
        ),
    ],
    out: Annotated[Path, typer.Option(help="File for the list (.csv, .tsv, .jsonl or .parquet).")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Config keys to override, e.g. topics.c=4.")
    ] = None,
    n: Annotated[int, typer.Option("--n", min=1, metavar="N", help="Maximum number of passages in the list.")] = 100,
    blind: Annotated[
        bool,
        typer.Option("--blind", help="Leave the labels and what the model says out of the list, and shuffle it."),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the order of a blind list.")] = 13,
    for_spreadsheet: Annotated[bool, typer.Option("--for-spreadsheet", help=FOR_SPREADSHEET)] = False,
) -> None:
    """List the training labels that the model contradicts most.

    The model is trained again without the labels that it judges, and not saved. The list has columns for a new reading,
    which `demarche labels import table` reads: the command that does so is printed.
    """
    from labels.tables.exports import check_table_output
    from training.audit import doubtful as auditing
    from training.audit.listing import write_list

    check_table_output(out, inputs=[Path(run)], for_spreadsheet=for_spreadsheet)
    with TerminalReporter() as reporter:
        audited = auditing.audit(run, overrides or [], reporter=reporter)
    listed = audited.suspects[:n]
    if blind:
        import random

        listed = random.Random(seed).sample(listed, len(listed))
    has_topics = bool(audited.codebook.topics)
    columns = write_list(out, listed, has_topics=has_topics, blind=blind, for_spreadsheet=for_spreadsheet)
    if not blind:
        _print_suspects(listed[:_SHOWN])
        echo()
    echo(
        f"{counted(len(listed), 'passage')} of {len(audited.suspects)} in {out}, "
        + ("in random order" if blind else "the least probable label first")
    )
    _print_import(audited, listed, out, columns, for_spreadsheet=for_spreadsheet)


def _print_suspects(suspects: list[Suspect]) -> None:
    from labels.errors import one_line
    from training.audit.listing import describe

    table(
        ("passage", "label", "probability", "text"),
        [
            (one_line(each.example.passage.id), one_line(describe(each)), f"{each.doubt.probability:.3f}",
             one_line(each.example.passage.text[:_LONGEST]))
            for each in suspects
        ],
        title="the least probable labels",
    )  # fmt: skip


def _print_import(
    audited: Audit, listed: list[Suspect], out: Path, columns: TableColumns, *, for_spreadsheet: bool
) -> None:
    """Print the command that reads the new labels, and where they would change nothing."""
    codebook = str(audited.prepared.config.data.codebook)
    print_how_to_import(out, columns, "adjudicator", codebook, for_spreadsheet=for_spreadsheet)
    final = sum(each.example.passage.id in audited.by_gold for each in listed)
    if final:
        warn(
            f"note: {counted(final, 'of these passages is', 'of these passages are')} labelled by 'gold', which no other "
            "annotator overrides: correct those labels in their own file"
        )


def print_how_to_import(
    out: Path, columns: TableColumns, annotator: str, codebook: str, *, for_spreadsheet: bool
) -> None:
    from labels.tables.worklist import NONE

    what = (
        f"all topics of a passage with their stances into the empty columns, or {NONE!r} as its only topic"
        if columns.topics
        else "the stance toward each target into the empty columns"
    )
    echo(
        f"write {what}; leave a passage that you did not read empty. Then import the list, and add its annotations to the "
        "config:"
    )
    options = column_options(columns)
    options += ["--value", f"{NONE}=", "--empty", "unread", "--annotator-name", annotator, "--codebook", codebook]
    options += ["--from-spreadsheet"] if for_spreadsheet else []
    command = ["demarche", "labels", "import", "table", str(out), *options, "--out", str(out.with_suffix(""))]
    echo("  " + shlex.join(command))


def review(
    tags: TagsPath = None,
    *,
    out: Annotated[Path, typer.Option(help="File for the list (.csv, .tsv, .jsonl or .parquet).")],
    candidates: Annotated[
        Path | None,
        typer.Option(help="File of --candidates-out, with the topics that are for review and not assigned."),
    ] = None,
    n: Annotated[int, typer.Option("--n", min=1, metavar="N", help="Maximum number of passages in the list.")] = 100,
    topic: Annotated[str | None, typer.Option(help="Only passages for which this topic is in doubt.")] = None,
    blind: Annotated[bool, typer.Option("--blind", help="Leave what the tagger says out of the list.")] = False,
    codebook: Annotated[
        Path | None,
        typer.Option(
            help="The codebook to read by, for the import command that is printed.  [default: that of the project]",
            show_default=False,
        ),
    ] = None,
    annotator_name: Annotated[str, typer.Option(help="Name of the annotator, for the same.")] = "reader",
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the choice.")] = 13,
    for_spreadsheet: Annotated[bool, typer.Option("--for-spreadsheet", help=FOR_SPREADSHEET)] = False,
) -> None:
    """List the passages that need review, for an annotator to read.

    If there are more than N, about as many are drawn of each topic in doubt. The list has columns for a reading, which
    `demarche labels import table` reads: the command that does so is printed.
    """
    from collections import Counter

    from labels.errors import DemarcheError, one_line
    from labels.project import find_project
    from labels.tables.exports import check_table_output
    from tagging.review import draw, write_review
    from tagging.tags_files import files_of

    tags = tags or here("TAGS").tags
    read = [tags, *files_of(tags), *([candidates] if candidates else [])]
    check_table_output(out, inputs=read, for_spreadsheet=for_spreadsheet)
    listed, found = draw(tags, candidates, n=n, topic=topic, seed=seed)
    if not listed:
        about = f" for the topic {topic!r}" if topic else ""
        raise DemarcheError(f"{tags}: no passage needs review{about}")
    columns = write_review(out, listed, blind=blind, for_spreadsheet=for_spreadsheet)
    if codebook is None and (project := find_project()):
        codebook = project.codebook
    counts = Counter(each for passage in listed for each in passage.topics)
    if counts:
        table(("topic in doubt", "passages"), [(one_line(name), str(count)) for name, count in counts.most_common()])
        echo()
    echo(f"{counted(len(listed), 'passage')} of {found} that need review in {out}")
    unknown = sum(not passage.topics for passage in listed)
    if unknown:
        warn(
            f"note: {counted(unknown, 'passage')} without the topics in doubt; name the file of `tag --candidates-out`"
        )
    print_how_to_import(out, columns, annotator_name, str(codebook or "CODEBOOK"), for_spreadsheet=for_spreadsheet)


@options_from_fields
def suggest(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT", help=ARTICLE_FILES)],
    model: Annotated[str, typer.Option(metavar="MODEL", help="A models:/ or runs:/ URI, or a model folder.")],
    out: Annotated[Path, typer.Option(help="File for the passages (.jsonl), or a table of them (.csv or .tsv).")],
    n: Annotated[int, typer.Option("--n", min=1, max=10_000, metavar="N", help="Number of passages.")] = 50,
    labelled: Annotated[
        list[Path] | None,
        typer.Option(metavar="PASSAGES", help="Passages that are labelled already, and not suggested. Repeatable."),
    ] = None,
    passages: Annotated[
        bool, typer.Option("--passages", help="INPUT are files of passages (JSON lines) instead of articles.")
    ] = False,
    random: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="SHARE", help="Share drawn at random.  [default: 0.2]", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of that share, and of the order.")] = 13,
    text: TextColumn = None,
    id: IdColumn = None,
    title: TitleColumn = None,
    date: DateColumn = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Column with the stance target of each article; in passages, field of meta."
        ),
    ] = None,
    time_limit: TimeLimit = 60,
    for_spreadsheet: Annotated[bool, typer.Option("--for-spreadsheet", help=FOR_SPREADSHEET)] = False,
    format: FileFormat = AS_FOUND,
) -> None:
    """Choose the passages to label next.

    They are those that the model is least sure of, those in which it may have missed a topic, and some drawn at random.
    """
    from labels.tables.passages import check_passages_output, write_passages
    from models.choosing import with_random_share
    from tagging.readers import ArticleColumns, check_inputs
    from tagging.suggest import suggest_from_articles, suggest_from_passages, to_annotate

    known = labelled or []
    check_passages_output(out, inputs=[*inputs, *known], for_spreadsheet=for_spreadsheet)
    check_inputs(inputs)
    folder, name = resolve_model(model)
    shares = with_random_share(random)
    if passages:
        suggestion = suggest_from_passages(inputs, folder, n, target=target, labelled=known, shares=shares, seed=seed)
    else:
        suggestion = suggest_from_articles(
            inputs,
            folder,
            n,
            columns=ArticleColumns(text=text, id=id, title=title, date=date, target=target, format=format),
            labelled=known,
            out=out,
            shares=shares,
            time_limit=time_limit,
            seed=seed,
        )
    write_passages(out, [to_annotate(each) for each in suggestion.chosen], for_spreadsheet=for_spreadsheet)
    _print_chosen(suggestion, name)
    echo(f"{counted(len(suggestion.chosen), 'passage')} in {out}")
    for note in suggestion.notes:
        warn(f"note: {note}")
    not_read(suggestion.unreadable)
    if suggestion.unreadable:
        raise typer.Exit(EXIT_PARTLY)


def _print_chosen(suggestion: Suggestion, model: str) -> None:
    """Print the number of passages by reason, with the topics or targets that they are about."""
    from collections import Counter

    from labels.errors import one_line
    from models.choosing import REASONS

    rows = []
    for reason in REASONS:
        chosen = [each.score for each in suggestion.chosen if each.score.reason == reason]
        about = Counter(score.about for score in chosen if score.about).most_common(_SHOWN)
        if chosen:
            rows.append((reason, str(len(chosen)), one_line(", ".join(f"{name} {count}" for name, count in about))))
    table(("reason", "passages", "about"), rows)
    echo()
    already = f"; {suggestion.labelled} more are labelled" if suggestion.labelled else ""
    echo(f"chosen by {model} from {counted(suggestion.read, 'passage')}{already}")
