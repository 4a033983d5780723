"""The commands `demarche totals` and `demarche labels plan`: shares of a tagged batch, and what to read to know one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from demarche.label_files import here
from demarche.options import TagsPath
from demarche.printing import echo, table, warn
from demarche.tag import resolve_model, uri_of
from labels.errors import DemarcheError
from labels.wording import counted

if TYPE_CHECKING:
    from labels.gold.adjudication import Example
    from models.confusion import Confusion
    from tagging.totals import Total
    from tagging.totals.batch import By

_BY = ("year", "month", "source")
_MOST_ROWS = 60

Model = Annotated[
    str | None, typer.Option(metavar="MODEL", help="The model that tagged.  [default: the one that the tags name]")
]
ReadByPeople = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="PASSAGES ANNOTATIONS…",
        help="Passages of the batch that people have read, and their annotations (JSON lines).",
    ),
]
ByPeriod = Annotated[str | None, typer.Option("--by", metavar="year|month|source", help="Also by date or source.")]


def totals(
    tags: TagsPath = None,
    model: Model = None,
    read: ReadByPeople = None,
    by: ByPeriod = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write the table to this file (.csv, .tsv, .jsonl or .parquet).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the draws.")] = 13,
) -> None:
    """Print the share of each topic and stance in a tagged batch, corrected for the errors of the model.

    They are corrected by what people read of the batch, or else by the errors of the model on its test articles.
    """
    from labels.files import check_output
    from labels.tables.writers import table_writer
    from tagging.totals import read_tags
    from tagging.totals import totals as totals_of

    tags = tags or here("TAGS").tags
    by_period = _check_by(by)
    if out is not None:
        _check_table(out)
        check_output(out, inputs=[tags, *(read or [])])
    batch = read_tags(tags)
    folder, confusion = model_of_tags(tags, batch, model)
    examples = read_examples(folder, read) if read is not None else None
    result = totals_of(batch, confusion=confusion, read=examples, by=by_period, seed=seed)
    _print(result, by)
    if out is not None:
        with table_writer(out, _TYPES) as write:
            write([vars(total) for total in result])
        echo()
        echo(f"{counted(len(result), 'share')} in {out}")


def plan(
    tags: Annotated[
        Path | None,
        typer.Argument(
            metavar="TAGS",
            help="With --share: a tags file (.parquet, .jsonl or .csv), or the folder of a store of tags.",
        ),
    ] = None,
    share: Annotated[str | None, typer.Option(metavar="TOPIC[:STANCE]", help="The share to know.")] = None,
    metric: Annotated[
        str | None, typer.Option(metavar="NAME", help="The metric to know, e.g. topics/micro_f1; with --run.")
    ] = None,
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="The run: an id, the start of an id, or a name; with --metric.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="With --share: file for the passages (.jsonl), or a table of them (.csv or .tsv)."),
    ] = None,
    within: Annotated[float, typer.Option(min=0.001, max=0.5, help="Half of the width of the 95 % interval.")] = 0.05,
    by: ByPeriod = None,
    model: Model = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the sample, or of the resampling.")] = 13,
) -> None:
    """Plan how much to read to know a share or a metric.

    With --share, articles of a tagged batch are chosen at random, in each period if there are some. `demarche totals
    --read` computes the share from their annotations. With --metric, the number of articles is forecast from the test
    articles of a run.
    """
    if metric is not None and run is not None and share is None and tags is None and out is None:
        from demarche.precision import plan_metric

        plan_metric(metric, run, within=within, seed=seed)
    elif metric is None and run is None and share is not None and tags is not None and out is not None:
        _plan_share(tags, share, out, within=within, by=by, model=model, seed=seed)
    else:
        raise DemarcheError("give TAGS, --share and --out to know a share, or --metric and --run to know a metric")


def _plan_share(
    tags: Path, share: str, out: Path, *, within: float, by: str | None, model: str | None, seed: int
) -> None:
    """Choose the articles to read to know a share, and write their passages."""
    from labels.tables.passages import check_passages_output, write_passages
    from tagging.totals import read_tags
    from tagging.totals.plan import PLAN_COLUMNS, parse_share
    from tagging.totals.plan import plan as make_plan

    by_period = _check_by(by)
    topic, stance = parse_share(share)
    check_passages_output(out, inputs=[tags])
    batch = read_tags(tags, PLAN_COLUMNS)
    _, confusion = model_of_tags(tags, batch, model)
    if confusion is None:
        raise DemarcheError(
            "the model was saved without its errors on test, so nothing can be forecast; train it again"
        )
    chosen = make_plan(batch, confusion=confusion, topic=topic, stance=stance, by=by_period, within=within, seed=seed)
    write_passages(out, chosen.passages)
    table(
        (by or "batch", "articles", "to read", "share expected", "95 % interval"),
        [
            (
                each.period or "all",
                str(each.articles),
                str(each.to_read),
                f"{each.share:.3f}",
                f"± {each.half_width:.3f}",
            )
            for each in chosen.strata
        ],
        title=f"to know the share of {share} to ± {within:g}",
    )
    articles = sum(each.to_read for each in chosen.strata)
    echo()
    echo(f"{counted(len(chosen.passages), 'passage')} of {counted(articles, 'article')} in {out}; annotate all of them")


def _check_by(by: str | None) -> By | None:
    match by:
        case None | "year" | "month" | "source":
            return by
        case _:
            raise DemarcheError(f"--by {by}: name {', '.join(_BY[:-1])} or {_BY[-1]}")


def _check_table(out: Path) -> None:
    if out.suffix.lower() not in (".csv", ".tsv", ".jsonl", ".parquet"):
        raise DemarcheError(f"{out}: name a file that ends in .csv, .tsv, .jsonl or .parquet")


def model_of_tags(path: Path, tags: Any, model: str | None) -> tuple[Path, Confusion | None]:
    """Return the folder of the model that tagged, and its errors on test."""
    from models.saved import check_seal
    from models.tagger import Tagger

    names = tags["model"].unique().to_pylist()
    if len(names) > 1:
        raise DemarcheError(f"{path}: tags of several models ({', '.join(sorted(names)[:3])}); tag with one of them")
    if model is None and not names:
        raise DemarcheError(f"{path}: has no tags")
    given = model or uri_of(names[0])
    try:
        folder, name = resolve_model(given)
        check_seal(folder)
    except DemarcheError as error:
        if model is not None:
            raise
        raise DemarcheError(f"{path}: its model {given} is not found here; give --model ({error})") from None
    if names and model is not None and name != names[0]:
        warn(f"note: the tags are by {names[0]}, not by {name}: its errors may not be those of the tags")
    return folder, Tagger.settings_of(folder).confusion


def read_examples(folder: Path, files: list[Path]) -> list[Example]:
    """Return what people read of a batch, as its model's codebook wants it."""
    from labels.check import read_labelled
    from labels.gold.readers import adjudicate_gold

    if len(files) < 2:
        raise DemarcheError(
            f"--read {files[0]}: also give the annotations of the passages: --read PASSAGES ANNOTATIONS…"
        )
    data = read_labelled(folder / "codebook.yaml", files[:1], files[1:])
    for problem in data.warnings:
        warn(f"warning: {problem}")
    return adjudicate_gold(data, where=", ".join(map(str, files[1:])))


def _print(result: list[Total], by: str | None) -> None:
    from tagging.totals import assumption

    rows = [
        (
            *((total.period or "all",) if by else ()),
            total.topic,
            total.stance or "",
            str(total.passages),
            f"{total.share:.3f}",
            "–" if total.corrected is None else f"{total.corrected:.3f}",
            "–" if total.low is None or total.high is None else f"{total.low:.3f}–{total.high:.3f}",
            "!" if total.caution else "",
        )
        for total in result
    ]
    columns = (*((by,) if by else ()), "topic", "stance", "tags", "as tagged", "corrected", "95 % interval", "")
    table(columns, rows[:_MOST_ROWS])
    if len(rows) > _MOST_ROWS:
        echo(f"… and {len(rows) - _MOST_ROWS} more; --out writes all")
    echo()
    echo(
        "the share of a topic is of the passages that the model read, that of a stance of the passages of its topic; "
        + (
            f"corrected by: {result[0].method}"
            if any(total.corrected is not None for total in result)
            else "not corrected"
        )
    )
    if rests_on := assumption(result):
        warn(rests_on)
    for caution, where in _cautions(result).items():
        shown = ", ".join(where[:4]) + (f" and {len(where) - 4} more" if len(where) > 4 else "")
        warn(f"! {shown}: {caution}")


def _cautions(result: list[Total]) -> dict[str, list[str]]:
    """Return the shares that each caution is of."""
    cautions: dict[str, list[str]] = {}
    for total in result:
        if total.caution:
            name = " ".join(filter(None, [total.topic, total.stance, total.period and f"({total.period})"]))
            cautions.setdefault(total.caution, []).append(name)
    return cautions


_TYPES: dict[str, type] = {
    "topic": str, "stance": str, "period": str, "passages": int, "share": float, "corrected": float, "low": float,
    "high": float, "method": str, "caution": str,
}  # fmt: skip
