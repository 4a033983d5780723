"""The split of passages into train, dev and test, and its file format."""

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
    """A line of `split.jsonl`: the split of one passage, or None if it is left out, usually as a near-duplicate."""

    passage: str
    group: str
    split: Annotated[str, Field(pattern=r"^(train|dev|test.*)$")] | None
    duplicate_of: str | None = None


@dataclass(frozen=True)
class Split:
    """The split of each passage: `train`, `dev`, or a test split (`test`, `test_…`)."""

    places: Mapping[str, Place]
    merged: int = 0
    """How many groups are kept together because they contain near-duplicates of each other."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """How many passages each split lost as near-duplicates of a passage in another split."""

    def select(self, examples: Iterable[Example], name: str) -> list[Example]:
        """Return the examples of `train`, `dev`, `test` (all test splits) or one test split."""
        return [
            example
            for example in examples
            if (split := self.places[example.passage.id].split) == name or (name == "test" and is_test_split(split))
        ]

    @property
    def test_splits(self) -> list[str]:
        return sorted({place.split for place in self.places.values() if place.split and is_test_split(place.split)})

    def sizes(self) -> dict[str, int]:
        counts = Counter(place.split or "left out" for place in self.places.values())
        return dict(sorted(counts.items()))

    def digest(self) -> str:
        """Return a digest that is the same for the same passages in the same splits."""
        splits = sorted((id, place.split or "") for id, place in self.places.items())
        return hashlib.sha256(repr(splits).encode()).hexdigest()[:16]

    def write(self, path: Path) -> None:
        write_jsonl(path, self.places.values())


def is_test_split(split: str | None) -> bool:
    return split is not None and split.startswith("test")


def read_split(path: Path) -> dict[str, Place]:
    """Read a `split.jsonl` as passage → place. Raises BadInput with every mistake in the file."""
    problems = Problems()
    places: dict[str, Place] = {}
    for line, place in read_jsonl(Path(path), Place, problems):
        if place.passage in places:
            problems.add(path, line, f"passage {place.passage!r} occurs twice; keep one line")
        places[place.passage] = place
    if not places and not len(problems):
        problems.add(path, None, "contains no passages; use the split.jsonl of an earlier run")
    problems.raise_any()
    return places


def group_ids(passages: Sequence[Passage]) -> list[str]:
    """Return the groups, earliest published first, so that an original decides the split of later near-duplicates."""
    published: dict[str, str] = {}
    for passage in passages:
        when = passage.published or ""
        published[passage.group_id] = min(published.get(passage.group_id, when), when)
    return sorted(published, key=lambda group: (published[group], group))


def hash_fraction(group: str, seed: int) -> float:
    """Return a number in [0, 1) that depends on the group and the seed alone."""
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
