"""Agreement between annotators beyond chance: Krippendorff's alpha and Cohen's kappa."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from labels.bootstrap import Groups, Interval, Weights, interval
from labels.check import LabelledData
from labels.gold.adjudication import Target, target_of
from labels.passages import DECIDERS, Annotation, is_person, of_people

Distance = Callable[[Any, Any], float]
"""The distance of two values, from 0 (the same) to 1."""

FEWEST_ARTICLES = 5
RELIABLE, TENTATIVE = 0.8, 0.667
"""Minimum alpha for reliable data, and for tentative conclusions (Krippendorff 2004)."""


class Item(NamedTuple):
    """The values that annotators gave one item. The bootstrap resamples `group`: the passage's article or group."""

    group: str
    values: Mapping[str, Hashable]


@dataclass(frozen=True)
class Agreement:
    """Agreement on the sets of topics, on all stances, or on one topic.

    `part_of` is `topics` or `stance` for a single topic, and None for the two totals. `same` is the fraction of the
    `items` with at least two annotators on which all gave the same value. `alpha` is NaN if every value is the same,
    since agreement then cannot be distinguished from habit.
    """

    what: str
    part_of: str | None
    alpha: Interval
    items: int
    same: float


@dataclass(frozen=True)
class Pair:
    """Two annotators and their Cohen's kappa on the sets of topics and on the stances that both gave."""

    annotators: tuple[str, str]
    passages: int
    kappas: Mapping[str, Interval]


TOPICS, STANCE = "topics", "stance"


def agreements(data: LabelledData, *, seed: int) -> list[Agreement]:
    """Return MASI alpha for the topic sets, and nominal alpha for each topic, all stances and the stances by topic.

    Deciders do not count: they saw the labels of the others. Nor do language models, which `labels.gold.readers`
    compares with people.
    """
    read = _voters(data)
    results = [_agreement(TOPICS, None, _topic_sets(read), masi, seed=seed)] if data.codebook.topics else []
    results += [_agreement(id, TOPICS, _topic(read, id), nominal, seed=seed) for id in data.codebook.topic_ids]
    stances = _stances(read)
    every = [item for items in stances.values() for item in items]
    results.append(_agreement(STANCE, None, every, nominal, seed=seed))
    results += [
        _agreement(f"{STANCE}: {id}", STANCE, stances[id], nominal, seed=seed)
        for id in data.codebook.topic_ids
        if id in stances
    ]
    return [agreement for agreement in results if agreement.items]


def pairs(data: LabelledData, *, seed: int) -> list[Pair]:
    """Return every pair of annotators, or none unless the same people annotated every passage with several readings.

    Kappa compares two people, so annotators who change between passages or are anonymous cannot be compared.
    """
    read = _voters(data)
    several = [readings for _, readings in read if len(readings) > 1]
    people = {frozenset(reading.annotator for reading in readings) for readings in several}
    if len(people) != 1 or not all(map(is_person, next(iter(people)))):
        return []
    topics, stances = _topic_sets(read), [item for items in _stances(read).values() for item in items]
    results = []
    for one, other in itertools.combinations(sorted(next(iter(people))), 2):
        kappas = {
            what: kappa(both, one, other, seed=seed)
            for what, items in ((TOPICS, topics if data.codebook.topics else []), (STANCE, stances))
            if (both := [item for item in items if {one, other} <= item.values.keys()])
        }
        results.append(Pair((one, other), len(several), kappas))
    return results


def in_words(results: Sequence[Agreement]) -> list[str]:
    """Return one sentence on topics and one on stance: how reliable the labels are, and which are least reliable."""
    sentences = []
    for what in (TOPICS, STANCE):
        whole = next((agreement for agreement in results if (agreement.what, agreement.part_of) == (what, None)), None)
        if whole is None:
            continue
        value, low, _ = whole.alpha
        if np.isnan(value):
            sentences.append(f"{what}: all annotators always gave the same value, so alpha is undefined")
            continue
        if np.isnan(low):
            sentences.append(f"{what}: alpha {value:.2f}, from too few articles for an interval")
            continue
        level = (
            f"reliable: the interval starts at {low:.2f}, and 0.8 is required"
            if low >= RELIABLE
            else f"good for tentative conclusions only: the interval starts at {low:.2f}, and 0.8 is required"
            if low >= TENTATIVE
            else f"not reliable: the interval starts at {low:.2f}, and tentative conclusions require 0.667"
        )
        parts = [a for a in results if a.part_of == what and not np.isnan(a.alpha.value)]
        least = min(parts, key=lambda agreement: agreement.alpha.value, default=None)
        differs = least is not None and len(parts) > 1 and least.alpha.value < 1
        at = f"; lowest on {least.what} ({least.alpha.value:.2f})" if least and differs else ""
        sentences.append(f"{what}: alpha {value:.2f}, {level}{at}")
    return sentences


def alpha(items: Iterable[Item], distance: Distance, *, seed: int) -> Interval:
    """Return Krippendorff's alpha, 1 − observed / expected disagreement (Krippendorff 2011), with its interval.

    Items with a single value do not count. Alpha is NaN where the expected disagreement is zero.
    """
    items = [item for item in items if len(item.values) > 1]
    if not items:
        return Interval(*[float("nan")] * 3)
    column: dict[Hashable, int] = {}
    columns = [[column.setdefault(value, len(column)) for value in item.values.values()] for item in items]
    distances = np.array([[distance(one, other) for other in column] for one in column])
    # Per item: the sum of distances over all ordered pairs of values, divided by the number of annotators minus one.
    observed = np.array([distances[np.ix_(values, values)].sum() / (len(values) - 1) for values in columns])
    sizes = np.array([len(values) for values in columns])
    row = np.repeat(np.arange(len(columns)), sizes)
    counts = csr_matrix((np.ones(len(row)), (row, np.concatenate(columns))), shape=(len(columns), len(column)))

    def score(w: Weights) -> float:
        n, often = w @ sizes, w @ counts
        expected = often @ distances @ often / (n - 1) if n > 1 else 0.0
        return float(1 - (w @ observed) / expected) if expected > 0 else float("nan")

    return _interval(score, items, seed=seed)


def kappa(items: Sequence[Item], one: str, other: str, *, seed: int) -> Interval:
    """Return Cohen's kappa of two annotators (Cohen 1960), or NaN if they would always agree by chance."""
    column: dict[Hashable, int] = {}
    first, second = (
        np.array([column.setdefault(item.values[annotator], len(column)) for item in items], dtype=int)
        for annotator in (one, other)
    )

    def score(w: Weights) -> float:
        marginals = [np.bincount(values, weights=w, minlength=len(column)) / w.sum() for values in (first, second)]
        expected = float(marginals[0] @ marginals[1])
        return (float(w @ (first == second) / w.sum()) - expected) / (1 - expected) if expected < 1 else float("nan")

    return _interval(score, items, seed=seed)


def _interval(score: Callable[[Weights], float], items: Sequence[Item], *, seed: int) -> Interval:
    """Return a score with its bootstrap interval over articles, or without bounds if there are too few articles."""
    groups = [item.group for item in items]
    if len(set(groups)) < FEWEST_ARTICLES:
        return Interval(score(np.ones(len(groups))), float("nan"), float("nan"))
    of_rows = Groups(groups)
    return interval(lambda w: np.array([score(rows) for rows in w[:, of_rows.positions]]), of_rows, seed=seed)


def nominal(one: Hashable, other: Hashable) -> float:
    """Return the nominal distance: 0 for the same value, 1 otherwise."""
    return float(one != other)


def masi(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the MASI distance of two sets: 1 − Jaccard × monotonicity (Passonneau 2006)."""
    if one == other:
        return 0.0
    common = one & other
    monotone = 2 / 3 if one <= other or other <= one else 1 / 3
    return 1 - monotone * len(common) / len(one | other)


Read = list[tuple[str, list[Annotation]]]
"""The group of each passage, and its readings."""


def _voters(data: LabelledData) -> Read:
    readings: dict[str, list[Annotation]] = defaultdict(list)
    for annotation in of_people(data.annotations):
        if annotation.annotator not in DECIDERS:
            readings[annotation.passage].append(annotation)
    return [(passage.group_id, readings[passage.id]) for passage in data.passages if passage.id in readings]


def assigned_topics(reading: Annotation) -> frozenset[str]:
    """Return the topics that an annotator found in a passage."""
    return frozenset(label.topic for label in reading.labels if label.topic is not None)


def _topic_sets(read: Read) -> list[Item]:
    return [
        Item(group, {reading.annotator: assigned_topics(reading) for reading in readings}) for group, readings in read
    ]


def _topic(read: Read, topic: str) -> list[Item]:
    return [
        Item(group, {reading.annotator: topic in assigned_topics(reading) for reading in readings})
        for group, readings in read
    ]


def _stances(read: Read) -> dict[str | None, list[Item]]:
    """Return topic → the stances of the annotators who gave one; the key None is for targets that labels name."""
    by_topic: dict[str | None, list[Item]] = defaultdict(list)
    for group, readings in read:
        by_target: dict[Target, dict[str, Hashable]] = defaultdict(dict)
        for reading in readings:
            for label in reading.labels:
                if label.stance is not None:
                    by_target[target_of(label)][reading.annotator] = label.stance
        for target, values in by_target.items():
            by_topic[target.topic].append(Item(group, values))
    return by_topic


def _agreement(what: str, part_of: str | None, items: Iterable[Item], distance: Distance, *, seed: int) -> Agreement:
    items = [item for item in items if len(item.values) > 1]
    same = sum(len(set(item.values.values())) == 1 for item in items)
    return Agreement(what, part_of, alpha(items, distance, seed=seed), len(items), same / max(1, len(items)))
