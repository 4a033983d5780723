"""The command `demarche evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demarche.printing import TerminalReporter, echo, interval, scores_table, table
from labels.errors import DemarcheError
from labels.wording import counted

if TYPE_CHECKING:
    from training.evaluation.counterfactuals.answers import CounterfactualScores


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A models:/ or runs:/ URI, or a model folder.")],
    passages: Annotated[Path, typer.Argument(metavar="PASSAGES", help="Passages (JSON lines).")],
    annotations: Annotated[
        list[Path],
        typer.Argument(metavar="ANNOTATIONS", help="Annotations of the passages (JSON lines); one or more files."),
    ],
    codebook: Annotated[
        Path | None, typer.Option(help="Codebook of the annotations (YAML).  [default: the model's own]")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write the predictions, or the counterfactuals, to this file (JSON lines).")
    ] = None,
    counterfactuals: Annotated[
        bool,
        typer.Option(
            "--counterfactuals",
            help="Instead, change the passages (other actors, no names, the opposite act, another target) and say which "
            "tags change that must not, and which stay that must.",
        ),
    ] = False,
    rules: Annotated[
        Path | None,
        typer.Option(help="Names and objects to make counterfactuals with (YAML).  [default: the shipped ones]"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the bootstrap.")] = 13,
) -> None:
    """Evaluate a model on new annotations, without training."""
    from labels.files import check_jsonl_output, write_jsonl
    from training.evaluate import evaluate_model, evaluate_model_on_counterfactuals

    if out is not None:
        check_jsonl_output(out, inputs=[passages, *annotations, *filter(None, [codebook, rules])])
    if rules is not None and not counterfactuals:
        raise DemarcheError("--rules is for --counterfactuals; add that option, or leave out this one")
    if counterfactuals:
        with TerminalReporter() as reporter:
            changed = evaluate_model_on_counterfactuals(
                model, passages, annotations, codebook=codebook, rules=rules, seed=seed, reporter=reporter
            )
        _print_counterfactuals(changed)
        if out is not None:
            write_jsonl(out, changed.answered)
            echo()
            echo(f"{counted(len(changed.answered), 'counterfactual')} in {out}")
        return
    with TerminalReporter() as reporter:
        scores, predictions, ceiling = evaluate_model(
            model, passages, annotations, codebook=codebook, seed=seed, reporter=reporter
        )
    scores_table(scores, ceiling=ceiling, on="the annotations")
    if out is not None:
        write_jsonl(out, predictions)
        echo()
        echo(f"{counted(len(predictions), 'prediction')} in {out}")


def _print_counterfactuals(scores: CounterfactualScores) -> None:
    from training.evaluation.counterfactuals.answers import describe_left_out
    from training.evaluation.counterfactuals.card import sentence

    rows = [
        (
            each.kind,
            each.task,
            "stay" if each.must_stay else "change",
            str(each.pairs),
            str(each.articles),
            *interval(each.wrong),
        )
        for each in scores.kinds
    ]
    table(("counterfactual", "tag", "must", "pairs", "articles", "wrong", "95 % interval"), rows)
    echo()
    for each in scores.kinds:
        echo(sentence(each))
    for line in describe_left_out(scores.left_out):
        echo(line)
