"""The command `demarche labels read`."""

from __future__ import annotations

import json
import math
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from demarche.app import EXIT_PARTLY
from demarche.label_files import CodebookOption, Passages, annotations_out, file_arguments, unlabelled_files
from demarche.printing import TerminalReporter, echo, not_read, table, warn
from labels.wording import counted

if TYPE_CHECKING:
    from labels.reading.prompt import Prompt
    from labels.reading.read import Estimate, Result

_OWN_FIELDS = ("model", "messages", "temperature", "seed", "max_tokens", "stream", "n")
"""Fields of a request that options set, or on which the reading of an answer depends."""


def _finite(value: float | None) -> float | None:
    """Raise BadParameter for what compares with nothing (`nan`), which typer's own limits let through."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a number")
    return value


def read(
    passages: Passages = None,
    *,
    codebook: CodebookOption = None,
    url: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="URL",
            help="Address of an OpenAI-compatible endpoint, e.g. http://127.0.0.1:8080/v1. A key is read from "
            "DEMARCHE_API_KEY, or from OPENAI_API_KEY for OpenAI itself.",
        ),
    ],
    model: Annotated[str, typer.Option(metavar="NAME", help="Name of the model, as the endpoint calls it.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="File for the annotations (.jsonl). The prompt and answers are kept beside it.  [default: "
            "labels/annotations/NAME.jsonl in a project]",
            show_default=False,
        ),
    ] = None,
    readings: Annotated[
        int, typer.Option(min=1, max=99, metavar="K", help="How often each passage is read; an odd number.")
    ] = 3,
    temperature: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=2,
            callback=_finite,
            metavar="T",
            help="Temperature.  [default: 0.7, or 0 with --readings 1]",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first reading; the others count on from it.")] = 13,
    max_tokens: Annotated[
        int, typer.Option(min=1, metavar="N", help="Tokens of an answer; a model that reasons needs more.")
    ] = 1000,
    request: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=JSON",
            help="Another field of the requests, e.g. reasoning_effort=low; FIELD= leaves one out. Repeatable.",
        ),
    ] = None,
    mask_actors: Annotated[
        bool, typer.Option("--mask-actors", help="Send “Country A” for the names of states and parties.")
    ] = False,
    rules: Annotated[
        Path | None, typer.Option(help="Names to mask (YAML).  [default: the shipped ones]", show_default=False)
    ] = None,
    price_in: Annotated[
        float | None,
        typer.Option(min=0, callback=_finite, metavar="PRICE", help="Price of a million tokens of prompts."),
    ] = None,
    price_out: Annotated[
        float | None,
        typer.Option(min=0, callback=_finite, metavar="PRICE", help="Price of a million tokens of answers."),
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=64, metavar="N", help="Requests at once.")] = 4,
    timeout: Annotated[
        float,
        typer.Option(min=0.1, max=3600, callback=_finite, metavar="SECONDS", help="Maximum time for one request."),
    ] = 120,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether to go on.")] = False,
) -> None:
    """Have a language model read passages, as one more annotator.

    The prompt is made from the codebook. The same command goes on where it stopped, and asks nothing twice.
    """
    from labels.check import read_passages
    from labels.codebook import read_codebook
    from labels.errors import DemarcheError
    from labels.files import check_jsonl_output
    from labels.reading.cache import Cache
    from labels.reading.endpoint import address
    from labels.reading.prompt import Request, render
    from labels.reading.read import (
        Files,
        Reading,
        check_same_annotator,
        estimate,
        questions_of,
        write_annotations,
        write_prompt,
    )

    codebook, passages = unlabelled_files(codebook, passages)
    out = annotations_out(out, re.sub(r"[^\w.-]+", "-", model))
    check_jsonl_output(out, inputs=[passages, codebook, *filter(None, [rules])])
    if readings % 2 == 0:
        raise DemarcheError(f"--readings {readings}: give an odd number, so that no topic is tied")
    if (price_in is None) != (price_out is None):
        raise DemarcheError("--price-in and --price-out belong together; give both, or neither")
    mask = _mask(rules, wanted=mask_actors)
    where = address(url)
    settings = Request(
        temperature=temperature if temperature is not None else 0.7 if readings > 1 else 0.0,
        seed=seed,
        max_tokens=max_tokens,
        fields=_fields(request or []),
    )
    prompt = render(
        read_codebook(codebook), model=model, readings=readings, request=settings, masked=mask and mask.digest
    )
    files = Files.beside(out)
    check_same_annotator(files, prompt)
    asked = list(questions_of(read_passages(passages), prompt, mask))
    with Cache.open(files.readings) as cache:
        planned = estimate([question for _, each in asked for question in each], prompt, cache)
        _print_plan(planned, prompt, passages=len(asked), url=where.url, prices=(price_in, price_out))
        if where.is_exposed:
            warn(
                f"warning: the key in {where.key_name} is sent to {where.url} without encryption; use https if you can"
            )
        if planned.questions and not yes:
            _confirm()
        write_prompt(files, prompt)
        reading = Reading(prompt, cache, where, timeout=timeout, concurrency=concurrency)
        with TerminalReporter() as reporter:
            result = reading.read(asked, lambda done, total: reporter.step("reading", done=done, total=total))
    if result.annotations:
        write_annotations(files, result)
    _print_result(result, prompt, readings=readings, out=out, prices=(price_in, price_out))
    not_read(result.unread)
    if result.not_asked:
        warn(f"not read: {counted(result.not_asked, 'more passage')}, since none of those before could be read")
    if not result.annotations:
        raise DemarcheError("no passage could be read, and no annotations were written")
    echo("to compare it with people, and before its labels may train:")
    echo("  " + _agreement_command(codebook, passages, out))
    if result.unread or result.not_asked:
        warn("the same command asks again for what was not read")
        raise typer.Exit(EXIT_PARTLY)


def _agreement_command(codebook: Path, passages: Path, out: Path) -> str:
    """Return the command that compares the labels with those of people; its file must be none of the annotations."""
    if not file_arguments(codebook, passages, [out]):
        return "demarche labels agreement --out agreement.jsonl"
    files = [str(codebook), str(passages), "PEOPLE.jsonl", str(out)]
    return shlex.join(["demarche", "labels", "agreement", *files, "--out", str(out.with_name("agreement.jsonl"))])


def _mask(rules: Path | None, *, wanted: bool) -> Any:
    from labels.errors import DemarcheError

    if not wanted:
        if rules is not None:
            raise DemarcheError("--rules is for --mask-actors; add that option, or leave out this one")
        return None
    from training.evaluation.counterfactuals.masking import Mask
    from training.evaluation.counterfactuals.rules import read_rules

    return Mask(read_rules(rules))


def _fields(given: list[str]) -> dict[str, Any]:
    """Parse `FIELD=JSON`; what is no JSON is text, and nothing leaves a field out."""
    from labels.errors import DemarcheError

    fields: dict[str, Any] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not name or not equals:
            raise DemarcheError(f"--request {each}: write FIELD=JSON, e.g. --request reasoning_effort=low")
        if name in _OWN_FIELDS and not (name in ("temperature", "seed", "max_tokens") and not value):
            raise DemarcheError(f"--request {name}: is set by demarche; see --help for its option")
        try:
            fields[name] = json.loads(value) if value else None
        except ValueError:
            fields[name] = value
    return dict(sorted(fields.items()))


def _confirm() -> None:
    from labels.errors import DemarcheError

    if not sys.stdin.isatty():
        raise DemarcheError("nothing was sent; add --yes to go on without a question")
    if not typer.confirm("go on?", err=True):
        raise DemarcheError("nothing was sent")


def _print_plan(
    planned: Estimate, prompt: Prompt, *, passages: int, url: str, prices: tuple[float | None, float | None]
) -> None:
    echo(f"{prompt.annotator} reads {counted(passages, 'passage')} by {prompt.codebook}, at {url}")
    already = f"; {planned.answered} are answered already" if planned.answered else ""
    echo(f"{counted(planned.questions, 'request')}{already}")
    if planned.questions:
        cost = _cost(planned.tokens_in, planned.tokens_out, prices)
        echo(
            f"about {planned.tokens_in:,} tokens of prompts and {planned.tokens_out:,} of answers, without reasoning"
            f"{f': about {cost}' if cost else '; --price-in and --price-out give the cost'}"
        )


def _print_result(
    result: Result, prompt: Prompt, *, readings: int, out: Path, prices: tuple[float | None, float | None]
) -> None:
    from collections import Counter

    topics = Counter(label.topic for annotation in result.annotations for label in annotation.labels if label.topic)
    if topics:
        table(("topic", "passages"), [(topic, str(count)) for topic, count in topics.most_common()])
        echo()
    echo(f"{counted(len(result.annotations), 'passage')} read by {prompt.annotator}; annotations in {out}")
    if readings > 1 and result.annotations:
        echo(f"all {readings} readings are the same for {result.unanimous / len(result.annotations):.0%} of them")
    if result.tokens_in or result.tokens_out:
        cost = _cost(result.tokens_in, result.tokens_out, prices)
        echo(
            f"counted by the endpoint: {result.tokens_in:,} tokens of prompts and {result.tokens_out:,} of answers"
            f"{f': {cost}' if cost else ''}"
        )


def _cost(tokens_in: int, tokens_out: int, prices: tuple[float | None, float | None]) -> str:
    price_in, price_out = prices
    if price_in is None or price_out is None:
        return ""
    return f"{(tokens_in * price_in + tokens_out * price_out) / 1e6:.2f}"
