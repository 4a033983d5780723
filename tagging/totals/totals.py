"""The share of each topic and stance in a tagged batch, corrected for the errors of the classifier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from labels.codebook import STANCES
from labels.gold.adjudication import Example
from models.confusion import Confusion
from tagging.totals.batch import Batch, By, Codes, batch_of, read_tags
from tagging.totals.by_confusion import METHOD as ERRORS_ON_TEST
from tagging.totals.by_confusion import ByConfusion
from tagging.totals.by_reading import ByReading
from tagging.totals.estimate import Estimate, none

AS_TAGGED = "as tagged"
NO_CONFUSION = "the model was saved without its errors on test; train it again, or read some articles"

ASSUMPTION = (
    "Nobody has read these articles. The corrected shares and their intervals hold only if the model errs on them as it "
    "did on its test articles. On other news it often does not, and only reading can show it. Where a share matters, "
    "read a sample (demarche labels plan)."
)


@dataclass(frozen=True)
class Total:
    """A share: of a topic among the passages that the model read, or of a stance among the passages of a topic.

    `period` is None for the whole batch, otherwise a year, a month or a source. `passages` counts the tags, and `share`
    is that of the tags. `corrected` is the share without the errors of the classifier, None if nothing corrects it, with
    its 95 % interval from `low` to `high`. `caution` says why it may not hold, or why there is none.
    """

    topic: str
    stance: str | None
    period: str | None
    passages: int
    share: float
    corrected: float | None
    low: float | None
    high: float | None
    method: str
    caution: str | None


class Correction(Protocol):
    """Corrects the shares of a period, whose passages are given by their positions in the batch."""

    def topic(self, topic: int, passages: Codes) -> Estimate: ...

    def stances(self, topic: int, passages: Codes) -> Sequence[Estimate]: ...


class _Uncorrected:
    def topic(self, topic: int, passages: Codes) -> Estimate:
        return none(AS_TAGGED, NO_CONFUSION)

    def stances(self, topic: int, passages: Codes) -> Sequence[Estimate]:
        return [none(AS_TAGGED, NO_CONFUSION)] * len(STANCES)


def totals(
    tags: Any,
    *,
    confusion: Confusion | None,
    read: Sequence[Example] | None = None,
    by: By | None = None,
    seed: int = 13,
) -> list[Total]:
    """Return the share of each topic, each followed by its stances: of the whole batch, then of each period.

    `tags` is the path of a tags file or folder, or a pyarrow table of its columns (`batch.COLUMNS`). `read` are the
    passages of the batch that people have read: their labels correct the shares, and those on test (`confusion`) do so
    if there are none. Raises DemarcheError if the tags cannot be read, or none of the passages is in them.
    """
    table = read_tags(Path(tags)) if isinstance(tags, Path | str) else tags
    batch = batch_of(table, by=by, topics=confusion.topics if confusion else None)
    correction: Correction = _Uncorrected()
    if read is not None:
        correction = ByReading.of(batch, read)
    elif confusion is not None:
        correction = ByConfusion(batch, confusion, seed=seed)
    periods: list[str | None] = [None, *batch.periods]
    return [total for period in periods for total in _of_period(batch, period, correction)]


def assumption(shares: Sequence[Total]) -> str | None:
    """Return what the shares rest on if nobody has read a part of the batch, None if they are not corrected so."""
    rests = any(total.corrected is not None and total.method == ERRORS_ON_TEST for total in shares)
    return ASSUMPTION if rests else None


def _of_period(batch: Batch, period: str | None, correction: Correction) -> Iterator[Total]:
    passages = np.flatnonzero(batch.of(period))
    for topic, name in enumerate(batch.topics):
        has = batch.has(topic)[passages]
        estimate = correction.topic(topic, passages)
        yield Total(name, None, period, int(has.sum()), float(has.mean()), *estimate)
        decided = batch.stance[passages, topic]
        decided = decided[decided >= 0]
        if not len(decided):
            continue
        for stance, of_stance in enumerate(correction.stances(topic, passages)):
            share = float((decided == stance).mean())
            yield Total(name, STANCES[stance], period, int((decided == stance).sum()), share, *of_stance)
