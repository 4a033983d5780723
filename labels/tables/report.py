"""How a table was read, to be printed before anyone trusts the labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labels.codebook import STANCES
from labels.passages import DECIDERS, Annotation, Label, Passage
from labels.tables.collect import Collected, empty_cells
from labels.tables.columns import TableColumns
from labels.tables.layout import Layout
from labels.tables.sheet import Sheet, Texts

EXAMPLES = 2
_FIELDS = ("id", "text", "title", "date", "source", "url", "article", "group", "split")
_PLAIN = {
    "annotator": "annotator", "gold": "decided label", "target_start": "start of the target", "target_end": "end of the target",
    "start": "start in the article",
}  # fmt: skip


@dataclass(frozen=True)
class HowRead:
    """The meaning of each column, remarks, counts, and the first rows as annotations.

    `counts` has a row per topic: its labels, then those with each stance, with soft labels and without a stance.
    """

    columns: Sequence[tuple[str, str]]
    not_read: Sequence[str]
    remarks: Sequence[str]
    annotators: Mapping[str, int]
    counts: Sequence[tuple[str, ...]]
    examples: Sequence[tuple[int, Passage, Sequence[Annotation]]]


COUNTED = ("labels", *STANCES, "soft labels", "no stance")


def how_read(
    sheet: Sheet,
    columns: TableColumns,
    layout: Layout,
    joined: Texts | None,
    collected: Collected,
    annotations: Sequence[Annotation],
    empty: Mapping[str, int],
) -> HowRead:
    """Describe how a table became annotations. `empty` counts the empty cells between filled ones."""
    used = _columns(columns, layout, joined)
    by_passage: dict[str, list[Annotation]] = {}
    for annotation in annotations:
        by_passage.setdefault(annotation.passage, []).append(annotation)
    passages = list(collected.passages.values())
    unlabelled = sum(passage.id not in by_passage for passage in passages)
    remarks = [*sheet.remarks, *layout.remarks, *_empty(collected)]
    remarks += _decided_without_stance(by_passage)
    remarks += [f"{empty_cells(count)} {what}" for what, count in empty.items() if count]
    if unlabelled:
        remarks.append(f"{unlabelled} of {len(passages)} passages have no annotation")
    return HowRead(
        columns=used,
        not_read=sheet.without([name for name, _ in used]),
        remarks=remarks,
        annotators=Counter(annotation.annotator for annotation in annotations),
        counts=_counts(annotations),
        examples=[(collected.lines[each.id], each, by_passage.get(each.id, ())) for each in passages[:EXAMPLES]],
    )


def _columns(columns: TableColumns, layout: Layout, joined: Texts | None) -> list[tuple[str, str]]:
    """Return (column, meaning) in the order of the options."""
    named = [(getattr(columns, name), name) for name in _FIELDS]
    named += [(getattr(columns, name), meaning) for name, meaning in _PLAIN.items()]
    used = [(name, meaning) for name, meaning in named if name]
    used += [(name, "kept with the passage") for name in columns.keep]
    used += [(column.name, column.meaning) for column in layout.columns]
    one = len(columns.votes) == 1
    used += [(name, "list of votes" if one else f"vote by {name!r}") for name in columns.votes]
    if joined is not None:
        used = [
            (name, f"{meaning} (in {joined.sheet.path})" if name in joined.columns else meaning)
            for name, meaning in used
        ]
    return used


def _empty(collected: Collected) -> list[str]:
    """Return a sentence for each meaning of empty cells."""
    meanings = {"none": "read as none of the topics", "unread": "read as no annotation"}
    sentences = []
    for meaning, what in meanings.items():
        counts = {name: count for (each, name), count in collected.empty.items() if each == meaning}
        if counts:
            where = ", ".join(f"{name} {count}" for name, count in counts.items())
            sentences.append(f"{empty_cells(sum(counts.values()))} {what} ({where})")
    return sentences


def _decided_without_stance(by_passage: Mapping[str, Sequence[Annotation]]) -> list[str]:
    """Tell of decided topics without a stance to which annotators gave one, since the decision takes precedence."""
    count = 0
    for readings in by_passage.values():
        decided = [label for each in readings if each.annotator in DECIDERS for label in each.labels]
        voted = {
            label.topic for each in readings if each.annotator not in DECIDERS for label in each.labels if label.stance
        }
        count += sum(label.stance is None and label.shares is None and label.topic in voted for label in decided)
    if not count:
        return []
    return [f"decided topics without a stance: {count}; the stances that annotators gave them are not used"]


def _counts(annotations: Sequence[Annotation]) -> list[tuple[str, ...]]:
    """Return a row per topic, then one for all named targets."""
    counts: dict[str, Counter[str]] = {}
    for annotation in annotations:
        for label in annotation.labels:
            name = label.topic if label.topic is not None else "(named targets)"
            counts.setdefault(name, Counter()).update(["labels", stance_word(label)])
    names = sorted(counts, key=lambda name: (name == "(named targets)", name))
    return [(name, *(str(counts[name][what]) for what in COUNTED)) for name in names]


def stance_word(label: Label) -> str:
    """Return the stance of a label in a word or two."""
    return label.stance or ("soft labels" if label.shares else "no stance")
