"""The journal of a page: each action is a line, on the disk before it is acknowledged."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from labels.errors import Problems
from labels.files import Frozen, atomic_write, read_jsonl
from labels.passages import Annotation, Label


class Action(Frozen):
    """What an annotator did with a passage: the reading from then on, or None for a passage that is unread again.

    `undo` takes the last action back that was not taken back yet; `passage` is then that of the action. `suggested` says
    that the annotator had asked for the model's suggestion.
    """

    passage: str
    labels: tuple[Label, ...] | None = None
    doubt: bool = False
    note: str | None = None
    suggested: bool = False
    undo: bool = False

    def annotation(self, annotator: str, codebook: str) -> Annotation | None:
        """Return the reading as an annotation, or None if the passage is unread. Raises ValidationError."""
        if self.labels is None:
            return None
        return Annotation(
            passage=self.passage,
            annotator=annotator,
            codebook=codebook,
            labels=self.labels,
            doubt=self.doubt,
            note=self.note,
        )

    @classmethod
    def of(cls, annotation: Annotation) -> Action:
        """Return the action that makes an annotation."""
        return cls(passage=annotation.passage, labels=annotation.labels, doubt=annotation.doubt, note=annotation.note)


class Journal:
    """A file of actions that only grows. Raises BadInput for a line that is not an action."""

    def __init__(self, path: Path):
        self.path = path
        self.actions: list[Action] = []
        if path.exists():
            _cut_off_torn_line(path)
            problems = Problems()
            self.actions += [action for _, action in read_jsonl(path, Action, problems)]
            problems.raise_any()

    def begin(self, actions: Iterable[Action]) -> None:
        """Write the first actions of a new journal, all of them or none."""
        self.actions = list(actions)
        with atomic_write(self.path) as part:
            part.write_text("".join(map(_line, self.actions)), encoding="utf-8", newline="\n")

    def append(self, action: Action) -> None:
        """Add an action, and return when it is on the disk. If it cannot be written, nothing of it is left."""
        with self.path.open("r+b") as stream:
            end = stream.seek(0, os.SEEK_END)
            try:
                stream.write(_line(action).encode())
                stream.flush()
                os.fsync(stream.fileno())
            except OSError:
                os.truncate(self.path, end)
                raise
        self.actions.append(action)


def _line(action: Action) -> str:
    # Labels are a default when they are None, and must not be when they are none of the topics.
    return action.model_dump_json(exclude_defaults=True) + "\n"


def _cut_off_torn_line(path: Path) -> None:
    """Remove the last line if it has no end: the process was killed while it wrote the line, and acknowledged nothing."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
