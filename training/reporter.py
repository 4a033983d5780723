"""The interface through which training reports its progress."""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Receives the messages and the progress of a piece of work."""

    def log(self, text: str) -> None:
        """Report a step of the work, in a few words."""
        ...

    def warn(self, text: str) -> None:
        """Report a problem that does not stop the work but that the user should know about."""
        ...

    def step(self, what: str, *, done: int, total: int) -> None:
        """Report that `done` of `total` steps of `what` are finished."""
        ...


class NoReporter:
    """Ignores every report."""

    def log(self, text: str) -> None: ...

    def warn(self, text: str) -> None: ...

    def step(self, what: str, *, done: int, total: int) -> None: ...
