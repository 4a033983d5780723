"""The state of a page: who reads which passages, what was read, and what may be taken back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import ValidationError

from labels.annotate.journal import Action, Journal
from labels.check import check_codebook, check_spans
from labels.codebook import Codebook, fits
from labels.errors import DemarcheError, Problems, explain
from labels.files import Frozen, check_jsonl_output, read_jsonl, write_jsonl
from labels.passages import Annotation, Label, Passage


class Stale(DemarcheError):
    """A reading was made on a page that does not show the present one."""


class NotWritten(DemarcheError):
    """An action on a passage is in the journal, but the annotations could not be written."""

    def __init__(self, passage: str, what: str):
        super().__init__(what)
        self.passage = passage


class Reading(Frozen):
    """What a page sends of a passage: its labels, or None if it is unread again."""

    passage: str
    labels: tuple[Label, ...] | None = None
    doubt: bool = False
    note: str | None = None


class Readings:
    """What holds after some actions."""

    def __init__(self, actions: Iterable[Action] = ()):
        self.done: list[Action] = []
        """The actions that were not taken back."""
        self.revisions: Counter[str] = Counter()
        for action in actions:
            self.apply(action)

    def apply(self, action: Action) -> None:
        if action.what == "suggestion":
            return
        self.revisions[action.passage] += 1
        if action.what != "undo":
            self.done.append(action)
        elif self.done:
            self.done.pop()

    def annotations(self) -> dict[str, Annotation]:
        """Return the annotation of each passage that is read, by its id, in the order in which they were made."""
        annotations: dict[str, Annotation] = {}
        for action in self.done:
            annotations.pop(action.passage, None)
            if action.reading is not None:
                annotations[action.passage] = action.reading
        return annotations


class Session:
    """An annotator's readings of passages, in the file `out` and a journal beside it.

    Each action is written to the journal, then `out` is written anew: it always holds the present annotations. `shown` are
    the passages of the page. Raises DemarcheError if another process has the file, or if it holds annotations that are
    somebody else's, or that do not fit the codebook and the passages.
    """

    def __init__(self, codebook: Codebook, passages: Sequence[Passage], annotator: str, out: Path):
        check_jsonl_output(out)
        self.codebook, self.annotator, self.out = codebook, annotator, out
        self.shown = list(passages)
        out.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(out.with_name(out.name + ".lock"))
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise DemarcheError(
                f"{out}: another page is open on this file; stop it (Ctrl-C in its terminal), or name another --out"
            ) from None
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def show(self, passages: Sequence[Passage]) -> None:
        """Show only these passages."""
        self.shown = list(passages)

    def passage(self, id: str) -> Passage | None:
        """Return the passage with this id if it is shown."""
        return next((passage for passage in self.shown if passage.id == id), None)

    def count_read(self) -> int:
        """Return the number of passages shown that are read."""
        return len({passage.id for passage in self.shown} & self.annotations().keys())

    def close(self) -> None:
        """Let another process open the file."""
        self._lock.release()

    def _open(self) -> None:
        present = self._read_out() if self.out.exists() else None
        self._journal = journal = Journal(self.out.with_name(self.out.name + ".journal"))
        if not journal.path.exists():
            journal.begin(map(Action.read, (present or {}).values()))
        self._readings = Readings(journal.actions)
        self._check(journal.path, [(None, annotation) for annotation in self.annotations().values()])
        # An empty file is what a power cut may leave of one that was being written.
        if present and present != self.annotations() and not _was(present, journal.actions):
            raise DemarcheError(
                f"{self.out}: has other annotations than {journal.path.name}, the journal beside it; to go on with "
                f"the annotations as they are, remove the journal, and to go back to the journal, remove {self.out.name}"
            )
        write_jsonl(self.out, self.annotations().values())

    def _read_out(self) -> dict[str, Annotation]:
        problems = Problems()
        annotations = list(read_jsonl(self.out, Annotation, problems))
        problems.raise_any()
        self._check(self.out, annotations)
        return {annotation.passage: annotation for _, annotation in annotations}

    def _check(self, path: Path, annotations: Sequence[tuple[int | None, Annotation]]) -> None:
        """Raise BadInput if the annotations are not by this annotator, or do not fit the codebook and the passages."""
        problems = Problems()
        known = {passage.id: passage for passage in self.shown}
        seen: set[str] = set()
        for line, annotation in annotations:
            if annotation.annotator != self.annotator:
                problems.add(path, line, f"by {annotation.annotator!r}, not by {self.annotator!r}; name another --out")
            if annotation.passage in seen:
                problems.add(path, line, f"a second reading of passage {annotation.passage!r}; keep one")
            seen.add(annotation.passage)
            if fits(annotation.codebook, self.codebook) == "other":
                what = f"made with {annotation.codebook}, not with {self.codebook.reference}; carry it over with "
                problems.add(path, line, what + "`demarche labels migrate`, or name another --out")
                continue
            check_codebook(path, line, annotation, self.codebook, problems)
            if annotation.passage in known:
                check_spans(path, line, annotation, known[annotation.passage], problems)
        problems.raise_any()

    def annotations(self) -> dict[str, Annotation]:
        """Return the present annotation of each passage that was read, by its id."""
        return self._readings.annotations()

    def revision(self, passage: str) -> int:
        """Return the number of actions on a passage so far: a page that knows another number is out of date."""
        return self._readings.revisions[passage]

    def read(self, reading: Reading, *, revision: int) -> None:
        """Keep a reading. Raises Stale, NotWritten, or DemarcheError for what no annotation may be."""
        action = self._action(reading)
        if revision != self.revision(reading.passage):
            raise Stale(f"passage {reading.passage!r} was changed on another page meanwhile; look at it again")
        self._keep(action)

    def undo(self) -> str | None:
        """Take the last action back, and return its passage, or None if the page does not show any that was changed.

        Raises NotWritten.
        """
        # What is not shown was changed on an earlier page, and nobody would see that it changes.
        done = self._readings.done
        if not done or self.passage(passage := done[-1].passage) is None:
            return None
        self._keep(Action(what="undo", passage=passage))
        return passage

    def show_suggestion(self, passage: str) -> None:
        """Keep that the annotator sees what a model says of a passage."""
        action = Action(what="suggestion", passage=passage)
        self._journal.append(action)
        self._readings.apply(action)

    def _keep(self, action: Action) -> None:
        self._journal.append(action)
        self._readings.apply(action)
        try:
            write_jsonl(self.out, self.annotations().values())
        except DemarcheError as error:
            raise NotWritten(action.passage, f"saved in {self._journal.path.name} alone: {error}") from error

    def _action(self, reading: Reading) -> Action:
        if (passage := self.passage(reading.passage)) is None:
            raise DemarcheError(f"no passage {reading.passage!r} on this page")
        if reading.labels is None:
            return Action(what="unread", passage=passage.id)
        try:
            annotation = Annotation(
                passage=passage.id,
                annotator=self.annotator,
                codebook=self.codebook.reference,
                labels=reading.labels,
                doubt=reading.doubt,
                note=reading.note,
            )
        except ValidationError as error:
            raise DemarcheError("; ".join(explain(error))) from None
        problems = Problems()
        check_codebook(self.out, None, annotation, self.codebook, problems)
        check_spans(self.out, None, annotation, passage, problems)
        if len(problems):
            raise DemarcheError("; ".join(problem.what for problem in problems))
        return Action.read(annotation)


def _was(annotations: dict[str, Annotation], actions: Iterable[Action]) -> bool:
    """Return whether these were the annotations before the last actions: a kill or a full disk left them so."""
    readings = Readings()
    for action in actions:
        readings.apply(action)
        if readings.annotations() == annotations:
            return True
    return False
