"""Train, dev and test, with no article and no near-duplicate on two sides."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import Field

from labels.errors import Problems
from labels.files import Frozen, read_jsonl, write_jsonl
from labels.gold.adjudication import Example
from labels.passages import Passage


class Place(Frozen):
    """A line of `split.jsonl`: on which side a passage is. No side: left out, most often as a copy."""

    passage: str
    group: str
    split: Annotated[str, Field(pattern=r"^(train|dev|test.*)$")] | None
    duplicate_of: str | None = None


@dataclass(frozen=True)
class Split:
    """Which side each passage is on: `train`, `dev`, or a test side (`test`, `test_…`)."""

    places: Mapping[str, Place]
    merged: int = 0
    """How many units were moved together because they hold copies of each other."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """How many passages left each side as copies of one on another side."""

    def select(self, examples: Iterable[Example], name: str) -> list[Example]:
        """The examples of `train`, `dev`, `test` (all test sides) or one test side."""
        return [
            example
            for example in examples
            if (side := self.places[example.passage.id].split) == name or (name == "test" and is_test_split(side))
        ]

    @property
    def test_splits(self) -> list[str]:
        return sorted({place.split for place in self.places.values() if place.split and is_test_split(place.split)})

    def sizes(self) -> dict[str, int]:
        counts = Counter(place.split or "left out" for place in self.places.values())
        return dict(sorted(counts.items()))

    def digest(self) -> str:
        """The same for the same sides of the same passages."""
        sides = sorted((id, place.split or "") for id, place in self.places.items())
        return hashlib.sha256(repr(sides).encode()).hexdigest()[:16]

    def write(self, path: Path) -> None:
        write_jsonl(path, self.places.values())


def is_test_split(side: str | None) -> bool:
    return side is not None and side.startswith("test")


def read_split(path: Path) -> dict[str, Place]:
    problems = Problems()
    places: dict[str, Place] = {}
    for line, place in read_jsonl(Path(path), Place, problems):
        if place.passage in places:
            problems.add(path, line, f"passage {place.passage!r} stands twice; keep one line")
        places[place.passage] = place
    if not places and not len(problems):
        problems.add(path, None, "holds no passages; give the split.jsonl of an earlier run")
    problems.raise_any()
    return places


def group_ids(passages: Sequence[Passage]) -> list[str]:
    """Units, the earliest published first: copies then follow the original, whatever is added later."""
    published: dict[str, str] = {}
    for passage in passages:
        when = passage.published or ""
        published[passage.group_id] = min(published.get(passage.group_id, when), when)
    return sorted(published, key=lambda unit: (published[unit], unit))


def hash_fraction(unit: str, seed: int) -> float:
    """A number in [0, 1) that depends on the unit and the seed alone."""
    digest = hashlib.sha256(f"{seed}:{unit}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
