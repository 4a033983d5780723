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
from labels.splits.duplicates import duplicate_pairs, merge
from labels.splits.split import Place, Split, group_ids, hash_fraction, is_test_split

OnLeak = Literal["refuse", "drop"]


_SIDES = {
    "train": "train", "training": "train",
    "dev": "dev", "development": "dev", "val": "dev", "valid": "dev", "validation": "dev",
}  # fmt: skip


_UNSORTED = re.compile(
    r"\b\d{1,2}[/.-]\d{1,2}[/.-]\d{4}\b"  # 31/1/2024
    r"|\b\d{1,2}[/.]\d{1,2}[/.]\d\d\b"  # 31/1/24
    r"|\b\d{4}[/.-](\d[/.-]|\d$|\d\d[/.-]\d(\D|$))"  # 2024-1-5
    r"|\b(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?"
    r"|nov(ember)?|dec(ember)?)\b",
    re.IGNORECASE,
)
"""Dates that do not sort as text."""


def by_group(
    passages: Sequence[Passage],
    *,
    test: float,
    dev: float,
    seed: int,
    strata: Mapping[str, str] | None = None,
    earlier: Mapping[str, Place] | None = None,
    on_leak: OnLeak = "drop",
) -> Split:
    """Splits by a hash of the group, so that a new article never moves an old one.

    Units that hold near-duplicates of each other are one group. `strata` (unit → class) asks for
    the same shares in every class, at the price that a new article may move others. `earlier` is a
    split whose passages stay where they are, left out ones too; copies and further passages of its
    units follow them. What would follow to two sides is left out.
    """
    units = group_ids(passages)
    earlier = earlier or {}
    old = {id: place.split for id, place in earlier.items() if place.split}
    left_out = {id: place for id, place in earlier.items() if not place.split}
    # Equal texts are linked through the first of them, which must not be one that is taken out below.
    copies = duplicate_pairs(sorted(passages, key=lambda p: (p.id in left_out, p.id not in old)))
    together = merge(units, ((one.group_id, other.group_id) for one, other in copies))
    sides = _hashed_sides(units, together, test=test, dev=dev, seed=seed, strata=strata)
    merged = sum(len(members) for unit, members in together.items() if len(members) > 1 and members[0] == unit)
    if earlier:
        _follow(sides, together, earlier)
        rest = [p for p in passages if p.id not in left_out]
        by_passage = {p.id: old.get(p.id, sides[p.group_id]) for p in rest}
        pairs = [(one, other) for one, other in copies if one.id not in left_out and other.id not in left_out]
        split = _without_leaks(rest, by_passage, on_leak, copies=pairs, stay=old)
        return replace(split, places={p.id: left_out.get(p.id) or split.places[p.id] for p in passages}, merged=merged)
    return Split(
        {p.id: Place(passage=p.id, group=p.group_id, split=sides[p.group_id]) for p in passages}, merged=merged
    )


def by_time(passages: Sequence[Passage], *, field: str, test: float, dev: float, on_leak: OnLeak) -> Split:
    """The latest share is test, the one before it dev. Passages of one time stay on one side."""
    times = _times(passages, field)
    ranked = sorted(times.values())
    # A cut is a value, not a position: equal times fall on the same side.
    first_test = ranked[min(len(ranked) - 1, round(len(ranked) * (1 - test)))]
    first_dev = ranked[min(len(ranked) - 1, round(len(ranked) * (1 - test - dev)))]
    sides = {
        id: "test" if test > 0 and time >= first_test else "dev" if dev > 0 and time >= first_dev else "train"
        for id, time in times.items()
    }
    return _without_leaks(passages, sides, on_leak)


def by_column(passages: Sequence[Passage], *, dev: float, seed: int, on_leak: OnLeak) -> Split:
    """The data's own split. Where it has no dev side, a share of train by hash of the group becomes dev."""
    sides: dict[str, str] = {}
    for passage in passages:
        given = (passage.split or "").strip().lower()
        side = given if given.startswith("test") else _SIDES.get(given)
        if side is None:
            raise DemarcheError(
                f"split: passage {passage.id!r} has split {passage.split!r}; train, dev or test… is expected "
                "(`labels import table --split COLUMN` fills it)"
            )
        sides[passage.id] = side
    # Equal texts are linked through the first of them: here one of train, if there is one.
    copies = duplicate_pairs(sorted(passages, key=lambda p: sides[p.id] != "train"))
    if dev > 0 and "dev" not in sides.values():
        # Copies within train go to dev together: the cut must not make leaks of its own.
        train = [p for p in passages if sides[p.id] == "train"]
        units = group_ids(train)
        pairs = ((one.group_id, other.group_id) for one, other in copies if sides[one.id] == sides[other.id] == "train")
        together = merge(units, pairs)
        sides |= {p.id: "dev" for p in train if hash_fraction(together[p.group_id][0], seed) < dev}
    return _without_leaks(passages, sides, on_leak, copies=copies)


def _hashed_sides(
    units: Sequence[str],
    together: Mapping[str, Sequence[str]],
    *,
    test: float,
    dev: float,
    seed: int,
    strata: Mapping[str, str] | None,
) -> dict[str, str]:
    heads = [unit for unit in units if together[unit][0] == unit]
    if strata is None:
        position = {head: hash_fraction(head, seed) for head in heads}
    else:
        classes: dict[str, list[str]] = defaultdict(list)
        for head in heads:
            classes[strata.get(head, "")].append(head)
        position = {
            head: (rank + 0.5) / len(members)
            for members in classes.values()
            for rank, head in enumerate(sorted(members, key=lambda unit: hash_fraction(unit, seed)))
        }
    side = {head: "test" if at < test else "dev" if at < test + dev else "train" for head, at in position.items()}
    return {unit: side[together[unit][0]] for unit in units}


def _follow(sides: dict[str, str], together: Mapping[str, Sequence[str]], earlier: Mapping[str, Place]) -> None:
    """Units of an earlier split keep their side, and units merged with them take it."""
    kept = {place.group: place.split for place in earlier.values() if place.split}
    for unit in sides:
        known = [kept[member] for member in together[unit] if member in kept]
        if unit in kept:
            sides[unit] = kept[unit]
        elif known:
            # Copies of passages on two sides: the test side wins, nothing of it may be learnt.
            sides[unit] = max(known, key=lambda side: (is_test_split(side), side == "dev"))


def _times(passages: Sequence[Passage], field: str) -> dict[str, float]:
    """Each passage's time: the number if all are, the rank of the text (ISO dates) otherwise."""
    values: dict[str, str] = {}
    for passage in passages:
        known_field = field in Passage.model_fields and field not in passage.meta
        value = getattr(passage, field) if known_field else passage.meta.get(field)
        if value is None or str(value).strip().casefold() in {"", "nan", "none", "nat"}:
            known = sorted({"published"} | {name for p in passages[:100] for name in p.meta})
            raise DemarcheError(
                f"split.by: passage {passage.id!r} has no {field!r}; fields that sort: {', '.join(known)} "
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


def _without_leaks(
    passages: Sequence[Passage],
    sides: Mapping[str, str],
    on_leak: OnLeak,
    *,
    copies: Sequence[tuple[Passage, Passage]] | None = None,
    stay: Container[str] = (),
) -> Split:
    """Of passages that are copies or of one unit, those on another side than the first in rank leave.

    Test ranks before dev and dev before train; passages that `stay` rank before all others, and leave
    only for each other: a new copy of two on different sides leaves, and they remain.
    """
    copies = duplicate_pairs(passages) if copies is None else copies

    def rank(id: str) -> int:
        return 2 if is_test_split(sides[id]) else 1 if sides[id] == "dev" else 0

    leaks: dict[str, str] = {}
    settled = [p for p in passages if p.id in stay]
    for members in _linked(settled, [pair for pair in copies if pair[0].id in stay and pair[1].id in stay]):
        first = max(sorted(members), key=rank)
        leaks |= {member: first for member in members if rank(member) != rank(first)}
    for members in _linked(passages, copies):
        staying = [member for member in members if member in stay and member not in leaks]
        first = max(sorted(staying or members), key=rank)
        torn = len({rank(member) for member in staying}) > 1
        leaks |= {m: first for m in members if m not in stay and (torn or rank(m) != rank(first))}
    if leaks and on_leak == "refuse":
        copy, original = next(iter(leaks.items()))
        raise DemarcheError(
            f"split: {len(leaks)} passages stand on two sides; {copy!r} ({sides[copy]}) and {original!r} "
            f"({sides[original]}) are copies or of one group; set split.on_leak=drop to leave out the copies, "
            "or split by group"
        )
    places = {
        p.id: Place(
            passage=p.id, group=p.group_id, split=None if p.id in leaks else sides[p.id], duplicate_of=leaks.get(p.id)
        )
        for p in passages
    }
    return Split(places, dropped=dict(Counter(sides[id] for id in leaks)))


def _linked(passages: Sequence[Passage], copies: Iterable[tuple[Passage, Passage]]) -> list[list[str]]:
    """The ids of passages that are copies of each other, and of those of one unit."""
    together = merge((p.id for p in passages), ((one.id, other.id) for one, other in copies))
    same_unit: dict[str, list[str]] = defaultdict(list)
    for passage in passages:
        same_unit[passage.group_id].append(passage.id)
    return [*{id(group): group for group in together.values()}.values(), *same_unit.values()]
