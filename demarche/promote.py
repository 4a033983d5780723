"""The commands `demarche runs promote` and `demarche runs rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from demarche.printing import TerminalReporter, echo, table

if TYPE_CHECKING:
    from training.promotion.promote import Decision

_MANY = 3
"""Number of decisions on one set from which its figures are called optimistic."""


def promote(
    version: Annotated[
        str,
        typer.Argument(
            metavar="VERSION",
            help="A registered version (NAME/VERSION or models:/NAME/VERSION), or the id or name of the run that made it.",
        ),
    ],
    alias: Annotated[str, typer.Option(metavar="NAME", help="The alias to give it.")] = "champion",
    force: Annotated[
        bool, typer.Option("--force", help="Promote it whatever the comparison says; needs --reason.")
    ] = False,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, recorded on the version.")] = "",
) -> None:
    """Make a version the champion, if it is not worse than the present one.

    Both are compared on the test passages, and on the other sets in the config's `tracking.gate`. For each headline
    metric, the 95 % interval of the difference must lie above minus `tracking.margin`.
    """
    from training.promotion import promote as promotion

    if force and not reason.strip():
        raise typer.BadParameter('say why with --reason "…"; the reason is recorded', param_hint="--force")
    with TerminalReporter() as reporter:
        decision = promotion.consider(version, alias=alias, reporter=reporter)
    name = f"models:/{decision.candidate.name}@{alias}"
    if decision.is_holder:
        echo(f"{name} is version {decision.candidate.version} already")
        return
    _print_comparison(decision)
    try:
        promotion.promote(decision, force=force, reason=reason)
    except promotion.Refused:
        _print_use(decision)
        raise
    before = f", in place of version {decision.holder.version}" if decision.holder else ""
    echo(f"{name} is now version {decision.candidate.version}{before}")
    _print_use(decision)
    if decision.holder:
        echo(f"to go back: demarche runs rollback {decision.candidate.name}{_option(alias)}")


def rollback(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="The registered model.  [default: the only one with a version to go back to]"
        ),
    ] = None,
    alias: Annotated[str, typer.Option(metavar="NAME", help="The alias to give back.")] = "champion",
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, recorded on both versions.")] = "",
) -> None:
    """Make the version champion again that the present one replaced."""
    from training.promotion import promote as promotion

    restored, left = promotion.rollback(name, alias=alias, reason=reason)
    instead = f", in place of version {left}" if left else ""
    echo(f"models:/{restored.name}@{alias} is version {restored.version} again{instead}")


def _option(alias: str) -> str:
    return "" if alias == "champion" else f" --alias {alias}"


def _print_comparison(decision: Decision) -> None:
    if not decision.sides or decision.holder is None:
        return
    rows = [
        (side.name, each.metric, str(each.passages), f"{each.first:.3f}", f"{each.second:.3f}",
         f"{each.difference.value:+.3f}", f"{each.difference.low:+.3f} to {each.difference.high:+.3f}")
        for side in decision.sides
        for each in side.differences
    ]  # fmt: skip
    versions = f"version {decision.holder.version}", f"version {decision.candidate.version}"
    table(("on", "metric", "passages", *versions, "difference", "95 % interval"), rows)


def _print_use(decision: Decision) -> None:
    from training.promotion.promote import decisions_on

    for name, count in decisions_on(decision).items():
        if count >= _MANY:
            echo(
                f"{name} has decided {count} promotions of {decision.candidate.name}; its figures grow optimistic: label "
                "new articles for the next ones"
            )


def standing(decision: Decision) -> str:
    """Say in a line how a new version compares with the champion, and whether it would pass the gate."""
    champion = decision.holder.version if decision.holder else ""
    if decision.failure:
        return f"not compared with the champion, version {champion}: {decision.failure.splitlines()[0]}"
    differences = [(side.name, each) for side in decision.sides for each in side.differences]
    better = [f"{each.metric} on {name}" for name, each in differences if each.clear and each.difference.value > 0]
    worse = [f"{each.metric} on {name}" for name, each in differences if each.clear and each.difference.value < 0]
    found = [f"better: {', '.join(better)}"] * bool(better) + [f"worse: {', '.join(worse)}"] * bool(worse)
    verdict = "; ".join(found) or "no clear difference"
    if decision.objections:
        # What a set lacks in size, `demarche runs promote` says.
        first = decision.objections[0].partition(";")[0]
        return f"compared with the champion: {verdict}; it would not be promoted: {first}"
    return f"compared with the champion: {verdict}; it would be promoted"
