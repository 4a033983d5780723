"""How far annotators agree beyond chance: Krippendorff's alpha, Cohen's kappa."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from labels.bootstrap import Interval, Weights, draws, interval
from labels.check import LabelledData
from labels.gold.adjudication import Target, target_of
from labels.passages import DECIDERS, Annotation, is_person

Distance = Callable[[Any, Any], float]
"""How far two values are apart, from 0 (the same) to 1."""

FEWEST_ARTICLES = 5
RELIABLE, TENTATIVE = 0.8, 0.667
"""From the first, alpha is reliable; from the second, good for tentative conclusions (Krippendorff 2004)."""


class Item(NamedTuple):
    """What several readers said of one thing. `unit` is what is resampled: the passage's article or group."""

    group: str
    values: Mapping[str, Hashable]


@dataclass(frozen=True)
class Agreement:
    """`part_of` is None for the sets of topics and for all stances together, or else the one of them it is a part of.

    Of `items` with two readers or more, `same` is the share on which all said the same.

    `alpha` is NaN where everyone said the same of everything: nothing tells agreement from habit.
    """

    what: str
    part_of: str | None
    alpha: Interval
    items: int
    same: float


@dataclass(frozen=True)
class Pair:
    """Two annotators, and Cohen's kappa of the sets of topics and of the stances that both gave."""

    annotators: tuple[str, str]
    passages: int
    kappas: Mapping[str, Interval]


TOPICS, STANCE = "topics", "stance"


def agreements(data: LabelledData, *, seed: int) -> list[Agreement]:
    """Of the sets of topics (MASI), of each topic, of all stances and of those toward each topic (nominal).

    Deciders are no voters: they saw what the others said.
    """
    read = _voters(data)
    found = [_agreement(TOPICS, None, _topic_sets(read), masi, seed=seed)] if data.codebook.topics else []
    found += [_agreement(id, TOPICS, _topic(read, id), nominal, seed=seed) for id in data.codebook.topic_ids]
    stances = _stances(read)
    every = [item for items in stances.values() for item in items]
    found.append(_agreement(STANCE, None, every, nominal, seed=seed))
    found += [
        _agreement(f"{STANCE}: {id}", STANCE, stances[id], nominal, seed=seed)
        for id in data.codebook.topic_ids
        if id in stances
    ]
    return [agreement for agreement in found if agreement.items]


def pairs(data: LabelledData, *, seed: int) -> list[Pair]:
    """Every two annotators where the same people read every passage that several read; else none.

    Kappa compares two people. Where readers come and go, or are places in a list, there are no two to compare.
    """
    read = _voters(data)
    several = [readings for _, readings in read if len(readings) > 1]
    people = {frozenset(reading.annotator for reading in readings) for readings in several}
    if len(people) != 1 or not all(map(is_person, next(iter(people)))):
        return []
    topics, stances = _topic_sets(read), [item for items in _stances(read).values() for item in items]
    found = []
    for one, other in itertools.combinations(sorted(next(iter(people))), 2):
        kappas = {
            what: kappa(both, one, other, seed=seed)
            for what, items in ((TOPICS, topics if data.codebook.topics else []), (STANCE, stances))
            if (both := [item for item in items if {one, other} <= item.values.keys()])
        }
        found.append(Pair((one, other), len(several), kappas))
    return found


def in_words(found: Sequence[Agreement]) -> list[str]:
    """A sentence on the topics and one on the stances: how good their alpha is, and what to look at first."""
    told = []
    for what in (TOPICS, STANCE):
        whole = next((agreement for agreement in found if (agreement.what, agreement.part_of) == (what, None)), None)
        if whole is None:
            continue
        value, low, _ = whole.alpha
        if np.isnan(value):
            told.append(f"{what}: everyone always said the same, which nothing can be told from")
            continue
        if np.isnan(low):
            told.append(f"{what}: alpha {value:.2f}, of too few articles to say how far it may be from the truth")
            continue
        level = (
            f"reliable; 0.8 is asked for, and the interval starts at {low:.2f}"
            if low >= RELIABLE
            else f"good for tentative conclusions, not more: the interval starts at {low:.2f}, and 0.8 is asked for"
            if low >= TENTATIVE
            else f"not reliable: the interval starts at {low:.2f}, and 0.667 is the least for tentative conclusions"
        )
        parts = [a for a in found if a.part_of == what and not np.isnan(a.alpha.value)]
        least = min(parts, key=lambda agreement: agreement.alpha.value, default=None)
        at = f"; least on {least.what} ({least.alpha.value:.2f})" if least and len(parts) > 1 else ""
        told.append(f"{what}: alpha {value:.2f}, {level}{at}")
    return told


def alpha(items: Iterable[Item], distance: Distance, *, seed: int) -> Interval:
    """Krippendorff's alpha, 1 − observed / expected disagreement (Krippendorff 2011), and its interval.

    Items with one value do not count. NaN where no disagreement is to be expected.
    """
    items = [item for item in items if len(item.values) > 1]
    if not items:
        return Interval(*[float("nan")] * 3)
    column: dict[Hashable, int] = {}
    given = [[column.setdefault(value, len(column)) for value in item.values.values()] for item in items]
    apart = np.array([[distance(one, other) for other in column] for one in column])
    # Of each item, the distances between all ordered pairs of its values, shared out over its readers.
    observed = np.array([apart[np.ix_(values, values)].sum() / (len(values) - 1) for values in given])
    readers = np.array([len(values) for values in given])
    row = np.repeat(np.arange(len(given)), readers)
    counts = csr_matrix((np.ones(len(row)), (row, np.concatenate(given))), shape=(len(given), len(column)))

    def score(w: Weights) -> float:
        n, often = w @ readers, w @ counts
        expected = often @ apart @ often / (n - 1) if n > 1 else 0.0
        return float(1 - (w @ observed) / expected) if expected > 0 else float("nan")

    return _interval(score, items, seed=seed)


def kappa(items: Sequence[Item], one: str, other: str, *, seed: int) -> Interval:
    """Cohen's kappa of two readers (Cohen 1960); NaN where chance alone would have them agree always."""
    column: dict[Hashable, int] = {}
    first, second = (
        np.array([column.setdefault(item.values[reader], len(column)) for item in items], dtype=int)
        for reader in (one, other)
    )

    def score(w: Weights) -> float:
        shares = [np.bincount(values, weights=w, minlength=len(column)) / w.sum() for values in (first, second)]
        expected = float(shares[0] @ shares[1])
        return (float(w @ (first == second) / w.sum()) - expected) / (1 - expected) if expected < 1 else float("nan")

    return _interval(score, items, seed=seed)


def _interval(score: Callable[[Weights], float], items: Sequence[Item], *, seed: int) -> Interval:
    """By bootstrap over articles; without bounds where there are too few of them to draw from."""
    units = [item.group for item in items]
    if len(set(units)) < FEWEST_ARTICLES:
        return Interval(score(np.ones(len(units))), float("nan"), float("nan"))
    return interval(lambda weights: np.array([score(w) for w in weights]), draws(units, seed=seed))


def nominal(one: Hashable, other: Hashable) -> float:
    return float(one != other)


def masi(one: frozenset[str], other: frozenset[str]) -> float:
    """1 − Jaccard × monotonicity, for sets that agree in part (Passonneau 2006)."""
    if one == other:
        return 0.0
    common = one & other
    monotone = 2 / 3 if one <= other or other <= one else 1 / 3
    return 1 - monotone * len(common) / len(one | other)


Read = list[tuple[str, list[Annotation]]]
"""The unit of each passage, and what its voters said."""


def _voters(data: LabelledData) -> Read:
    readings: dict[str, list[Annotation]] = defaultdict(list)
    for annotation in data.annotations:
        if annotation.annotator not in DECIDERS:
            readings[annotation.passage].append(annotation)
    return [(passage.group_id, readings[passage.id]) for passage in data.passages if passage.id in readings]


def _found(reading: Annotation) -> frozenset[str]:
    return frozenset(label.topic for label in reading.labels if label.topic is not None)


def _topic_sets(read: Read) -> list[Item]:
    return [Item(unit, {reading.annotator: _found(reading) for reading in readings}) for unit, readings in read]


def _topic(read: Read, topic: str) -> list[Item]:
    return [
        Item(unit, {reading.annotator: topic in _found(reading) for reading in readings}) for unit, readings in read
    ]


def _stances(read: Read) -> dict[str | None, list[Item]]:
    """Topic, or None for targets that labels name → what those readers said who gave a stance."""
    found: dict[str | None, list[Item]] = defaultdict(list)
    for unit, readings in read:
        given: dict[Target, dict[str, Hashable]] = defaultdict(dict)
        for reading in readings:
            for label in reading.labels:
                if label.stance is not None:
                    given[target_of(label)][reading.annotator] = label.stance
        for target, values in given.items():
            found[target.topic].append(Item(unit, values))
    return found


def _agreement(what: str, part_of: str | None, items: Iterable[Item], distance: Distance, *, seed: int) -> Agreement:
    items = [item for item in items if len(item.values) > 1]
    same = sum(len(set(item.values.values())) == 1 for item in items)
    return Agreement(what, part_of, alpha(items, distance, seed=seed), len(items), same / max(1, len(items)))
