"""Count what a batch of articles has come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from labels.errors import Problem
from tagging.drift import Drift
from tagging.readers import Unreadable
from tagging.rows import BOILERPLATE, COPY, OTHER_LANGUAGE, READ, REVIEW, TAGGED

COUNTED = ["article", "passage", "language", "topic", "assigned", "stance", "status"]
"""The columns that the counts need."""


class Outcome(NamedTuple):
    """Whether a passage has a topic, and whether a topic of it, or a candidate, is for review."""

    has_topic: bool
    for_review: bool


@dataclass
class Summary:
    """Counts of the articles, passages and tags of a batch.

    `articles` counts those with rows, `copies` those of them with the text of another, and `only_boilerplate` those
    without any other text, which are among the unreadable, too. `seen` counts those that an earlier batch in the same
    folder tagged; they are in none of the other counts. `outcomes` counts the passages that the model read, and
    `candidates` the topics for review that are not assigned: such as those just below a threshold. `topics` maps topic →
    stance → passages assigned. `other_languages` maps language → passages that the model did not read because it was not
    trained on their language; they are in `other_articles` articles, in `only_other_languages` of which it read nothing.
    """

    training_languages: Sequence[str] = ()
    articles: int = 0
    copies: int = 0
    only_boilerplate: int = 0
    seen: int = 0
    goes_on: bool = False
    """Whether the batch went on where an earlier one stopped; the counts include what was there."""
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    candidates: int = 0
    topics: dict[str, Counter[str]] = field(default_factory=dict)
    other_languages: Counter[str] = field(default_factory=Counter)
    other_articles: int = 0
    only_other_languages: int = 0
    changed: list[str] = field(default_factory=list)
    """The articles and files that changed since an earlier batch in the same folder; their tags are the old ones."""
    unreadable: list[Unreadable] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    """Remarks on how tables of articles were read."""
    drift: Drift | None = None
    """How the batch differs from the training texts; None if the model keeps nothing of them."""

    @property
    def passages(self) -> int:
        """The number of passages that the model read."""
        return self.outcomes.total()

    @property
    def assigned(self) -> int:
        """The number of tags that are assigned, for review or not."""
        return sum(stances.total() for stances in self.topics.values())

    @property
    def assigned_for_review(self) -> int:
        """The number of assigned tags that are just above a threshold."""
        return self.assigned - self.statuses[TAGGED]

    def topic_shares(self, topics: Sequence[str]) -> dict[str, float]:
        """Return topic → the fraction of passages that are assigned it."""
        return {topic: self.topics.get(topic, Counter()).total() / max(self.passages, 1) for topic in topics}

    def add(self, rows: Sequence[Mapping[str, Any]], candidates: Sequence[str]) -> None:
        """Add the rows of some articles to the counts; `candidates` has the passage of each of their candidates."""
        has_text: dict[str, bool] = {}
        doubted = {*candidates, *(row["passage"] for row in rows if row["status"] == REVIEW)}
        outcomes: dict[str, Outcome] = {}
        in_other_languages: set[str] = set()
        read: set[str] = set()
        for row in rows:
            article, status = row["article"], row["status"]
            self.statuses[status] += 1
            has_text[article] = has_text.get(article, False) or status != BOILERPLATE
            if status in READ:
                passage = row["passage"]
                read.add(article)
                outcomes[passage] = Outcome(has_topic=row["topic"] is not None, for_review=passage in doubted)
            elif status == OTHER_LANGUAGE:
                in_other_languages.add(article)
                if row["language"]:
                    self.other_languages[row["language"]] += 1
            elif status == COPY:
                self.copies += 1
            if row["assigned"] and row["topic"]:
                self.topics.setdefault(row["topic"], Counter())[row["stance"] or "no stance"] += 1
        self.articles += len(has_text)
        self.outcomes.update(outcomes.values())
        self.candidates += len(candidates)
        self.other_articles += len(in_other_languages)
        self.only_other_languages += len(in_other_languages - read)
        without_text = [Unreadable(name, "no text but boilerplate") for name, has in has_text.items() if not has]
        self.only_boilerplate += len(without_text)
        self.unreadable += without_text
