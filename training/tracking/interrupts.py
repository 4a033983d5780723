"""Delay Ctrl-C and the other termination signals while the store is being written to."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

TERMINATION = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_delaying = False


@contextlib.contextmanager
def interrupts_delayed() -> Iterator[None]:
    """Deliver a termination signal at the end of the block, and a second one at once.

    A call that creates something in the store and the calls that complete it belong in one block.
    """
    global _delaying
    if _delaying or threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in TERMINATION}
    received: list[int] = []

    def restore() -> None:
        global _delaying
        for number, handler in handlers.items():
            if handler is not None:
                signal.signal(number, handler)
        _delaying = False

    def delay(number: int, frame: FrameType | None) -> None:
        if received:
            # Whoever asks twice does not want to wait, for a server that does not answer, say.
            received.clear()
            restore()
            signal.raise_signal(number)
        received.append(number)

    _delaying = True
    for number, handler in handlers.items():
        # Keep a signal ignored, and a handler that was not set from Python (None).
        if handler not in (signal.SIG_IGN, None):
            signal.signal(number, delay)
    try:
        yield
    finally:
        if _delaying:
            restore()
    if received:
        signal.raise_signal(received[0])


@contextlib.contextmanager
def termination_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt for SIGTERM and SIGHUP within the block, unless the program handles them itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    default = [number for number in TERMINATION if signal.getsignal(number) == signal.SIG_DFL]
    for number in default:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in default:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
