"""An evaluated tagger, and what its evaluation shows: how good it is, where it is worse, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labels.wording import markdown
from models.tagger import Tagger
from training.evaluate import evaluation_sets
from training.evaluation.attributes import attributes
from training.evaluation.ceiling import Ceiling
from training.evaluation.in_words import how_good, small_set, weak_slices
from training.evaluation.metrics import Scores
from training.evaluation.predictions import Prediction
from training.evaluation.slices import Slice, find_slices, slice_rows
from training.prepare import Prepared


@dataclass(frozen=True)
class Findings:
    """Test and each set of `evaluation` → its slices and the sentences on it. The first sentence says how good the tagger is."""

    slices: Mapping[str, list[Slice]]
    sentences: Mapping[str, list[str]]

    def lines(self) -> list[str]:
        """Return the sentences on every set as lines of Markdown, those on test last."""
        sets = sorted(self.sentences, key=lambda name: name == "test")
        return [markdown(sentence) for name in sets for sentence in self.sentences[name]]

    def rows(self) -> list[dict[str, Any]]:
        """Return the slices of every set as rows of a table, the worse ones first."""
        rows = [{"on": name} | row for name, slices in self.slices.items() for row in slice_rows(slices)]
        return sorted(rows, key=lambda row: row["verdict"] != "worse")


@dataclass(frozen=True)
class Evaluated:
    """A tagger with its scores, predictions and findings on test and on each set of `evaluation`.

    `baselines` has the scores of each baseline: set → baseline → scores. `ceilings` has the sets with passages that
    several annotators read. `test_splits` has the tagger's scores on each test split if the data has several. `warnings`
    are those of the fit.
    """

    tagger: Tagger
    scores: dict[str, Scores]
    baselines: dict[str, dict[str, Scores]]
    ceilings: dict[str, Ceiling]
    test_splits: dict[str, Scores]
    predictions: dict[str, list[Prediction]]
    findings: Findings
    warnings: list[str]

    @property
    def names(self) -> list[str]:
        # Test comes last: how well a model does on other texts than those it was made from says more.
        return [name for name in self.scores if name != "test"] + ["test"]

    @property
    def test(self) -> Scores:
        return self.scores["test"]


def find(
    prepared: Prepared,
    scores: Mapping[str, Scores],
    baselines: Mapping[str, Mapping[str, Scores]],
    predictions: Mapping[str, Sequence[Prediction]],
) -> Findings:
    """Break the metrics of every set down, and say what they show."""
    config = prepared.config
    slices, sentences = {}, {}
    for name, examples, _ in evaluation_sets(prepared):
        data = prepared.data if name == "test" else prepared.evaluation[name].data
        passages = [example.passage for example in examples]
        columns = attributes(passages, data.annotations, config.slices)
        slices[name] = find_slices(predictions[name], columns, seed=config.seed)
        said = [
            how_good(predictions[name], scores[name], baselines[name], on=name),
            small_set(predictions[name], scores[name], on=name),
            weak_slices(slices[name], on=name),
        ]
        sentences[name] = [sentence for sentence in said if sentence is not None]
    return Findings(slices, sentences)
