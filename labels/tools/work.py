"""What a tool is given to do: passages, the readings that they have, and what a model says of them."""

from __future__ import annotations

import contextlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from labels.codebook import STANCES, Codebook, Name, Stance
from labels.errors import DemarcheError
from labels.files import Frozen, atomic_write, check_output
from labels.passages import Annotation, Passage
from labels.tools.marks import Mark, marks_of

ORIGIN = "demarche"
"""The field of a task with its `Origin`."""


class SuggestedTopic(NamedTuple):
    """A topic that a model finds in a passage, and its stance, with calibrated probabilities."""

    topic: str
    probability: float | None
    stance: Stance | None
    stance_probability: float | None


class Suggestion(NamedTuple):
    """What a model says of a passage; without topics, it finds none of them."""

    model: str
    topics: tuple[SuggestedTopic, ...] = ()

    @property
    def score(self) -> float | None:
        """The least of the probabilities, so that the passages that the model is least sure of sort first."""
        known = [p for each in self.topics for p in (each.probability, each.stance_probability) if p is not None]
        return min(known, default=None)

    @property
    def marks(self) -> list[Mark]:
        marks = []
        for each in self.topics:
            marks.append(Mark(each.topic, "topic"))
            if each.stance is not None:
                marks.append(Mark(each.topic, "stance", each.stance))
        return marks


class ReadingOrigin(Frozen):
    """Who made a reading that goes along with its passage, and with which codebook."""

    annotator: Name
    codebook: str


class Origin(Frozen):
    """Where a task comes from, which it carries through the tool: enough to make its passage and annotations again."""

    codebook: Annotated[str, Field(pattern=r"^[^\s@]+@\d+\.\d+\.\d+$")]
    passage: Mapping[str, Any]
    readings: tuple[ReadingOrigin, ...] = ()

    def plain(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude_defaults=True)


class Reading(NamedTuple):
    annotation: Annotation
    marks: Sequence[Mark]


class Work(NamedTuple):
    """A passage with the readings that it has, and perhaps what a model says of it."""

    passage: Passage
    origin: Origin
    readings: Sequence[Reading]
    suggestion: Suggestion | None


class Exported(NamedTuple):
    """The files that were written, and the numbers of tasks, readings, suggestions and, by kind, of what is lost."""

    files: Sequence[Path]
    tasks: int
    readings: int
    suggestions: int
    lost: Mapping[str, int]


def prepare(
    codebook: Codebook,
    passages: Sequence[Passage],
    annotations: Iterable[Annotation],
    suggestions: Mapping[str, Suggestion],
    lost: Counter[str],
) -> list[Work]:
    """Return a task for each passage, and count in `lost` what no tool is given.

    Raises DemarcheError for a codebook without topics, of which there is nothing to choose.
    """
    if not codebook.topics:
        raise DemarcheError(f"codebook {codebook.reference} has no topics to choose from; add them")
    by_passage: dict[str, list[Annotation]] = defaultdict(list)
    for annotation in annotations:
        by_passage[annotation.passage].append(annotation)
    tasks = []
    for passage in passages:
        readings = []
        for annotation in by_passage[passage.id]:
            marks = marks_of(annotation, lost)
            if marks is None:
                lost["readings of targets alone"] += 1
            else:
                readings.append(Reading(annotation, marks))
        origin = Origin(
            codebook=codebook.reference,
            passage=passage.model_dump(mode="json", exclude={"text"}, exclude_defaults=True),
            readings=tuple(
                ReadingOrigin(annotator=each.annotation.annotator, codebook=each.annotation.codebook)
                for each in readings
            ),
        )
        tasks.append(Work(passage, origin, readings, suggestions.get(passage.id)))
    return tasks


def heading_of(passage: Passage) -> str:
    """Return what an annotator may see beside the text: title, date and source."""
    return " · ".join(part for part in (passage.title, passage.published, passage.source) if part)


def explain_topic(codebook: Codebook, topic: str) -> str:
    """Return the definition of a topic and the target of its stance, on one line."""
    found = codebook.topic(topic)
    return f"{found.description}. Target: {found.proposition}"


def explain_stances(codebook: Codebook) -> dict[Stance, str]:
    return {stance: codebook.stances.get(stance, stance) for stance in STANCES}


def check_folder(folder: Path, names: Iterable[str], *, inputs: Iterable[Path]) -> None:
    """Raise DemarcheError, before any work is done, if the files cannot be written into the folder."""
    inputs = list(inputs)
    for name in names:
        check_output(folder / name, inputs=inputs)


def write_folder(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Write all the files into the folder, or none."""
    with contextlib.ExitStack() as stack:
        for name, text in files.items():
            part = stack.enter_context(atomic_write(folder / name))
            part.write_text(text, encoding="utf-8", newline="\n")
    return [folder / name for name in files]


def json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def json_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
