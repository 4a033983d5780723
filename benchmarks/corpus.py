"""`make bench-corpus`: measure what each addition to the starter corpus brought, and what more articles would bring.

Cross-validation over articles in five folds: a model trained on the other four predicts each fold. Each row uses a part
of those four. All rows are evaluated on the same passages, so their differences are paired (bootstrap by article).
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
    "hard articles": 7,
    "plain daily news": 9,
    "several topics per passage": 12,
    "against and neutral": 14,
}
"""Addition → the number of its last part."""
FRACTIONS = (0.2, 0.4, 0.6, 0.8, 1.0)
METRICS = {"topics mAP": "topics/map", "stance macro-F1": "stance/macro_f1", "joint micro-F1": "joint/micro_f1"}

Keep = Callable[[Example], bool]


def part(example: Example) -> int:
    return int(str(example.passage.meta["part"]))


def up_to(example: Example, *, last: int) -> bool:
    return part(example) <= last


def cross_validated(config: Config, keep: Keep | float) -> list[Prediction]:
    """Predict every passage out of fold, training on the examples that `keep` accepts or on that fraction of articles."""
    prepared = prepare(config)
    examples = prepared.examples
    # One shuffled order of the articles for all rows: each fraction contains the smaller ones.
    articles = np.random.default_rng(config.seed).permutation(sorted({e.passage.group_id for e in examples}))
    position = {article: number for number, article in enumerate(articles)}
    predictions: list[Prediction] = []
    for fold in range(FOLDS):
        others = [e for e in examples if position[e.passage.group_id] % FOLDS != fold]
        if isinstance(keep, float):
            train = [e for e in others if position[e.passage.group_id] < keep * len(articles)]
        else:
            train = [e for e in others if keep(e)]
        tagger = fit(config, prepared.data.codebook, train, [], callback=NoCallback()).tagger
        test = [e for e in examples if position[e.passage.group_id] % FOLDS == fold]
        predictions += predict(tagger, test, [str(part(e)) for e in test])
    return predictions


def rows(names: Sequence[str], results: Sequence[list[Prediction]], sizes: Sequence[int]) -> list[tuple[str, ...]]:
    """Return a row per result: its scores, and the gain of each over the row above with its interval."""
    table_rows = []
    for number, (name, predictions) in enumerate(zip(names, results, strict=True)):
        before = results[number - 1] if number else predictions
        cells = []
        for metric in METRICS.values():
            (compared,) = compare(before, predictions, metrics=[metric], seed=1)
            value, low, high = compared.difference
            cells += [f"{compared.second:.3f}", f"{value:+.3f} [{low:+.3f}, {high:+.3f}]" if number else ""]
        table_rows.append((name, str(sizes[number]), *cells))
    return table_rows


def main(arguments: Sequence[str]) -> int:
    config = read_config(Path(arguments[0] if arguments else "configs/linear.yaml"), ["split.dev=0"])
    examples = prepare(config).examples
    stages: list[Keep | float] = [partial(up_to, last=last) for last in ADDED.values()]
    # Spawned, not forked: the search for near-duplicates starts threads, and forked processes would deadlock.
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:
        results = list(processes.map(partial(cross_validated, config), [*stages, *FRACTIONS[:-1]]))
    columns = [column for name in METRICS for column in (name, "gain over the row above")]
    # The last row of both tables is the result on all articles.
    by_stage, by_fraction = results[: len(stages)], [*results[len(stages) :], results[len(stages) - 1]]
    sizes = [sum(part(e) <= last for e in examples) for last in ADDED.values()]
    table(("added", "passages", *columns), rows(list(ADDED), by_stage, sizes), title="What each addition brought")
    training = [round(fraction * len(examples) * (1 - 1 / FOLDS)) for fraction in FRACTIONS]
    names = [f"{fraction:.0%} of the articles" for fraction in FRACTIONS]
    table(("training data", "passages", *columns), rows(names, by_fraction, training), title="Learning curve")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
