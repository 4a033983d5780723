"""Move an alias from one version of a registered model to another, and record why on both versions."""

from __future__ import annotations

import contextlib
import json
import random
import re
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Literal, NamedTuple
from uuid import uuid4

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.tracking.context.registry import resolve_tags
from mlflow.utils.mlflow_tags import MLFLOW_USER
from pydantic import ValidationError

from labels.errors import DemarcheError, one_line
from labels.files import Frozen
from training.tracking.client import STORE_ERRORS, open_store, store_errors
from training.tracking.interrupts import interrupts_delayed
from training.tracking.owner import is_gone, owner_tags
from training.tracking.registry import CHAMPION, holder_of

_EVENT = "demarche.promotion."
"""The start of a version's tags that record what happened to it; the rest is the time."""
_CLAIM = "demarche.promoting."
"""The start of a registered model's tags that say that a process is moving its aliases."""
_ABANDONED = 20.0
"""Seconds after which another process's claim counts as left behind: the calls within it take less than one."""
_PAUSE = 0.2
_LONGEST_NUMBER = 9
"""Digits of a version's number. A database fails on numbers beyond its own range, the smallest of which has ten."""


class Side(Frozen):
    """A set that versions were compared on: the digest of its labels, and headline → difference, low, high."""

    digest: str
    differences: dict[str, tuple[float | None, ...]]
    left_out: int = 0


class Event(Frozen):
    """What happened to a version. `other` is the version that had the alias before, or has it instead.

    `refused` did not pass the gate; `overtaken` found another version promoted in the meantime; `rolled back` lost the
    alias to the version before it, which was `restored`.
    """

    what: Literal["promoted", "refused", "overtaken", "rolled back", "restored"]
    alias: str
    other: str | None
    by: str = ""
    forced: bool = False
    reason: str = ""
    margin: float | None = None
    sides: dict[str, Side] = {}
    objections: tuple[str, ...] = ()


class Version(NamedTuple):
    """A version of a registered model, and the run that made it, if it was made by one."""

    name: str
    version: str
    run: str | None

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"

    @property
    def uri(self) -> str:
        return f"models:/{self.name}/{self.version}"


class Overtaken(DemarcheError):
    """Raised if another version got the alias between the comparison and the promotion."""


def previous_of(alias: str) -> str:
    """Return the alias of the version that had an alias before: `previous` of the champion."""
    return "previous" if alias == CHAMPION else f"previous-{alias}"


@store_errors()
def find_version(name: str, version_or_alias: str) -> Version | None:
    """Return a version by its number, or by an alias written `@ALIAS`; None if there is none."""
    client = open_store()
    if len(version_or_alias) > _LONGEST_NUMBER and not version_or_alias.startswith("@"):
        return None
    try:
        if version_or_alias.startswith("@"):
            found = client.get_model_version_by_alias(name, version_or_alias[1:])
        else:
            found = client.get_model_version(name, version_or_alias)
    except MlflowException as error:
        if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
            return None
        raise
    return Version(found.name, str(found.version), found.run_id or None)


@store_errors()
def check_alias(alias: str) -> None:
    """Raise DemarcheError if a version cannot have this alias."""
    if not re.fullmatch(r"[\w-]{1,200}", alias) or re.fullmatch(r"[vV]\d+", alias) or alias.lower() == "latest":
        raise DemarcheError(
            f"{one_line(alias)}: not an alias; use letters, digits, _ and -, and neither `latest` nor `v` and a number"
        )


@store_errors()
def move(candidate: Version, event: Event) -> None:
    """Give `event.alias` to a version, if `event.other` still has it, and record the event on the version.

    The version that had the alias gets the alias `previous`. Raises Overtaken if another version has the alias by now,
    and records that instead.
    """
    client, alias = open_store(), event.alias
    # The aliases and the tags that explain them belong together.
    with interrupts_delayed(), _sole_claim(client, candidate.name):
        holder = holder_of(client, candidate.name, alias)
        if holder == event.other:
            key = _record(client, candidate, event)
            if holder is not None:
                client.set_registered_model_alias(candidate.name, previous_of(alias), holder)
            client.set_registered_model_alias(candidate.name, alias, candidate.version)
            # Whoever sets an alias by hand, in the UI say, makes no claim.
            holder = holder_of(client, candidate.name, alias)
            if holder == candidate.version:
                return
            client.delete_model_version_tag(candidate.name, candidate.version, key)
        _record(client, candidate, event.model_copy(update={"what": "overtaken", "other": holder}))
    now = f"version {holder} is the {alias}" if holder else f"no version is the {alias}"
    raise Overtaken(
        f"{candidate}: not promoted, because the {alias} changed in the meantime: {now}, no longer "
        f"{f'version {event.other}' if event.other else 'none'}; promote it again to compare it with what is there now"
    )


@store_errors()
def restore(name: str, alias: str, *, reason: str) -> tuple[Version, str | None]:
    """Give an alias back to the version that had it before; return that version, and the one that had it until now.

    `previous` then moves to the version that the restored one had replaced, if any, so that one can go back further.
    """
    client, previous = open_store(), previous_of(alias)
    _way_back(client, name, previous)
    with interrupts_delayed(), _sole_claim(client, name):
        back = _way_back(client, name, previous)
        restored, holder = Version(name, back, None), holder_of(client, name, alias)
        if holder is not None:
            left = Event(what="rolled back", alias=alias, other=back, reason=reason)
            _record(client, Version(name, holder, None), left)
        _record(client, restored, Event(what="restored", alias=alias, other=holder, reason=reason))
        client.set_registered_model_alias(name, alias, back)
        line = _line(events(name), alias)
        earlier = line[-2] if len(line) > 1 and line[-1] == back else None
        if earlier is None or find_version(name, earlier) is None:
            client.delete_registered_model_alias(name, previous)
        else:
            client.set_registered_model_alias(name, previous, earlier)
    return restored, holder


@store_errors()
def record(version: Version, event: Event) -> None:
    """Record an event that moves no alias on a version."""
    _record(open_store(), version, event)


@store_errors()
def events(name: str) -> list[tuple[str, Event]]:
    """Return the events of all versions of a registered model, each with its version, earliest first."""
    client, found, token = open_store(), [], None
    quote = '"' if "'" in name else "'"
    while True:
        page = client.search_model_versions(f"name = {quote}{name}{quote}", max_results=1000, page_token=token)
        found += [(key, str(each.version), event) for each in page for key, event in _events(each.tags)]
        token = page.token
        if not token:
            return [(version, event) for _, version, event in sorted(found, key=lambda each: each[0])]


@store_errors()
def models_with(alias: str) -> list[str]:
    """Return the names of the registered models that have an alias."""
    models = open_store().search_registered_models(max_results=1000)
    return sorted(model.name for model in models if alias in model.aliases)


def _events(tags: dict[str, str]) -> Iterator[tuple[str, Event]]:
    for key, value in tags.items():
        if key.startswith(_EVENT):
            # Anybody may edit a tag in the UI, or have written it with a later version of this program.
            with contextlib.suppress(ValidationError):
                yield key, Event.model_validate_json(value)


def _record(client: MlflowClient, version: Version, event: Event) -> str:
    """Write an event as a tag of a version, and return the tag's key."""
    key = f"{_EVENT}{datetime.now(UTC):%Y-%m-%dT%H.%M.%S.%fZ}"
    signed = event.model_copy(update={"by": resolve_tags().get(MLFLOW_USER, ""), "reason": event.reason[:2000]})
    client.set_model_version_tag(version.name, version.version, key, signed.model_dump_json(exclude_defaults=True))
    return key


def _way_back(client: MlflowClient, name: str, previous: str) -> str:
    """Return the version that has the alias `previous`. Raises DemarcheError if there is none."""
    back = holder_of(client, name, previous)
    if back is None:
        raise DemarcheError(
            f"{one_line(name)}: no version has the alias {previous!r}, so there is nothing to go back to; "
            "`demarche runs promote NAME/VERSION` chooses one"
        )
    return back


def _line(events: Iterable[tuple[str, Event]], alias: str) -> list[str]:
    """Return the versions that one can go back to, the last of which has the alias, from the events, earliest first."""
    line: list[str] = []
    for version, event in events:
        if event.alias == alias and event.what == "promoted":
            if event.other is not None and line[-1:] != [event.other]:
                # The first champion, or one that was set by hand.
                line.append(event.other)
            line.append(version)
        elif event.alias == alias and event.what == "rolled back" and line[-1:] == [version]:
            line.pop()
    return line


@contextlib.contextmanager
def _sole_claim(client: MlflowClient, name: str) -> Iterator[None]:
    """Let no other process move the aliases of a registered model within the block.

    The store has no compare-and-swap. A process writes a claim, then reads the others': of two at the same time at least
    one sees the other's, withdraws its own and tries again a little later.
    """
    key, seen = f"{_CLAIM}{uuid4().hex}", dict[str, float]()
    try:
        while True:
            client.set_registered_model_tag(name, key, json.dumps(owner_tags()))
            others = {each: value for each, value in _claims(client, name).items() if each != key}
            if not others:
                break
            client.delete_registered_model_tag(name, key)
            now = time.monotonic()
            for each, value in others.items():
                if _left_behind(value) or now - seen.setdefault(each, now) > _ABANDONED:
                    client.delete_registered_model_tag(name, each)
            time.sleep(random.uniform(_PAUSE, 3 * _PAUSE))
        yield
    except STORE_ERRORS:
        # The store would make us wait once more. The next process sees that the claim was left behind.
        raise
    except BaseException:
        client.delete_registered_model_tag(name, key)
        raise
    client.delete_registered_model_tag(name, key)


def _claims(client: MlflowClient, name: str) -> dict[str, str]:
    tags = client.get_registered_model(name).tags
    return {key: value for key, value in tags.items() if key.startswith(_CLAIM)}


def _left_behind(claim: str) -> bool:
    """Return whether the process that made a claim was on this machine and is gone."""
    try:
        owner = json.loads(claim)
    except ValueError:
        return True
    return isinstance(owner, dict) and is_gone(owner)
