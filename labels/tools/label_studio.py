"""Label Studio: the configuration of a project, its tasks, and its JSON export (tried with 1.23).

The topics are one choice. For each topic that is chosen, a block appears with its stance, its evidence and its holder,
which is marked in the text or typed.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from labels.codebook import STANCES, Codebook, Stance
from labels.errors import DemarcheError, Problems, suggest_value
from labels.passages import Passage
from labels.tools.collected import Collected, Imported, Task
from labels.tools.marks import SPAN_KINDS, Mark, span_mark
from labels.tools.records import objects, read_records, span_in, texts
from labels.tools.work import (
    ORIGIN,
    Exported,
    ReadingOrigin,
    Suggestion,
    Work,
    explain_stances,
    heading_of,
    json_text,
    write_folder,
)

TOOL = "label-studio"
FILES = ("config.xml", "tasks.json")
_TEXT, _TOPICS = "text", "topics"
_FIRST_ID = 10**12
"""The id of the first reading of a task, larger than any that Label Studio gives itself."""
_STANCE, _SPANS, _HOLDER = "stance", "spans", "holder"


class Controls(NamedTuple):
    """What the parts of the configuration are called that belong to each topic.

    Label Studio separates the values of a condition by commas, so a topic's name has none.
    """

    names: Mapping[str, str]

    @classmethod
    def of(cls, codebook: Codebook) -> Controls:
        names = {topic: topic.replace(",", ";").strip() for topic in codebook.topic_ids}
        repeated = [name for name, count in Counter(names.values()).items() if count > 1]
        if repeated:
            raise DemarcheError(f"two topics are called {repeated[0]!r} in Label Studio; rename one")
        return cls(names)

    def topic_of(self, name: str, codebook: Codebook) -> str:
        """Return the topic with this name in Label Studio. Raises DemarcheError if there is none."""
        for topic, known in self.names.items():
            if known == name:
                return topic
        known_names = self.names.values()
        raise DemarcheError(
            f"topic {name!r:.200} is not in codebook {codebook.reference}{suggest_value(name, known_names)}"
        )


def configuration(codebook: Codebook) -> str:
    """Return the labelling configuration of a project in XML."""
    controls = Controls.of(codebook)
    view = ET.Element("View")
    ET.SubElement(view, "Header", value="$heading", size="5")
    ET.SubElement(view, "Text", name=_TEXT, value="$text", granularity="word")
    choice = ET.SubElement(view, "Choices", name=_TOPICS, toName=_TEXT, choice="multiple", showInline="true")
    for topic in codebook.topics:
        ET.SubElement(choice, "Choice", value=controls.names[topic.id], hint=topic.description)
    for topic in codebook.topics:
        _add_block(view, controls.names[topic.id], topic.proposition, explain_stances(codebook))
    ET.indent(view)
    return ET.tostring(view, encoding="unicode") + "\n"


def controls_in(configuration: str) -> set[str]:
    """Return the names of the controls in a configuration. Raises DemarcheError if it is not XML."""
    try:
        root = ET.fromstring(configuration)
    except ET.ParseError as error:
        raise DemarcheError(f"the configuration of the project is not XML: {error}") from None
    return {name for element in root.iter() if (name := element.get("name")) and element.get("toName")}


def _add_block(view: ET.Element, name: str, proposition: str, stances: Mapping[Stance, str]) -> None:
    """Add what is asked of a topic that is chosen."""
    block = ET.SubElement(view, "View", visibleWhen="choice-selected", whenTagName=_TOPICS, whenChoiceValue=name)
    ET.SubElement(block, "Header", value=f"{name}: stance toward {' '.join(proposition.split())}", size="5")
    stance = ET.SubElement(
        block, "Choices", name=f"{_STANCE} {name}", toName=_TEXT, choice="single-radio", showInline="true"
    )
    for value, meaning in stances.items():
        ET.SubElement(stance, "Choice", value=value, hint=meaning)
    spans = ET.SubElement(block, "Labels", name=f"{_SPANS} {name}", toName=_TEXT)
    for kind in SPAN_KINDS:
        ET.SubElement(spans, "Label", value=f"{kind}: {name}", background=_COLOURS[kind])
    ET.SubElement(
        block, "TextArea", name=f"{_HOLDER} {name}", toName=_TEXT, maxSubmissions="1", editable="true",
        placeholder="holder, if the text does not name it in these words",
    )  # fmt: skip


_COLOURS = {"evidence": "#2a7f62", "holder": "#8a4fbf"}


def export(folder: Path, codebook: Codebook, tasks: Sequence[Work], lost: Counter[str]) -> Exported:
    """Write config.xml and tasks.json: a task for each passage, with its readings and a prediction."""
    controls = Controls.of(codebook)
    rows = [_task(task, controls) for task in tasks]
    files = write_folder(folder, dict(zip(FILES, (configuration(codebook), json_text(rows)), strict=True)))
    readings = sum(len(task.readings) for task in tasks)
    return Exported(files, len(tasks), readings, sum(task.suggestion is not None for task in tasks), +lost)


def _task(task: Work, controls: Controls) -> dict[str, Any]:
    text = task.passage.text
    row: dict[str, Any] = {
        "data": {"text": text, "heading": heading_of(task.passage) or " ", ORIGIN: task.origin.plain()}
    }
    if task.readings:
        # Label Studio keeps this id as `import_id`; with it, an import finds who made the reading.
        row["annotations"] = [
            {"id": number, "ground_truth": False, "result": results(reading.marks, text, controls)}
            for number, reading in enumerate(task.readings, start=_FIRST_ID)
        ]
    if task.suggestion is not None:
        row["predictions"] = [prediction(task.suggestion, text, controls)]
    return row


def prediction(suggestion: Suggestion, text: str, controls: Controls) -> dict[str, Any]:
    """Return what a model says of a passage, as Label Studio's prediction."""
    made: dict[str, Any] = {"model_version": suggestion.model, "result": results(suggestion.marks, text, controls)}
    for each in suggestion.topics:
        for result in made["result"]:
            if result["from_name"] == f"{_STANCE} {controls.names[each.topic]}" and each.stance_probability is not None:
                result["score"] = each.stance_probability
    return made | ({} if suggestion.score is None else {"score": suggestion.score})


def results(marks: Sequence[Mark], text: str, controls: Controls) -> list[dict[str, Any]]:
    """Return the results of an annotation with these marks."""
    topics = [controls.names[mark.topic] for mark in marks if mark.kind == "topic"]
    made = [_result(_TOPICS, "choices", {"choices": topics})] if topics else []
    for mark in marks:
        name = controls.names[mark.topic]
        if mark.kind == "stance":
            made.append(_result(f"{_STANCE} {name}", "choices", {"choices": [mark.value]}))
        elif mark.kind == "holder":
            made.append(_result(f"{_HOLDER} {name}", "textarea", {"text": [mark.value]}))
        elif mark.span is not None:
            start, end = mark.span
            value = {"start": start, "end": end, "text": text[start:end], "labels": [f"evidence: {name}"]}
            made.append(_result(f"{_SPANS} {name}", "labels", value))
    return [{"id": f"d{number}"} | each for number, each in enumerate(made)]


def _result(name: str, type: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"from_name": name, "to_name": _TEXT, "type": type, "value": value}


def read(
    path: Path,
    codebook: Codebook,
    *,
    known: Mapping[str, Passage] | None = None,
    names: Mapping[str, str] | None = None,
) -> Imported:
    """Read a JSON export. Raises BadInput with every mistake in it.

    Annotators have the names that `names` gives to their e-mail address or number in Label Studio.
    """
    problems = Problems()
    controls = Controls.of(codebook)
    collected = Collected(path, TOOL, codebook, problems, known, names or {})
    for record in read_records(path, TOOL, problems):
        data = record.value.get("data")
        data = data if isinstance(data, dict) else {}
        task = collected.task(record, data.get("text"), data.get(ORIGIN))
        if task is not None:
            try:
                for annotation in objects(record.value.get("annotations"), "annotations"):
                    _read_annotation(annotation, task, controls, collected)
            except DemarcheError as error:
                collected.problem(task, error)
    return collected.imported()


def _read_annotation(annotation: Mapping[str, Any], task: Task, controls: Controls, collected: Collected) -> None:
    if annotation.get("was_cancelled"):
        collected.left_out["skipped readings"] += 1
        return
    marks: list[Mark] = []
    for result in objects(annotation.get("result"), "result"):
        marks += _marks(result, task.passage.text, controls, collected)
    made = _made_before(annotation, task)
    # Whoever changed a reading that was imported has made it anew.
    user = annotation.get("updated_by") if _is_imported(annotation, task) else annotation.get("completed_by")
    annotator = made.annotator if made else _name(user)
    if annotator is None:
        number = task.record.value.get("id")
        raise DemarcheError(f"task {number!r:.80}: a reading has no annotator; write who made it as its `completed_by`")
    collected.reading(
        task,
        annotator,
        marks,
        codebook=made.codebook if made else task.origin.codebook,
        when=str(annotation.get("updated_at") or ""),
    )


def _is_imported(annotation: Mapping[str, Any], task: Task) -> bool:
    """Return whether the reading went along with the task."""
    number = annotation.get("import_id")
    return isinstance(number, int) and _FIRST_ID <= number < _FIRST_ID + len(task.origin.readings)


def _made_before(annotation: Mapping[str, Any], task: Task) -> ReadingOrigin | None:
    """Return who made the reading, if it went along with the task and was not changed."""
    if not _is_imported(annotation, task) or annotation.get("updated_by") is not None:
        return None
    return task.origin.readings[int(annotation["import_id"]) - _FIRST_ID]


def _name(user: Any) -> str | None:
    """Return the e-mail address of a user, if the export has it, or else the number, or None if it has neither."""
    if isinstance(user, dict):
        user = user.get("email") or user.get("id")
    return None if user is None else str(user)


def _marks(result: Mapping[str, Any], text: str, controls: Controls, collected: Collected) -> Iterator[Mark]:
    """Yield the marks of one result. Raises DemarcheError for one that the configuration does not have."""
    value = result.get("value")
    if not isinstance(value, dict):
        raise DemarcheError("a result has no value")
    control = str(result.get("from_name"))
    if control == _TOPICS:
        for name in texts(value.get("choices"), "choices"):
            yield Mark(controls.topic_of(name, collected.codebook), "topic")
        return
    kind, _, name = control.partition(" ")
    if kind not in (_STANCE, _SPANS, _HOLDER):
        raise DemarcheError(
            f"has the control {control!r:.200}, which config.xml has not; export the project that was made with it"
        )
    topic = controls.topic_of(name, collected.codebook)
    match kind:
        case "stance":
            for stance in texts(value.get("choices"), "choices"):
                if stance not in STANCES:
                    raise DemarcheError(f"stance {stance!r:.200} is not one of {', '.join(STANCES)}")
                yield Mark(topic, "stance", stance)
        case "holder":
            for holder in texts(value.get("text"), "text"):
                if holder.strip():
                    yield Mark(topic, "holder", holder.strip())
        case _:
            yield from _span_marks(value, topic, text)


def _letters(words: str) -> str:
    """Return the words without white space, which Label Studio does not always keep, or writes as a backslash and n."""
    return "".join(words.replace("\\n", " ").split())


def _span_marks(value: Mapping[str, Any], topic: str, text: str) -> Iterator[Mark]:
    span = span_in(value)
    for label in texts(value.get("labels"), "labels"):
        kind = next((each for each in SPAN_KINDS if label.startswith(f"{each}: ")), None)
        if kind is None:
            raise DemarcheError(f"has the label {label!r:.200}, which config.xml has not")
        mark = span_mark(kind, topic, span, text)
        words = value.get("text")
        if isinstance(words, str) and _letters(words) != _letters(text[slice(*span)]):
            raise DemarcheError(f"{label!r:.200} is at {list(span)}, where the passage does not read {words!r:.80}")
        yield mark
