"""Compare two versions of a codebook, and say what each change means for labels, splits and models."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from labels.codebook import Change, Codebook, Topic
from labels.errors import DemarcheError

Kind = Literal[
    "same", "renamed", "new name", "new keywords", "redefined", "new target", "split", "merged", "added", "removed"
]
"""What became of a topic: `renamed` of its id, `redefined` of its definition, inclusion and exclusion rules."""
_ALIKE = 0.6


@dataclass(frozen=True)
class TopicChange:
    """What became of topics: `old` and `new` are ids, one of each unless topics were split, merged, added or removed.

    A topic may be renamed and redefined, and get a new target at once; so `kinds` are several.
    """

    old: tuple[str, ...]
    new: tuple[str, ...]
    kinds: tuple[Kind, ...]

    @property
    def keeps_meaning(self) -> bool:
        """Whether annotators would decide as before."""
        return set(self.kinds) <= {"same", "renamed", "new name", "new keywords"}


@dataclass(frozen=True)
class Comparison:
    """Two versions of a codebook: the changes of topics, and the ids that each old topic has become.

    `rules` says whether the rules of all topics or the meaning of the stances were reworded.
    """

    old: Codebook
    new: Codebook
    changes: list[TopicChange]
    became: Mapping[str, tuple[str, ...]]
    rules: bool

    @property
    def renames_alone(self) -> bool:
        """Whether topics mean what they meant, so that a model of the old version needs no training."""
        return not self.rules and all(change.keeps_meaning for change in self.changes)

    def origins(self, id: str) -> list[str]:
        """Return the old topics that a new one was made of."""
        return [old for old, new in self.became.items() if id in new]


def compare(old: Codebook, new: Codebook) -> Comparison:
    """Compare two versions of a codebook by the history of the new one.

    Raises DemarcheError if they are of different codebooks or in the wrong order, or if the history does not say what
    became of a topic; the message has the lines to add.
    """
    if old.id != new.id:
        raise DemarcheError(f"{old.reference} and {new.reference} are different codebooks; their ids must be the same")
    if new.numbers < old.numbers:
        raise DemarcheError(f"{new.reference} is older than {old.reference}; name the older one first")
    became = _follow(old, new)
    _check_explained(old, new, became)
    comparison = Comparison(old, new, [], became, old.rules != new.rules or old.stances != new.stances)
    comparison.changes.extend(_changes(comparison))
    _check_version(comparison)
    return comparison


def _follow(old: Codebook, new: Codebook) -> dict[str, tuple[str, ...]]:
    """Return the ids that each old topic has after the changes of all versions between the two."""
    became: dict[str, tuple[str, ...]] = {id: (id,) for id in old.topic_ids}
    added: set[str] = set()
    for change in sorted(new.history, key=lambda change: _numbers(change.version)):
        if old.numbers < _numbers(change.version) <= new.numbers:
            _check_renames(new, change, added.union(*became.values()))
            became = {id: _apply(change, now) for id, now in became.items()}
            added = {id for each in added for id in _apply(change, [each])} | set(change.added)
    return became


def _check_renames(new: Codebook, change: Change, present: set[str]) -> None:
    """Raise DemarcheError if a topic was renamed to one that stays, or two to one: they were merged."""
    before: dict[str, list[str]] = {}
    for id in sorted(present):
        for after in _apply(change, [id]):
            before.setdefault(after, []).append(id)
    for old, after in change.renamed.items():
        olds = before.get(after, [])
        if old in olds and len(olds) > 1 and old not in change.merged.get(after, ()):
            raise DemarcheError(
                f"{new.reference}: its history renames {old!r} to {after!r} in {change.version}, which would make one topic "
                f"of {' and '.join(map(repr, olds))}; if that is meant, write `merged: {{{after}: [{', '.join(olds)}]}}` "
                "instead, and otherwise give the topic another id"
            )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _apply(change: Change, topics: Sequence[str]) -> tuple[str, ...]:
    into = {old: merged for merged, olds in change.merged.items() for old in olds}
    after: list[str] = []
    for id in topics:
        if id in change.split:
            after += change.split[id]
        elif id not in change.removed:
            after.append(into.get(id) or change.renamed.get(id) or id)
    return tuple(dict.fromkeys(after))


def _check_explained(old: Codebook, new: Codebook, became: Mapping[str, Sequence[str]]) -> None:
    """Raise DemarcheError with the lines to add to the history, unless it explains every topic."""
    present = {id for now in became.values() for id in now}
    lost = sorted({id for id in present if id not in new.topic_ids})
    found = [id for id in new.topic_ids if id not in present and not any(id in change.added for change in new.history)]
    if lost or found:
        what = [f"{', '.join(map(repr, lost))} of {old.reference} to be gone"] if lost else []
        what += [f"{', '.join(map(repr, found))} to be new"] if found else []
        guess = _guess(old, new, lost, found)
        # JSON is YAML on one line.
        line = json.dumps(guess.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False)
        raised = "" if guess.version == new.version else f", and raise its version to {guess.version}"
        raise DemarcheError(
            f"{new.reference} does not say what became of its topics: it seems {' and '.join(what)}. Add to it, if this "
            f"guess is right: `history: [{line}]`{raised}; the keys are renamed (old: new), split (old: [new, …]), merged "
            "(new: [old, …]), added and removed"
        )


def _guess(old: Codebook, new: Codebook, lost: Sequence[str], found: Sequence[str]) -> Change:
    """Guess what became of the topics: one whose definition or id is like that of a new one was renamed."""
    renamed: dict[str, str] = {}
    for id in lost:
        likeness = {
            other: _alike(old.topic(id), new.topic(other)) for other in found if other not in renamed.values()
        } if id in old.topic_ids else {}  # fmt: skip
        if likeness and max(likeness.values()) >= _ALIKE:
            renamed[id] = max(likeness, key=lambda other: likeness[other])
    return Change(
        version=new.version if new.numbers[0] > old.numbers[0] else f"{old.numbers[0] + 1}.0.0",
        renamed=renamed,
        added=tuple(id for id in found if id not in renamed.values()),
        removed=tuple(id for id in lost if id not in renamed),
    )


def _alike(one: Topic, other: Topic) -> float:
    """Return how alike two topics are in id or definition, from 0 to 1."""
    pairs = [(one.id, other.id), *([(one.definition, other.definition)] if one.definition and other.definition else [])]
    return max(difflib.SequenceMatcher(None, *pair, autojunk=False).ratio() for pair in pairs)


def _changes(comparison: Comparison) -> list[TopicChange]:
    """Return the changes in the order of the new topics, then the topics that were removed.

    A topic that was split is named as such even if all its parts were merged with others.
    """
    changes: dict[tuple[tuple[str, ...], tuple[str, ...]], TopicChange] = {}
    for id in comparison.new.topic_ids:
        old = tuple(comparison.origins(id))
        new = comparison.became[old[0]] if len(old) == 1 else (id,)
        changes[old, new] = TopicChange(old, new, _kinds(comparison, old, new))
    splits = [((id,), now) for id, now in comparison.became.items() if len(now) > 1]
    changes |= {(old, new): TopicChange(old, new, ("split",)) for old, new in splits}
    changes |= {((id,), ()): TopicChange((id,), (), ("removed",)) for id, now in comparison.became.items() if not now}
    return list(changes.values())


def _kinds(comparison: Comparison, old: Sequence[str], new: Sequence[str]) -> tuple[Kind, ...]:
    if not old:
        return ("added",)
    if len(old) > 1:
        return ("merged",)
    if len(new) > 1:
        return ("split",)
    before, after = comparison.old.topic(old[0]), comparison.new.topic(new[0])
    kinds: list[Kind] = ["renamed"] if before.id != after.id else []
    if _meaning(before) != _meaning(after):
        kinds.append("redefined")
    if before.target != after.target:
        kinds.append("new target")
    if before.label != after.label and "renamed" not in kinds:
        kinds.append("new name")
    if set(before.keywords) != set(after.keywords):
        kinds.append("new keywords")
    return tuple(kinds) or ("same",)


def _meaning(topic: Topic) -> tuple[object, ...]:
    """Return what annotators decide a topic by, white space aside; examples only illustrate it."""
    rules = ([" ".join(rule.rule.split()) for rule in rules] for rules in (topic.include, topic.exclude))
    return " ".join(topic.definition.split()), *rules


def _check_version(comparison: Comparison) -> None:
    """Raise DemarcheError if the version does not say how far labels of the old one can be read with the new one."""
    old, new = comparison.old, comparison.new
    kinds = {kind for change in comparison.changes for kind in change.kinds}
    if kinds & {"renamed", "split", "merged", "added", "removed"}:
        if new.numbers[0] == old.numbers[0]:
            raise DemarcheError(
                f"{new.reference}: topics of {old.reference} were renamed, split, merged, added or removed; raise the "
                f"first number of the version, to {old.numbers[0] + 1}.0.0"
            )
    elif (
        comparison.rules or not all(change.keeps_meaning for change in comparison.changes)
    ) and new.version == old.version:
        raise DemarcheError(
            f"{new.reference}: definitions or rules were reworded; raise the version, to "
            f"{old.numbers[0]}.{old.numbers[1] + 1}.0"
        )
