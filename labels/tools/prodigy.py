"""Prodigy: tasks with options for its interface `choice`, and the JSON lines of `prodigy db-out` (documented for 1.18).

An option is a topic, alone or with a stance: `tea`, `tea: favor`. A span that a recipe of one's own marks is evidence or a
holder: `evidence: tea`, `holder: tea`. Offsets are Python's: code points.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labels.codebook import Codebook
from labels.errors import DemarcheError, Problems
from labels.passages import Passage
from labels.tools.collected import Collected, Imported, Task
from labels.tools.marks import Mark, Names
from labels.tools.records import Record, objects, read_records, span_in, texts
from labels.tools.work import ORIGIN, Exported, Work, heading_of, json_lines, write_folder

TOOL = "prodigy"
FILES = ("tasks.jsonl", "answers.jsonl")


def export(folder: Path, codebook: Codebook, tasks: Sequence[Work], lost: Counter[str]) -> Exported:
    """Write tasks.jsonl, a task for each passage, and answers.jsonl with the readings, for `prodigy db-in`."""
    names = Names(codebook)
    answers = [
        _task(task, names, reading.marks, lost) | {"answer": "accept", "_annotator_id": reading.annotation.annotator}
        for task in tasks
        for reading in task.readings
    ]
    suggested = [_task(task, names, task.suggestion.marks if task.suggestion else [], lost) for task in tasks]
    for row, task in zip(suggested, tasks, strict=True):
        if task.suggestion is not None:
            row["meta"] |= {"model": task.suggestion.model} | (
                {} if task.suggestion.score is None else {"score": round(task.suggestion.score, 3)}
            )
    files = {FILES[0]: json_lines(suggested)} | ({FILES[1]: json_lines(answers)} if answers else {})
    written = write_folder(folder, files)
    return Exported(written, len(tasks), len(answers), sum(task.suggestion is not None for task in tasks), +lost)


def _task(task: Work, names: Names, marks: Sequence[Mark], lost: Counter[str]) -> dict[str, Any]:
    text = task.passage.text
    row: dict[str, Any] = {
        "text": text,
        "options": [{"id": name, "text": name} for name in names.classes],
        "accept": names.classes_of(marks),
        "meta": {"about": heading_of(task.passage), "passage": task.passage.id},
        ORIGIN: task.origin.plain(),
    }
    spans = [{"start": start, "end": end, "label": label} for start, end, label in names.spans_of(marks, text, lost)]
    return row | ({"spans": spans} if spans else {})


def read(
    path: Path,
    codebook: Codebook,
    *,
    annotator: str | None = None,
    known: Mapping[str, Passage] | None = None,
    names: Mapping[str, str] | None = None,
) -> Imported:
    """Read the output of `prodigy db-out`. Raises BadInput with every mistake in it.

    `annotator` is who answered tasks that name no annotator. An ignored task is unread. A binary task has one `label`,
    which holds if it is accepted and does not if it is rejected; a passage with such tasks counts as read by an annotator
    who answered for each topic.
    """
    problems = Problems()
    collected = Collected(path, TOOL, codebook, problems, known, names or {})
    labels = Names(codebook)
    binary: dict[tuple[str, str], list[tuple[Task, str, bool]]] = defaultdict(list)
    for record in read_records(path, TOOL, problems):
        task = collected.task(record, record.value.get("text"), record.value.get(ORIGIN))
        answer = record.value.get("answer")
        if task is None or answer is None:
            continue
        who = _annotator(record) or annotator
        if who is None:
            collected.problem(task, "names no annotator; name the one of the whole file with --annotator-name")
        elif answer not in ("accept", "reject", "ignore"):
            collected.problem(task, f"answer {answer!r:.80} is not accept, reject or ignore")
        elif answer == "ignore":
            collected.left_out["ignored tasks"] += 1
        elif isinstance(record.value.get("label"), str):
            binary[task.passage.id, who].append((task, record.value["label"], answer == "accept"))
        elif answer == "reject":
            collected.left_out["rejected tasks with options (which say nothing of a topic)"] += 1
        else:
            _read_choice(record, task, who, labels, collected)
    for (_, who), answers in binary.items():
        _read_binary(answers, who, labels, collected)
    return collected.imported()


def _annotator(record: Record) -> str | None:
    value = record.value.get("_annotator_id") or record.value.get("_session_id")
    return None if value is None else str(value)


def _when(record: Record) -> str:
    """Return the time of an answer in a form that sorts."""
    time = record.value.get("_timestamp")
    return f"{int(time):020d}" if isinstance(time, int | float) and time >= 0 else ""


def _read_choice(record: Record, task: Task, who: str, names: Names, collected: Collected) -> None:
    try:
        marks = [mark for name in texts(record.value.get("accept"), "accept") for mark in names.marks_of_class(name)]
        marks += [
            names.mark_of_span(str(span.get("label")), span_in(span), task.passage.text)
            for span in objects(record.value.get("spans"), "spans")
        ]
    except DemarcheError as error:
        collected.problem(task, error)
        return
    collected.reading(task, who, marks, when=_when(record))


def _read_binary(answers: Sequence[tuple[Task, str, bool]], who: str, names: Names, collected: Collected) -> None:
    """Add the reading that the binary answers of one annotator on one passage make, if they decide every topic."""
    marks: list[Mark] = []
    decided: dict[str, bool] = {}
    in_order = sorted(answers, key=lambda answer: _when(answer[0].record))
    last = {label: (each, holds) for each, label, holds in in_order}
    collected.left_out["earlier answers to the same task"] += len(answers) - len(last)
    task = in_order[-1][0]
    for label, (each, holds) in last.items():
        try:
            found = names.marks_of_class(label)
        except DemarcheError as error:
            collected.problem(each, error)
            return
        if holds:
            marks += found
        # A rejected stance leaves open whether the topic holds.
        if holds or len(found) == 1:
            topic = found[0].topic
            if decided.setdefault(topic, holds) != holds:
                collected.problem(each, f"{who} accepts and rejects labels of {topic!r}; keep one")
                return
    if len(decided) < len(collected.codebook.topics):
        collected.left_out["readings in which some topics were not answered"] += 1
        return
    collected.reading(task, who, marks, when=_when(task.record))
