"""`make bench-corpus`: what each addition to the starter corpus brought, and whether more would bring more.

Cross-validation over articles: five folds, each read by a model of the other four. A row is a share of those
four; it is judged on the same passages as the row above, so that the difference is paired (bootstrap by article).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from demarche.printing import table
from labels.gold.adjudication import Example
from models.examples import NoCallback
from training.config import Config, read_config
from training.evaluation.compare import compare
from training.evaluation.predictions import Prediction, predict
from training.fit import fit
from training.run import prepare

FOLDS = 5
ADDED = {
    "articles made to be hard": 7,
    "plain daily news": 9,
    "several topics in a passage": 12,
    "against and neutral": 14,
}
"""What was added, and the number of the last part that belongs to it."""
SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)
FIGURES = {"topics mAP": "topics/map", "stance macro-F1": "stance/macro_f1", "joint micro-F1": "joint/micro_f1"}

Kept = Callable[[Example], bool]


def part(example: Example) -> int:
    return int(str(example.passage.meta["part"]))


def up_to(example: Example, *, last: int) -> bool:
    return part(example) <= last


def cross_validated(config: Config, kept: Kept | float) -> list[Prediction]:
    """Every passage, read by a model of the articles kept in the other folds: those that hold, or a share of them."""
    prepared = prepare(config)
    examples = prepared.examples
    # Articles in an order of their own, the same for every row, so that each share holds the smaller ones.
    articles = np.random.default_rng(config.seed).permutation(sorted({e.passage.group_id for e in examples}))
    place = {article: number for number, article in enumerate(articles)}
    found: list[Prediction] = []
    for fold in range(FOLDS):
        others = [e for e in examples if place[e.passage.group_id] % FOLDS != fold]
        if isinstance(kept, float):
            train = [e for e in others if place[e.passage.group_id] < kept * len(articles)]
        else:
            train = [e for e in others if kept(e)]
        tagger = fit(config, prepared.data.codebook, train, [], callback=NoCallback()).tagger
        held = [e for e in examples if place[e.passage.group_id] % FOLDS == fold]
        found += predict(tagger, held, [str(part(e)) for e in held])
    return found


def rows(names: Sequence[str], read: Sequence[list[Prediction]], sizes: Sequence[int]) -> list[tuple[str, ...]]:
    found = []
    for number, (name, predictions) in enumerate(zip(names, read, strict=True)):
        before = read[number - 1] if number else predictions
        cells = []
        for metric in FIGURES.values():
            (one,) = compare(before, predictions, metrics=[metric], seed=1)
            apart = one.difference
            cells += [
                f"{one.second:.3f}",
                f"{apart.value:+.3f} [{apart.low:+.3f}, {apart.high:+.3f}]" if number else "",
            ]
        found.append((name, str(sizes[number]), *cells))
    return found


def main(arguments: Sequence[str]) -> int:
    config = read_config(Path(arguments[0] if arguments else "configs/linear.yaml"), ["split.dev=0"])
    examples = prepare(config).examples
    stages: list[Kept | float] = [partial(up_to, last=last) for last in ADDED.values()]
    # Forked from one that has threads, as the search for near-duplicates starts, they would wait for ever.
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:
        read = list(processes.map(partial(cross_validated, config), [*stages, *SHARES[:-1]]))
    columns = [column for name in FIGURES for column in (name, "more than above")]
    # All of the articles are the last of either.
    by_stage, by_share = read[: len(stages)], [*read[len(stages) :], read[len(stages) - 1]]
    sizes = [sum(part(e) <= last for e in examples) for last in ADDED.values()]
    table(("added", "passages", *columns), rows(list(ADDED), by_stage, sizes), title="What each addition brought")
    learnt = [round(share * len(examples) * (1 - 1 / FOLDS)) for share in SHARES]
    names = [f"{share:.0%} of the articles" for share in SHARES]
    table(("learnt from", "passages", *columns), rows(names, by_share, learnt), title="Learning curve")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
