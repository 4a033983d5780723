"""Carry annotations over to a new version of a codebook, and list the passages to be read again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from labels.codebook import Topic
from labels.codebook_changes import Comparison
from labels.passages import Annotation, Label, Passage
from labels.wording import counted


@dataclass(frozen=True)
class Migration:
    """Annotations by the new codebook, and why passages must be read again; `earlier` are their annotations so far.

    `assumed` counts the annotations that are taken to lack a topic that was added or redefined, since their passage has
    no keyword of it. `dropped` counts the labels of topics that were removed, and `spans` the evidence for which a label
    of merged topics has no room.
    """

    annotations: list[Annotation] = field(default_factory=list)
    again: dict[str, list[str]] = field(default_factory=dict)
    earlier: dict[str, list[Annotation]] = field(default_factory=dict)
    assumed: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    spans: Counter[str] = field(default_factory=Counter)


def migrate(comparison: Comparison, passages: Iterable[Passage], annotations: Iterable[Annotation]) -> Migration:
    """Carry annotations of the old codebook over to the new one, where the change decides what they would be.

    A passage with a topic that was split or redefined, or a stance toward a target that was reworded, is to be read again,
    and so is a passage with a keyword of a topic that was added or redefined. If a topic to be added has no keywords, all
    passages are.
    """
    migration = Migration()
    reasons = _reasons(comparison)
    texts = {passage.id: passage for passage in passages}
    hits = {topic: _containing(comparison.new.topic(topic), texts.values()) for topic in reasons.unread}
    for annotation in annotations:
        why = [reasons.unread[topic] for topic, found in hits.items() if annotation.passage in found]
        labels, unclear = _carry(annotation.labels, comparison, reasons, migration)
        if why or unclear:
            known = migration.again.setdefault(annotation.passage, [])
            known += [reason for reason in (*unclear, *why) if reason not in known]
            migration.earlier.setdefault(annotation.passage, []).append(annotation)
            continue
        migration.assumed.update(hits.keys() - {label.topic for label in labels})
        update = {"labels": tuple(labels), "codebook": comparison.new.reference}
        migration.annotations.append(annotation.model_copy(update=update))
    return migration


@dataclass(frozen=True)
class _Reasons:
    """Why a label of an old topic must be read again, why its stance must, and why a passage without a new topic must."""

    label: dict[str, str] = field(default_factory=dict)
    stance: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


def _reasons(comparison: Comparison) -> _Reasons:
    reasons = _Reasons()
    for change in comparison.changes:
        old, new = ", ".join(change.old), ", ".join(change.new)
        for kind in change.kinds:
            if kind == "added":
                reasons.unread[new] = f"{new} was added"
            elif kind == "split":
                reasons.label[old] = f"{old} was split into {new}"
            elif kind == "redefined":
                reasons.label[old] = reasons.unread[new] = f"{new} was redefined"
            elif kind == "new target":
                reasons.stance[old] = f"the target of {new} was reworded"
            elif kind == "merged":
                target = comparison.new.topic(new).proposition
                for id in change.old:
                    if comparison.old.topic(id).proposition != target:
                        reasons.stance[id] = f"{id} was merged into {new}, which has another target"
    return reasons


def _carry(
    labels: Sequence[Label], comparison: Comparison, reasons: _Reasons, migration: Migration
) -> tuple[list[Label], list[str]]:
    """Return the labels by the new codebook, and the reasons for which some must be read again."""
    carried: dict[tuple[object, ...], Label] = {}
    unclear: list[str] = []
    for label in labels:
        now = comparison.became.get(label.topic) if label.topic is not None else None
        if label.topic is None or label.topic in reasons.label or now is None:
            unclear += [reasons.label[label.topic]] if label.topic in reasons.label else []
            carried.setdefault(label.about, label)
            continue
        if not now:
            migration.dropped[label.topic] += 1
            continue
        # A stance toward a target that the label itself names is not toward that of its topic.
        has_stance = label.target is None and (label.stance is not None or label.shares is not None)
        if has_stance and label.topic in reasons.stance:
            unclear.append(reasons.stance[label.topic])
        renamed = label.model_copy(update={"topic": now[0]})
        other = carried.setdefault(renamed.about, renamed)
        if (other.stance, other.shares) != (renamed.stance, renamed.shares):
            unclear.append(f"{now[0]} would have two stances")
        if _are_two(other.holder, renamed.holder):
            unclear.append(f"{now[0]} would have two holders")
        migration.spans[now[0]] += _are_two(other.evidence, renamed.evidence)
        either = {"holder": other.holder or renamed.holder, "evidence": other.evidence or renamed.evidence}
        carried[renamed.about] = other.model_copy(update=either)
    return list(carried.values()), unclear


def _are_two(one: object, other: object) -> bool:
    return one is not None and other is not None and one != other


def _containing(topic: Topic, passages: Iterable[Passage]) -> set[str]:
    """Return the ids of the passages with a keyword of a topic in text or title, or of all of them if it has none."""
    if not topic.keywords:
        return {passage.id for passage in passages}
    words = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, topic.keywords))})(?!\w)", re.IGNORECASE)
    return {passage.id for passage in passages if words.search(f"{passage.title or ''}\n{passage.text}")}


CONSEQUENCES: Mapping[str, tuple[str, str]] = {
    "same": ("carried over", "stay valid"),
    "renamed": ("carried over under the new id", "stay valid; `--model` renames the topic in a model"),
    "new name": ("carried over", "stay valid, with the earlier name until they are trained again"),
    "new keywords": ("carried over", "stay valid, with the earlier keywords until they are trained again"),
    "redefined": (
        "read again: passages with the topic or one of its keywords",
        "of the old definition: train again, which chooses thresholds anew",
    ),
    "new target": ("read again: passages with a stance on the topic", "topics stay valid; train stance again"),
    "split": ("read again: passages with the topic", "train again"),
    "merged": ("carried over; stances read again where the target differs", "train again"),
    "added": ("read again: passages with a keyword of it; others are assumed not to have it", "train again"),
    "removed": ("its labels are dropped", "train again, or ignore the topic"),
}
"""What follows from each kind of change: for labels, and for models with their thresholds."""


def in_words(migration: Migration) -> list[str]:
    """Return sentences about what was carried over, on what assumption, and what was not."""
    read = sum(map(len, migration.earlier.values()))
    sentences = [
        f"{counted(len(migration.annotations), 'annotation')} carried over; {counted(len(migration.again), 'passage')} "
        f"with {counted(read, 'annotation')} to be read again"
    ]
    sentences += [
        f"assumed: {counted(count, 'annotation')} without {topic!r}, since the passages have none of its keywords; have a "
        "random sample of them read, to see how often that is wrong"
        for topic, count in migration.assumed.items()
        if count
    ]
    if migration.dropped:
        counts = ", ".join(f"{topic} {count}" for topic, count in migration.dropped.items())
        sentences.append(f"labels of removed topics, dropped: {counts}")
    if spans := +migration.spans:
        counts = ", ".join(f"{topic} {count}" for topic, count in spans.items())
        sentences.append(f"evidence spans beside another of the same merged topic, dropped: {counts}")
    return sentences
