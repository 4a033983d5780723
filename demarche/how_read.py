"""Print how a table of labels was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demarche.printing import echo, heading, table

if TYPE_CHECKING:
    from labels.passages import Annotation
    from labels.tables.report import HowRead

_SHOWN = 12
_TEXT_SHOWN = 60


def print_summary(how: HowRead) -> None:
    """Print who labelled how much, and what a reader of the table should know before using the labels."""
    from labels.errors import one_line

    names = list(how.annotators.items())
    listed = ", ".join(f"{one_line(name)} {count}" for name, count in names[:_SHOWN])
    echo(f"annotations by: {listed}{', …' if len(names) > _SHOWN else ''}")
    for remark in how.remarks:
        echo(one_line(remark))
    if how.not_read:
        listed = ", ".join(map(repr, how.not_read[:_SHOWN]))
        echo(one_line(f"columns not read: {listed}{', …' if len(how.not_read) > _SHOWN else ''}"))


def print_reading(how: HowRead) -> None:
    """Print the meaning of every column, the labels of each topic, and the first rows as annotations."""
    from labels.errors import one_line
    from labels.tables.report import COUNTED

    table(("column", "meaning"), [(one_line(name), one_line(what)) for name, what in how.columns], title="columns")
    if how.counts:
        rows = [(one_line(name), *counts) for name, *counts in how.counts]
        table(("topic", *COUNTED), rows, title="labels")
    for line, passage, readings in how.examples:
        text = passage.text if len(passage.text) <= _TEXT_SHOWN else passage.text[:_TEXT_SHOWN] + "…"
        heading(f"line {line}: passage {one_line(passage.id)}")
        echo(f"  {one_line(text)}")
        for annotation in readings:
            echo(one_line(f"  {annotation.annotator}: {_in_words(annotation)}"))
        if not readings:
            echo("  no annotation")
    echo()


def _in_words(annotation: Annotation) -> str:
    from labels.tables.report import stance_word

    labels = []
    for label in annotation.labels:
        about = " toward ".join(filter(None, (label.topic, label.target and repr(label.target))))
        shares = label.shares.model_dump().items() if label.shares else ()
        stance = ", ".join(f"{name} {share:.2f}" for name, share in shares) or stance_word(label)
        labels.append(f"{about} ({stance})")
    return "; ".join(labels) or "none of the topics"
