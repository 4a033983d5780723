"""Ways to split passages into train, dev and test."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from labels.errors import DemarcheError
from labels.passages import Passage
from labels.splits.duplicates import connect, connected_groups, duplicate_pairs
from labels.splits.split import Place, Split, hash_fraction, is_test_split
from labels.wording import counted

OnLeak = Literal["refuse", "drop"]

_SPLIT_NAMES = {
    "train": "train", "training": "train",
    "dev": "dev", "development": "dev", "val": "dev", "valid": "dev", "validation": "dev",
}  # fmt: skip
"""The names that data sets give to train and dev."""

_UNSORTED = re.compile(
    r"\b\d{1,2}[/.-]\d{1,2}[/.-]\d{4}\b"  # 31/1/2024
    r"|\b\d{1,2}[/.]\d{1,2}[/.]\d\d\b"  # 31/1/24
    r"|\b\d{4}[/.-](\d[/.-]|\d$|\d\d[/.-]\d(\D|$))"  # 2024-1-5
    r"|\b(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?"
    r"|nov(ember)?|dec(ember)?)\b",
    re.IGNORECASE,
)
"""Date formats that do not sort by time as text."""


def split_by_group(
    passages: Sequence[Passage],
    *,
    test: float,
    dev: float,
    seed: int,
    strata: Mapping[str, str] | None = None,
    earlier: Mapping[str, Place] | None = None,
    on_leak: OnLeak = "drop",
) -> Split:
    """Split by a hash of the group, so that a new article never moves an old one.

    Groups that contain near-duplicates of each other stay together. `strata` (group → class) gives every class the same
    fractions, but then a new article may move others. Passages of the split `earlier` keep their split, or stay left
    out; their near-duplicates and further passages of their groups join them. A passage that would join two different
    splits is left out.
    """
    earlier = earlier or {}
    fixed = {id: place.split for id, place in earlier.items() if place.split}
    left_out = {id: place for id, place in earlier.items() if not place.split}
    # Equal texts are paired only with the first of them, so passages that are left out below come last.
    duplicates = duplicate_pairs(sorted(passages, key=lambda p: (p.id in left_out, p.id not in fixed)))
    connected = connected_groups(passages, duplicates)
    splits = _split_by_hash(connected, test=test, dev=dev, seed=seed, strata=strata)
    merged = sum(len(members) for group, members in connected.items() if len(members) > 1 and members[0] == group)
    if not earlier:
        return Split(
            {p.id: Place(passage=p.id, group=p.group_id, split=splits[p.group_id]) for p in passages}, merged=merged
        )
    splits |= _splits_from_earlier(connected, earlier)
    rest = [p for p in passages if p.id not in left_out]
    by_passage = {p.id: fixed.get(p.id, splits[p.group_id]) for p in rest}
    pairs = [(one, other) for one, other in duplicates if one.id not in left_out and other.id not in left_out]
    split = _resolve_leaks(rest, by_passage, on_leak, duplicates=pairs, fixed=fixed)
    return replace(split, places={p.id: left_out.get(p.id) or split.places[p.id] for p in passages}, merged=merged)


def split_by_time(passages: Sequence[Passage], *, field: str, test: float, dev: float, on_leak: OnLeak) -> Split:
    """Split by time: the latest fraction is test, the one before it dev. Passages of the same time share a split."""
    times = _times(passages, field)
    ranked = sorted(times.values())
    # Cut at a time, not at a position, so that equal times fall into the same split.
    first_test = ranked[min(len(ranked) - 1, round(len(ranked) * (1 - test)))]
    first_dev = ranked[min(len(ranked) - 1, round(len(ranked) * (1 - test - dev)))]
    splits = {
        id: "test" if test > 0 and time >= first_test else "dev" if dev > 0 and time >= first_dev else "train"
        for id, time in times.items()
    }
    return _resolve_leaks(passages, splits, on_leak, duplicates=duplicate_pairs(passages))


def split_by_column(passages: Sequence[Passage], *, dev: float, seed: int, on_leak: OnLeak) -> Split:
    """Use the data's own split; if it has no dev, a fraction of train, chosen by a hash of the group, becomes dev."""
    splits: dict[str, str] = {}
    for passage in passages:
        name = (passage.split or "").strip().lower()
        split = name if name.startswith("test") else _SPLIT_NAMES.get(name)
        if split is None:
            raise DemarcheError(
                f"split: passage {passage.id!r} has split {passage.split!r}; train, dev or test… is expected "
                "(`labels import table --split COLUMN` fills it)"
            )
        splits[passage.id] = split
    # Equal texts are paired only with the first of them, so passages of train come first.
    duplicates = duplicate_pairs(sorted(passages, key=lambda p: splits[p.id] != "train"))
    if dev > 0 and "dev" not in splits.values():
        # Move near-duplicates within train to dev together, so that the new dev split causes no leaks.
        train = [p for p in passages if splits[p.id] == "train"]
        pairs = ((one, other) for one, other in duplicates if splits[one.id] == splits[other.id] == "train")
        connected = connected_groups(train, pairs)
        splits |= {p.id: "dev" for p in train if hash_fraction(connected[p.group_id][0], seed) < dev}
    return _resolve_leaks(passages, splits, on_leak, duplicates=duplicates)


def _split_by_hash(
    connected: Mapping[str, Sequence[str]], *, test: float, dev: float, seed: int, strata: Mapping[str, str] | None
) -> dict[str, str]:
    """Return group → split, where connected groups share the split given by the hash of the first."""
    heads = [group for group, members in connected.items() if members[0] == group]
    if strata is None:
        position = {head: hash_fraction(head, seed) for head in heads}
    else:
        classes: dict[str, list[str]] = defaultdict(list)
        for head in heads:
            classes[strata.get(head, "")].append(head)
        position = {
            head: (rank + 0.5) / len(members)
            for members in classes.values()
            for rank, head in enumerate(sorted(members, key=lambda group: hash_fraction(group, seed)))
        }
    split = {head: "test" if at < test else "dev" if at < test + dev else "train" for head, at in position.items()}
    return {group: split[members[0]] for group, members in connected.items()}


def _splits_from_earlier(connected: Mapping[str, Sequence[str]], earlier: Mapping[str, Place]) -> dict[str, str]:
    """Return group → split for the groups of an earlier split and those that near-duplicates connect to them."""
    kept = {place.group: place.split for place in earlier.values() if place.split}
    splits: dict[str, str] = {}
    for group, members in connected.items():
        candidates = [kept[member] for member in members if member in kept]
        if group in kept:
            splits[group] = kept[group]
        elif candidates:
            # For near-duplicates of passages in two splits, test wins, because test texts must not be trained on.
            splits[group] = max(candidates, key=_rank)
    return splits


def _rank(split: str) -> int:
    """Return how protected a split is: test before dev before train."""
    return 2 if is_test_split(split) else 1 if split == "dev" else 0


def _times(passages: Sequence[Passage], field: str) -> dict[str, float]:
    """Return each passage's time: the number if all are numbers, otherwise the rank of the text (ISO dates)."""
    values: dict[str, str] = {}
    for passage in passages:
        is_field = field in Passage.model_fields and field not in passage.meta
        value = getattr(passage, field) if is_field else passage.meta.get(field)
        if value is None or str(value).strip().casefold() in {"", "nan", "none", "nat"}:
            sortable = sorted({"published"} | {name for p in passages[:100] for name in p.meta})
            raise DemarcheError(
                f"split.by: passage {passage.id!r} has no {field!r}; fields that sort: {', '.join(sortable)} "
                "(`labels import table --date COLUMN` or `--keep COLUMN` fills them)"
            )
        values[passage.id] = str(value).strip()
    numbers = {id: number for id, value in values.items() if (number := _number(value)) is not None}
    if len(numbers) == len(values):
        return numbers
    for id, value in values.items():
        if _UNSORTED.search(value) or (id in numbers and not re.fullmatch(r"\d{4}", value)):
            raise DemarcheError(
                f"split.by: {field} {value!r} of passage {id!r} does not sort by time as text; "
                "write numbers everywhere, or dates as 2024-01-31"
            )
    rank = {value: float(position) for position, value in enumerate(sorted(set(values.values())))}
    return {id: rank[value] for id, value in values.items()}


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _resolve_leaks(
    passages: Sequence[Passage],
    splits: Mapping[str, str],
    on_leak: OnLeak,
    *,
    duplicates: Sequence[tuple[Passage, Passage]],
    fixed: Container[str] = (),
) -> Split:
    """Leave out passages, or raise, if near-duplicates or members of one group are in different splits.

    The most protected split (test before dev before train) keeps its passages, and those in the other splits are left
    out. `fixed` passages take precedence over all others and are left out only because of each other: a new
    near-duplicate of two fixed passages in different splits is left out, and they stay.
    """

    def rank(id: str) -> int:
        return _rank(splits[id])

    leaks: dict[str, str] = {}
    fixed_passages = [p for p in passages if p.id in fixed]
    fixed_pairs = [(one, other) for one, other in duplicates if one.id in fixed and other.id in fixed]
    for members in _inseparable(fixed_passages, fixed_pairs):
        first = max(sorted(members), key=rank)
        leaks |= {member: first for member in members if rank(member) != rank(first)}
    for members in _inseparable(passages, duplicates):
        staying = [member for member in members if member in fixed and member not in leaks]
        first = max(sorted(staying or members), key=rank)
        torn = len({rank(member) for member in staying}) > 1
        leaks |= {m: first for m in members if m not in fixed and (torn or rank(m) != rank(first))}
    if leaks and on_leak == "refuse":
        duplicate, original = next(iter(leaks.items()))
        raise DemarcheError(
            f"split: {counted(len(leaks), 'passage has', 'passages have')} near-duplicates (or members of their group) in another split, "
            f"e.g. {duplicate!r} ({splits[duplicate]}) and {original!r} ({splits[original]}); "
            "set split.on_leak=drop to leave the duplicates out, or split by group"
        )
    places = {
        p.id: Place(
            passage=p.id, group=p.group_id, split=None if p.id in leaks else splits[p.id], duplicate_of=leaks.get(p.id)
        )
        for p in passages
    }
    return Split(places, dropped=dict(Counter(splits[id] for id in leaks)))


def _inseparable(passages: Sequence[Passage], duplicates: Iterable[tuple[Passage, Passage]]) -> list[list[str]]:
    """Return the sets of passage ids that must share a split: connected near-duplicates, and each group."""
    connected = connect((p.id for p in passages), ((one.id, other.id) for one, other in duplicates))
    by_group: dict[str, list[str]] = defaultdict(list)
    for passage in passages:
        by_group[passage.group_id].append(passage.id)
    return [*{id(members): members for members in connected.values()}.values(), *by_group.values()]
