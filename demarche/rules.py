"""Print which examples of a codebook's rules annotators and a model decide otherwise: `demarche labels check --rules`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from demarche.printing import echo, table
from demarche.tag import resolve_model
from labels.wording import counted

if TYPE_CHECKING:
    from labels.check import LabelledData
    from labels.codebook import Codebook
    from labels.rules import RuleExample

_LONGEST = 60


def check_rules(
    codebook: Codebook, data: LabelledData | None, *, model: str | None, out: Path | None, inputs: Sequence[Path]
) -> None:
    """Print which examples of the codebook's rules annotators and a model decide against the rule.

    `out` is the file for the examples as passages, and none of the `inputs`.
    """
    from labels.files import check_jsonl_output, write_jsonl
    from labels.rules import as_passages, readings_of, rule_examples

    examples = rule_examples(codebook)
    if not examples:
        echo(
            f"nothing to check: the rules of {codebook.reference} have no examples; write a rule as {{rule: …, examples: "
            "[a text, …]}"
        )
        return
    if out is not None:
        check_jsonl_output(out, inputs=inputs)
        write_jsonl(out, as_passages(examples))
    read = readings_of(examples, data.passages if data else [], data.annotations if data else [])
    missed = _missed_by(model, examples) if model else [False] * len(examples)
    rows = [
        (each.topic, "include" if each.belongs else "exclude", _short(each.rule), _short(each.text),
         ", ".join([*readings.wrong, *([model] if by_model and model else [])]))
        for each, readings, by_model in zip(examples, read, missed, strict=True)
        if readings.wrong or by_model
    ]  # fmt: skip
    if rows:
        table(
            ("topic", "rule", "", "example", "decided otherwise by"), rows, title="examples decided against their rule"
        )
        echo()
    unread = sum(not readings.read for readings in read)
    parts = [f"{sum(bool(readings.wrong) for readings in read)} decided otherwise by an annotator"]
    parts += [f"{sum(missed)} by {model}"] if model else []
    parts += [f"{unread} read by nobody"] if unread else []
    echo(f"{counted(len(examples), 'example')} in the rules of {codebook.reference}: {', '.join(parts)}")
    if out is not None:
        echo(f"passages to annotate in {out}; add them to the others, and run the command again")
    elif unread:
        echo("--examples-out FILE writes the examples as passages to annotate")


def _missed_by(model: str, examples: Sequence[RuleExample]) -> list[bool]:
    """Return for each example whether the model assigns its topic against the rule, or fails to."""
    from labels.rules import as_passages
    from models.tagger import Tagger

    folder, _ = resolve_model(model)
    tagger = Tagger.load(folder)
    passages = as_passages(examples)
    tagged = zip(passages, tagger.tag(passages), strict=True)
    assigned = {passage.text: {tag.topic for tag in tags if tag.assigned} for passage, tags in tagged}
    return [(each.topic in assigned[each.text]) != each.belongs for each in examples]


def _short(text: str) -> str:
    from labels.errors import one_line

    return one_line(text) if len(text) <= _LONGEST else one_line(text[: _LONGEST - 1]) + "…"
