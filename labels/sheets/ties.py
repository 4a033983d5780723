"""The adjudicator's sheet: what the annotators left open, with their readings side by side and no names."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labels.check import LabelledData
from labels.codebook import STANCES, Codebook
from labels.gold.adjudication import Example, target_of
from labels.passages import ADJUDICATOR, DECIDERS, Annotation, Label, Passage, of_people
from labels.sheets.layout import QUESTION, Sheet, make_sheet, slots_for
from labels.tables.worklist import NONE

IN_DOUBT = "an annotator was in doubt"
DIFFERENT = "the readings differ"
Readings = Mapping[str, Sequence[Annotation]]
"""{passage id: the readings that count as votes}."""


@dataclass(frozen=True)
class Open:
    """The passages to decide, and those that a sheet cannot decide since their labels name targets."""

    sheet: Sheet
    tied: int
    with_targets: int


def open_questions(
    data: LabelledData, examples: Sequence[Example], *, differing: bool = False, seed: int
) -> Open | None:
    """Make a sheet for the adjudicator of what is tied or in doubt, and of all other differences if `differing` is set.

    What `gold` or `adjudicator` has decided is not asked again. Returns None if nothing is open.
    """
    votes, decided = _votes(data.annotations)
    questions = {
        example.passage.id: asked
        for example in examples
        if example.passage.id not in decided and (asked := _questions(example, votes[example.passage.id], differing))
    }
    if not questions:
        return None
    listed = [each for each in data.passages if each.id in questions and not _names_targets(votes[each.id])]
    tied = {example.passage.id for example in examples if example.ties}
    width = max((len(votes[passage.id]) for passage in listed), default=0)
    more = {
        passage.id: {QUESTION: "\n".join(questions[passage.id])}
        | dict.fromkeys((f"reading_{number}" for number in range(1, width + 1)), "")
        | _side_by_side(passage, votes[passage.id], data.codebook, seed)
        for passage in listed
    }
    topics = (len({label.topic for each in votes[p.id] for label in each.labels}) for p in listed)
    slots = slots_for(data.codebook, at_least=max(topics, default=0))
    return Open(
        sheet=make_sheet(ADJUDICATOR, listed, data.codebook, slots=slots, more=more),
        tied=sum(passage.id in tied for passage in listed),
        with_targets=len(questions) - len(listed),
    )


def _votes(annotations: Sequence[Annotation]) -> tuple[Readings, set[str]]:
    """Return the readings by passage, without those of deciders, and the passages that these decided.

    As in the adjudication, language models count only where no person has read the passage.
    """
    votes: dict[str, list[Annotation]] = defaultdict(list)
    decided = set()
    for annotation in annotations:
        if annotation.annotator in DECIDERS:
            decided.add(annotation.passage)
        else:
            votes[annotation.passage].append(annotation)
    return {passage: of_people(readings) or readings for passage, readings in votes.items()}, decided


def _questions(example: Example, votes: Sequence[Annotation], differing: bool) -> list[str]:
    asked = list(example.ties)
    if any(vote.doubt for vote in votes):
        asked.append(IN_DOUBT)
    if differing and not asked and len({_comparable(vote) for vote in votes}) > 1:
        asked.append(DIFFERENT)
    return asked


def _comparable(vote: Annotation) -> frozenset[tuple[object, ...]]:
    return frozenset((target_of(label), label.topic, label.stance) for label in vote.labels)


def _names_targets(votes: Sequence[Annotation]) -> bool:
    return any(label.target is not None for vote in votes for label in vote.labels)


def _side_by_side(passage: Passage, votes: Sequence[Annotation], codebook: Codebook, seed: int) -> dict[str, str]:
    """Return the readings in an order that is the passage's own, so that no column is one annotator's."""
    digest = hashlib.sha256(f"{seed}\0{passage.id}".encode()).digest()
    in_order = sorted(votes, key=lambda vote: vote.annotator)
    shuffled = random.Random(digest).sample(in_order, len(in_order))
    return {f"reading_{number}": describe(vote, codebook) for number, vote in enumerate(shuffled, start=1)}


def describe(vote: Annotation, codebook: Codebook) -> str:
    """Return a reading in lines: a topic with its stance and holder in each, then a doubt and the note."""
    labels = sorted(vote.labels, key=lambda label: codebook.topic_ids.index(label.topic or ""))
    lines = [
        f"{label.topic}: {_stance(label)}" + (f" ({label.holder})" if label.holder else "") for label in labels
    ] or [NONE]
    remark = ", ".join([*(["in doubt"] if vote.doubt else []), *([vote.note] if vote.note else [])])
    return "\n".join([*lines, *([f"[{remark}]"] if remark else [])])


def _stance(label: Label) -> str:
    if label.shares is not None:
        return ", ".join(f"{name} {share:.0%}" for name, share in zip(STANCES, label.shares.proportions, strict=True))
    return label.stance or "no stance"
