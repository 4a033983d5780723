"""Fetch what a comparison needs of each run: its predictions on test, for each seed that it was trained with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.comparison.afresh import predict_afresh, read_gold
from training.evaluation.predictions import read_predictions
from training.evaluation.seeds import Runs
from training.reporter import Reporter
from training.tracking import runs as tracking


@dataclass(frozen=True)
class Contender:
    """A run, and the predictions on test of each seed that it was trained with (for most runs, a single one)."""

    run: tracking.Summary
    predictions: Runs

    @property
    def title(self) -> str:
        """The name of the run, and the start of its id."""
        return f"{self.run.name} {self.run.id[:8]}"


def seeds_of(run: tracking.Summary) -> list[str]:
    """Return the runs that hold the models of a run: those of its seeds, or itself."""
    return run.tags.get(tracking.SEEDS, "").split() or [run.id]


def fetch(run: tracking.Summary) -> Contender:
    """Fetch the predictions of a run on its own test split."""
    files = [tracking.fetch_artifact(id, tracking.PREDICTIONS) for id in seeds_of(run)]
    return Contender(run, [read_predictions(file) for file in files])


def fetch_afresh(
    runs: Sequence[tracking.Summary], passages: Path, annotations: Sequence[Path], *, reporter: Reporter
) -> list[Contender]:
    """Evaluate the models of all runs on the same labelled passages, read with the codebook of the first."""
    models = [[f"runs:/{id}/tagger" for id in seeds_of(run)] for run in runs]
    examples = read_gold(models[0][0], [passages], annotations, reporter=reporter)
    predictions = iter(predict_afresh([uri for uris in models for uri in uris], examples, reporter=reporter))
    return [Contender(run, [next(predictions) for _ in uris]) for run, uris in zip(runs, models, strict=True)]
