"""Promote a version of a registered model if it passes the gate, and go back to the version before."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from labels.errors import DemarcheError, one_line
from training.comparison.find import MOST, find_run
from training.config import COUNTERFACTUALS
from training.prepare import Prepared
from training.promotion.gate import ComparedSet, compare_on_gate, data_of, rules_of
from training.reporter import Reporter
from training.tracking import aliases
from training.tracking import runs as tracking
from training.tracking.aliases import Event, Side, Version
from training.tracking.registry import CHAMPION, Registered
from training.tracking.store import store_name


@dataclass(frozen=True)
class Decision:
    """How a version compares with the one that has the alias, `holder`, and what speaks against giving it the alias.

    Without a holder there is nothing to compare, and nothing that speaks against. `failure` says why the two could not
    be compared.
    """

    candidate: Version
    alias: str
    holder: Version | None
    margin: float | None = None
    sides: tuple[ComparedSet, ...] = ()
    failure: str | None = None

    @property
    def objections(self) -> list[str]:
        objections = [objection for side in self.sides for objection in side.objections]
        return [self.failure, *objections] if self.failure else objections

    @property
    def is_holder(self) -> bool:
        return self.holder is not None and self.holder.version == self.candidate.version


class Refused(DemarcheError):
    """Raised if a version does not pass the gate."""


def find_candidate(reference: str, *, reporter: Reporter) -> Version:
    """Return the version named by `NAME/VERSION`, `NAME@ALIAS`, either after `models:/`, or by the run that made it."""
    match = re.fullmatch(r"(?:models:/)?([^/:\s]+?)(?:/(\d+)|(@[\w-]+))", reference)
    if match:
        version = aliases.find_version(match[1], match[2] or match[3])
        if version is not None:
            return version
    known = tracking.runs(most=MOST)
    if match and (reference.startswith("models:/") or reference not in {run.name for run in known}):
        raise DemarcheError(
            f"{one_line(reference)}: no such version in {store_name()}; `demarche runs list` shows the runs and their models"
        )
    run = find_run(reference, known, reporter=reporter)
    registered = run.tags.get("demarche.registered", "")
    name, _, number = registered.rpartition("/")
    version = aliases.find_version(name, number) if name else None
    if version is None:
        what = f"its version {registered} was deleted" if registered else "it registered no model"
        raise DemarcheError(
            f"{one_line(reference)}: {what}; set tracking.register and train it again, or name a version: NAME/VERSION"
        )
    return version


def consider(reference: str, *, alias: str = CHAMPION, reporter: Reporter) -> Decision:
    """Compare a version with the one that has the alias, on every set of the version's gate."""
    aliases.check_alias(alias)
    candidate = find_candidate(reference, reporter=reporter)
    holder = aliases.find_version(candidate.name, f"@{alias}")
    decision = Decision(candidate, alias, holder)
    if holder is None or decision.is_holder:
        return decision
    try:
        rules = rules_of(candidate)
        sides = compare_on_gate(holder, candidate, rules, data_of(candidate), reporter=reporter)
    except DemarcheError as error:
        return Decision(candidate, alias, holder, failure=str(error))
    return Decision(candidate, alias, holder, rules.margin, tuple(sides))


def against_champion(registered: Registered, prepared: Prepared, run: str, *, reporter: Reporter) -> Decision:
    """Compare a new version with the champion, on data that has been read already.

    A champion with an encoder is not evaluated afresh: that may take longer than the training. For the same reason, a
    version with an encoder is not asked counterfactuals.
    """
    candidate = Version(registered.name, registered.version, run)
    holder, rules = Version(registered.name, registered.champion, None), prepared.config.tracking

    def data() -> Prepared:
        if tracking.has_encoder(holder.run or ""):
            raise DemarcheError(
                "it has to be tested afresh, and has an encoder, which takes time to test; "
                "`demarche runs promote` tests it"
            )
        if COUNTERFACTUALS in rules.gate and tracking.has_encoder(run):
            raise DemarcheError(
                f"{COUNTERFACTUALS}: a version with an encoder takes time to ask; `demarche runs promote` asks it"
            )
        return prepared

    try:
        holder = aliases.find_version(registered.name, registered.champion) or holder
        sides = compare_on_gate(holder, candidate, rules, data, reporter=reporter)
    except DemarcheError as error:
        return Decision(candidate, CHAMPION, holder, failure=str(error))
    return Decision(candidate, CHAMPION, holder, rules.margin, tuple(sides))


def promote(decision: Decision, *, force: bool = False, reason: str = "") -> None:
    """Give the version the alias, and record it on the version.

    Raises Refused if something speaks against it, unless forced, and Overtaken if the alias was moved since the
    comparison; both are recorded too.
    """
    holder = decision.holder.version if decision.holder else None
    event = Event(
        what="promoted",
        alias=decision.alias,
        other=holder,
        forced=bool(force and decision.objections),
        reason=reason,
        margin=decision.margin,
        sides={each.name: _side(each) for each in decision.sides},
        objections=tuple(map(one_line, decision.objections)),
    )
    if decision.objections and not force:
        _record_once(decision.candidate, event.model_copy(update={"what": "refused"}))
        raise Refused(
            f"{decision.candidate}: not promoted over version {holder}, the {decision.alias}:",
            *(f"  {line}" for objection in decision.objections for line in objection.splitlines()),
            'to promote it all the same: --force --reason "…"',
        )
    aliases.move(decision.candidate, event)


def rollback(name: str | None, *, alias: str = CHAMPION, reason: str = "") -> tuple[Version, str | None]:
    """Give an alias back to the version that had it before; return that version, and the one that had it until now.

    Without a name, there must be just one registered model with a version to go back to.
    """
    aliases.check_alias(alias)
    if name is None:
        names = aliases.models_with(aliases.previous_of(alias))
        if len(names) != 1:
            which = f"{len(names)} models have" if names else "no model has"
            listed = f"; name one: {', '.join(map(one_line, names))}" if names else ""
            raise DemarcheError(f"{which} a version to go back to in {store_name()}{listed}")
        (name,) = names
    return aliases.restore(name, alias, reason=reason)


def decisions_on(decision: Decision) -> dict[str, int]:
    """Return how many promotions of the model each set of the gate has decided, refused ones and this one included.

    Every decision makes the figures on a set a little more optimistic about the versions that are chosen by it.
    """
    events = aliases.events(decision.candidate.name)
    this = (decision.candidate.version, decision.holder.version if decision.holder else None)
    counts = {}
    for each in decision.sides:
        pairs = {
            (version, event.other)
            for version, event in events
            for side in event.sides.values()
            if side.digest == each.digest
        }
        counts[each.name] = len(pairs | {this})
    return counts


def _side(compared: ComparedSet) -> Side:
    differences = {each.metric: tuple(map(_rounded, each.difference)) for each in compared.differences}
    return Side(digest=compared.digest, differences=differences, left_out=compared.left_out)


def _rounded(bound: float) -> float | None:
    return None if math.isnan(bound) else round(bound, 4)


def _record_once(version: Version, event: Event) -> None:
    """Record a refusal, unless the same one is the last that happened to the version."""
    before = [earlier for number, earlier in aliases.events(version.name) if number == version.version]
    if not before or before[-1].model_copy(update={"by": "", "reason": ""}) != event.model_copy(update={"reason": ""}):
        aliases.record(version, event)
