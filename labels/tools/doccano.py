"""doccano: JSON lines for three kinds of project, and its JSONL export (tried with 1.8.4).

| kind of project | holds |
|---|---|
| `intent-and-slots` (Intent Detection and Slot Filling) | topics with stances as categories `tea: favor`, spans `evidence: tea` and `holder: tea` |
| `text-classification` | the categories alone |
| `sequence-labeling` | spans alone: the evidence, named by topic and stance (`tea: favor`) |

Spans of the first kind must not overlap: doccano drops one of them without a word. An export has no annotator, except in the names of its files, and does not say whether an example without labels was read.
Its page counts offsets in UTF-16 code units (doccano issue 2290), unless the project counts grapheme clusters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from labels.codebook import Codebook
from labels.errors import DemarcheError, Problems
from labels.passages import Passage
from labels.tools.collected import Collected, Imported
from labels.tools.marks import Mark, Names, span_mark
from labels.tools.offsets import from_utf16, to_utf16
from labels.tools.records import Record, read_records, texts
from labels.tools.work import ORIGIN, Exported, Work, json_lines, json_text, write_folder

TOOL = "doccano"
FILES = ("data.jsonl", "categories.json", "spans.json")
Kind = Literal["intent-and-slots", "text-classification", "sequence-labeling"]
Empty = Literal["none", "unread"]
_COLOURS = ("#2a7f62", "#8a4fbf", "#b3541e", "#1f6fb2", "#9c2f4f", "#5b7f1f", "#6b5b95", "#00796b")


def export(
    folder: Path,
    codebook: Codebook,
    tasks: Sequence[Work],
    lost: Counter[str],
    *,
    kind: Kind = "intent-and-slots",
    annotator: str | None = None,
) -> Exported:
    """Write data.jsonl, and the labels to import into the project.

    doccano takes the labels of one annotator: `annotator`, or the only one. Without readings, a model's suggestions are
    written as labels.
    """
    names = Names(codebook)
    annotators = {reading.annotation.annotator for task in tasks for reading in task.readings}
    if annotator is None and len(annotators) > 1:
        raise DemarcheError(
            f"doccano takes the labels of one annotator, and there are {', '.join(sorted(annotators))}; "
            "name one with --annotator"
        )
    if annotator is not None and annotator not in annotators:
        raise DemarcheError(f"no reading is by {annotator!r}; there are {', '.join(sorted(annotators)) or 'none'}")
    rows, readings, suggestions = [], 0, 0
    for task in tasks:
        own = [each for each in task.readings if annotator in (None, each.annotation.annotator)]
        lost["readings by other annotators"] += len(task.readings) - len(own)
        readings += len(own)
        marks = list(own[0].marks) if own else []
        if not annotators and task.suggestion is not None:
            suggestions += 1
            marks = task.suggestion.marks
        origins = tuple(each for each in task.origin.readings if own and each.annotator == own[0].annotation.annotator)
        origin = task.origin.model_copy(update={"readings": origins})
        rows.append(_row(task._replace(origin=origin), marks, names, kind, lost))
    files = {FILES[0]: json_lines(rows)}
    if kind != "sequence-labeling":
        files[FILES[1]] = json_text(_label_types(names.classes))
    if kind != "text-classification":
        files[FILES[2]] = json_text(_label_types(names.spans if kind == "intent-and-slots" else names.classes))
    return Exported(write_folder(folder, files), len(tasks), readings, suggestions, +lost)


def _label_types(names: Sequence[str]) -> list[dict[str, str]]:
    return [
        {"text": name, "background_color": _COLOURS[place % len(_COLOURS)], "text_color": "#ffffff"}
        for place, name in enumerate(names)
    ]


def _row(task: Work, marks: Sequence[Mark], names: Names, kind: Kind, lost: Counter[str]) -> dict[str, Any]:
    text = task.passage.text
    row: dict[str, Any] = {"text": text, ORIGIN: task.origin.plain()}
    if kind == "intent-and-slots":
        spans = names.apart(names.spans_of(marks, text, lost), lost)
        return row | {
            "cats": names.classes_of(marks),
            "entities": [(*to_utf16(text, (s, e)), name) for s, e, name in spans],
        }
    lost["holders"] += sum(mark.kind == "holder" for mark in marks)
    if kind == "text-classification":
        lost["evidence spans"] += sum(mark.kind == "evidence" for mark in marks)
        return row | {"label": names.classes_of(marks)}
    stances = {mark.topic: mark.value for mark in marks if mark.kind == "stance"}
    evidence = [mark for mark in marks if mark.kind == "evidence" and mark.span is not None]
    without = {mark.topic for mark in marks} - {mark.topic for mark in evidence}
    lost["topics without evidence"] += len(without)
    spans = [
        (*to_utf16(text, mark.span), names.class_of(mark.topic, stances.get(mark.topic)))
        for mark in evidence
        if mark.span
    ]
    return row | {"label": spans}


def read(
    path: Path,
    codebook: Codebook,
    *,
    annotator: str | None = None,
    empty: Empty | None = None,
    known: Mapping[str, Passage] | None = None,
) -> Imported:
    """Read a JSONL export. Raises BadInput with every mistake in it.

    The annotator is `annotator`, or the name of the file, which doccano gives the user's. `empty` says what an example
    without labels means: none of the topics, or not read.
    """
    problems = Problems()
    collected = Collected(path, TOOL, codebook, problems, known)
    names = Names(codebook)
    unclear: Record | None = None
    for record in read_records(path, TOOL, problems):
        task = collected.task(record, record.value.get("text"), record.value.get(ORIGIN))
        if task is None:
            continue
        try:
            marks = list(_marks(record, task.passage.text, names))
        except DemarcheError as error:
            collected.problem(task, error)
            continue
        if not marks and empty is None:
            unclear = unclear or record
        elif marks or empty == "none":
            collected.reading(task, annotator or path.name.partition(".")[0], marks)
    if unclear is not None:
        problems.add(
            path,
            unclear.line,
            "has no labels: add --empty none if such passages have none of the topics (export approved examples alone), "
            "or --empty unread if they were not read",
        )
    return collected.imported()


def _marks(record: Record, text: str, names: Names) -> Iterator[Mark]:
    value = record.value
    for name in texts(value.get("cats"), "cats"):
        yield from names.marks_of_class(name)
    for label, span in _spans(value.get("entities")):
        yield names.mark_of_span(label, from_utf16(text, span), text)
    labels = value.get("label") or value.get("labels") or []
    if isinstance(labels, list) and all(isinstance(each, str) for each in labels):
        for name in labels:
            yield from names.marks_of_class(name)
        return
    for label, span in _spans(labels):
        yield from (marks := names.marks_of_class(label))
        yield span_mark("evidence", marks[0].topic, from_utf16(text, span), text)


def _spans(values: Any) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield (label, span) of `[start, end, label]`, or of the objects of a project with relations."""
    if not isinstance(values, list | None):
        raise DemarcheError(f"{values!r:.200} is not a list of spans")
    for value in values or []:
        if isinstance(value, dict):
            value = [value.get(name) for name in ("start_offset", "end_offset", "label")]
        if not (isinstance(value, list) and len(value) == 3 and all(type(place) is int for place in value[:2])):
            raise DemarcheError(f"{value!r:.200} is not a span [start, end, label]")
        yield str(value[2]), (value[0], value[1])
