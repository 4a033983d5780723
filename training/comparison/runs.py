"""Compare tracked runs: fetch their test predictions, bootstrap the differences, draw them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labels.errors import DemarcheError
from labels.files import atomic_write, check_output
from training.comparison.find import MOST, find_run
from training.evaluation.compare import FEWEST_PASSAGES, Difference, compare
from training.evaluation.metrics import HEADLINES
from training.evaluation.predictions import read_predictions
from training.tracking import runs as tracking

_FORMATS = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Comparison:
    """The differences of runs to a reference run, each with the name of its run."""

    reference: str
    differences: list[tuple[str, Difference]]


def compare_runs(names: Sequence[str], *, metrics: Sequence[str] | None = None, seed: int) -> Comparison:
    """Compare runs, given by name or id, with the first one on the test passages that both have."""
    if len(names) < 2:
        raise DemarcheError("give at least two runs; `demarche runs list` lists them")
    known = tracking.runs(most=MOST)
    runs = [find_run(name, known) for name in names]
    reference, *predictions = [read_predictions(tracking.fetch_artifact(run.id, tracking.PREDICTIONS)) for run in runs]
    differences = [
        (_title(run), difference)
        for run, its_predictions in zip(runs[1:], predictions, strict=True)
        for difference in compare(reference, its_predictions, metrics=metrics or HEADLINES, seed=seed)
    ]
    return Comparison(_title(runs[0]), differences)


def verdict(difference: Difference) -> str:
    """Describe in a word or two how a run compares with the reference run."""
    interval = difference.difference
    if not difference.is_enough:
        return f"too few {'passages' if difference.passages < FEWEST_PASSAGES else 'articles'} to tell"
    if difference.clear:
        return "better" if interval.value > 0 else "worse"
    return "the same" if interval.low == interval.high == 0 else "no clear difference"


def check_plot_output(out: Path) -> None:
    """Raise DemarcheError if a plot cannot be written to `out`."""
    if out.suffix.lower() not in _FORMATS:
        raise DemarcheError(f"{out}: not a format for plots; use .png, .svg or .pdf")
    check_output(out)


def draw(comparison: Comparison, out: Path) -> None:
    """Draw the differences with their intervals to a .png, .svg or .pdf file."""
    from training.evaluation.plots import differences

    figure = differences(comparison.differences, reference=comparison.reference)
    with atomic_write(out) as part:
        figure.savefig(part, dpi=150, format=out.suffix[1:].lower())


def _title(run: tracking.Summary) -> str:
    return f"{run.name} {run.id[:8]}"
