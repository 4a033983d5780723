"""How often the 95 % interval of a metric contains the truth, on simulated data whose truth is known.

python -m benchmarks.coverage [DRAWS]          # articles vary
python -m benchmarks.coverage seeds [DRAWS]    # articles vary, and so do the models that a config gives
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial

import numpy as np

from labels.bootstrap import Groups, Interval, Resampled, Weights, mean_over_runs, resample
from training.evaluation.metrics import Metric
from training.evaluation.results import StanceResults, TopicResults

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


def seeds(draws: int = 300) -> None:
    """Print how often the interval of a config's mean score contains the truth, from several seeds and from one."""
    print(f"share of {draws} draws whose 95 % interval contains the truth, and that of a single seed in brackets")
    for count in (2, 3, 5):
        for spread in (0.0, 0.02, 0.04):
            covered = np.zeros(2)
            for seed in range(draws):
                runs = _runs(count, spread, seed=seed)
                intervals = mean_over_runs(runs, np.random.default_rng([seed, 0])).interval(), runs[0].interval()
                covered += [each.low <= TRUTH <= each.high for each in intervals]
            several, single = covered / draws
            print(f"{count} seeds, standard deviation of training {spread}: {several:.1%} ({single:.1%})")


TRUTH = 0.7


def _runs(count: int, spread: float, *, seed: int) -> list[Resampled]:
    """Return the mean score over 60 articles of models of one config; the standard error of the articles is 0.026."""
    rng = np.random.default_rng(seed)
    groups = Groups([f"{article:02}" for article in range(60)])
    articles = rng.normal(TRUTH, 0.2, groups.count)
    models = [articles + rng.normal(0, spread) + rng.normal(0, 0.1, groups.count) for _ in range(count)]
    return [resample(partial(_mean, scores), groups, seed=seed) for scores in models]


def _mean(scores: Weights, weights: Weights) -> Weights:
    return weights @ scores / weights.sum(axis=1)


def percentiles(metric: Metric) -> Interval:
    """Return the percentile interval of Efron (1979) on the same draws."""
    scores = metric.score(metric.groups.draws(seed=metric.seed).astype(float))
    low, high = np.nanpercentile(scores, [2.5, 97.5])
    return Interval(metric.value, float(low), float(high))


if __name__ == "__main__":
    if sys.argv[1:2] == ["seeds"]:
        seeds(*map(int, sys.argv[2:]))
    else:
        main(*map(int, sys.argv[1:]))
