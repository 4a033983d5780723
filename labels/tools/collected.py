"""Collect the passages and readings of a tool's export, and every mistake in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from labels.codebook import Codebook, fits
from labels.errors import DemarcheError, Problem, Problems, explain
from labels.passages import Annotation, Passage
from labels.tools.marks import Mark, labels_of
from labels.tools.records import NAMES, Record
from labels.tools.work import ORIGIN, Origin


class Imported(NamedTuple):
    """What an export holds. `left_out` counts, by kind, what was not imported; `unread` passages have no reading."""

    passages: Sequence[Passage]
    annotations: Sequence[Annotation]
    left_out: Mapping[str, int]
    notes: Sequence[Problem]

    @property
    def unread(self) -> int:
        read = {annotation.passage for annotation in self.annotations}
        return sum(passage.id not in read for passage in self.passages)


class Task(NamedTuple):
    """A record with its passage."""

    record: Record
    passage: Passage
    origin: Origin


def _codebook_of(annotator: str, origin: Origin) -> str:
    """Return the codebook of the reading that went along with the task, or else that of the project."""
    return next((each.codebook for each in origin.readings if each.annotator == annotator), origin.codebook)


@dataclass
class Collected:
    """The passages and readings so far.

    `known` are the passages that were exported, if the user names them; their texts must be the same. `names` are what
    annotators are called here, by their names in the tool.
    """

    path: Path
    tool: str
    codebook: Codebook
    problems: Problems
    known: Mapping[str, Passage] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    _passages: dict[str, Passage] = field(default_factory=dict)
    _readings: dict[tuple[str, str], tuple[str, Annotation]] = field(default_factory=dict)
    _annotators: set[str] = field(default_factory=set)
    _strangers: int = 0
    _of_other_codebooks: set[str] = field(default_factory=set)

    def task(self, record: Record, text: Any, origin: Any) -> Task | None:
        """Return the record with its passage, or None after a problem."""
        if origin is None:
            self._strangers += 1
            if self._strangers == 1:
                self._add(
                    record,
                    f"without the field {ORIGIN!r}: a task that was not made by `demarche labels export {self.tool}`; "
                    f"import the {NAMES[self.tool]} project that was made from PASSAGES, or export the labels as a table "
                    "for `demarche labels import table`",
                )
            return None
        try:
            read = Origin.model_validate(origin)
            passage = Passage.model_validate({**read.passage, "text": text})
        except ValidationError as error:
            for what in explain(error):
                self._add(record, what)
            return None
        if not self._check_codebook(record, read.codebook) or not self._check_passage(record, passage):
            return None
        return Task(record, passage, read)

    def _check_codebook(self, record: Record, reference: str) -> bool:
        fit = fits(reference, self.codebook)
        if fit != "same" and reference not in self._of_other_codebooks:
            self._of_other_codebooks.add(reference)
            if fit == "older":
                self.problems.note(
                    self.path, record.line, f"labelled with {reference}, read with {self.codebook.reference}"
                )
            else:
                self._add(
                    record,
                    f"of a project with codebook {reference}, not {self.codebook.reference}; "
                    "give the codebook that it was made with, or export the project that belongs to this one",
                )
        return fit != "other"

    def _check_passage(self, record: Record, passage: Passage) -> bool:
        first = self._passages.setdefault(passage.id, passage)
        if first.text != passage.text:
            self._add(record, f"passage {passage.id!r:.200} has another text than in an earlier record; keep one")
            return False
        if self.known is None:
            return True
        if passage.id not in self.known:
            self._add(record, f"passage {passage.id!r:.200} is not in the file of --passages")
            return False
        if self.known[passage.id].text != passage.text:
            self._add(record, f"passage {passage.id!r:.200} has another text than in the file of --passages")
            return False
        return True

    def reading(
        self, task: Task, annotator: str, marks: Iterable[Mark], *, codebook: str | None = None, when: str = ""
    ) -> None:
        """Add what an annotator marked; a later reading (`when`, or else in the file) replaces an earlier one.

        `codebook` is that of the reading, if the record says it.
        """
        self._annotators.add(annotator)
        annotator = self.names.get(annotator, annotator)
        try:
            annotation = Annotation(
                passage=task.passage.id,
                annotator=annotator,
                codebook=codebook or _codebook_of(annotator, task.origin),
                labels=labels_of(marks, self.left_out),
            )
        except DemarcheError as error:
            self._add(task.record, f"{annotator} {error}")
            return
        except ValidationError as error:
            for what in explain(error):
                self._add(task.record, what)
            return
        key = (annotation.passage, annotation.annotator)
        if key in self._readings:
            self.left_out["earlier readings by the same annotator"] += 1
            if when < self._readings[key][0]:
                return
        self._readings[key] = (when, annotation)

    def problem(self, task: Task, what: object) -> None:
        self._add(task.record, str(what))

    def _add(self, record: Record, what: str) -> None:
        self.problems.add(self.path, record.line, f"{record.place}{what}")

    def imported(self) -> Imported:
        """Return all of it. Raises BadInput with every mistake in the file."""
        if self._strangers > 1:
            more = self._strangers - 1
            self.problems.add(self.path, None, f"{more} more without the field {ORIGIN!r}")
        if not self._passages and not len(self.problems):
            self.problems.add(self.path, None, f"contains no tasks; export them from {NAMES[self.tool]} again")
        self.problems.raise_any()
        unused = [name for name in self.names if name not in self._annotators]
        if unused:
            raise DemarcheError(
                f"{self.path}: has no reading by {unused[0]!r}; there are {', '.join(sorted(self._annotators)) or 'none'}"
            )
        annotations = [annotation for _, annotation in self._readings.values()]
        left_out = {kind: count for kind, count in self.left_out.items() if count}
        return Imported(list(self._passages.values()), annotations, left_out, self.problems.notes)
