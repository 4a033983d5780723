"""The attributes of passages by which their metrics are broken down: source, year, length and the like."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from labels.errors import DemarcheError, suggest
from labels.gold.adjudication import target_of
from labels.passages import DECIDERS, Annotation, Passage, of_people

META = "meta."
Attributes = Mapping[str, Mapping[str, str]]
"""Attribute → passage id → value. Passages of which the value is unknown are absent."""

_QUOTATION = re.compile("[\"“”„«»「」『』]|(?<!\\w)['‘][^'‘’]{8,}['’](?!\\w)")
_YEAR = re.compile(r"(1[5-9]|20)\d\d(?=\D|$|\d{4}$)")  # also 20190501; `published` may be any other text
_SURE = 1 - 1e-9
_MOST_NUMBERS = 6
"""Number of different numbers of a metadata column above which they are divided into thirds."""


def attributes(passages: Sequence[Passage], annotations: Iterable[Annotation], meta: Sequence[str] = ()) -> Attributes:
    """Return the attributes of passages, and the metadata columns in `meta` (`meta.part`).

    Length is in words, divided into thirds. `annotators` says whether all who read a passage gave it the same labels.
    """
    readings: dict[str, list[Annotation]] = defaultdict(list)
    for annotation in annotations:
        readings[annotation.passage].append(annotation)
    years = {p.id: p.published[:4] for p in passages if p.published and _YEAR.match(p.published)}
    agreed = {p.id: same for p in passages if (same := is_unanimous(readings[p.id])) is not None}
    columns: dict[str, Mapping[str, str]] = {
        "source": {p.id: p.source for p in passages if p.source},
        "year": years,
        "length": _thirds({p.id: len(p.text.split()) for p in passages}, " words"),
        "quotation": {p.id: "yes" if _QUOTATION.search(p.text) else "no" for p in passages},
        "annotators": {id: "agree" if same else "disagree" for id, same in agreed.items()},
    }
    return columns | {name: _meta(passages, name.removeprefix(META)) for name in meta}


def check_meta(names: Iterable[str], passages: Iterable[Passage]) -> None:
    """Raise DemarcheError if no passage has one of the metadata columns `names` (`meta.part`)."""
    known = {field for passage in passages for field in passage.meta}
    for name in names:
        field = name.removeprefix(META)
        if field not in known:
            there = suggest(field, known) if known else "; the passages have no meta"
            raise DemarcheError(f"slices: no passage has {field!r} in its meta{there}")


def is_unanimous(readings: Sequence[Annotation]) -> bool | None:
    """Return whether several readers gave the same topics and stances, or None if fewer than two read the passage.

    Deciders and language models do not count, and neither does who could not tell a stance. The shares of a label are several readers.
    """
    voters = [reading for reading in of_people(readings) if reading.annotator not in DECIDERS]
    shares = [label.shares for reading in voters for label in reading.labels if label.shares is not None]
    if len(voters) < 2 and not shares:
        return None
    if any(max(each.proportions) < _SURE for each in shares):
        return False
    stances = defaultdict(set)
    for reading in voters:
        for label in reading.labels:
            if label.stance is not None:
                stances[target_of(label)].add(label.stance)
    topics = {frozenset(label.topic for label in reading.labels if label.topic) for reading in voters}
    return len(topics) == 1 and all(len(given) == 1 for given in stances.values())


def _meta(passages: Iterable[Passage], field: str) -> Mapping[str, str]:
    """Return the values of a metadata column; many different numbers are divided into thirds."""
    values = {p.id: value for p in passages if (value := p.meta.get(field)) is not None and value != ""}
    numbers = {id: value for id, value in values.items() if isinstance(value, int | float) and value == value}
    if len(numbers) == len(values) and len(set(numbers.values())) > _MOST_NUMBERS:
        return _thirds(numbers)
    return {id: str(value) for id, value in values.items()}


def _thirds(values: Mapping[str, float], unit: str = "") -> Mapping[str, str]:
    """Divide values at those a third and two thirds from the lowest, and name each part by its range.

    Equal values stay together.
    """
    if not values:
        return {}
    cuts = np.quantile(list(values.values()), [1 / 3, 2 / 3], method="inverted_cdf")
    parts = {id: int(np.searchsorted(cuts, value)) for id, value in values.items()}
    names = {}
    for part in set(parts.values()):
        of_part = [value for id, value in values.items() if parts[id] == part]
        names[part] = " to ".join(dict.fromkeys((f"{min(of_part):.6g}", f"{max(of_part):.6g}"))) + unit
    return {id: names[part] for id, part in parts.items()}
