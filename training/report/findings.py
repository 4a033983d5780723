"""An evaluated tagger, and what its evaluation shows: how good it is, where it is worse, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.tagger import Tagger
from training.evaluate import evaluation_sets
from training.evaluation.attributes import attributes
from training.evaluation.in_words import how_good, small_set, weak_slices
from training.evaluation.metrics import Scores
from training.evaluation.slices import Slice, find_slices, slice_rows
from training.prepare import Prepared
from training.report.describe import OnSets


@dataclass(frozen=True)
class Findings:
    """Test and each set of `evaluation` → its slices and the sentences on it. The first sentence says how good the tagger is."""

    slices: Mapping[str, list[Slice]]
    sentences: Mapping[str, list[str]]

    def all_sentences(self) -> list[str]:
        """Return the sentences on every set, those on test last."""
        sets = sorted(self.sentences, key=lambda name: name == "test")
        return [sentence for name in sets for sentence in self.sentences[name]]

    def rows(self) -> list[dict[str, Any]]:
        """Return the slices of every set as rows of a table, the worse ones first."""
        rows = [{"on": name} | row for name, slices in self.slices.items() for row in slice_rows(slices)]
        return sorted(rows, key=lambda row: row["verdict"] != "worse")


@dataclass(frozen=True)
class Evaluated(OnSets):
    """A tagger with what was measured and found on test and on each set of `evaluation`.

    `test_splits` has the tagger's scores on each test split if the data has several. `warnings` are those of the fit.
    """

    tagger: Tagger
    test_splits: Mapping[str, Scores]
    findings: Findings
    warnings: Sequence[str]

    @property
    def test(self) -> Scores:
        return self.scores["test"]


def find(prepared: Prepared, on: OnSets, *, test: str = "test") -> Findings:
    """Break the metrics of every set down, and say what they show; `test` is what the sentences call test."""
    config = prepared.config
    slices, sentences = {}, {}
    for name, examples, _ in evaluation_sets(prepared):
        data = prepared.data if name == "test" else prepared.evaluation[name].data
        predictions, scores = on.predictions[name], on.scores[name]
        columns = attributes([example.passage for example in examples], data.annotations, config.slices)
        slices[name] = find_slices(predictions, columns, seed=config.seed)
        of_annotators = on.ceilings[name].annotators.headlines() if name in on.ceilings else {}
        ceiling = {metric: score.value for metric, score in of_annotators.items()}
        called = test if name == "test" else name
        said = [
            how_good(predictions, scores, on.baselines[name], on=called, ceiling=ceiling),
            small_set(predictions, scores, on=called),
            weak_slices(slices[name], on=called),
        ]
        sentences[name] = [sentence for sentence in said if sentence is not None]
    return Findings(slices, sentences)
