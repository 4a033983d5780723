"""The command-line app: an error becomes one clear message and exit code 2."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from demarche.interrupted import exit_on_interrupt, interrupt_requested

EXIT_MISTAKE = 2
EXIT_PARTLY = 3


class Commands(TyperGroup):
    """Runs a command and reports a user's mistake without a traceback."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with exit_on_interrupt():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with exit_on_interrupt():
            return self._invoke(ctx)

    def _invoke(self, ctx: Any) -> Any:
        from labels.errors import DemarcheError

        try:
            return super().invoke(ctx)
        except DemarcheError as error:
            if interrupt_requested():
                raise KeyboardInterrupt from None
            typer.echo(str(error), err=True)
            raise typer.Exit(EXIT_MISTAKE) from None
        except BrokenPipeError:
            # `demarche … | head`: whatever read the output has ended, which is no mistake.
            _discard_output()
            raise typer.Exit(0) from None
        except (OSError, MemoryError) as error:
            typer.echo(describe_os_error(error), err=True)
            _discard_output()
            raise typer.Exit(EXIT_MISTAKE) from None


def describe_os_error(error: OSError | MemoryError) -> str:
    """Return a message for an error of the operating system, in whatever part of the work it came up."""
    if isinstance(error, MemoryError):
        return "not enough memory; process less at a time, or use a machine with more memory"
    what = error.strerror or str(error) or type(error).__name__
    return f"{error.filename or 'reading or writing failed'}: {what}; check its permissions and the free disk space"


def _discard_output() -> None:
    """Send the rest of the output to nowhere: Python flushes it once more at exit, and would fail with a traceback."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def new_app(help: str) -> typer.Typer:
    """Return an app, or a group of commands, with the settings that all of them share."""
    return typer.Typer(
        help=help,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
