"""The command line itself: errors become one clear message and exit code 2."""

from __future__ import annotations

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

EXIT_MISTAKE = 2
EXIT_PARTLY = 3
EXIT_INTERRUPTED = 130


class Commands(TyperGroup):
    """Runs a command; a user's mistake is told without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        from labels.errors import DemarcheError

        try:
            return super().invoke(ctx)
        except DemarcheError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(EXIT_MISTAKE) from None
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except BrokenPipeError:
            # `demarche … | head`: what reads us has gone; that is no mistake.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None


def commands(help: str) -> typer.Typer:
    return typer.Typer(
        help=help,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
