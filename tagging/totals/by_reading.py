"""Correct the shares of a batch by what people read of it, and say when that cannot be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from labels.codebook import STANCES
from labels.errors import DemarcheError
from labels.gold.adjudication import Example, Target
from labels.wording import counted
from tagging.totals.batch import Batch, Codes, Numbers
from tagging.totals.estimate import Estimate, join, none
from tagging.totals.rectify import Ratio, Reading, rectified

METHOD = "read by people"
INCLUSION, STRATUM = "inclusion", "stratum"
"""The fields of a passage's `meta` with the probability with which its article was chosen, and what it was drawn from."""
FEWEST_ARTICLES = 10
FEWEST_CASES = 5
"""With fewer articles that were read, or fewer of them with a case, no standard error can be relied on."""
_NO_ERROR = 1e-9
"""Of a smaller standard error, rounding alone is left."""


@dataclass(frozen=True)
class ByReading:
    """The passages that people read.

    `rows` (n) are their positions in the batch. `gold` (n, topics) and `gold_stances` (n, topics, 3) are 1 where the label
    holds, or the share of the readers who say so if they are tied; `gold_stances` is 0 where nobody could tell.
    """

    batch: Batch
    rows: Codes
    reading: Reading
    gold: Numbers
    gold_stances: Numbers
    partly: int

    @classmethod
    def of(cls, batch: Batch, examples: Sequence[Example]) -> ByReading:
        """Find the passages in the batch. Raises DemarcheError if it has none of them."""
        place = {id: row for row, id in enumerate(batch.passages)}
        found = [example for example in examples if example.passage.id in place]
        if not found:
            raise DemarcheError(
                f"none of the {counted(len(examples), 'annotated passage')} is in the tags: give the passages that "
                "`demarche labels plan` chose from these tags, or others with the ids of the column `passage`"
            )
        rows = np.array([place[example.passage.id] for example in found])
        whole = np.bincount(batch.article, minlength=batch.articles)[batch.article[rows]]
        read = np.bincount(batch.article[rows], minlength=batch.articles)[batch.article[rows]]
        inclusion = _inclusion(found)
        strata = [str(example.passage.meta.get(STRATUM, "")) for example in found]
        every = len(np.unique(batch.article[rows])) / batch.articles
        reading = Reading(
            cluster=batch.article[rows],
            # What was left unread of an article counts as what was read of it.
            weight=whole / read / (np.ones(len(rows)) if inclusion is None else inclusion),
            kept=np.where(read == whole, every if inclusion is None else inclusion, 0.0),
            stratum=np.unique(strata, return_inverse=True)[1],
        )
        partly = len(np.unique(batch.article[rows][read < whole]))
        return cls(batch, rows, reading, _topics(batch, found), _stances(batch, found), partly)

    def topic(self, topic: int, passages: Codes) -> Estimate:
        part = self._within(passages)
        tagged = self.batch.has(topic).astype(float)
        ones = np.ones(len(part.rows))
        return part._estimate(
            Ratio(part.gold[:, topic], ones), Ratio(tagged[part.rows], ones), (float(tagged[passages].mean()), 1.0)
        )

    def stances(self, topic: int, passages: Codes) -> Sequence[Estimate]:
        part = self._within(passages)
        stance = self.batch.stance[:, topic]
        has = (stance >= 0).astype(float)
        known = part.gold_stances[:, topic].sum(axis=1)
        return [
            part._estimate(
                Ratio(part.gold_stances[:, topic, place], known),
                Ratio((stance[part.rows] == place).astype(float), has[part.rows]),
                (float((stance[passages] == place).mean()), float(has[passages].mean())),
            )
            for place in range(len(STANCES))
        ]

    def _within(self, passages: Codes) -> ByReading:
        """Return what was read of some passages of the batch."""
        inside = np.isin(self.rows, passages)
        return replace(
            self,
            rows=self.rows[inside],
            reading=self.reading.of(inside),
            gold=self.gold[inside],
            gold_stances=self.gold_stances[inside],
        )

    def _estimate(self, read: Ratio, tagged: Ratio, everywhere: tuple[float, float]) -> Estimate:
        articles = len(np.unique(self.reading.cluster))
        if articles < FEWEST_ARTICLES:
            return none(METHOD, f"only {counted(articles, 'article was', 'articles were')} read")
        estimate = rectified(self.reading, read, tagged, everywhere)
        if estimate.error < _NO_ERROR:
            # A sample in which all tags are right does not show how often they are wrong: its labels alone vary.
            estimate = rectified(self.reading, read, tagged, everywhere, power=0.0)
        cases = len(np.unique(self.reading.cluster[read.top > 0]))
        if not 0 < estimate.share < 1 or not estimate.error >= _NO_ERROR:
            # The error is NaN if one article alone has the topic.
            complete = (self.reading.kept == 1).all()
            if complete and not np.isnan(estimate.share):
                return Estimate(estimate.share, estimate.share, estimate.share, METHOD, None)
            return none(METHOD, f"only {counted(cases, 'article')} that people read with a case; read more")
        cautions = []
        if min(cases, len(np.unique(self.reading.cluster[read.bottom > read.top]))) < FEWEST_CASES:
            cautions.append(f"only {counted(cases, 'article')} of {articles} that people read with a case")
        if self.partly:
            cautions.append(
                f"{counted(self.partly, 'article was', 'articles were')} read in part: what was read of them counts as "
                "chosen at random"
            )
        return Estimate(estimate.share, *estimate.interval(), METHOD, join(cautions))


def _inclusion(found: Sequence[Example]) -> Numbers | None:
    """Return the probability with which each article was chosen, or None if none is known: all are then alike."""
    given = [example.passage.meta.get(INCLUSION) for example in found]
    if all(value is None for value in given):
        return None
    for example, value in zip(found, given, strict=True):
        try:
            if 0 < float(value or 0) <= 1:
                continue
        except ValueError:
            pass
        raise DemarcheError(
            f"passage {example.passage.id!r}: {INCLUSION} is {value!r}; each passage needs the probability with which its "
            "article was chosen, above 0 and up to 1, or none has one (a simple random sample of articles)"
        )
    return np.array([float(value or 0) for value in given])


def _topics(batch: Batch, found: Sequence[Example]) -> Numbers:
    def held(example: Example, topic: str) -> float:
        holds = example.topics.get(topic, False)
        return example.topic_votes.get(topic, 0.5) if holds is None else float(holds)

    return np.array([[held(example, topic) for topic in batch.topics] for example in found])


def _stances(batch: Batch, found: Sequence[Example]) -> Numbers:
    stances = np.zeros((len(found), len(batch.topics), len(STANCES)))
    for row, example in enumerate(found):
        for column, topic in enumerate(batch.topics):
            target = Target(topic)
            if not example.topics.get(topic):
                continue
            if stance := example.stances.get(target):
                stances[row, column, STANCES.index(stance)] = 1
            elif target in example.stance_votes:
                stances[row, column] = example.stance_votes[target]
    return stances
