"""How long 1,000 bootstrap draws of every metric take, and a comparison of two models, on simulated predictions.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m benchmarks.resampling [PASSAGES [ARTICLES]]

The passages have five topics and a stance each; without a number of articles, three are measured.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from labels.codebook import STANCES
from training.evaluation.compare import compare
from training.evaluation.metrics import evaluate, metrics_by_name
from training.evaluation.predictions import Prediction, StancePrediction, TopicPrediction

TOPICS = ("a", "b", "c", "d", "e")
ARTICLES = (500, 2_500, 10_000)


def main(passages: int = 10_000, *articles: int) -> None:
    for count in articles or ARTICLES:
        first, second = (simulate(passages, count, seed=seed) for seed in (1, 2))
        start = time.process_time()
        metrics = evaluate(first, seed=13).metrics
        for metric in metrics.values():
            _ = metric.interval
        evaluated = time.process_time() - start
        start = time.process_time()
        names = list(metrics_by_name(first, seed=13))
        compare(first, second, metrics=names, seed=13)
        compared = time.process_time() - start
        print(
            f"{passages} passages of {count} articles: {len(metrics)} metrics with intervals in {evaluated:.1f} s of CPU time, "
            f"their differences to a second model in {compared:.1f} s"
        )


def simulate(passages: int, articles: int, *, seed: int) -> list[Prediction]:
    """Return predictions of a tagger that is right three times in four; the gold is the same for every seed."""
    gold, rng = np.random.default_rng(0), np.random.default_rng(seed)
    predictions = []
    for number in range(passages):
        holds = gold.random(len(TOPICS)) < 0.2
        stances = gold.integers(len(STANCES), size=len(TOPICS))
        probabilities = np.clip(holds * 0.4 + rng.random(len(TOPICS)) * 0.7, 0, 1)
        read = np.where(rng.random(len(TOPICS)) < 0.75, stances, rng.integers(len(STANCES), size=len(TOPICS)))
        topics = {
            topic: TopicPrediction(gold=bool(h), probability=float(p), assigned=bool(p > 0.5))
            for topic, h, p in zip(TOPICS, holds, probabilities, strict=True)
        }
        predictions.append(
            Prediction(
                passage=f"p{number}",
                group=f"a{number % articles}",
                split="test",
                text="",
                topics=topics,
                stances=tuple(_stance(TOPICS[t], stances[t], read[t]) for t in np.flatnonzero(holds)),
                tags={t: STANCES[read[n]] for n, t in enumerate(TOPICS) if topics[t].assigned},
            )
        )
    return predictions


def _stance(topic: str, gold: int, predicted: int) -> StancePrediction:
    probabilities = {stance: 0.8 if place == predicted else 0.1 for place, stance in enumerate(STANCES)}
    return StancePrediction(topic=topic, gold=STANCES[gold], predicted=STANCES[predicted], **probabilities)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
