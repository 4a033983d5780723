"""Count what a batch of articles has come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from labels.errors import Problem
from tagging.drift import Drift
from tagging.readers import Unreadable
from tagging.rows import BOILERPLATE, COPY, OTHER_LANGUAGE, READ, TAGGED, Row


@dataclass
class Summary:
    """Counts of the articles, passages and tags of a batch.

    `copies` counts the articles with the text of another. `seen` counts those that an earlier batch in the same folder
    tagged; they are in none of the other counts. `passages` counts what the model read. `candidates` counts the topics
    for review that are not assigned: such as those just below a threshold. `topics` maps topic → stance →
    passages assigned. `other_languages` maps language → passages that the model did not read because it was not trained
    on their language; they are in `other_articles` articles.
    """

    training_languages: Sequence[str] = ()
    articles: int = 0
    copies: int = 0
    seen: int = 0
    goes_on: bool = False
    """Whether the batch went on where an earlier one stopped; the counts include what was there."""
    passages: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    candidates: int = 0
    topics: dict[str, Counter[str]] = field(default_factory=dict)
    other_languages: Counter[str] = field(default_factory=Counter)
    other_articles: int = 0
    changed: list[str] = field(default_factory=list)
    """The articles and files that changed since an earlier batch in the same folder; their tags are the old ones."""
    unreadable: list[Unreadable] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    """Remarks on how tables of articles were read."""
    drift: Drift | None = None
    """How the batch differs from the training texts; None if the model keeps nothing of them."""

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

    def add(self, rows: Sequence[Row], candidates: int) -> None:
        """Add the rows of some articles, and the number of their candidates, to the counts."""
        self.articles += len({row["article"] for row in rows})
        self.candidates += candidates
        self.copies += sum(row["status"] == COPY for row in rows)
        others = [row for row in rows if row["status"] == OTHER_LANGUAGE]
        self.other_languages.update(row["language"] for row in others if row["language"])
        self.other_articles += len({row["article"] for row in others})
        self.unreadable += [Unreadable(article, "no text but boilerplate") for article in _only_boilerplate(rows)]
        self.passages += len({row["passage"] for row in rows if row["status"] in READ})
        for row in rows:
            self.statuses[row["status"]] += 1
            if row["assigned"] and row["topic"]:
                self.topics.setdefault(row["topic"], Counter())[row["stance"] or "no stance"] += 1


def _only_boilerplate(rows: Sequence[Row]) -> list[str]:
    """Return the articles, in order, of which every passage is boilerplate."""
    with_text = {row["article"] for row in rows if row["status"] != BOILERPLATE}
    return [article for article in dict.fromkeys(row["article"] for row in rows) if article not in with_text]
