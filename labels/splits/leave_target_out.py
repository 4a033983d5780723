"""How well a model reads a target that it never learnt: all that is labelled with the target is test."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from labels.errors import DemarcheError, suggest
from labels.gold.adjudication import Example, Target
from labels.splits.duplicates import duplicate_pairs, merge
from labels.splits.split import Place, Split, group_ids, hash_fraction, is_test_split


def by_target(examples: Sequence[Example], *, target: str, dev: float, seed: int) -> Split:
    """Passages on which the readers agree that the target holds, or what the stance toward it is, are test.

    Articles that hold such a passage, a copy of one, or any reader's vote for the target, are left out
    of train and dev as a whole; of the others a share by hash of the group is dev. Raises DemarcheError
    where nothing is labelled with the target.
    """
    known = {name for example in examples for name in _named(example)}
    if target not in known:
        raise DemarcheError(f"split.target: nothing is labelled with {target!r}{suggest(target, known)}")
    passages = [example.passage for example in examples]
    together = merge(group_ids(passages), ((one.group_id, other.group_id) for one, other in duplicate_pairs(passages)))
    touched = {member for e in examples if target in _named(e) for member in together[e.passage.group_id]}

    def side(example: Example) -> str | None:
        unit = example.passage.group_id
        if _is_gold(example, target):
            return "test"
        if unit in touched:
            return None
        return "dev" if hash_fraction(together[unit][0], seed) < dev else "train"

    return Split({e.passage.id: Place(passage=e.passage.id, group=e.passage.group_id, split=side(e)) for e in examples})


def only_target(examples: Iterable[Example], target: str, split: Split) -> list[Example]:
    """The examples, those of the test side with no stance but that toward the target."""
    return [
        replace(example, stances={of: stance for of, stance in example.stances.items() if _name(of) == target})
        if is_test_split(split.places[example.passage.id].split)
        else example
        for example in examples
    ]


def _is_gold(example: Example, target: str) -> bool:
    decided = any(stance is not None and _name(of) == target for of, stance in example.stances.items())
    return decided or bool(example.topics.get(target))


def _named(example: Example) -> set[str]:
    """The topics and targets that any reader of a passage named."""
    return {*example.topics, *example.topic_votes, *map(_name, example.stances), *map(_name, example.stance_votes)}


def _name(target: Target) -> str:
    return target.topic or target.text or ""
