"""Turn the fields of a dataclass into command options, so that each option is declared only once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar, cast, get_args, get_origin, get_type_hints

import typer

ARTICLE_FILES = (
    "Files with articles (.txt, .md, .html, .mhtml, .eml, .docx, .rtf, .pdf, .rss, .xml), tables of articles (.csv, .tsv, .jsonl, .json, "
    ".parquet, .xlsx), or folders that contain them; each also .gz or .zst."
)
ARTICLES = (
    f"{ARTICLE_FILES} Also folders of `datasets`, quoted patterns ('news/**/*.html') and URLs (s3://bucket/prefix)."
)
ARTICLES_OUT = "File for the extracted article texts (.jsonl), which the passage offsets refer to."
FOR_SPREADSHEET = (
    "Write a CSV file that a spreadsheet opens as UTF-8 and without formulas: an apostrophe precedes cells that begin "
    "with =, +, - or @."
)
_LONGEST_LIMIT = 86_400


def _check_seconds(seconds: float) -> float:
    """Raise BadParameter for what compares with nothing (`nan`), which typer's own limits let through."""
    if not 0 < seconds <= _LONGEST_LIMIT:
        raise typer.BadParameter(f"{seconds} is not a number of seconds between 0 and {_LONGEST_LIMIT}")
    return seconds


TagsPath = Annotated[
    Path | None,
    typer.Argument(
        metavar="TAGS",
        help="A tags file (.parquet, .jsonl or .csv), or the folder that batches add tags to.  [default: that of the "
        "project]",
    ),
]
TimeLimit = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        callback=_check_seconds,
        help="Maximum number of seconds for one article. If it takes longer, it is left out and reported.",
    ),
]
TextColumn = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column of the text, in tables.  [default: text, content or body]")
]
IdColumn = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column of the article's id.  [default: id, if present]")
]
TitleColumn = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column of the title.  [default: title, if present]")
]
DateColumn = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column of the date.  [default: published or date, if present]")
]

Command = TypeVar("Command", bound=Callable[..., None])


class After(NamedTuple):
    """Marks a parameter that `--help` lists after another option."""

    name: str


def options_from_fields(command: Command, *, metavar: str | None = None) -> Command:
    """Replace each dataclass parameter of a command with one option per field.

    Declare a field as `Annotated[type, "help"]` or `Annotated[type, "help", "METAVAR"]` with a default; a field of type
    `tuple[str, ...]` may be repeated. `metavar` stands for the value of each option without its own in `--help`.
    """
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, Any] = {
        name: p.annotation for name, p in signature.parameters.items() if is_dataclass(p.annotation)
    }
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        parameters += (
            _options(groups[name], metavar)
            if name in groups
            else [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
        )
    for parameter in list(parameters):
        for after in get_args(parameter.annotation):
            if isinstance(after, After):
                parameters.remove(parameter)
                parameters.insert([other.name for other in parameters].index(after.name) + 1, parameter)

    @functools.wraps(command)
    def run(**values: Any) -> None:
        for name, group in groups.items():
            passed = {field.name: values.pop(field.name) for field in fields(group)}
            values[name] = group(
                **{
                    field: tuple(value) if isinstance(value, list) else value
                    for field, value in passed.items()
                    if value is not None
                }
            )
        command(**values)

    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return cast(Command, run)


def _options(group: Any, metavar: str | None) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for field in fields(group):
        type_, help, *own = get_args(hints[field.name])
        repeatable = get_origin(type_) is tuple
        flag = [f"--{field.name.replace('_', '-')}"] if type_ is bool else []
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None if repeatable else field.default,
            annotation=Annotated[
                list[str] | None if repeatable else type_,
                typer.Option(*flag, help=help, metavar=None if flag else own[0] if own else metavar),
            ],
        )
