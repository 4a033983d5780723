"""Leave-target-out splits, which measure how well a model handles a target that it was not trained on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from labels.errors import DemarcheError, suggest
from labels.gold.adjudication import Example, Target
from labels.splits.duplicates import connected_groups, duplicate_pairs
from labels.splits.split import Place, Split, hash_fraction, is_test_split


def split_by_target(examples: Sequence[Example], *, target: str, dev: float, seed: int) -> Split:
    """Put a passage in test if its gold labels include the target as a topic or a stance toward it.

    All other passages of a group are left out if the group contains such a passage, a near-duplicate of one, or any
    annotator's vote for the target. A fraction `dev` of the remaining groups, chosen by hash, is dev. Raises
    DemarcheError if nothing is labelled with the target.
    """
    known = {name for example in examples for name in _named(example)}
    if target not in known:
        raise DemarcheError(f"split.target: nothing is labelled with {target!r}{suggest(target, known)}")
    passages = [example.passage for example in examples]
    connected = connected_groups(passages, duplicate_pairs(passages))
    touched = {member for e in examples if target in _named(e) for member in connected[e.passage.group_id]}

    def place(example: Example) -> str | None:
        group = example.passage.group_id
        if _is_gold(example, target):
            return "test"
        if group in touched:
            return None
        return "dev" if hash_fraction(connected[group][0], seed) < dev else "train"

    return Split(
        {e.passage.id: Place(passage=e.passage.id, group=e.passage.group_id, split=place(e)) for e in examples}
    )


def only_target(examples: Iterable[Example], target: str, split: Split) -> list[Example]:
    """Return the examples, keeping only the stance toward the target in those of test."""
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
    """Return the topics and targets that any annotator of a passage named."""
    return {*example.topics, *example.topic_votes, *map(_name, example.stances), *map(_name, example.stance_votes)}


def _name(target: Target) -> str:
    return target.topic or target.text or ""
