"""Ctrl-C at any moment ends in one line; light to import, so that it holds while the program still starts."""

from __future__ import annotations

import _thread
import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

EXIT_INTERRUPTED = 130
_heard = False


@contextlib.contextmanager
def told() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201 (typer may not be there yet)
        sys.exit(EXIT_INTERRUPTED)


def like_ctrl_c() -> None:
    """What else asks a program to end is taken as Ctrl-C is: nothing half-written stays."""
    sys.unraisablehook = _unraisable
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # Who started us with a signal ignored (nohup) meant it.
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _interrupt)


def heard() -> bool:
    """Whether an end was asked for. A library may take the interrupt for a mistake in what it was just reading."""
    return _heard


def _unraisable(lost: Any) -> None:
    """An interrupt that comes while a library tidies up is lost to Python: it is sent once more."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        _send_again(signal.SIGINT)
    else:
        sys.__unraisablehook__(lost)


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _heard
    _heard = True
    if _is_importing(frame):
        # An exception in the middle of loading an extension can abort Python. The signal comes again until it is loaded.
        _send_again(number)
        return
    raise KeyboardInterrupt


def _send_again(number: int) -> None:
    def send() -> None:
        main = threading.main_thread().ident
        if main is not None and hasattr(signal, "pthread_kill"):
            # Wakes a main thread that sleeps or waits, too.
            signal.pthread_kill(main, number)
        else:
            _thread.interrupt_main(signal.Signals(number))

    timer = threading.Timer(0.05, send)
    timer.daemon = True
    timer.start()


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False
