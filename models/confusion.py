"""The errors of a tagger on its test articles, which a saved model keeps: they correct the shares of a tagged batch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field as Limits
from pydantic import model_validator

from labels.codebook import Name, Stance
from labels.files import Frozen
from models.saved_parts import Fraction

Position = Annotated[int, Limits(ge=0)]
Gold = Literal["yes", "no", "tie"]


class Case(Frozen):
    """A topic of a test passage that holds, is tied, or was assigned; `article` is a position in `Confusion.passages`.

    `stance` is that of the gold, None if the annotators were tied or could not tell. `probability` and `predicted` (the
    stance) are None if the topic was not assigned.
    """

    article: Position
    topic: Name
    gold: Gold
    stance: Stance | None = None
    probability: Fraction | None = None
    predicted: Stance | None = None


class Confusion(Frozen):
    """What a tagger did on test: the number of passages of each article, and the cases that are not plainly negative.

    `passages` has one number for each article (or group of articles that belong together). A passage and a topic
    without a case neither has the topic nor got it.
    """

    topics: tuple[Name, ...]
    passages: tuple[Annotated[int, Limits(ge=1)], ...]
    cases: tuple[Case, ...]

    @model_validator(mode="after")
    def _fits(self) -> Confusion:
        if any(case.article >= len(self.passages) or case.topic not in self.topics for case in self.cases):
            raise ValueError("a case is of an article or a topic that is not there")
        return self


def count_groups(groups: Iterable[str]) -> tuple[dict[str, int], list[int]]:
    """Return the position of each group, in the order in which they come, and the number of passages of each."""
    positions: dict[str, int] = {}
    counts: list[int] = []
    for group in groups:
        position = positions.setdefault(group, len(positions))
        if position == len(counts):
            counts.append(0)
        counts[position] += 1
    return positions, counts
