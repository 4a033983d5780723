"""Score tags of real news against two readings: only what both readers said counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labels.bootstrap import Groups, Interval, Weights, interval
from labels.check import read_labelled
from labels.codebook import STANCES
from labels.files import Frozen
from labels.gold.adjudication import Example, adjudicate
from models.examples import BoolArray, FloatArray

READERS = ("reader_a", "reader_b")
SEED = 13
BINS = 10
"""Number of equally wide bins of the expected calibration error."""

Cells = npt.NDArray[np.int64]
"""(passages, topics). Topics: 1, 0, or -1 where the readers differ. Stances: a position in STANCES, or -1."""


class Tagged(Frozen):
    """The result for one passage: `tags` is what `demarche tag` assigns, topic → stance.

    `probabilities` are those of all topics, `stances` the decisions for the topics in the gold. They come from the model
    directly, also for passages that `demarche tag` does not read. `under_other_titles` is how often the passage gets a
    topic under titles of passages that have one: a fraction of those titles, for passages without a topic.
    """

    passage: str
    tags: dict[str, str]
    probabilities: tuple[float, ...]
    stances: dict[str, str]
    under_other_titles: float | None = None


@dataclass(frozen=True)
class Gold:
    """Passages with what both readers said about them, and the examples to train on (adjudicated)."""

    examples: list[Example]
    topic_ids: tuple[str, ...]
    topics: Cells
    stances: Cells

    def take(self, rows: Sequence[int]) -> Gold:
        return Gold([self.examples[row] for row in rows], self.topic_ids, self.topics[rows], self.stances[rows])


def read_gold(codebook: Path, passages: Path, annotations: Path) -> Gold:
    """Read passages and the annotations of both readers."""
    data = read_labelled(codebook, [passages], [annotations])
    topic_ids = data.codebook.topic_ids
    readings: dict[tuple[str, str], dict[str, str | None]] = {
        (annotation.passage, annotation.annotator): {label.topic: label.stance for label in annotation.labels if label.topic}
        for annotation in data.annotations
    }  # fmt: skip
    examples = adjudicate(data.passages, data.annotations)
    topics = np.full((len(examples), len(topic_ids)), -1)
    stances = np.full_like(topics, -1)
    for row, example in enumerate(examples):
        first, second = (readings[example.passage.id, reader] for reader in READERS)
        for column, topic in enumerate(topic_ids):
            if (topic in first) == (topic in second):
                topics[row, column] = topic in first
            if topic in first and topic in second and (stance := first[topic]) == second[topic] and stance:
                stances[row, column] = STANCES.index(stance)  # type: ignore[arg-type]
    return Gold(examples, topic_ids, topics, stances)


@dataclass(frozen=True)
class Measured:
    """Metrics by name, precision and recall of each topic, and the confusion of stance (gold in rows)."""

    metrics: dict[str, Interval]
    topics: dict[str, tuple[int, Interval, Interval]]
    confusion: Cells


def measure(gold: Gold, tagged: Mapping[str, Tagged]) -> Measured:
    """Compare tags with the gold; intervals are 95 %, from a bootstrap over articles."""
    results = [tagged[example.passage.id] for example in gold.examples]
    assigned = np.array([[topic in result.tags for topic in gold.topic_ids] for result in results])
    stances = _positions([result.tags for result in results], gold.topic_ids)
    given = _positions([result.stances for result in results], gold.topic_ids)
    agreed, present = gold.topics >= 0, gold.topics == 1
    right = present & assigned & (gold.stances >= 0)
    # A pair counts where the readers agree on the topic and, if it is there, on its stance.
    pairs = agreed & ~(present & (gold.stances < 0))
    groups = Groups([example.passage.group_id for example in gold.examples])

    def f1(correct: BoolArray, expected: BoolArray, predicted: BoolArray) -> Interval:
        sums = [groups.sums(cells.sum(axis=1)) for cells in (correct, expected, predicted)]
        return _interval(groups, lambda w: _ratio(2 * (w @ sums[0]), w @ (sums[1] + sums[2])))

    def ratio(above: BoolArray, below: BoolArray) -> Interval:
        sums = [groups.sums(cells.astype(float)) for cells in (above, below)]
        return _interval(groups, lambda w: _ratio(w @ sums[0], w @ sums[1]))

    probabilities = np.array([result.probabilities for result in results])
    shares = np.array([result.under_other_titles for result in results], dtype=float)
    titled = [groups.sums(each) for each in (np.nan_to_num(shares), (~np.isnan(shares)).astype(float))]
    return Measured(
        metrics={
            "topics micro-F1": f1(present & assigned, present, agreed & assigned),
            "stance F_avg": _f_avg(groups, gold.stances, stances, right),
            "on gold topics": _f_avg(groups, gold.stances, given, gold.stances >= 0),
            "together micro-F1": f1(
                pairs & present & assigned & (stances == gold.stances), pairs & present, pairs & assigned
            ),
            "ECE": _ece(groups, probabilities, present, agreed),
            "under other titles": _interval(groups, lambda w: _ratio(w @ titled[0], w @ titled[1])),
        },
        topics={
            topic: (
                int(present[:, c].sum()),
                ratio(present[:, c] & assigned[:, c], agreed[:, c] & assigned[:, c]),
                ratio(present[:, c] & assigned[:, c], present[:, c]),
            )
            for c, topic in enumerate(gold.topic_ids)
        },
        confusion=np.array([[int((right & (gold.stances == g) & (stances == p)).sum()) for p in range(3)] for g in range(3)]),
    )  # fmt: skip


def _positions(results: Sequence[Mapping[str, str]], topic_ids: Sequence[str]) -> Cells:
    return np.array(
        [
            [STANCES.index(result[topic]) if topic in result else -1 for topic in topic_ids]  # type: ignore[arg-type]
            for result in results
        ]
    )


def _f_avg(groups: Groups, gold: Cells, predicted: Cells, rows: BoolArray) -> Interval:
    """Return the mean F1 of favor and against over some cells (SemEval-2016 Task 6)."""
    sums = [
        [
            groups.sums((cells & rows).sum(axis=1))
            for cells in ((gold == s) & (predicted == s), gold == s, predicted == s)
        ]
        for s in (STANCES.index("favor"), STANCES.index("against"))
    ]

    def score(w: Weights) -> FloatArray:
        each = [_ratio(2 * (w @ correct), w @ (expected + guessed)) for correct, expected, guessed in sums]
        return np.asarray(sum(each) / len(each))

    return _interval(groups, score)


def _ece(groups: Groups, probabilities: FloatArray, present: BoolArray, agreed: BoolArray) -> Interval:
    """Return the expected calibration error of the topics' probabilities (Naeini, Cooper and Hauskrecht 2015)."""
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    gaps = [groups.sums(((present - probabilities) * (agreed & (bins == b))).sum(axis=1)) for b in range(BINS)]
    cells = groups.sums(agreed.sum(axis=1))
    return _interval(groups, lambda w: _ratio(sum(abs(w @ gap) for gap in gaps), w @ cells))


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.divide(above, below, out=np.zeros_like(above, dtype=float), where=below > 0)


def _interval(groups: Groups, score) -> Interval:  # type: ignore[no-untyped-def]
    return interval(score, groups, seed=SEED)
