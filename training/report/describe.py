"""Describe a run: a summary that the UI shows unfolded, and a report with everything else."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labels.bootstrap import Interval
from labels.passages import DECIDERS, is_model, is_person
from labels.wording import counted, markdown, printable
from training.evaluation.ceiling import Ceiling
from training.evaluation.metrics import HEADLINES, Scores
from training.evaluation.predictions import Prediction
from training.prepare import Prepared

REPORT = "report.md"
BASELINE = "best baseline"
ANNOTATORS, ON_THEIR_LABELS = "annotators", "this run on the same labels"
_ERRORS = 10
_ONE_LINE = 95
"""Characters that fit beside the details of a run on a screen 1,440 pixels wide."""
_ROWS = 5
_LONGEST_TEXT = 300
Row = tuple[str, Mapping[str, Interval], bool]
"""A row of a table: its name, its scores, and whether their intervals are shown."""


@dataclass(frozen=True)
class OnSets:
    """What was measured on test and on each set of `evaluation`, by the name of the set."""

    scores: Mapping[str, Scores]
    baselines: Mapping[str, Mapping[str, Scores]]
    ceilings: Mapping[str, Ceiling]
    predictions: Mapping[str, Sequence[Prediction]]

    @property
    def names(self) -> list[str]:
        # Test comes last: how well a model does on other texts than those it was made from says more.
        return [name for name in self.scores if name != "test"] + ["test"]


def summary(prepared: Prepared, on: OnSets, *, report: str) -> str:
    """Return the headline metrics, the data and the command of a run as Markdown that MLflow's UI shows whole.

    The UI (3.17) folds a description of more than 100 pixels, which is five rows of a table: metrics are rows, so that
    further sets, baselines and annotators make the table wider but no higher. A table of several sets would be too wide
    with every baseline. `report` is the address of the report.
    """
    columns_of = _columns if len(on.names) == 1 else _short_columns
    columns = [column for name in on.names for column in columns_of(name, on)]
    names = [name for name in HEADLINES if any(name in row for _, row, _ in columns)]
    lines = ["| | " + " | ".join(f"{_plain(title)} &nbsp;" for title, _, _ in columns) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for metric in names:
        cells = [_cell(row.get(metric), bounds=bounds) for _, row, bounds in columns]
        lines.append(f"| {metric} &nbsp; | " + " | ".join(f"{cell} &nbsp;" for cell in cells) + " |")
    link = f'<a href="{report}">report</a>'
    command = _command(prepared)
    said = f"Trained on {_learned(prepared)}: "
    # A line below would be the sixth; the report has the command in any case.
    room = _ONE_LINE * max(1, _ROWS - 1 - len(names))
    last = f"{said}{_code(command)} · {link}" if len(said + command) <= room else f"{said}{link} (with the command)"
    # A paragraph has a margin, for which there is no room.
    return "\n".join([*lines, "", f"<div>{last}</div>"])


def report(
    prepared: Prepared,
    on: OnSets,
    errors: Sequence[Mapping[str, Any]],
    *,
    findings: Sequence[str],
    warnings: Sequence[str],
) -> str:
    """Return everything that there is to say of a run as Markdown: findings, scores, data, command, warnings, errors."""
    config = prepared.config
    sections = [
        f"# {_plain(config.name)}\n\n{_plain(config.description.strip())}".rstrip(),
        f"## In words\n\n{_listed(findings)}",
        *_score_sections(on),
        f"## Data\n\n{_data(prepared)}",
        f"## Repeat this run\n\n{repeat(prepared)}",
    ]
    if warnings:
        sections.append(f"## Warnings\n\n{_listed(warnings)}")
    if errors:
        sections.append(f"## The surest errors on test\n\n{_errors(errors)}")
    return "\n\n".join(sections) + "\n"


def _columns(name: str, on: OnSets) -> Iterator[Row]:
    yield f"on {name}", on.scores[name].headlines(), True
    for baseline, of_baseline in on.baselines[name].items():
        yield baseline, of_baseline.headlines(), False
    if name in on.ceilings:
        yield ANNOTATORS, on.ceilings[name].annotators.headlines(), True
        yield ON_THEIR_LABELS, on.ceilings[name].model.headlines(), True


def _short_columns(name: str, on: OnSets) -> Iterator[Row]:
    """Yield the run's scores, those of the strongest baseline for each metric, and those of the annotators."""
    yield f"on {name}", on.scores[name].headlines(), True
    of_baselines = [scores.headlines() for scores in on.baselines[name].values()]
    metrics = dict.fromkeys(metric for scores in of_baselines for metric in scores)
    yield BASELINE, {metric: _highest(metric, of_baselines) for metric in metrics}, False
    if name in on.ceilings:
        yield ANNOTATORS, on.ceilings[name].annotators.headlines(), False


def _highest(metric: str, scores: Sequence[Mapping[str, Interval]]) -> Interval:
    return max(
        (each[metric] for each in scores if metric in each), key=lambda score: np.nan_to_num(score.value, nan=-1)
    )


def _score_sections(on: OnSets) -> Iterator[str]:
    for name in on.names:
        columns = list(_columns(name, on))
        metrics = list(columns[0][1])
        lines = [
            f"## Scores on {_plain(name)}",
            "",
            "| | " + " | ".join(metrics) + " |",
            "|---" * (len(metrics) + 1) + "|",
        ]
        for row, (title, values, _) in enumerate(columns):
            cells = [_cell(values.get(metric), bounds=True) for metric in metrics]
            lines.append(f"| {'**this run**' if row == 0 else _plain(title)} | " + " | ".join(cells) + " |")
        lines += ["", "With 95 % intervals from a bootstrap over articles."]
        if name in on.ceilings:
            lines.append(
                f"*{ANNOTATORS}*: each annotator against the majority of the others ({on.ceilings[name].counts}); *{ON_THEIR_LABELS}*: "
                "this run on the same passages and labels."
            )
        lines += [
            "",
            *(f"- {count} {_plain(what)}: left out of the metrics" for what, count in on.scores[name].left_out.items()),
        ]
        yield "\n".join(lines).rstrip()


def _cell(score: Interval | None, *, bounds: bool) -> str:
    if score is None or score.value != score.value:
        return "–"
    return str(score) if bounds and score.low == score.low else f"{score.value:.3f}"


def _learned(prepared: Prepared) -> str:
    """Return what a run was trained on: `3354 passages of 2910 articles, 2 annotators`."""
    passages = [each.passage for name in ("train", "dev") for each in prepared.examples_in(name)]
    articles = len({passage.article for passage in passages})
    return f"{counted(len(passages), 'passage')} of {counted(articles, 'article')}, {_annotators(prepared)}"


def _annotators(prepared: Prepared) -> str:
    names = {annotation.annotator for annotation in prepared.data.annotations}
    models = sum(map(is_model, names))
    voters = {name for name in names if name not in DECIDERS and not is_model(name)}
    people = sum(map(is_person, voters))
    parts = [counted(people, "annotator")] if people else []
    parts += [counted(models, "language model")] if models else []
    parts += [f"{counted(len(voters) - people, 'vote')} per passage"] if len(voters) > people else []
    return ", ".join([*parts, *(name for name in DECIDERS if name in names)])


def _data(prepared: Prepared) -> str:
    sizes = ", ".join(f"{count} {_plain(name)}" for name, count in prepared.split.sizes().items())
    codebook = prepared.data.codebook
    topics = f"{_plain(codebook.reference)} ({counted(len(codebook.topics), 'topic')})"
    return f"Trained on {_learned(prepared)}. Passages: {sizes}. Codebook: {topics}."


def _command(prepared: Prepared) -> str:
    config = prepared.config
    return printable(
        shlex.join(["demarche", "train", str(config.file or "config.yaml"), *config.overrides, *prepared.options])
    )


def repeat(prepared: Prepared) -> str:
    """Return the command that repeats a run, as Markdown."""
    command, again = _command(prepared), shlex.join(["demarche", "train", "config.yaml", *prepared.options])
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", command)), default=0))
    return (
        f"{fence}\n{command}\n{fence}\n\nIf the file has been edited since, download `config.yaml` from the artifacts of this "
        f"run: it has the settings as they were used, overrides included. Then run `{again}` in the folder "
        "in which this run was started."
    )


def _listed(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {_plain(sentence)}" for sentence in sentences)


def _errors(errors: Sequence[Mapping[str, Any]]) -> str:
    columns = ("text", "class", "gold", "predicted", "probability", "votes")
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for row in errors[:_ERRORS]:
        text = str(row["text"])
        shown = {**row, "text": text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"}
        lines.append("| " + " | ".join(_plain(str(shown[column])) for column in columns) + " |")
    more = f"\n\nAll {len(errors)} are in `errors.json`." if len(errors) > _ERRORS else ""
    return "\n".join(lines) + more


def _plain(text: str) -> str:
    """Return text from data on one line of Markdown that shows it as it is."""
    return markdown(" ".join(text.split()))


def _code(text: str) -> str:
    """Return text as code in HTML, where it shows as it is: Markdown would be read inside a tag too."""
    escaped = "".join(letter if letter.isalnum() or letter in " ./=-" else f"&#{ord(letter)};" for letter in text)
    return f"<code>{escaped}</code>"
