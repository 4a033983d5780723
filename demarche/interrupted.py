"""Exit with one line on Ctrl-C at any moment; this module is light to import, to cover start-up too."""

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
_requested = False


@contextlib.contextmanager
def exit_on_interrupt() -> Iterator[None]:
    """Print `interrupted` and exit with code 130 if the block is interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201 (typer may not be imported yet)
        sys.exit(EXIT_INTERRUPTED)


def handle_signals() -> None:
    """Handle every termination signal like Ctrl-C, so that no half-written file is left behind."""
    sys.unraisablehook = _unraisable
    import logging

    if logging.lastResort is not None:
        # SQLAlchemy logs a traceback if the interrupt arrives while it returns a connection to its pool.
        logging.lastResort.addFilter(lambda record: not _requested)
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # Keep a signal ignored if the program was started that way (nohup).
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _interrupt)


def interrupt_requested() -> bool:
    """Return whether a termination signal was received; a library may have reported it as an error in its input."""
    return _requested


def _unraisable(lost: Any) -> None:
    """Resend an interrupt that Python dropped because it arrived while a library was cleaning up."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        _send_again(signal.SIGINT)
    else:
        sys.__unraisablehook__(lost)


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _requested
    _requested = True
    if _is_importing(frame):
        # An exception during the import of an extension module can abort Python: resend the signal until it is loaded.
        _send_again(number)
        return
    raise KeyboardInterrupt


def _send_again(number: int) -> None:
    def send() -> None:
        main = threading.main_thread().ident
        if main is not None and hasattr(signal, "pthread_kill"):
            # This also wakes a main thread that is sleeping or waiting.
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
