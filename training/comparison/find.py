"""Look a run up by its id or its name."""

from __future__ import annotations

import time
from collections.abc import Sequence

from labels.errors import DemarcheError, one_line
from training.reporter import Reporter
from training.tracking import runs as tracking
from training.tracking.store import store_name

MOST = 1000
"""Number of the latest runs among which a run is looked up."""
_SHOWN = 10
_ID = 32
"""Characters of a whole id."""


def find_run(
    name_or_id: str, known: Sequence[tracking.Summary], *, reporter: Reporter | None = None
) -> tracking.Summary:
    """Return a run by its id, the start of its id, or its name; of several runs with a name, the newest that finished.

    `known` is newest first; a run that is older than those is found by its whole id. If several finished runs have the
    name, the reporter is told which one is taken.
    """
    by_id = [run for run in known if run.id.startswith(name_or_id)]
    by_name = [run for run in known if run.name == name_or_id]
    found = [run for run in by_name if run.status == "FINISHED"] or by_name
    if found:
        if len(found) > 1 and reporter is not None:
            reporter.log(f"{one_line(name_or_id)}: {len(found)} runs have this name; taking the newest of them:")
            for line in _listed(found):
                reporter.log(line)
        return found[0]
    if not by_id and len(name_or_id) == _ID:
        # It may be older than those known.
        run = tracking.find_by_id(name_or_id)
        by_id = [run] if run is not None else []
    if not by_id:
        raise DemarcheError(_no_such(name_or_id, known))
    if len(by_id) > 1:
        raise DemarcheError(
            f"{one_line(name_or_id)}: {len(by_id)} runs have an id that starts with this; give more of it:",
            *_listed(by_id),
        )
    return by_id[0]


def _no_such(name: str, known: Sequence[tracking.Summary]) -> str:
    meant = next((run.name for run in known if run.name.startswith(name)), None)
    hint = f"did you mean {one_line(meant)!r}? " if meant else ""
    among = f" among the latest {len(known)}" if len(known) >= MOST else ""
    return f"{one_line(name)}: no such run{among} in {store_name()}; {hint}`demarche runs list` shows the runs"


def describe_run(run: tracking.Summary) -> str:
    """Return a line that tells a run from others of its name: its id, start, status and overrides."""
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started))
    overrides = one_line(run.tags.get("demarche.overrides", ""))
    return f"{run.id[:12]}  {when}  {run.status.lower()}  {one_line(run.name)}  {overrides}".rstrip()


def _listed(runs: Sequence[tracking.Summary]) -> list[str]:
    return [f"  {describe_run(run)}" for run in runs[:_SHOWN]] + (["  …"] if len(runs) > _SHOWN else [])
