"""Log a comparison to a run of its own, which links the runs that it compares."""

from __future__ import annotations

from labels.wording import counted
from training.comparison.formats import as_markdown, rows
from training.comparison.runs import Comparison, figure
from training.tracking import runs as tracking


def log_comparison(comparison: Comparison) -> str:
    """Log the table, the plot and the verdicts in the experiment of the reference run, and return the new run's id."""
    reference, others = comparison.reference.run, [each.contender.run for each in comparison.compared]
    beside = others[0].name if len(others) == 1 else counted(len(others), "run")
    with tracking.start_run(reference.experiment, f"{reference.name} and {beside} compared") as run:
        run.tags({tracking.COMPARISON: " ".join(each.id for each in (reference, *others))})
        run.table(rows(comparison), "comparison.json")
        run.figure(figure(comparison), "figures/differences.png")
        run.describe(as_markdown(comparison, link=True))
    return run.id
