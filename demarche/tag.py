"""`demarche tag`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from demarche.app import EXIT_PARTLY
from demarche.printing import not_read, table


def tag(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT...", help="Files or folders of .txt, .md, .html, .jsonl, .csv, .parquet."),
    ],
    model: Annotated[str, typer.Option(help="A models:/ or runs:/ URI, or a model folder.")],
    out: Annotated[Path, typer.Option(help="Where the tags go: .parquet, .jsonl or .csv.")],
    text: Annotated[str | None, typer.Option(help="Column of the text, in tables.")] = None,
    id: Annotated[str | None, typer.Option(help="Column of the id.")] = None,
    title: Annotated[str | None, typer.Option(help="Column of the title.")] = None,
    date: Annotated[str | None, typer.Option(help="Column of the date.")] = None,
    target: Annotated[str | None, typer.Option(help="Column of what stance is asked toward.")] = None,
    articles_out: Annotated[Path | None, typer.Option(help="Keep the articles as read, for offsets.")] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            help="Processes for a large batch; as many as there are cores, up to 8, or one for an encoder.", min=1
        ),
    ] = None,
) -> None:
    """Tag new articles with topics and stance."""
    from labels.codebook import STANCES
    from labels.errors import DemarcheError
    from models.saved import has_encoder
    from models.tagger import Tagger
    from tagging.batch import tag_batch
    from tagging.processes import Processes, cores
    from tagging.readers import Columns, check_inputs
    from tagging.rows import BOILERPLATE, NO_TOPIC, REVIEW, TAGGED, check_tags_output

    check_inputs(inputs)
    check_tags_output(out)
    folder, name = Path(model), model
    if model.startswith(("models:", "runs:")):
        from training.tracking import registry

        folder, name = registry.fetch(model)
    for path in (out, *([articles_out] if articles_out else [])):
        if folder.resolve() in path.resolve().parents:
            raise DemarcheError(f"{path}: is in the model's folder, which must stay as it is; name another file")
    tagger = Tagger.load(folder)
    columns = Columns(text=text, id=id, title=title, date=date, target=target)
    summary = tag_batch(
        inputs,
        tagger,
        out,
        model=name,
        columns=columns,
        articles_out=articles_out,
        processes=Processes(jobs or (1 if has_encoder(folder) else cores()), folder),
    )
    stances = [*STANCES, *(["no stance"] if any("no stance" in counts for counts in summary.topics.values()) else [])]
    rows = [
        (topic, str(counts.total()), *(str(counts[stance]) for stance in stances))
        for topic, counts in sorted(summary.topics.items(), key=lambda item: -item[1].total())[:20]
    ]
    if rows:
        table(("topic", "passages", *stances), rows)
    counts = summary.statuses
    assigned = sum(topic.total() for topic in summary.topics.values())
    near = assigned - counts[TAGGED]
    typer.echo(f"\n{summary.passages} passages of {summary.articles} articles read by {name}, furniture apart:")
    typer.echo(
        f"{assigned} tags, {near} of them to review; {counts[REVIEW] - near} more to review just below a threshold; "
        f"{counts[NO_TOPIC]} passages without a topic, "
        f"{counts[BOILERPLATE]} pieces of furniture"
    )
    if summary.other_languages:
        typer.echo(
            f"not tagged for their language: {summary.other_languages.total()} passages in {summary.other_articles} "
            f"articles ({', '.join(f'{code} {count}' for code, count in summary.other_languages.most_common())}); "
            f"the model learnt {', '.join(tagger.settings.languages)}"
        )
    typer.echo(f"tags in {out}")
    if articles_out is not None:
        typer.echo(f"articles as read in {articles_out}")
    not_read(summary.unreadable)
    if summary.unreadable:
        raise typer.Exit(EXIT_PARTLY)
