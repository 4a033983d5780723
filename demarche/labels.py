"""`demarche labels …`: check, count, import, export, segment, describe."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from demarche.app import EXIT_PARTLY, commands
from demarche.printing import interval, not_read, table, warn

if TYPE_CHECKING:
    from labels.tables.imports import Columns

SHOWN = 20

app = commands("Check, count, import, export and prepare labels.")
import_app = commands("Bring labelled data of other forms in.")
app.add_typer(import_app, name="import")
export_app = commands("Hand labelled data out in other forms.")
app.add_typer(export_app, name="export")

Codebook = Annotated[Path, typer.Argument(help="The codebook, as YAML.")]
Passages = Annotated[Path, typer.Argument(help="Passages, as JSON lines.")]
Annotations = Annotated[list[Path], typer.Argument(help="Annotations, as JSON lines; one or more files.")]


@app.command()
def check(
    codebook: Codebook,
    passages: Passages,
    annotations: Annotations,
    articles: Annotated[Path | None, typer.Option(help="Articles, to check that offsets cut the passages out.")] = None,
) -> None:
    """Tell every problem in codebook, passages and annotations, by file and line."""
    from labels.check import read_labelled

    data = read_labelled(codebook, passages, annotations, articles=articles)
    for problem in data.warnings:
        warn(f"warning: {problem}")
    readers = len({annotation.annotator for annotation in data.annotations})
    typer.echo(
        f"fine: {len(data.passages)} passages, {len(data.annotations)} readings by {readers} annotators, "
        f"codebook {data.codebook.reference}"
    )


@app.command()
def stats(
    codebook: Codebook,
    passages: Passages,
    annotations: Annotations,
    split: Annotated[Path | None, typer.Option(help="A split.jsonl to count by side.")] = None,
) -> None:
    """Count passages by topic, stance, annotator, source and side of the split."""
    from labels.check import read_labelled
    from labels.gold.adjudication import adjudicate
    from labels.splits.split import read_split
    from labels.stats import gold_table, reader_table, side_table, source_table

    data = read_labelled(codebook, passages, annotations)
    for problem in data.warnings:
        warn(f"warning: {problem}")
    examples = adjudicate(data.passages, data.annotations)
    sides: dict[str, str | None] = {p.id: p.split for p in data.passages if p.split}
    if split is not None:
        sides = {id: place.split for id, place in read_split(split).items()}
    typer.echo(
        f"{len(data.passages)} passages of {len({p.article for p in data.passages})} articles, {len(examples)} labelled"
    )
    tables = [gold_table(examples, data.codebook.topic_ids), reader_table(data), source_table(data)]
    for found in [*tables, *([side_table(data, sides)] if sides else [])]:
        table(found.columns, found.rows, title=found.title)


@app.command()
def agreement(
    codebook: Codebook,
    passages: Passages,
    annotations: Annotations,
    seed: Annotated[int, typer.Option(help="Of the bootstrap over articles.", min=0)] = 13,
) -> None:
    """How far annotators agree beyond chance: Krippendorff's alpha, Cohen's kappa, and what they mean."""
    from labels.check import read_labelled
    from labels.errors import DemarcheError
    from labels.gold.agreement import agreements, in_words, pairs

    data = read_labelled(codebook, passages, annotations)
    for problem in data.warnings:
        warn(f"warning: {problem}")
    found = agreements(data, seed=seed)
    if not found:
        raise DemarcheError("no passage was read by two annotators (gold and adjudicator aside); have some read again")
    table(
        ("what", "read twice", "all the same", "alpha", "95 % interval"),
        [(a.what, str(a.items), f"{a.same:.1%}", *interval(a.alpha)) for a in found],
        title="Krippendorff's alpha: topics as sets by MASI, the others nominal",
    )
    if couples := pairs(data, seed=seed):
        table(
            ("annotators", "on", "kappa", "95 % interval"),
            [
                (" and ".join(pair.annotators), what, *interval(k))
                for pair in couples
                for what, k in pair.kappas.items()
            ],
            title="Cohen's kappa",
        )
    else:
        typer.echo("\nno Cohen's kappa: not the same people read everything that was read twice")
    typer.echo()
    for sentence in in_words(found):
        typer.echo(sentence)


@app.command()
def adjudicate(
    codebook: Codebook,
    passages: Passages,
    annotations: Annotations,
    out: Annotated[Path, typer.Option(help="Where decisions and votes go, as JSON lines.")],
    by: Annotated[
        Literal["majority", "dawid_skene"],
        typer.Option(help="Dawid and Skene weigh readers by how often they are right."),
    ] = "majority",
) -> None:
    """Decide between annotators; what they are tied on is left open and listed."""
    from labels.check import read_labelled
    from labels.files import check_output, jsonl_writer
    from labels.gold.adjudication import adjudicate

    check_output(out, inputs=[codebook, passages, *annotations])
    data = read_labelled(codebook, passages, annotations)
    for problem in data.warnings:
        warn(f"warning: {problem}")
    examples = adjudicate(data.passages, data.annotations, by=by)
    with jsonl_writer(out) as write:
        write(example.decision() for example in examples)
    tied = [example for example in examples if example.ties]
    typer.echo(f"{len(examples)} passages: {len(examples) - len(tied)} decided, {len(tied)} with a tie; in {out}")
    if tied:
        ties = [(example.passage.id, tie) for example in tied for tie in example.ties]
        table(("passage", "tied"), ties[:SHOWN], title="to be read by an annotator named adjudicator")
        if len(ties) > SHOWN:
            typer.echo(f"… and {len(ties) - SHOWN} more")


@app.command()
def schema(
    out: Annotated[
        Path | None, typer.Option(help="Write article, passage and annotation schemas into this folder.")
    ] = None,
) -> None:
    """The annotation format as JSON Schema."""
    from labels.files import write_text
    from labels.passages import schemas

    found = schemas()
    if out is None:
        typer.echo(json.dumps(found, indent=2))
        return
    for name, plain in found.items():
        write_text(out / f"{name}.schema.json", json.dumps(plain, indent=2) + "\n")
        typer.echo(out / f"{name}.schema.json")


@app.command()
def passages(
    articles: Annotated[
        list[Path], typer.Argument(help="Files or folders of .txt, .md, .html, .jsonl, .csv, .parquet.")
    ],
    out: Annotated[Path, typer.Option(help="Where the passages go, as JSON lines.")],
    articles_out: Annotated[Path | None, typer.Option(help="Keep the articles as read, for offsets.")] = None,
) -> None:
    """Cut new articles into passages as the tagger does, ready to annotate. Furniture is left out."""
    from labels.files import check_output, write_jsonl
    from tagging.readers import ArticleColumns, Unreadable, nothing_read, read_articles
    from tagging.segmentation import segment

    written = [out, *([articles_out] if articles_out else [])]
    for place, path in enumerate(written):
        check_output(path, inputs=written[:place])
    read, unreadable, found = [], [], []
    for item in read_articles(articles, ArticleColumns(), written=written):
        if isinstance(item, Unreadable):
            unreadable.append(item)
            continue
        read.append(item.article)
        found += [piece.passage for piece in segment(item.article) if piece.boilerplate is None]
    if not read:
        raise nothing_read(unreadable)
    write_jsonl(out, found)
    if articles_out is not None:
        write_jsonl(articles_out, read)
    typer.echo(f"{len(found)} passages of {len(read)} articles in {out}")
    not_read(unreadable)
    if unreadable:
        raise typer.Exit(EXIT_PARTLY)


@import_app.command("table")
def import_table(
    file: Annotated[Path, typer.Argument(help="A .csv, .tsv, .jsonl, .json (each also .gz) or .parquet table.")],
    out: Annotated[Path, typer.Option(help="Folder for passages.jsonl, annotations.jsonl and codebook.yaml.")],
    text: Annotated[str, typer.Option(help="Column of the text.")] = "text",
    id: Annotated[str | None, typer.Option(help="Column of the id; the line number if not given.")] = None,
    title: Annotated[str | None, typer.Option(help="Column of the title.")] = None,
    date: Annotated[str | None, typer.Option(help="Column of the date, or of anything that sorts in time.")] = None,
    source: Annotated[str | None, typer.Option(help="Column of the source.")] = None,
    url: Annotated[str | None, typer.Option(help="Column of the address.")] = None,
    article: Annotated[
        str | None, typer.Option(help="Column of the article's id, where rows are its passages.")
    ] = None,
    group: Annotated[str | None, typer.Option(help="Column of what must stay on one side of a split.")] = None,
    split: Annotated[str | None, typer.Option(help="Column of the data's own split.")] = None,
    topics: Annotated[
        list[str] | None,
        typer.Option(help="Column of topics (a list, or parted by --separator); repeat it for a yes/no column each."),
    ] = None,
    stance: Annotated[str | None, typer.Option(help="Column of the stance.")] = None,
    target: Annotated[str | None, typer.Option(help="Column of what the stance is toward.")] = None,
    toward: Annotated[str | None, typer.Option(help="What every stance is toward, where no column says it.")] = None,
    target_start: Annotated[str | None, typer.Option(help="Column of the target's first character.")] = None,
    target_end: Annotated[str | None, typer.Option(help="Column of the character after it.")] = None,
    annotator: Annotated[
        str | None, typer.Option(help="Column of who read the row, where several read a text.")
    ] = None,
    votes: Annotated[
        list[str] | None,
        typer.Option(
            help="Column of a list of votes, or repeat it for columns of one vote each; on stance where stances stand in it, else on topics."
        ),
    ] = None,
    gold: Annotated[str | None, typer.Option(help="Column of the decided label; wins over votes.")] = None,
    keep: Annotated[list[str] | None, typer.Option(help="Another column to keep with the passage; repeatable.")] = None,
    value: Annotated[
        list[str] | None, typer.Option(help="What a value means: NONE=neutral, or X= to leave it out; repeatable.")
    ] = None,
    separator: Annotated[str, typer.Option(help="Between several topics in one cell.")] = ";",
    codebook: Annotated[Path | None, typer.Option(help="The codebook; a stub is drawn up if not given.")] = None,
) -> None:
    """Turn a table of labelled texts into passages, annotations and a codebook."""
    from labels.codebook import is_stub, read_codebook, write_codebook
    from labels.errors import DemarcheError
    from labels.files import check_output, jsonl_writer
    from labels.tables.imports import Columns, Reading, import_table

    columns = Columns(
        text=text, id=id, title=title, date=date, source=source, url=url, article=article, group=group, split=split,
        topics=topics or (), stance=stance, target=target, target_start=target_start, target_end=target_end,
        annotator=annotator, votes=votes or (), gold=gold, keep=keep or (),
    )  # fmt: skip
    values = dict(pair.rpartition("=")[::2] for pair in value or [])
    if "" in values:
        raise DemarcheError("--value: write FROM=TO, e.g. --value NONE=neutral")
    files = [out / name for name in ("passages.jsonl", "annotations.jsonl", "codebook.yaml")]
    for path in files:
        check_output(path, inputs=[file])
    if codebook is None and files[2].exists() and not is_stub(read_codebook(files[2])):
        raise DemarcheError(
            f"{files[2]}: was filled in since it was drawn up; give it with --codebook, or move it away"
        )
    found = import_table(
        file,
        columns,
        Reading(values=values, separator=separator, target=toward),
        read_codebook(codebook) if codebook else None,
    )
    # All of them or none: readings of other passages would be worse than none.
    with jsonl_writer(files[0]) as write_passages, jsonl_writer(files[1]) as write_annotations:
        write_passages(found.passages)
        write_annotations(found.annotations)
        if codebook is None:
            write_codebook(files[2], found.codebook)
    names = ", ".join(found.codebook.topic_ids) or "none, stance toward named targets"
    typer.echo(f"topics: {names}")
    typer.echo(
        f"{len(found.passages)} passages and {len(found.annotations)} readings in {out}; codebook "
        + (
            str(out / "codebook.yaml")
            + (": add a definition and a target to each topic" if found.codebook.topics else "")
            if codebook is None
            else found.codebook.reference
        )
    )


@export_app.command("table")
def export_table(
    codebook: Codebook,
    passages: Passages,
    annotations: Annotations,
    out: Annotated[Path, typer.Option(help="The table: a .csv, .tsv, .jsonl or .parquet file.")],
) -> None:
    """Lay labelled passages out as a flat table, a row a label; `labels import table` reads it back."""
    from labels.check import read_labelled
    from labels.tables.exports import check_table_output, export_table

    check_table_output(out, inputs=[codebook, passages, *annotations])
    data = read_labelled(codebook, passages, annotations)
    for problem in data.warnings:
        warn(f"warning: {problem}")
    done = export_table(data, out)
    typer.echo(f"{done.rows} rows of {len(data.passages)} passages and {len(data.annotations)} readings in {out}")
    if done.lost:
        warn("not in the table: " + ", ".join(f"{count} {what}" for what, count in done.lost.items()))
    back = ["demarche", "labels", "import", "table", str(out), "--out", str(out.with_name(out.stem + "-imported"))]
    typer.echo("to read it back:")
    typer.echo("  " + shlex.join([*back, "--codebook", str(codebook), *_options(done.columns)]))


def _options(columns: Columns) -> list[str]:
    """The columns as `labels import table` takes them, without those that it supposes."""
    options = []
    for option, given in asdict(columns).items():
        names = [given] if isinstance(given, str) else given or ()
        options += [part for name in names for part in (f"--{option.replace('_', '-')}", name)]
    return options[2:] if options[:2] == ["--text", "text"] else options
