"""Plan which articles of a tagged batch people should read, so that a share is known as precisely as wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import stdtrit

from labels.codebook import STANCES, Stance
from labels.errors import DemarcheError, suggest
from labels.passages import Passage
from models.confusion import Confusion
from tagging.rows import READ
from tagging.totals.batch import COLUMNS, Batch, By, Codes, Numbers, batch_of
from tagging.totals.by_confusion import ByConfusion
from tagging.totals.by_reading import FEWEST_ARTICLES, FEWEST_CASES, INCLUSION, STRATUM
from tagging.totals.quantify import topic_shares
from tagging.totals.rectify import Ratio, Reading, rectified

PLAN_COLUMNS = (*COLUMNS, "text", "start", "end", "title", "url")
_FUTURES = 20
"""Number of gold readings that are drawn from what the model knows, to forecast the error."""
_ENOUGH_CASES = 2 * FEWEST_CASES
"""So many articles with a case are expected at least: chance may halve their number."""


class Stratum(NamedTuple):
    """A period: its articles, how many to read, and the share expected with the half-width of its 95 % interval."""

    period: str | None
    articles: int
    to_read: int
    share: float
    half_width: float


@dataclass(frozen=True)
class Plan:
    """The articles to read in each period, and their passages; `meta` of a passage says how its article was chosen."""

    strata: list[Stratum]
    passages: list[Passage]


def plan(
    tags: pa.Table,
    *,
    confusion: Confusion,
    topic: str,
    stance: Stance | None = None,
    by: By | None = None,
    within: float,
    seed: int,
) -> Plan:
    """Choose articles at random in each period, enough to know the share to ± `within` with 95 % confidence.

    The forecast draws gold labels from the errors on test and the probabilities of the stances, and takes wrong tags
    and missed topics to be as similar within an article as its tags are. Raises DemarcheError if nothing can be forecast.
    """
    if topic not in confusion.topics:
        raise DemarcheError(f"the model has no topic {topic!r}{suggest(topic, confusion.topics)}")
    batch = batch_of(tags, by=by, topics=confusion.topics)
    rng = np.random.default_rng(seed)
    forecaster = _Forecaster(batch, ByConfusion(batch, confusion, seed=seed), confusion.topics.index(topic), stance)
    strata, inclusion, chosen = [], np.zeros(batch.articles), np.zeros(batch.articles, bool)
    periods: list[str | None] = list(batch.periods) or [None]
    for period in periods:
        rows = np.flatnonzero(batch.of(period))
        articles = np.unique(batch.article[rows])
        share, error, cases = forecaster.forecast(rows, rng)
        to_read = _enough(len(articles), error, cases, within)
        strata.append(Stratum(period, len(articles), to_read, share, _half_width(to_read, len(articles), error)))
        chosen[rng.choice(articles, to_read, replace=False)] = True
        inclusion[articles] = to_read / len(articles)
    wanted = np.flatnonzero(chosen[batch.article])
    return Plan(strata, _passages(tags, batch, wanted, inclusion))


class _Forecaster:
    """Forecasts the error of a share that people's readings give."""

    def __init__(self, batch: Batch, correction: ByConfusion, topic: int, stance: Stance | None) -> None:
        self._batch, self._correction, self._topic = batch, correction, topic
        self._stance = None if stance is None else STANCES.index(stance)

    def forecast(self, rows: Codes, rng: np.random.Generator) -> tuple[float, float, float]:
        """Return the expected share, its standard error if all articles were read as a sample, and articles with a case."""
        batch, topic = self._batch, self._topic
        estimate = self._correction.topic(topic, rows)
        if estimate.corrected is None:
            raise DemarcheError(
                f"{batch.topics[topic]}: no forecast is possible: {estimate.caution}; read a random sample of 50 articles "
                "instead (demarche totals --read)"
            )
        tagged = batch.has(topic)[rows]
        _, article = np.unique(batch.article[rows], return_inverse=True)
        alike = _correlation(tagged, article)
        shares, errors, cases = [], [], []
        for right, missed in self._chances(rows, rng):
            has = _alike(np.where(tagged, right, missed), article, alike, rng)
            read, model = self._ratios(rows, has, tagged, rng)
            reading = Reading(article, np.ones(len(rows)), np.zeros(len(rows)), np.zeros(len(rows), np.int64))
            result = rectified(reading, read, model, (float(model.top.mean()), float(model.bottom.mean())))
            if not np.isnan(result.error):
                shares.append(result.share)
                errors.append(result.error)
            cases.append(len(np.unique(article[read.top > 0])))
        if not errors:
            raise DemarcheError(f"{batch.topics[topic]}: no forecast is possible: no passage is expected to have it")
        return float(np.mean(shares)), float(np.sqrt(np.mean(np.square(errors)))), float(np.mean(cases))

    def _chances(self, rows: Codes, rng: np.random.Generator) -> list[tuple[float, float]]:
        """Return, for some draws of the errors, how probable the topic is in a passage with its tag and in one without."""
        seen, rates = self._correction.draws(self._topic, rows)
        share = np.clip(topic_shares(seen, rates), 0, 1)
        tagged, found = 1 - seen[:, 0], 1 - rates[:, 1, 0]
        right = np.clip(np.divide(share * found, tagged, out=np.zeros(len(share)), where=tagged > 0), 0, 1)
        missed = np.clip(np.divide(share * (1 - found), 1 - tagged, out=np.zeros(len(share)), where=tagged < 1), 0, 1)
        usable = np.flatnonzero(np.isfinite(right) & np.isfinite(missed))
        return [(float(right[each]), float(missed[each])) for each in rng.choice(usable, _FUTURES)]

    def _ratios(
        self, rows: Codes, has: npt.NDArray[np.bool_], tagged: npt.NDArray[np.bool_], rng: np.random.Generator
    ) -> tuple[Ratio, Ratio]:
        ones = np.ones(len(rows))
        if self._stance is None:
            return Ratio(has.astype(float), ones), Ratio(tagged.astype(float), ones)
        chances = self._batch.stances[rows, self._topic]
        known = ~np.isnan(chances).any(axis=1)
        if not known.any():
            raise DemarcheError("the tags have no stances; leave the stance out of --share")
        chance = np.where(known, chances[:, self._stance], chances[known, self._stance].mean())
        takes = has & (rng.random(len(rows)) < chance)
        stance = self._batch.stance[rows, self._topic]
        return (
            Ratio(takes.astype(float), has.astype(float)),
            Ratio((stance == self._stance).astype(float), (stance >= 0).astype(float)),
        )


def _enough(articles: int, error: float, cases: float, within: float) -> int:
    """Return the smallest number of articles that gives the interval, and enough of them with a case to rely on it."""
    fewest = max(FEWEST_ARTICLES, int(np.ceil(_ENOUGH_CASES * articles / max(cases, 1e-9))) if cases else articles)
    fewest = min(fewest, articles)
    numbers = np.arange(fewest, articles + 1)
    precise = np.array([_half_width(int(number), articles, error) <= within for number in numbers])
    return int(numbers[precise.argmax()])


def _half_width(read: int, articles: int, error: float) -> float:
    if read >= articles:
        return 0.0
    return float(stdtrit(max(read - 1, 1), 0.975) * error * np.sqrt(articles / read - 1))


def _correlation(tagged: npt.NDArray[np.bool_], article: Codes) -> float:
    """Return the correlation of two tags of an article, from 0 to 1."""
    away = tagged - tagged.mean()
    sums = np.bincount(article, weights=away)
    pairs = (np.bincount(article) * (np.bincount(article) - 1)).sum()
    spread = float(np.mean(away**2))
    return float(np.clip((sums @ sums - away @ away) / pairs / spread, 0, 1)) if pairs and spread else 0.0


def _alike(chance: Numbers, article: Codes, correlation: float, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Draw yes or no for each passage, with this correlation between two passages of an article."""
    of_article = rng.random(int(article.max()) + 1)[article]
    shared = rng.random(len(article)) < np.sqrt(correlation)
    return np.asarray(np.where(shared, of_article, rng.random(len(article))) < chance)


def _passages(tags: pa.Table, batch: Batch, wanted: Codes, inclusion: Numbers) -> list[Passage]:
    """Return the passages at these positions in the batch, with the probability with which their article was chosen."""
    ids = [batch.passages[row] for row in wanted]
    rows = tags.filter(pc.and_(pc.is_in(tags["status"], pa.array(READ)), pc.is_in(tags["passage"], pa.array(ids))))
    by_id = {row["passage"]: row for row in rows.select(_FIELDS).to_pylist()}
    passages = []
    for id, place in zip(ids, wanted, strict=True):
        row = by_id[id]
        meta: dict[str, str | float] = {INCLUSION: float(inclusion[batch.article[place]])}
        if batch.periods:
            meta[STRATUM] = batch.periods[batch.period[place]]
        passages.append(Passage(id=id, **{name: row[name] for name in _FIELDS[1:]}, meta=meta))
    return passages


_FIELDS = ["passage", "article", "text", "start", "end", "title", "source", "published", "url"]


def parse_share(share: str) -> tuple[str, Stance | None]:
    """Return the topic and the stance of `TOPIC` or `TOPIC:STANCE`."""
    topic, _, stance = share.partition(":")
    if not stance:
        return topic, None
    for each in STANCES:
        if each == stance:
            return topic, each
    raise DemarcheError(f"--share {share}: no stance {stance!r}; name one of {', '.join(STANCES)}")
