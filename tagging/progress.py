"""How far a batch has come, for those who watch it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

Stage = Literal["tagging", "writing"]
"""Whether articles are tagged, or the files are made of the shards."""


@dataclass
class Listed:
    """The files of the inputs: how many there are, how many of them have rows or entries, and how many were begun."""

    files: int = 0
    tables: int = 0
    begun: int = 0


class State(NamedTuple):
    """Counts of a batch that goes on.

    `articles`, `passages` and `tags` are those in its outputs, `earlier` of the passages from before it went on. `done`
    counts the articles that need no more work, for whatever reason; `total` is None if the inputs have tables or feeds,
    whose rows are not counted before they are read. `files_left` are the files that were not begun.
    """

    stage: Stage
    articles: int
    passages: int
    tags: int
    earlier: int
    done: int
    total: int | None
    files: int
    files_left: int


class Progress(Protocol):
    """Is told of each step of a batch."""

    def update(self, state: State) -> None: ...


class NoProgress:
    """Ignores every step."""

    def update(self, state: State) -> None: ...
