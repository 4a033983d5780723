"""The state of a page: who reads which passages, what was read, and what may be taken back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import ValidationError

from labels.annotate.journal import Action, Journal
from labels.codebook import Codebook, fits
from labels.errors import DemarcheError, Problems, explain, suggest
from labels.files import check_jsonl_output, read_jsonl, write_jsonl
from labels.passages import Annotation, Passage


class Stale(DemarcheError):
    """A reading was made on a page that does not show the present one."""


class Session:
    """An annotator's readings of passages, in the file `out` and a journal beside it.

    Each action is written to the journal, then `out` is written anew: it always holds the present annotations. `shown` are
    the passages of the page. Raises
    DemarcheError if another process has the file, if it holds somebody else's annotations, or those of another codebook.
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
        journal = Journal(self.out.with_name(self.out.name + ".journal"))
        self._journal = journal
        self._done: list[Action] = []
        self._revisions: Counter[str] = Counter()
        earlier: dict[str, Annotation] = {}
        for action in journal.actions:
            if action is journal.actions[-1]:
                earlier = self.annotations()
            self._apply(action)
        present = self._read_out() if self.out.exists() else None
        if journal.path.exists():
            # After a kill between the two, the last action is in the journal alone.
            if present is not None and present not in (self.annotations(), earlier):
                raise DemarcheError(
                    f"{self.out}: has other annotations than {journal.path.name}, the journal beside it; to go on with "
                    "the annotations as they are, remove the journal"
                )
        else:
            journal.begin(map(Action.of, (present or {}).values()))
            for action in journal.actions:
                self._apply(action)
        write_jsonl(self.out, self.annotations().values())

    def _read_out(self) -> dict[str, Annotation]:
        problems = Problems()
        annotations: dict[str, Annotation] = {}
        for line, annotation in read_jsonl(self.out, Annotation, problems):
            if annotation.annotator != self.annotator:
                problems.add(
                    self.out, line, f"by {annotation.annotator!r}, not by {self.annotator!r}; name another --out"
                )
            if fits(annotation.codebook, self.codebook) == "other":
                problems.add(
                    self.out, line, f"made with {annotation.codebook}, not with {self.codebook.reference}; "
                    "carry it over with `demarche labels migrate`, or name another --out",
                )  # fmt: skip
            annotations[annotation.passage] = annotation
        problems.raise_any()
        return annotations

    def annotations(self) -> dict[str, Annotation]:
        """Return the present annotation of each passage that was read, by its id, in the order in which they were made."""
        readings: dict[str, Annotation] = {}
        for action in self._done:
            readings.pop(action.passage, None)
            if (annotation := action.annotation(self.annotator, self.codebook.reference)) is not None:
                readings[action.passage] = annotation
        return readings

    def revision(self, passage: str) -> int:
        """Return the number of actions on a passage so far: a page that knows another number is out of date."""
        return self._revisions[passage]

    def read(self, action: Action, *, revision: int) -> None:
        """Keep a reading. Raises Stale, or DemarcheError for what no annotation may be."""
        self._check(action)
        if revision != self.revision(action.passage):
            raise Stale(f"passage {action.passage!r} was changed on another page meanwhile; look at it again")
        self._keep(action)

    def undo(self) -> str | None:
        """Take the last action back, and return its passage, or None if there is none."""
        if not self._done:
            return None
        passage = self._done[-1].passage
        self._keep(Action(passage=passage, undo=True))
        return passage

    def _keep(self, action: Action) -> None:
        self._journal.append(action)
        self._apply(action)
        write_jsonl(self.out, self.annotations().values())

    def _apply(self, action: Action) -> None:
        self._revisions[action.passage] += 1
        if not action.undo:
            self._done.append(action)
        elif self._done:
            self._done.pop()

    def _check(self, action: Action) -> None:
        if (passage := self.passage(action.passage)) is None:
            raise DemarcheError(f"no passage {action.passage!r} on this page")
        try:
            annotation = action.annotation(self.annotator, self.codebook.reference)
        except ValidationError as error:
            raise DemarcheError("; ".join(explain(error))) from None
        for label in annotation.labels if annotation else ():
            if label.topic is not None and label.topic not in self.codebook.topic_ids:
                raise DemarcheError(f"topic {label.topic!r} is not in the codebook{suggest(label.topic, self.codebook.topic_ids)}")  # fmt: skip
            if label.evidence is not None and label.evidence[1] > len(passage.text):
                raise DemarcheError(f"evidence {list(label.evidence)} ends after the passage, at {len(passage.text)}")
