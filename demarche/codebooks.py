"""The commands for a codebook that changes: `demarche labels diff`, `demarche labels migrate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demarche.choose import print_how_to_import
from demarche.options import FOR_SPREADSHEET
from demarche.printing import echo, table
from demarche.tag import resolve_model
from labels.errors import DemarcheError
from labels.wording import counted

if TYPE_CHECKING:
    from labels.codebook_changes import Comparison

Old = Annotated[Path, typer.Argument(metavar="OLD", help="The earlier version of the codebook (YAML).")]
New = Annotated[Path, typer.Argument(metavar="NEW", help="The later version.")]


def diff(old: Old, new: New) -> None:
    """Compare two versions of a codebook.

    The command says what follows for labels, splits and models. The history in the new version says which topics were renamed, split or merged.
    """
    _print(_compare(old, new))


def _compare(old: Path, new: Path) -> Comparison:
    from labels.codebook import read_codebook
    from labels.codebook_changes import compare

    try:
        return compare(read_codebook(old), read_codebook(new))
    except DemarcheError as error:
        raise type(error)(f"{new}: {error}") if type(error) is DemarcheError else error from None


def _print(comparison: Comparison) -> None:
    from labels.migration import CONSEQUENCES

    rows: list[tuple[str, ...]] = []
    changed = [change for change in comparison.changes if change.kinds != ("same",)]
    for change in changed:
        name = " → ".join(" + ".join(ids) for ids in (change.old, change.new) if ids and change.old != change.new)
        rows += [(name or change.new[0], kind, *CONSEQUENCES[kind]) for kind in change.kinds]
    title = f"{comparison.old.reference} → {comparison.new.reference}"
    if rows:
        table(("topic", "change", "labels", "models and thresholds"), rows, title=title)
        echo()
    same = len(comparison.changes) - len(changed)
    echo(f"{counted(same, 'topic')} of {len(comparison.changes)} as before" + ("" if rows else f": {title}"))
    if comparison.rules:
        echo(
            "The rules of all topics, or the meaning of the stances, were reworded. Labels are carried over; have a random "
            "sample of passages read again, to see how many the new wording changes."
        )
    echo(
        "Splits stay valid: they are of passages. Only a split by `leave_target_out` names a topic: if that one changed, "
        "split again."
    )


def migrate(
    old: Old,
    new: New,
    passages: Annotated[Path | None, typer.Argument(metavar="PASSAGES", help="Passages (JSON lines).")] = None,
    annotations: Annotated[
        list[Path] | None, typer.Argument(metavar="ANNOTATIONS", help="Annotations made with OLD; one or more files.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File for the annotations by NEW (JSON lines).")] = None,
    again: Annotated[
        Path | None, typer.Option(help="File for the passages to be read again (.csv, .tsv, .jsonl or .parquet).")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="A models:/ or runs:/ URI, or a model folder, whose topics are to be renamed."
        ),
    ] = None,
    model_out: Annotated[Path | None, typer.Option(help="New folder for that model.")] = None,
    for_spreadsheet: Annotated[bool, typer.Option("--for-spreadsheet", help=FOR_SPREADSHEET)] = False,
) -> None:
    """Carry annotations or a model over to a new codebook.

    Old files stay as they are. What the change leaves open goes into a list of passages to be read again.
    """
    if model is None and passages is None:
        raise DemarcheError("nothing to migrate; name PASSAGES and ANNOTATIONS, or --model")
    comparison = _compare(old, new)
    if model is not None:
        _migrate_model(comparison, model, model_out)
    if passages is None:
        return
    if not annotations or out is None or again is None:
        raise DemarcheError("PASSAGES are migrated with ANNOTATIONS, --out and --again; name all of them")
    _migrate_labels(comparison, [old, new], passages, annotations, out, again, for_spreadsheet=for_spreadsheet)


def _migrate_labels(
    comparison: Comparison,
    codebooks: list[Path],
    passages: Path,
    annotations: list[Path],
    out: Path,
    again: Path,
    *,
    for_spreadsheet: bool,
) -> None:
    from labels.check import read_labelled
    from labels.files import check_jsonl_output, write_jsonl
    from labels.migration import in_words, migrate
    from labels.tables.again import write_again
    from labels.tables.exports import check_table_output

    inputs = [*codebooks, passages, *annotations]
    check_jsonl_output(out, inputs=[*inputs, again])
    check_table_output(again, inputs=[*inputs, out], for_spreadsheet=for_spreadsheet)
    data = read_labelled(codebooks[0], [passages], annotations)
    migration = migrate(comparison, data.passages, data.annotations)
    columns = write_again(again, data.passages, migration, for_spreadsheet=for_spreadsheet) if migration.again else None
    write_jsonl(out, migration.annotations)
    _print(comparison)
    echo()
    for sentence in in_words(migration):
        echo(sentence)
    echo(f"annotations by {comparison.new.reference} in {out}")
    if columns is not None:
        echo(f"passages to be read again in {again}, with the reason and the earlier labels")
        print_how_to_import(again, columns, "reader", str(codebooks[1]), for_spreadsheet=for_spreadsheet)


def _migrate_model(comparison: Comparison, model: str, out: Path | None) -> None:
    from models.renaming import rename_topics
    from models.tagger import Tagger

    if out is None:
        raise DemarcheError("--model: name the folder for the renamed model, --model-out")
    if out.exists():
        raise DemarcheError(f"{out}: exists already; name a new folder")
    if not comparison.renames_alone:
        changed = [change for change in comparison.changes if not change.keeps_meaning]
        what = ", ".join(sorted({id for change in changed for id in (*change.old, *change.new)})) or "the rules"
        raise DemarcheError(
            f"{model}: only topics that are renamed stay valid in a model, and the meaning of {what} changed; train again"
        )
    folder, _ = resolve_model(model)
    tagger = Tagger.load(folder)
    if tagger.codebook.topic_ids != comparison.old.topic_ids and set(tagger.codebook.topic_ids) != set(
        comparison.old.topic_ids
    ):
        raise DemarcheError(
            f"{model}: has other topics than {comparison.old.reference}, {', '.join(tagger.codebook.topic_ids)}"
        )
    names = {old: new[0] for old, new in comparison.became.items()}
    rename_topics(tagger, comparison.new, names).save(out)
    echo(f"model with the topics of {comparison.new.reference} in {out}, e.g. for `demarche tag --model {out}`")
