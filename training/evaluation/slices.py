"""Find the slices of an evaluation set, such as one source or long passages, on which a tagger is worse than elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import t as student

from labels.bootstrap import Groups, Interval
from labels.codebook import STANCES
from models.examples import BoolArray, FloatArray
from training.evaluation.attributes import Attributes
from training.evaluation.compare import FEWEST_PASSAGES
from training.evaluation.metrics import FEWEST_ARTICLES, HEADLINES
from training.evaluation.predictions import Prediction
from training.evaluation.results import count_pairs
from training.evaluation.significance import holm

FEWEST_GOLD = 10
"""Gold labels of a class that a slice, and the rest of the set, need for the F1 of the class to be compared."""
LEVEL = 0.05
_MOST_VALUES = 40
"""Values of one attribute that are evaluated, the most frequent ones: a set may have hundreds of sources."""
_BLOCK = 100


@dataclass(frozen=True)
class Slice:
    """A metric on the passages with one value of an attribute, and on those with any other value (`rest`).

    `difference` is `score` − `rest` with its 95 % interval, and `p` its p-value, corrected for the number of slices.
    The bounds and `p` are NaN where there are too few passages, articles or gold labels for a verdict.
    """

    attribute: str
    value: str
    metric: str
    passages: int
    articles: int
    score: float
    rest: float
    difference: Interval
    p: float

    @property
    def name(self) -> str:
        return f"{self.attribute}: {self.value}"

    @property
    def is_enough(self) -> bool:
        return not np.isnan(self.p)

    @property
    def is_worse(self) -> bool:
        """Whether the slice is worse than the rest beyond chance, after correction for the number of slices."""
        return self.is_enough and self.p < LEVEL and self.difference.value < 0


def find_slices(predictions: Sequence[Prediction], attributes: Attributes, *, seed: int) -> list[Slice]:
    """Compare the headline metrics on each slice with those on the rest: the worst slices first, the tiny ones last.

    Both intervals and p-values come from the standard error over a bootstrap of whole articles, with Student's t for
    the articles of the smaller side. The p-values are corrected by Holm's method. The stance metric is the mean F1 of
    the stances with enough gold labels on both sides, so that a stance that a slice hardly has does not decide.
    """
    compared = [
        each
        for rows in _tasks(predictions)
        for attribute, values in attributes.items()
        for each in _compare(rows, attribute, values, seed=seed)
    ]
    p_values = {each.question: each.slice.p for each in compared if each.slice.is_enough}
    corrected = holm(p_values)
    slices = [replace(s, p=corrected[question]) if s.is_enough else s for s, question in compared]
    return sorted(slices, key=lambda s: (not s.is_worse, not s.is_enough, s.difference.value if s.is_enough else 0.0))


def slice_rows(slices: Sequence[Slice]) -> list[dict[str, Any]]:
    """Return the slices as rows of a table."""
    return [
        {
            "slice": each.name,
            "metric": each.metric,
            "verdict": "worse" if each.is_worse else "no clear difference" if each.is_enough else "too few to tell",
            "score": _rounded(each.score),
            "rest": _rounded(each.rest),
            "difference": _rounded(each.difference.value),
            "low": _rounded(each.difference.low),
            "high": _rounded(each.difference.high),
            "p": _rounded(each.p),
            "passages": each.passages,
            "articles": each.articles,
        }
        for each in slices
    ]


def _rounded(number: float) -> float | None:
    return None if np.isnan(number) else round(number, 4)


class _Rows(NamedTuple):
    """The passage and the group of each row of a metric, and its counts: (rows, correct–gold–predicted, classes)."""

    metric: str
    passages: list[str]
    groups: list[str]
    counts: FloatArray


class _Compared(NamedTuple):
    """A slice with its uncorrected p-value, and the question that it answers: the two values of one attribute share it."""

    slice: Slice
    question: str


def _tasks(predictions: Sequence[Prediction]) -> Iterator[_Rows]:
    """Yield the rows of each headline metric that the predictions have."""
    decided = [p for p in predictions if p.topics and all(topic.gold is not None for topic in p.topics.values())]
    found = [[(bool(topic.gold), topic.assigned) for topic in p.topics.values()] for p in decided]
    counts = [(sum(g and a for g, a in row), sum(g for g, _ in row), sum(a for _, a in row)) for row in found]
    stances = [(p, stance) for p in predictions for stance in p.stances if stance.gold is not None]
    classes = np.eye(len(STANCES))
    gold = classes[[STANCES.index(stance.gold) for _, stance in stances if stance.gold]]
    predicted = classes[[STANCES.index(stance.predicted) for _, stance in stances]]
    pairs = [(p, pair) for p in predictions if stances and (pair := count_pairs(p)) is not None]
    in_order = [(correct, gold, predicted) for _, (gold, predicted, correct) in pairs]
    tasks: tuple[tuple[list[Prediction], FloatArray], ...] = (
        (decided, np.array(counts, dtype=np.float64)[..., np.newaxis]),
        ([p for p, _ in stances], np.stack([gold * predicted, gold, predicted], axis=1)),
        ([p for p, _ in pairs], np.array(in_order, dtype=np.float64)[..., np.newaxis]),
    )
    for metric, (of_rows, rows) in zip(HEADLINES, tasks, strict=True):
        if of_rows:
            yield _Rows(metric, [p.passage for p in of_rows], [p.group for p in of_rows], rows)


def _compare(rows: _Rows, attribute: str, values: Mapping[str, str], *, seed: int) -> list[_Compared]:
    """Compare each frequent value of an attribute with all others; passages without a value are on neither side."""
    known = np.array([id in values for id in rows.passages])
    of_rows = np.array([values.get(id, "") for id in rows.passages], dtype=object)
    often = Counter(of_rows[known].tolist()).most_common(_MOST_VALUES)
    if len(often) < 2:
        return []
    groups = Groups(rows.groups)
    is_in = np.array([known & (of_rows == value) for value, _ in often])
    inside = np.stack([groups.sums(rows.counts * mask[:, np.newaxis, np.newaxis]) for mask in is_in])
    outside = groups.sums(rows.counts * known[:, np.newaxis, np.newaxis]) - inside
    gold = np.minimum(inside[:, :, 1].sum(axis=1), outside[:, :, 1].sum(axis=1))
    classes = gold >= FEWEST_GOLD
    errors = _standard_errors(inside, outside, classes, groups, seed=seed)
    compared = []
    for place, (value, _) in enumerate(often):
        sides = is_in[place], known & ~is_in[place]
        passages = [len(set(compress(rows.passages, side))) for side in sides]
        articles = [len(np.unique(groups.positions[side])) for side in sides]
        enough = min(passages) >= FEWEST_PASSAGES and min(articles) >= FEWEST_ARTICLES and classes[place].any()
        used = classes[place] if enough else np.ones_like(classes[place])
        score, rest = (float(_f1(counts[place].sum(axis=0), used)) for counts in (inside, outside))
        difference, p = _test(score - rest, errors[place] if enough else float("nan"), articles=min(articles))
        one = Slice(attribute, value, rows.metric, passages[0], articles[0], score, rest, difference, p)
        compared.append(_Compared(one, f"{rows.metric}: {attribute}" + (f": {value}" if len(often) > 2 else "")))
    return compared


def _standard_errors(
    inside: FloatArray, outside: FloatArray, classes: BoolArray, groups: Groups, *, seed: int
) -> FloatArray:
    """Return the standard error of each slice's difference over draws of groups; counts are (slices, groups, 3, classes)."""
    slices, _, *rest = inside.shape
    draws = groups.draws(seed=seed)
    differences = np.empty((len(draws), slices))
    for start in range(0, len(draws), _BLOCK):
        w = draws[start : start + _BLOCK].astype(np.float64)
        drawn = [
            (w @ c.transpose(1, 0, 2, 3).reshape(groups.count, -1)).reshape(len(w), slices, *rest)
            for c in (inside, outside)
        ]
        differences[start : start + _BLOCK] = _f1(drawn[0], classes) - _f1(drawn[1], classes)
    present = ~np.isnan(differences)
    count = np.maximum(present.sum(axis=0), 2)
    mean = np.where(present, differences, 0.0).sum(axis=0) / count
    squares = np.where(present, (differences - mean) ** 2, 0.0).sum(axis=0)
    errors: FloatArray = np.sqrt(squares / (count - 1))
    return errors


def _f1(counts: FloatArray, classes: BoolArray) -> FloatArray:
    """Return the mean F1 of the chosen classes that occur; `counts` are (…, correct–gold–predicted, classes)."""
    correct, either = 2 * counts[..., 0, :], counts[..., 1, :] + counts[..., 2, :]
    used = classes & (either > 0)
    f1 = np.divide(correct, either, out=np.zeros_like(correct), where=used)
    mean: FloatArray = np.full(f1.shape[:-1], np.nan)
    np.divide(f1.sum(axis=-1), used.sum(axis=-1), out=mean, where=used.any(axis=-1))
    return mean


def _test(difference: float, error: float, *, articles: int) -> tuple[Interval, float]:
    """Return the 95 % interval of a difference and its p-value, by Student's t; NaN if the standard error is."""
    if np.isnan(error) or np.isnan(difference):
        return Interval(difference, float("nan"), float("nan")), float("nan")
    # The bootstrap divides by n, not n - 1, and a rounding error must not become a difference.
    error = max(float(error) * (articles / (articles - 1)) ** 0.5, 1e-12)
    width = float(student.ppf(0.975, articles - 1)) * error
    p = 2 * float(student.sf(abs(difference) / error, articles - 1))
    return Interval(difference, difference - width, difference + width), p
