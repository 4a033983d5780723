"""How often the 95 % intervals of corrected shares contain the truth, on simulated batches whose truth is known.

python -m benchmarks.totals [DRAWS [errors|read]]

Without a word, it measures both corrections: by the errors on test, and by articles that people read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from labels.codebook import STANCES
from labels.gold.adjudication import Example, Target
from labels.passages import Passage
from models.confusion import Case, Confusion
from tagging.totals.batch import Batch, Codes, Numbers
from tagging.totals.by_confusion import ByConfusion
from tagging.totals.by_reading import ByReading
from tagging.totals.estimate import Estimate

TOPIC = "a"
TEST_ARTICLES, BATCH_ARTICLES = 300, 2000


@dataclass(frozen=True)
class World:
    """What articles are like, and how a classifier errs on them.

    `share` is that of the passages with the topic, `found` and `false` how often it is tagged where it holds and where
    it does not, `leaning` the shares of the stances, and `confused` how often a stance is taken for each. Articles
    differ in their share of passages with the topic, in their leaning, and in how hard they are. Wrong tags have lower
    probabilities than right ones; `unsure` makes those of right ones lower.
    """

    share: float = 0.2
    found: float = 0.85
    false: float = 0.03
    leaning: tuple[float, float, float] = (0.45, 0.3, 0.25)
    confused: tuple[tuple[float, float, float], ...] = ((0.6, 0.2, 0.2), (0.2, 0.65, 0.15), (0.2, 0.2, 0.6))
    unsure: float = 0.0


class Drawn(NamedTuple):
    """Passages with their gold: `has` (n) and `stance` (n), and what the model says as a batch of one topic."""

    batch: Batch
    has: Codes
    stance: Codes


TEST = World()
BATCH = World(share=0.08, leaning=(0.2, 0.6, 0.2))
"""The batch has fewer passages with the topic than test, and other stances: only the shares differ."""
BROKEN = {
    "the assumption holds": BATCH,
    "more false tags (3 % → 8 %), less sure": replace(BATCH, false=0.08),
    "half of the topic is not found (85 % → 45 %)": replace(BATCH, found=0.45),
    "less is found (85 % → 65 %), and less surely": replace(BATCH, found=0.65, unsure=0.6),
    "stances are guessed": replace(BATCH, confused=((0.34, 0.33, 0.33),) * 3),
}
READ = {
    "the batch": BATCH,
    "shares as on test (20 %, 30 %)": TEST,
    "half of the topic is not found": BROKEN["half of the topic is not found (85 % → 45 %)"],
    "stances are guessed": BROKEN["stances are guessed"],
    "`against` is rare (20 %)": World(share=0.12, leaning=(0.7, 0.2, 0.1)),
    "errors are rare, and so is `against`": World(
        share=0.12,
        found=0.95,
        false=0.005,
        leaning=(0.4, 0.2, 0.4),
        confused=((0.9, 0.05, 0.05), (0.05, 0.9, 0.05), (0.05, 0.05, 0.9)),
    ),
}
READ_HEAD = "| case | articles read | topic: coverage, width | cautions | against: coverage, width | cautions |"


def draw(world: World, articles: int, rng: np.random.Generator) -> Drawn:
    """Draw articles of one to about eight passages."""
    article = np.repeat(np.arange(articles), rng.geometric(0.4, articles))
    count = len(article)
    has = rng.random(count) < rng.beta(world.share * 2, (1 - world.share) * 2, articles)[article]
    leanings = rng.dirichlet(np.array(world.leaning) * 3, articles)[article]
    stance = _choose(leanings, rng)
    found = rng.beta(world.found * 6, (1 - world.found) * 6, articles)[article]
    tagged = rng.random(count) < np.where(has, found, world.false)
    sure = rng.beta(np.where(has, 4 - 2 * world.unsure, 2), np.where(has, 1.5 + world.unsure, 2.5))
    read = np.where(has, _choose(np.array(world.confused)[stance], rng), _choose(np.full((count, 3), 1 / 3), rng))
    batch = Batch(
        topics=(TOPIC,),
        passages=[str(number) for number in range(count)],
        articles=articles,
        article=article,
        probability=np.where(tagged, 0.5 + sure / 2, np.nan)[:, np.newaxis],
        stance=np.where(tagged, read, -1)[:, np.newaxis],
        stances=np.full((count, 1, 3), np.nan),
        period=np.zeros(count, np.int64),
        periods=(),
    )
    return Drawn(batch, has.astype(np.int64), np.where(has, stance, -1))


def confusion_of(drawn: Drawn) -> Confusion:
    """Return the errors on test articles."""
    batch = drawn.batch
    tagged = batch.has(0)
    cases = [
        Case(
            article=int(batch.article[row]),
            topic=TOPIC,
            gold="yes" if drawn.has[row] else "no",
            stance=STANCES[drawn.stance[row]] if drawn.has[row] else None,
            probability=float(batch.probability[row, 0]) if tagged[row] else None,
            predicted=STANCES[batch.stance[row, 0]] if tagged[row] else None,
        )
        for row in np.flatnonzero((drawn.has == 1) | tagged)
    ]
    return Confusion(topics=(TOPIC,), passages=tuple(np.bincount(batch.article).tolist()), cases=tuple(cases))


def read_by_people(drawn: Drawn, articles: int, rng: np.random.Generator) -> list[Example]:
    """Return the gold of some articles of the batch, drawn at random."""
    chosen = rng.choice(drawn.batch.articles, articles, replace=False)
    return [
        Example(
            # Validation would take most of the time of the simulation.
            passage=Passage.model_construct(
                id=str(row), article=str(drawn.batch.article[row]), text="x", start=0, end=1
            ),
            topics={TOPIC: True} if drawn.has[row] else {},
            stances={Target(TOPIC): STANCES[drawn.stance[row]]} if drawn.has[row] else {},
            topic_votes={},
            stance_votes={},
        )
        for row in np.flatnonzero(np.isin(drawn.batch.article, chosen))
    ]


class Naive(NamedTuple):
    """A share of the tags, and the number of passages that it is of."""

    share: float
    of: int


Outcome = tuple[float, Naive, Estimate]
Simulate = Callable[[np.random.Generator], Iterator[Outcome]]


def truth(drawn: Drawn) -> tuple[float, float]:
    """Return the share of the topic, and that of `against` in it."""
    return float(drawn.has.mean()), float((drawn.stance[drawn.has == 1] == 1).mean())


def by_confusion(test: int, batch: int, world: World, rng: np.random.Generator) -> Iterator[Outcome]:
    """Yield truth, share of the tags and estimate, of the topic and of `against`."""
    confusion, drawn = confusion_of(draw(TEST, test, rng)), draw(world, batch, rng)
    correction = ByConfusion(drawn.batch, confusion, seed=int(rng.integers(2**31)))
    passages = np.arange(len(drawn.batch))
    yield from zip(
        truth(drawn), _tagged(drawn), (correction.topic(0, passages), correction.stances(0, passages)[1]), strict=True
    )


def by_reading(
    read: int, batch: int, world: World, rng: np.random.Generator, *, by_hand: bool = False
) -> Iterator[Outcome]:
    """Yield the same from articles that were read; `by_hand` uses nothing of the model."""
    drawn = draw(world, batch, rng)
    examples = read_by_people(drawn, read, rng)
    seen = drawn.batch
    if by_hand:
        seen = replace(seen, probability=np.full_like(seen.probability, np.nan), stance=np.full_like(seen.stance, -1))
    correction = ByReading.of(seen, examples)
    passages = np.arange(len(drawn.batch))
    yield from zip(
        truth(drawn), _tagged(drawn), (correction.topic(0, passages), correction.stances(0, passages)[1]), strict=True
    )


HEAD = "| case | share | coverage | width | bias of the tags | coverage, width of their own interval | cautions |"


def main(draws: int = 200, what: str = "") -> None:
    if what not in ("", "errors", "read"):
        sys.exit(__doc__)
    print(
        f"{draws} draws, {TEST_ARTICLES} test articles, {BATCH_ARTICLES} articles in the batch unless it says otherwise"
    )
    if what != "read":
        print(HEAD, "|---|---|---|---|---|---|---|", sep="\n")
        for name, world in BROKEN.items():
            _row(f"by errors on test; {name}", partial(by_confusion, TEST_ARTICLES, BATCH_ARTICLES, world), draws)
        _row("the same with 1,000 test articles", partial(by_confusion, 1000, BATCH_ARTICLES, BATCH), draws)
        _row("the same with 200 articles in the batch", partial(by_confusion, TEST_ARTICLES, 200, BATCH), draws)
    if what != "errors":
        print(READ_HEAD, "|---|---|---|---|---|---|", sep="\n")
        for name, world in READ.items():
            for read in (50, 100, 200, 400):
                _read_row(name, read, partial(by_reading, read, BATCH_ARTICLES, world), draws)
        for read in (50, 100, 200, 400):
            alone = partial(by_reading, read, BATCH_ARTICLES, BATCH, by_hand=True)
            _read_row("the batch, labels without tags", read, alone, draws)


def _row(case: str, simulate: Simulate, draws: int) -> None:
    for share, each in zip(("topic", "against"), measure(simulate, draws), strict=True):
        print(
            f"| {case} | {share} | {each.covered:.1%} | {each.width:.3f} | {each.naive_bias:+.3f} "
            f"| {each.naive_covered:.1%}, {each.naive_width:.3f} | {each.cautions:.0%} |",
            flush=True,
        )


def _read_row(case: str, read: int, simulate: Simulate, draws: int) -> None:
    topic, stance = measure(simulate, draws)
    print(
        f"| {case} | {read} | {topic.covered:.1%}, {topic.width:.3f} | {topic.cautions:.0%} "
        f"| {stance.covered:.1%}, {stance.width:.3f} | {stance.cautions:.0%} |",
        flush=True,
    )


class Measured(NamedTuple):
    """Means over all draws of an interval of the corrected share, and of the one that takes the tags as true.

    `covered` is how often it contains the truth, and `cautions` how often there is a caution or no estimate.
    """

    covered: float
    width: float
    naive_covered: float
    naive_width: float
    naive_bias: float
    cautions: float


def measure(simulate: Simulate, draws: int) -> list[Measured]:
    """Return what comes of the topic's share and of the stance's over many draws."""
    rows: list[list[tuple[float, ...]]] = [[], []]
    for seed in range(draws):
        for place, outcome in enumerate(simulate(np.random.default_rng(seed))):
            rows[place].append(_outcome(*outcome))
    return [Measured(*np.nanmean(np.array(each), axis=0)) for each in rows]


def _outcome(true: float, naive: Naive, estimate: Estimate) -> tuple[float, ...]:
    half = 1.96 * np.sqrt(naive.share * (1 - naive.share) / naive.of)
    covered, width = np.nan, np.nan
    if estimate.low is not None and estimate.high is not None:
        covered, width = float(estimate.low <= true <= estimate.high), estimate.high - estimate.low
    cautious = float(estimate.caution is not None)
    return covered, width, float(abs(naive.share - true) <= half), 2 * half, naive.share - true, cautious


def _tagged(drawn: Drawn) -> tuple[Naive, Naive]:
    tagged, stance = drawn.batch.has(0), drawn.batch.stance[:, 0]
    stance = stance[stance >= 0]
    return Naive(float(tagged.mean()), len(tagged)), Naive(float((stance == 1).mean()), len(stance))


def _choose(shares: Numbers, rng: np.random.Generator) -> Codes:
    return (rng.random(len(shares))[:, np.newaxis] > shares.cumsum(axis=1)).sum(axis=1).clip(0, 2)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, *sys.argv[2:])
