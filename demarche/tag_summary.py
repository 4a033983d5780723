"""Print what a batch has come to, in sums whose parts add up: articles, passages, and tags by topic and stance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from demarche.printing import echo, table, warn
from labels.wording import counted

if TYPE_CHECKING:
    from tagging.summary import Summary

_MOST_TOPICS = 20
_MOST_CHANGED = 5


def print_summary(summary: Summary, *, model: str) -> None:
    """Print the numbers of articles, passages and tags."""
    if summary.goes_on:
        echo("went on where an earlier batch had stopped")
    not_read = summary.copies + summary.only_boilerplate + summary.only_other_languages
    _print_sum(
        "article",
        {
            f"read by {model}": summary.articles - not_read,
            "in another language, not tagged": summary.only_other_languages,
            "with the text of another, tagged once (column copy_of)": summary.copies,
            "tagged by an earlier batch": summary.seen,
            "changed since an earlier batch, whose tags stay": len(summary.changed),
            "not read": len(summary.unreadable),
        },
    )
    _print_sum("passage", _passages(summary))
    _print_topics(summary)


def _print_sum(noun: str, parts: Mapping[str, int]) -> None:
    """Print a number of things, and a line for each of its parts; nothing if there are none."""
    total = sum(parts.values())
    if not total:
        return
    echo(f"{counted(total, noun)}:")
    for part, number in parts.items():
        if number:
            echo(f"  {number:>{len(str(total))}}  {part}")
    echo()


def _passages(summary: Summary) -> dict[str, int]:
    """Return what became of the passages."""
    from tagging.rows import BOILERPLATE
    from tagging.summary import Outcome

    languages = ", ".join(f"{language} {count}" for language, count in summary.other_languages.most_common())
    in_other_languages = (
        f"in another language, not tagged: {languages}, in {counted(summary.other_articles, 'article')}; "
        f"the model was trained on {', '.join(summary.training_languages)}"
    )
    return {
        "with a topic": summary.outcomes[Outcome(has_topic=True, for_review=False)],
        "with a topic, for review": summary.outcomes[Outcome(has_topic=True, for_review=True)],
        "without a topic": summary.outcomes[Outcome(has_topic=False, for_review=False)],
        "without a topic, for review": summary.outcomes[Outcome(has_topic=False, for_review=True)],
        "boilerplate, not tagged": summary.statuses[BOILERPLATE],
        in_other_languages: summary.other_languages.total(),
    }


def _print_topics(summary: Summary) -> None:
    """Print the number of tags of the most frequent topics and of all, with those of each stance."""
    from labels.codebook import STANCES

    if not summary.topics:
        return
    all_topics: Counter[str] = sum(summary.topics.values(), Counter())
    columns = (*STANCES, "no stance") if "no stance" in all_topics else STANCES
    by_topic = sorted(summary.topics.items(), key=lambda item: -item[1].total())
    others = by_topic[_MOST_TOPICS:]
    if others:
        by_topic[_MOST_TOPICS:] = [(counted(len(others), "other topic"), sum((each for _, each in others), Counter()))]
    rows = [
        (topic, str(stances.total()), *(str(stances[column]) for column in columns))
        for topic, stances in [*by_topic, ("total", all_topics)]
    ]
    table(("topic", "tags", *columns), rows)
    if summary.candidates:
        echo(f"beside them, {counted(summary.candidates, 'topic')} left to review and not assigned (candidates)")
    echo()


def print_changed(summary: Summary) -> None:
    """Name the articles that changed since they were tagged."""
    if not summary.changed:
        return
    shown = ", ".join(summary.changed[:_MOST_CHANGED]) + (", …" if len(summary.changed) > _MOST_CHANGED else "")
    what = counted(len(summary.changed), "article")
    warn(
        f"{what} changed since an earlier batch; the tags stay as they were (--replace tags everything again): {shown}"
    )
