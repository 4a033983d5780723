"""Argilla 2: the settings and records of a dataset, and its records with the status of each response (tried with 2.8).

`dataset.records.to_json` leaves out whether a response was submitted, is a draft or was discarded, so that file is refused;
`dataset.records.to_list(flatten=True)`, saved as JSON, has it. Its page counts offsets in UTF-16 code units (Argilla issue 5729), while its server refuses spans that
end after the number of code points.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from labels.codebook import STANCES, Codebook
from labels.errors import DemarcheError, Problems
from labels.files import load_json
from labels.passages import Passage
from labels.tools.collected import Collected, Imported, Task
from labels.tools.marks import Mark, Names
from labels.tools.offsets import from_utf16, to_utf16
from labels.tools.records import Record, objects, read_records, span_in, texts
from labels.tools.work import (
    ORIGIN,
    Exported,
    Suggestion,
    Work,
    explain_stances,
    explain_topic,
    heading_of,
    json_text,
    write_folder,
)

TOOL = "argilla"
FILES = ("settings.json", "records.json")
TO_LIST = "json.dump(dataset.records.to_list(flatten=True), open('records.json', 'w'))"
_RESPONSES, _USERS, _STATUS = ".responses", ".responses.users", ".responses.status"
NONE = "none of the topics"
"""A choice of its own: Argilla does not keep that a response without any choice was submitted."""
_TOPICS, _SPANS, _STANCE, _HOLDER = "topics", "spans", "stance", "holder"


def question_names(codebook: Codebook) -> dict[str, tuple[str, str]]:
    """Return {question: (stance or holder, topic)}.

    A name in Argilla has only small Latin letters and digits; a topic with others is named by a digest of its id, since
    its place in the codebook may change.
    """
    return {f"{kind}_{_key(topic)}": (kind, topic) for topic in codebook.topic_ids for kind in (_STANCE, _HOLDER)}


def _key(topic: str) -> str:
    return topic if re.fullmatch(r"[a-z0-9_-]+", topic) else hashlib.sha256(topic.encode()).hexdigest()[:12]


def settings(codebook: Codebook) -> dict[str, Any]:
    """Return the settings of a dataset, as `argilla.Settings.from_json` reads them."""
    topics = {
        "type": "multi_label_selection",
        "options": _options([*codebook.topic_ids, NONE]),
        "options_order": "natural",
    }
    spans = {"type": "span", "field": "text", "allow_overlapping": True, "options": _options(Names(codebook).spans)}
    stances = {"type": "label_selection", "options": _options(STANCES)}
    typed = {"type": "text", "use_markdown": False}
    questions = [
        _question(_TOPICS, "Topics", topics, required=True),
        _question(_SPANS, "Evidence and holders", spans),
    ]
    for name, (kind, topic) in question_names(codebook).items():
        if kind == _STANCE:
            questions.append(_question(name, f"{topic}: stance", stances, explain_topic(codebook, topic)))
        else:
            about = "only if the text does not name the holder in these words"
            questions.append(_question(name, f"{topic}: holder", typed, about))
    meanings = "\n".join(f"- {stance}: {meaning}" for stance, meaning in explain_stances(codebook).items())
    return {
        "guidelines": f"Choose the topics of the text, and the stance toward each.\n\n{meanings}",
        "allow_extra_metadata": True,
        "distribution": {"strategy": "overlap", "min_submitted": 1},
        "fields": [
            {"name": name, "title": title, "required": name == "text", "settings": typed}
            for name, title in (("heading", "Title"), ("text", "Text"))
        ],
        "questions": questions,
        "vectors": [],
        "metadata": [],
    }


def _options(names: Sequence[str]) -> list[dict[str, str]]:
    return [{"value": name, "text": name} for name in names]


def _question(
    name: str, title: str, settings: Mapping[str, Any], description: str | None = None, *, required: bool = False
) -> dict[str, Any]:
    return {"name": name, "title": title, "description": description, "required": required, "settings": settings}


def export(
    folder: Path,
    codebook: Codebook,
    tasks: Sequence[Work],
    lost: Counter[str],
    *,
    users: Mapping[str, str] | None = None,
) -> Exported:
    """Write settings.json and records.json.

    Argilla takes responses of its own users alone: `users` are the ids of annotators there.
    """
    if NONE in codebook.topic_ids:
        raise DemarcheError(f"the codebook has a topic {NONE!r}, which means none of them in Argilla; rename it")
    _check_users(users or {})
    layout = _Layout(Names(codebook), {value: name for name, value in question_names(codebook).items()})
    rows, readings = [], 0
    for task in tasks:
        responses: dict[str, list[Any]] = defaultdict(list)
        for reading in task.readings:
            user = (users or {}).get(reading.annotation.annotator)
            if user is None:
                lost["readings of annotators that are no user of Argilla (--user NAME=ID)"] += 1
                continue
            readings += 1
            for question, value in layout.answers(reading.marks, task.passage.text, lost).items():
                responses[question].append({"value": value, "user_id": user})
        rows.append(
            {
                "id": task.passage.id,
                "fields": {"heading": heading_of(task.passage) or " ", "text": task.passage.text},
                "metadata": {ORIGIN: json.dumps(task.origin.plain(), ensure_ascii=False)},
                "suggestions": layout.suggestions(task.suggestion, task.passage.text) if task.suggestion else {},
                "responses": responses,
            }
        )
    files = write_folder(folder, dict(zip(FILES, (json_text(settings(codebook)), json_text(rows)), strict=True)))
    return Exported(files, len(tasks), readings, sum(task.suggestion is not None for task in tasks), +lost)


def _check_users(users: Mapping[str, str]) -> None:
    """Raise DemarcheError if two annotators are one user, who has one response to a record."""
    by_user: dict[str, str] = {}
    for annotator, user in users.items():
        if (first := by_user.setdefault(user, annotator)) != annotator:
            raise DemarcheError(f"--user: {first!r} and {annotator!r} are one user of Argilla; give each another ID")


class _Layout(NamedTuple):
    """The names of spans, and the question for each (stance or holder, topic)."""

    names: Names
    questions: Mapping[tuple[str, str], str]

    def answers(self, marks: Sequence[Mark], text: str, lost: Counter[str]) -> dict[str, Any]:
        """Return the value of each question that marks answer, and count in `lost` the spans that the server refuses."""
        values: dict[str, Any] = {_TOPICS: [mark.topic for mark in marks if mark.kind == "topic"] or [NONE]}
        for mark in marks:
            if mark.kind in (_STANCE, _HOLDER):
                values[self.questions[mark.kind, mark.topic]] = mark.value
        spans = []
        for start, end, name in self.names.spans_of([mark for mark in marks if mark.kind == "evidence"], text, lost):
            first, last = to_utf16(text, (start, end))
            if last > len(text):
                lost["spans at the end of a text with emoji"] += 1
            else:
                spans.append({"start": first, "end": last, "label": name})
        return values | ({_SPANS: spans} if spans else {})

    def suggestions(self, suggestion: Suggestion, text: str) -> dict[str, Any]:
        """Return what a model says, with its probabilities as scores."""
        made: dict[str, Any] = {
            question: {"value": value, "agent": suggestion.model}
            for question, value in self.answers(suggestion.marks, text, Counter()).items()
        }
        if suggestion.topics and None not in (scores := [each.probability for each in suggestion.topics]):
            made[_TOPICS]["score"] = scores
        for each in suggestion.topics:
            if each.stance is not None:
                made[self.questions[_STANCE, each.topic]]["score"] = each.stance_probability
        return made


def read(
    path: Path,
    codebook: Codebook,
    *,
    known: Mapping[str, Passage] | None = None,
    names: Mapping[str, str] | None = None,
) -> Imported:
    """Read records with the status of their responses. Raises BadInput with every mistake in the file.

    A submitted response is a reading; drafts and discarded responses are not. `names` are what annotators are called
    here, by the ids of their users.
    """
    problems = Problems()
    collected = Collected(path, TOOL, codebook, problems, known, names or {})
    names_of_spans = Names(codebook)
    is_nested = False
    for record in read_records(path, TOOL, problems):
        if isinstance(record.value.get("fields"), dict):
            if not is_nested:
                what = "without the status of responses; save the records with"
                problems.add(path, record.line, f"{record.place}{what} `{TO_LIST}`")
            is_nested = True
            continue
        task = collected.task(record, record.value.get("text"), _origin(record))
        if task is None:
            continue
        try:
            _read_record(task, names_of_spans, collected)
        except DemarcheError as error:
            collected.problem(task, error)
    return collected.imported()


def _origin(record: Record) -> Any:
    """Return the origin, which is text in Argilla; text that is no JSON stays text, which is none."""
    value = record.value.get(ORIGIN)
    try:
        return load_json(value) if isinstance(value, str) else value
    except DemarcheError:
        return value


def _read_record(task: Task, names: Names, collected: Collected) -> None:
    by_user: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    statuses: dict[str, str | None] = {}
    for question, user, status, value in _responses(task.record):
        statuses[user] = status
        by_user[user].append((question, value))
    for user, answers in by_user.items():
        if (status := statuses[user]) in ("draft", "discarded"):
            collected.left_out["drafts" if status == "draft" else "discarded responses"] += 1
            continue
        marks = [mark for answer in answers for mark in _marks(*answer, task.passage.text, names, collected)]
        collected.reading(task, user, marks)


def _responses(record: Record) -> Iterator[tuple[str, str, str | None, Any]]:
    """Yield (question, user, status, value) of each response."""
    for column, users in record.value.items():
        if not column.endswith(_USERS) or users is None:
            continue
        question = column.removesuffix(_USERS)
        columns: list[Any] = [record.value.get(f"{question}{suffix}") for suffix in (_USERS, _STATUS, _RESPONSES)]
        if not all(isinstance(each, list) and len(each) == len(users) for each in columns):
            raise DemarcheError(f"question {question!r:.200} has not a user, a status and a value for each response")
        if not all(users):
            raise DemarcheError(f"question {question!r:.200} has a response without a user; write who made it")
        yield from ((question, str(user), status, value) for user, status, value in zip(*columns, strict=True))


def _marks(question: str, value: Any, text: str, names: Names, collected: Collected) -> Iterator[Mark]:
    if question == _TOPICS:
        chosen = texts(value, "topics")
        if NONE in chosen and len(chosen) > 1:
            raise DemarcheError(f"has {NONE!r} beside {chosen[0 if chosen[0] != NONE else 1]!r}; keep one")
        for topic in chosen:
            if topic != NONE:
                yield from names.marks_of_topic(topic)
    elif question == _SPANS:
        for span in objects(value, "spans"):
            place = from_utf16(text, span_in(span))
            yield names.mark_of_span(str(span.get("label")), place, text)
    else:
        kind, topic = question_names(collected.codebook).get(question, ("", ""))
        if kind not in (_STANCE, _HOLDER):
            raise DemarcheError(
                f"has the question {question!r:.200}, which settings.json has not; use the dataset made with it"
            )
        if kind == _STANCE and value not in STANCES:
            raise DemarcheError(f"stance {value!r:.200} is not one of {', '.join(STANCES)}")
        if str(value).strip():
            yield Mark(topic, "stance" if kind == _STANCE else "holder", str(value).strip())
