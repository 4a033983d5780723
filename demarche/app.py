"""The command line itself: errors become one clear message and exit code 2."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from demarche.interrupted import heard, told

EXIT_MISTAKE = 2
EXIT_PARTLY = 3


class Commands(TyperGroup):
    """Runs a command; a user's mistake is told without a traceback."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with told():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with told():
            return self._invoke(ctx)

    def _invoke(self, ctx: Any) -> Any:
        from labels.errors import DemarcheError

        try:
            return super().invoke(ctx)
        except DemarcheError as error:
            if heard():
                raise KeyboardInterrupt from None
            typer.echo(str(error), err=True)
            raise typer.Exit(EXIT_MISTAKE) from None
        except BrokenPipeError:
            # `demarche … | head`: what reads us has gone; that is no mistake.
            _print_no_more()
            raise typer.Exit(0) from None
        except (OSError, MemoryError) as error:
            typer.echo(_told(error), err=True)
            _print_no_more()
            raise typer.Exit(EXIT_MISTAKE) from None


def _told(error: OSError | MemoryError) -> str:
    """What the machine refused, in whatever part of the work."""
    if isinstance(error, MemoryError):
        return "not enough memory for this; give it less at a time, or a machine with more"
    what = error.strerror or str(error) or type(error).__name__
    return f"{error.filename or 'reading or writing failed'}: {what}; see to its permissions and that the disk has room"


def _print_no_more() -> None:
    """Python would try once more at its end, and fail aloud."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def commands(help: str) -> typer.Typer:
    return typer.Typer(
        help=help,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
