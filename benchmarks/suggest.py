"""Measure how many labels `demarche labels suggest` saves against drawing at random.

    python -m benchmarks.suggest FOLDER [--set news|gwsd|crs110] [--choose] [--seeds N] [--shares NAME…]

A simulation: of a pool of labelled passages, 50 drawn at random are taken as labelled. A linear model on words learns from
them; then 50 more are labelled at a time, drawn at random or suggested by the model of the step before, until the pool
is used up or 400 are labelled. Every model is evaluated on the same test passages. Each seed draws the first 50 anew, and
the test passages of real news and the pool of crs110.

The shares of the reasons were chosen on other passages (`--choose`): one half of the real news, and dev of gwsd and
crs110. On the other half and on test, they were only evaluated.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.bench import import_set
from benchmarks.news_models import CHOOSE, side_of
from demarche.printing import table
from labels.check import read_labelled
from labels.codebook import Codebook
from labels.errors import DemarcheError
from labels.gold.adjudication import Example, Target, adjudicate
from models.choosing import SHARES, Labelled, Reason, Scorer, Shortlist, choose
from models.examples import FloatArray, NoCallback
from models.tagger import Tagger
from training.config import Config, read_config
from training.evaluation.metrics import evaluate
from training.evaluation.predictions import predict
from training.fit import fit
from training.prepare import prepare

STEP = 50
MOST = 400
VARIANTS: dict[str, Mapping[Reason, float]] = {
    "random": {"random": 1.0},
    "suggested": SHARES,
    "uncertain topics": {"uncertain topic": 1.0},
    "uncertain stances": {"uncertain stance": 1.0},
    "missed": {"keyword": 0.5, "like labelled": 0.5},
    "uncertain": {"uncertain topic": 0.5, "uncertain stance": 0.5},
    "even": {"uncertain topic": 0.25, "uncertain stance": 0.25, "keyword": 0.25, "like labelled": 0.25},
}
WORDS = {"topics": "topics.ngrams.chars=null", "stance": "stance.ngrams.chars=null"}
METRICS = {
    "news": ("topics/micro_f1", "stance/macro_f1", "joint/micro_f1"),
    "gwsd": ("stance/macro_f1",),
    "crs110": ("topics/macro_f1", "topics/map"),
}


@dataclass(frozen=True)
class World:
    """A pool to label passages from, and the passages to evaluate on."""

    config: Config
    codebook: Codebook
    pool: list[Example]
    test: list[Example]


def news(data: Path, seed: int, *, choosing: bool) -> World:
    """Return a pool and a third of the half that is evaluated on; the pool to report on has the other half as well."""
    config = read_config("configs/linear.yaml", list(WORDS.values()))
    labelled = read_labelled(
        config.data.codebook, [data / "news/passages.jsonl.gz"], [data / "news/annotations.jsonl.gz"]
    )
    examples = adjudicate(labelled.passages, labelled.annotations)
    scored = [example for example in examples if (side_of(example) == CHOOSE) == choosing]
    others = [] if choosing else [example for example in examples if side_of(example) == CHOOSE]
    order = np.random.default_rng(seed).permutation(len(scored))
    third = len(scored) // 3
    return World(
        config,
        labelled.codebook,
        [scored[row] for row in order[third:]] + others,
        [scored[row] for row in order[:third]],
    )


def gwsd(data: Path, seed: int, *, choosing: bool) -> World:
    import_set("gwsd", data)
    return _of_splits(
        read_config("configs/bench/gwsd.yaml", [WORDS["stance"], "data.votes=majority"]), choosing=choosing
    )


def crs110(data: Path, seed: int, *, choosing: bool) -> World:
    """Return 1,500 bills as the pool and 1,000 to evaluate on: few have a topic."""
    import_set("crs110", data)
    world = _of_splits(read_config("configs/bench/crs110.yaml", [WORDS["topics"]]), choosing=choosing)
    rng = np.random.default_rng(seed)
    pool, test = (
        [examples[row] for row in rng.permutation(len(examples))[:most]]
        for examples, most in ((world.pool, 1500), (world.test, 1000))
    )
    return World(world.config, world.codebook, pool, test)


def _of_splits(config: Config, *, choosing: bool) -> World:
    prepared = prepare(config)
    train, dev, test = (prepared.examples_in(split) for split in ("train", "dev", "test"))
    return World(config, prepared.data.codebook, train if choosing else train + dev, dev if choosing else test)


WORLDS: dict[str, Callable[..., World]] = {"news": news, "gwsd": gwsd, "crs110": crs110}


def curve(
    world: World, shares: Mapping[Reason, float], metrics: Sequence[str], *, seed: int
) -> Iterator[tuple[int, list[float]]]:
    """Yield the number of labelled passages and the metrics, step by step."""
    order = np.random.default_rng(seed).permutation(len(world.pool))
    labelled = [world.pool[row] for row in order[:STEP]]
    while True:
        tagger = fit(world.config, world.codebook, labelled, [], callback=NoCallback()).tagger
        scores = evaluate(predict(tagger, world.test, ["test"] * len(world.test)), seed=1).metrics
        yield len(labelled), [scores[metric].value if metric in scores else 0.0 for metric in metrics]
        known = {example.passage.id for example in labelled}
        rest = [example for example in world.pool if example.passage.id not in known]
        if len(labelled) >= MOST or len(rest) < STEP:
            return
        chosen = suggested(tagger, labelled, rest, shares, seed=seed)
        labelled = labelled + [example for example in rest if example.passage.id in chosen]


def suggested(
    tagger: Tagger, labelled: Sequence[Example], rest: Sequence[Example], shares: Mapping[Reason, float], *, seed: int
) -> set[str]:
    scorer = Scorer(tagger, Labelled([example.passage for example in labelled], tagger))
    passages = [example.passage for example in rest]
    targets = [_target(example) for example in rest]
    shortlist = Shortlist(STEP, seed=seed + len(labelled))
    for passage, scores in zip(passages, scorer.scores(passages, targets), strict=True):
        shortlist.add(passage, scores)
    return {candidate.passage.id for candidate in choose(shortlist, shares=shares)}


def _target(example: Example) -> Target | None:
    """Return the target that is known before labelling: one that the passage's article is read for."""
    return next((target for target in example.stances if target.topic is None), None)


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser("benchmarks.suggest", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--set", choices=sorted(WORLDS), action="append")
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--shares", nargs="*", choices=sorted(VARIANTS), default=["random", "suggested"])
    given = parser.parse_args(arguments)
    try:
        for name in given.set or sorted(WORLDS):
            curves: dict[str, list[dict[int, list[float]]]] = {}
            for seed in range(given.seeds):
                world = WORLDS[name](given.data, seed, choosing=given.choose)
                for variant in given.shares:
                    points = dict(curve(world, VARIANTS[variant], METRICS[name], seed=seed))
                    curves.setdefault(variant, []).append(points)
                    scores = {size: [round(score, 3) for score in each] for size, each in points.items()}
                    print(name, seed, variant, scores, file=sys.stderr, flush=True)
            _print(name, curves)
    except DemarcheError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def needed(sizes: Sequence[int], scores: FloatArray, goal: float) -> str:
    """Return the number of labels at which a curve first reaches a score, between two points by a straight line."""
    if scores[0] >= goal:
        return str(sizes[0])
    for place in range(1, len(sizes)):
        if scores[place] >= goal:
            share = (goal - scores[place - 1]) / (scores[place] - scores[place - 1])
            return f"{sizes[place - 1] + share * (sizes[place] - sizes[place - 1]):.0f}"
    return "–"


def _print(name: str, curves: Mapping[str, Sequence[Mapping[int, Sequence[float]]]]) -> None:
    sizes = sorted(set.intersection(*(set(each) for of_variant in curves.values() for each in of_variant)))
    for column, metric in enumerate(METRICS[name]):
        values = {
            variant: np.array([[each[size][column] for size in sizes] for each in of_variant])
            for variant, of_variant in curves.items()
        }
        rows = [
            (variant, *(f"{score:.3f}" for score in scores.mean(axis=0)), f"{scores.mean():.3f}")
            for variant, scores in values.items()
        ]
        drawn = values["random"].mean(axis=0) if "random" in values else None
        rows += [
            (f"{variant}: labels for random's score", *(needed(sizes, scores.mean(axis=0), goal) for goal in drawn), "")
            for variant, scores in values.items()
            if drawn is not None and variant != "random"
        ]
        table((f"{metric} with n labels", *map(str, sizes), "mean"), rows, title=f"{name}, {metric}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
