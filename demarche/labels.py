"""The commands `demarche labels …` that check, count and compare labels, and cut articles into passages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from demarche.app import EXIT_PARTLY, new_app
from demarche.label_files import Annotations, Codebook, Passages, here, label_files, read_and_warn
from demarche.options import (
    ARTICLES,
    ARTICLES_OUT,
    FOR_SPREADSHEET,
    DateColumn,
    IdColumn,
    TextColumn,
    TimeLimit,
    TitleColumn,
    options_from_fields,
)
from demarche.printing import echo, interval, not_read, table, warn
from demarche.project import check_keeps_annotated, print_codebook, print_unfinished, unfinished_project
from demarche.rules import check_rules
from labels.errors import DemarcheError
from labels.file_format import AS_FOUND, FileFormat
from labels.wording import counted

TIES_SHOWN = 20

app = new_app("Check, count, import, export and prepare labels.")


@app.command()
def check(
    codebook: Codebook = None,
    passages: Passages = None,
    annotations: Annotations = None,
    articles: Annotated[
        Path | None, typer.Option(help="Articles (JSON lines). If given, the passage offsets are checked against them.")
    ] = None,
    rules: Annotated[
        bool,
        typer.Option(
            "--rules", help="Say which examples in the codebook's rules annotators and a model decide otherwise."
        ),
    ] = False,
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="The model for --rules: a models:/ or runs:/ URI, or a folder.")
    ] = None,
    examples_out: Annotated[
        Path | None, typer.Option(help="With --rules: file for the examples as passages to annotate (.jsonl).")
    ] = None,
) -> None:
    """Check a codebook, passages and annotations.

    Every problem is reported with its file and line. Copies of a text with different labels, topics without a
    definition and stances without a target are warnings. A codebook may be checked alone.
    """
    from labels.codebook import read_codebook
    from labels.doubts import doubts

    if (model or examples_out) and not rules:
        raise DemarcheError("--model and --examples-out belong to --rules; add it")
    if rules and codebook is not None and passages is None:
        check_rules(read_codebook(codebook), None, model=model, out=examples_out, inputs=[codebook])
        return
    if codebook is not None and passages is None and articles is None:
        print_codebook(codebook, read_codebook(codebook))
        echo("checked the codebook alone; name PASSAGES and ANNOTATIONS to check them too")
        return
    if codebook is None and not annotations and (unfinished := unfinished_project()):
        if rules:
            project = unfinished.project
            inputs = [project.codebook, project.passages]
            check_rules(unfinished.codebook, None, model=model, out=examples_out, inputs=inputs)
        else:
            print_unfinished(unfinished)
        return
    files = label_files(codebook, passages, annotations)
    data = read_and_warn(files, articles=articles)
    if rules:
        inputs = [files.codebook, files.passages, *files.annotations]
        check_rules(data.codebook, data, model=model, out=examples_out, inputs=inputs)
        return
    for doubt in doubts(data):
        warn(f"warning: {doubt}")
    annotators = {annotation.annotator for annotation in data.annotations}
    echo(
        f"no errors: {counted(len(data.passages), 'passage')}, {counted(len(data.annotations), 'annotation')} "
        f"by {counted(len(annotators), 'annotator')}, codebook {data.codebook.reference}"
    )


@app.command()
def stats(
    codebook: Codebook = None,
    passages: Passages = None,
    annotations: Annotations = None,
    split: Annotated[
        Path | None, typer.Option(help="A split.jsonl. If given, the passages are also counted by split.")
    ] = None,
) -> None:
    """Count passages by topic, stance, annotator, source and split."""
    from labels.gold.adjudication import adjudicate
    from labels.splits.split import read_split
    from labels.stats import annotator_table, gold_table, source_table, split_table

    data = read_and_warn(label_files(codebook, passages, annotations))
    examples = adjudicate(data.passages, data.annotations)
    splits: dict[str, str | None] = {p.id: p.split for p in data.passages if p.split}
    if split is not None:
        splits = {id: place.split for id, place in read_split(split).items()}
    echo(
        f"{counted(len(data.passages), 'passage')} of {counted(len({p.article for p in data.passages}), 'article')}, "
        f"{len(examples)} labelled"
    )
    tables = [gold_table(examples, data.codebook.topic_ids), annotator_table(data), source_table(data)]
    for counts in [*tables, *([split_table(data, splits)] if splits else [])]:
        table(counts.columns, counts.rows, title=counts.title)


@app.command()
def agreement(
    codebook: Codebook = None,
    passages: Passages = None,
    annotations: Annotations = None,
    seed: Annotated[int, typer.Option(help="Random seed of the bootstrap over articles.", min=0)] = 13,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File for the agreement of language models with people (.jsonl), which data.readers in a config names."
        ),
    ] = None,
) -> None:
    """Measure the agreement between annotators.

    Krippendorff's alpha and Cohen's kappa are printed with confidence intervals, and each alpha is interpreted.
    Language models are compared with the labels that people decided on.
    """
    import math

    from demarche.model_readers import print_agreement_of_models
    from labels.files import check_jsonl_output
    from labels.gold.agreement import agreements, in_words, pairs

    files = label_files(codebook, passages, annotations)
    if out is not None:
        check_jsonl_output(out, inputs=[files.codebook, files.passages, *files.annotations])
    data = read_and_warn(files)
    has_models = print_agreement_of_models(data, seed=seed, out=out)
    scores = agreements(data, seed=seed)
    if not scores and has_models:
        return
    if not scores:
        raise DemarcheError(
            "no passage has two annotators (gold and adjudicator do not count); have some annotated by a second person"
        )
    table(
        ("labels", "items", "unanimous", "alpha", "95 % interval"),
        [(a.what, str(a.items), f"{a.same:.1%}", *interval(a.alpha)) for a in scores],
        title="Krippendorff's alpha (MASI distance for sets of topics, nominal for the others)",
    )
    if annotator_pairs := pairs(data, seed=seed):
        table(
            ("annotators", "labels", "kappa", "95 % interval"),
            [
                (" and ".join(pair.annotators), what, *interval(k))
                for pair in annotator_pairs
                for what, k in pair.kappas.items()
            ],
            title="Cohen's kappa",
        )
    else:
        echo()
        echo("no Cohen's kappa: the passages with several annotators do not all have the same ones")
    shown = [*(a.alpha for a in scores), *(k for pair in annotator_pairs for k in pair.kappas.values())]
    echo()
    if any(math.isnan(score.value) for score in shown):
        echo("–: not defined, since all annotators gave every item the same value")
    if any(not math.isnan(score.value) and not score.has_bounds for score in shown):
        echo("too few: the items are of too few articles for an interval")
    for sentence in in_words(scores):
        echo(sentence)


@app.command()
def adjudicate(
    *,
    codebook: Codebook = None,
    passages: Passages = None,
    annotations: Annotations = None,
    out: Annotated[Path, typer.Option(help="File for the decisions and votes (JSON lines).")],
    by: Annotated[
        Literal["majority", "dawid_skene"],
        typer.Option(
            metavar="majority|dawid_skene",
            help="Voting method; dawid_skene weights annotators by their estimated accuracy.",
        ),
    ] = "majority",
    sheet: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for a sheet in which an adjudicator decides ties and passages in doubt. It shows the readings "
            "without names.",
        ),
    ] = None,
    differing: Annotated[
        bool, typer.Option("--differing", help="Also put passages into the sheet on which a minority differs.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the order of the readings in the sheet.")] = 13,
) -> None:
    """Resolve disagreements between annotators by vote.

    Ties are left open and listed. `demarche labels import sheets` brings the adjudicator's sheet back.
    """
    from demarche.ties_sheet import check_ties, write_ties
    from labels.files import check_jsonl_output, jsonl_writer
    from labels.gold.adjudication import adjudicate

    files = label_files(codebook, passages, annotations)
    check_jsonl_output(out, inputs=[files.codebook, files.passages, *files.annotations])
    check_ties(sheet, differing=differing)
    data = read_and_warn(files)
    examples = adjudicate(data.passages, data.annotations, by=by)
    with jsonl_writer(out) as write:
        write(example.decision() for example in examples)
    tied = [example for example in examples if example.ties]
    echo(f"{counted(len(examples), 'passage')}: {len(examples) - len(tied)} decided, {len(tied)} with a tie; in {out}")
    if tied:
        ties = [(example.passage.id, tie) for example in tied for tie in example.ties]
        table(("passage", "tied"), ties[:TIES_SHOWN], title="ties, to be decided by an annotator named adjudicator")
        if len(ties) > TIES_SHOWN:
            echo(f"… and {len(ties) - TIES_SHOWN} more")
    if sheet is not None:
        write_ties(data, examples, sheet, (files.codebook, files.passages), differing=differing, seed=seed)
    elif tied:
        echo("to decide them in a sheet, add --sheet DIR")


@app.command()
def schema(
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the schemas of articles, passages and annotations; without it, they are printed."
        ),
    ] = None,
) -> None:
    """Print the annotation format as JSON Schema."""
    from labels.files import write_text
    from labels.passages import schemas

    by_name = schemas()
    if out is None:
        for line in json.dumps(by_name, indent=2).splitlines():
            echo(line)
        return
    for name, schema in by_name.items():
        write_text(out / f"{name}.schema.json", json.dumps(schema, indent=2) + "\n")
        echo(out / f"{name}.schema.json")


@app.command()
@options_from_fields
def passages(
    articles: Annotated[
        list[str] | None, typer.Argument(metavar="INPUT", help=f"{ARTICLES}  [default: those of the project]")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File for the passages (.jsonl), or a table of them (.csv or .tsv).  [default: that of the project]"
        ),
    ] = None,
    text: TextColumn = None,
    id: IdColumn = None,
    title: TitleColumn = None,
    date: DateColumn = None,
    articles_out: Annotated[Path | None, typer.Option(help=ARTICLES_OUT)] = None,
    time_limit: TimeLimit = 60,
    for_spreadsheet: Annotated[bool, typer.Option("--for-spreadsheet", help=FOR_SPREADSHEET)] = False,
    format: FileFormat = AS_FOUND,
) -> None:
    """Split articles into passages to annotate.

    The passages are those that `demarche tag` tags: boilerplate is left out.
    """
    from contextlib import closing
    from functools import partial
    from itertools import chain

    from labels.errors import Problem
    from labels.files import check_jsonl_output, write_jsonl
    from labels.tables.passages import check_passages_output, write_passages
    from tagging.in_batches import in_batches
    from tagging.jobs import Cutting
    from tagging.processes import Workers, cores, spread
    from tagging.readers import ArticleColumns, Unreadable, list_articles, nothing_read

    articles = articles or [str(here("INPUT").articles)]
    is_of_project = out is None
    out = out or here("--out").passages
    outputs = [out, *([articles_out] if articles_out else [])]
    check_passages_output(out, for_spreadsheet=for_spreadsheet)
    if articles_out is not None:
        check_jsonl_output(articles_out, inputs=[out])
    read, unreadable, cut = [], [], []
    notes: list[Problem] = []
    columns = ArticleColumns(text=text, id=id, title=title, date=date, format=format)
    workers = Workers(cores(), time_limit, preload="tagging.jobs")
    items = list_articles(articles, columns, written=outputs, notes=notes)
    with closing(in_batches(partial(spread, Cutting, workers=workers), items)) as batches:
        for article in (result for worked in chain.from_iterable(batches) for result in worked.results):
            if isinstance(article, Unreadable):
                unreadable.append(article)
            else:
                read.append(article.article)
                cut += article.passages
    if not read:
        raise nothing_read(unreadable)
    if is_of_project:
        check_keeps_annotated(out, [passage.id for passage in cut])
    write_passages(out, cut, for_spreadsheet=for_spreadsheet)
    if articles_out is not None:
        write_jsonl(articles_out, read)
    echo(f"{counted(len(cut), 'passage')} of {counted(len(read), 'article')} in {out}")
    if is_of_project:
        echo("label them with `demarche labels annotate`, or send out sheets: `demarche labels sheet`")
    for note in notes:
        warn(f"note: {note}")
    not_read(unreadable)
    if unreadable:
        raise typer.Exit(EXIT_PARTLY)
