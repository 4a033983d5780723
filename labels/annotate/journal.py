"""The journal of a page: each action is a line, on the disk before it is acknowledged."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import model_validator

from labels.errors import Problems
from labels.files import Frozen, atomic_write, read_jsonl
from labels.passages import Annotation


class Action(Frozen):
    """What an annotator did with a passage.

    `read` and `unread` say what holds of the passage from then on. `undo` takes back the last of these that was not taken
    back yet, which was on the same passage. `suggestion` says that the annotator saw what a model says of the passage.
    """

    what: Literal["read", "unread", "undo", "suggestion"]
    passage: str
    reading: Annotation | None = None

    @model_validator(mode="after")
    def _has_its_reading(self) -> Action:
        if (self.what == "read") != (self.reading is not None):
            raise ValueError("an action 'read' has a reading, and no other has one")
        if self.reading is not None and self.reading.passage != self.passage:
            raise ValueError(f"the reading is of passage {self.reading.passage!r}")
        return self

    @classmethod
    def read(cls, annotation: Annotation) -> Action:
        """Return the action that makes an annotation."""
        return cls(what="read", passage=annotation.passage, reading=annotation)


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
        # Without a buffer: the rest of a line that did not fit on the disk must not be written later, when it is closed.
        with self.path.open("r+b", buffering=0) as stream:
            end = stream.seek(0, os.SEEK_END)
            rest = _line(action).encode()
            try:
                while rest:
                    rest = rest[stream.write(rest) :]
                os.fsync(stream.fileno())
            except OSError:
                os.truncate(self.path, end)
                raise
        self.actions.append(action)


def _line(action: Action) -> str:
    return action.model_dump_json(exclude_defaults=True) + "\n"


def _cut_off_torn_line(path: Path) -> None:
    """Remove the last line if it has no end: the process was killed while it wrote the line, and acknowledged nothing."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
