"""How often the 95 % interval of a metric contains the truth, on simulated data whose truth is known.

python -m benchmarks.coverage [DRAWS]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from labels.bootstrap import Groups, Interval
from training.evaluation.metrics import Metric, StanceResults, TopicResults

TOPICS = ["a", "b", "c", "d", "e"]
ARTICLES = (25, 60, 200)
POPULATION = 100_000
METRICS = ("topics/micro_f1", "topics/macro_f1", "stance/macro_f1")


def main(draws: int = 500) -> None:
    truth = {name: metric.value for name, metric in simulate(POPULATION, seed=0).items()}
    print(f"share of {draws} draws whose 95 % interval contains the truth: BCa, and plain percentiles in brackets")
    for articles in ARTICLES:
        covered = {name: np.zeros(2) for name in METRICS}
        for seed in range(1, draws + 1):
            for name, metric in simulate(articles, seed=seed).items():
                intervals = metric.interval, percentiles(metric)
                covered[name] += [each.low <= truth[name] <= each.high for each in intervals]
        shares = {name: count / draws for name, count in covered.items()}
        print(
            f"{articles:4} articles: "
            + ", ".join(f"{name} {own:.1%} ({plain:.1%})" for name, (own, plain) in shares.items())
        )


def simulate(articles: int, *, seed: int) -> dict[str, Metric]:
    """Return the metrics of a tagger on articles that differ in length, in their topics, in stance and in difficulty."""
    rng = np.random.default_rng(seed)
    lengths = 1 + rng.geometric(0.3, articles)
    article = np.repeat(np.arange(articles), lengths)
    mixes = rng.dirichlet(np.full(len(TOPICS), 0.3), articles)
    skill = rng.beta(5, 1.5, articles)[article]
    gold = rng.random((len(article), len(TOPICS))) < 0.9 * mixes[article]
    right = rng.random(gold.shape) < np.where(gold, skill[:, np.newaxis], 1 - 0.2 * (1 - skill[:, np.newaxis]))
    assigned = gold == right
    names = np.array([f"{number:06}" for number in article])
    groups = Groups(names)
    topics = TopicResults(TOPICS, groups, gold, assigned.astype(float), assigned)
    passage, topic = np.nonzero(gold)
    leaning = rng.dirichlet([0.8, 0.6, 0.6], articles)[article[passage]]
    stance = (rng.random(len(passage))[:, np.newaxis] > leaning.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    other = (stance + rng.integers(1, 3, len(stance))) % 3
    predicted = np.where(rng.random(len(stance)) < 0.3 + 0.6 * skill[passage], stance, other)
    stances = StanceResults([TOPICS[t] for t in topic], Groups(names[passage]), stance, np.eye(3)[predicted], predicted)
    scores = dict(_metrics(topics, seed=seed)) | dict(_metrics(stances, seed=seed))
    return {name: scores[name] for name in METRICS}


def _metrics(results: TopicResults | StanceResults, *, seed: int) -> Iterator[tuple[str, Metric]]:
    for name, score in results.scores().items():
        yield name, Metric(score, results.groups, seed=seed)


def percentiles(metric: Metric) -> Interval:
    """Return the percentile interval of Efron (1979) on the same draws."""
    scores = metric.score(metric.groups.draws(seed=metric.seed).astype(float))
    low, high = np.nanpercentile(scores, [2.5, 97.5])
    return Interval(metric.value, float(low), float(high))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
