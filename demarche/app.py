"""The command-line app, which reports an error as one clear message and exits with code 2."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.models import CommandFunctionType

from demarche.interrupted import exit_on_interrupt, interrupt_requested
from demarche.printing import echo, warn

EXIT_MISTAKE = 2
EXIT_PARTLY = 3


class App(typer.Typer):
    """A Typer app whose commands are of the class `Command`."""

    def command(self, *args: Any, **settings: Any) -> Callable[[CommandFunctionType], CommandFunctionType]:
        return super().command(*args, **{"cls": Command, **settings})


class Command(TyperCommand):
    """A command whose help shows `CONFIG` and `--out PATH` where Typer shows Python types and braces.

    An option that takes one value is refused if it is given twice: the first value would be dropped without a word. An
    option whose metavar ends in `…` takes all values up to the next option.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        for param in self.get_params(ctx):
            if isinstance(param, TyperOption) and (param.metavar or "").endswith("…"):
                args = _repeat_option(args, param.opts)
        given = args[: args.index("--")] if "--" in args else args
        for param in self.get_params(ctx):
            if isinstance(param, TyperOption) and not (param.multiple or param.is_flag or param.count):
                times = sum(arg == name or arg.startswith(f"{name}=") for arg in given for name in param.opts)
                if times > 1:
                    ctx.fail(f"{param.opts[0]} is given {times} times but takes one value.{self._advice(param)}")
        return super().parse_args(ctx, args)

    @staticmethod
    def _advice(param: Any) -> str:
        patterned = "pattern" in (param.help or "")
        return " A pattern names several columns, as in --stance '{topic}_stance'." if patterned else ""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [piece.strip("{}").replace("}...", "...") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        for kind in ("argument", "option"):
            records = [param.get_help_record(ctx) for param in self.get_params(ctx) if param.param_type_name == kind]
            rows = [(_without_types(name, kind), help) for name, help in filter(None, records)]
            if rows:
                with formatter.section(f"{kind.capitalize()}s"):
                    formatter.write_dl(rows)


def _repeat_option(args: list[str], names: list[str]) -> list[str]:
    """Write an option before each value that follows it: `--on A B` becomes `--on A --on B`."""
    repeated: list[str] = []
    option = None
    for place, arg in enumerate(args):
        if arg == "--":
            return repeated + args[place:]
        if arg in names:
            option, follows = arg, place + 1
            # Without a value, the parser reports what is missing.
            if follows == len(args) or args[follows].startswith("-"):
                repeated.append(arg)
            continue
        if arg.startswith("-"):
            option = None
        repeated += [option, arg] if option else [arg]
    return repeated


def _without_types(name: str, kind: str) -> str:
    """Replace the Python type in the first column of the help: `--out <path>` becomes `--out PATH`."""
    if kind == "argument":
        return re.sub(r" <.*>$", "", name)
    return re.sub(
        r"<(?:list\[)?(\w+).*>", lambda type_: {"path": "PATH", "int": "N"}.get(type_[1].lower(), "TEXT"), name
    )


class Commands(TyperGroup):
    """A command group that reports user errors without a traceback."""

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
            for line in str(error).splitlines():
                warn(line)
            raise typer.Exit(EXIT_MISTAKE) from None
        except BrokenPipeError:
            # `demarche … | head`: the program that reads the output has exited, which is not an error.
            _discard_output()
            raise typer.Exit(0) from None
        except (OSError, MemoryError) as error:
            warn(describe_os_error(error))
            _discard_output()
            raise typer.Exit(EXIT_MISTAKE) from None
        except Exception:
            # A library such as pydantic may report an interrupt as an error of its own.
            if interrupt_requested():
                raise KeyboardInterrupt from None
            raise


def describe_os_error(error: OSError | MemoryError) -> str:
    """Return a message for an operating-system error, wherever it was raised."""
    if isinstance(error, MemoryError):
        return "not enough memory; process less at a time, or use a machine with more memory"
    what = error.strerror or str(error) or type(error).__name__
    return f"{error.filename or 'reading or writing failed'}: {what}; check the permissions and the free disk space"


def _discard_output() -> None:
    """Discard the rest of the output, which Python would flush at exit and then fail with a traceback."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_version(requested: bool) -> None:
    if requested:
        from importlib import metadata

        echo(f"demarche {metadata.version('demarche')}")
        raise typer.Exit


def demarche(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version, and exit."),
    ] = False,
) -> None:
    """Declare the options of `demarche` itself."""


def new_app(help: str) -> App:
    """Return a Typer app or command group with the settings that all of them share."""
    return App(
        help=help,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
