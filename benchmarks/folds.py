"""`make bench-folds`: families on the starter corpus, five folds over its articles, each against the first config.

    python -m benchmarks.folds [CONFIG…]

Every article is test once, by a model that learnt from the other four fifths (0.15 of them dev); copies stay together.
The predictions of all folds are judged as one: the interval is of the paired difference, by bootstrap over articles.
A fold whose config, data and code have not changed is not trained again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.bench import BUILD, digest
from demarche.printing import table
from labels.errors import DemarcheError
from labels.files import write_jsonl
from labels.passages import Passage
from labels.splits.duplicates import duplicate_pairs, merge
from labels.splits.split import Place, Split, group_ids, hash_fraction
from models.examples import NoCallback
from training.config import read_config
from training.evaluation.compare import HEADLINES, compare
from training.evaluation.predictions import Prediction, read_predictions
from training.fit import fit
from training.prepare import Prepared, prepare
from training.run import predict_split
from training.tracking.registry import trained_on

CONFIGS = [f"configs/{name}.yaml" for name in ("linear", "embedding", "encoder", "average", "joint")]
FOLDS = 5
DEV = 0.15
SEED = 13


def splits(passages: Sequence[Passage]) -> list[Split]:
    """In each another fold is test."""
    units = group_ids(passages)
    together = merge(units, ((one.group_id, other.group_id) for one, other in duplicate_pairs(passages)))

    def side(unit: str, fold: int) -> str:
        head = together[unit][0]
        if int(hash_fraction(head, SEED) * FOLDS) == fold:
            return "test"
        return "dev" if hash_fraction(head, SEED + 1) < DEV else "train"

    return [
        Split({p.id: Place(passage=p.id, group=p.group_id, split=side(p.group_id, fold)) for p in passages})
        for fold in range(FOLDS)
    ]


def predicted(path: Path) -> list[Prediction]:
    """Of every passage, by the model that did not learn from its article."""
    config = read_config(path)
    prepared = prepare(config)
    known = set[str]().union(*(trained_on(run) for run in prepared.initial_runs))
    if any(example.passage.id in known for example in prepared.examples):
        raise DemarcheError(f"{path}: init: learnt from passages that are test here; start from a run on other data")
    mark = digest(path, config.data.codebook, config.data.passages, *config.data.annotations)
    found: list[Prediction] = []
    for number, split in enumerate(splits([example.passage for example in prepared.examples]), start=1):
        done = BUILD / "folds" / f"{path.stem}-{number}-{mark}.jsonl"
        if not done.exists():
            began = time.perf_counter()
            write_jsonl(done, _fold(replace(prepared, split=split)))
            print(f"{path.stem}: fold {number} of {FOLDS}, {time.perf_counter() - began:.0f} s", file=sys.stderr)
        found += read_predictions(done)
    return found


def _fold(prepared: Prepared) -> list[Prediction]:
    train, dev = prepared.examples_in("train"), prepared.examples_in("dev")
    fitted = fit(prepared.config, prepared.data.codebook, train, dev, callback=NoCallback())
    return predict_split(fitted.tagger, prepared, "test")


def main(arguments: Sequence[str]) -> int:
    try:
        paths = list(dict.fromkeys(arguments or CONFIGS))
        if len(paths) < 2:
            raise DemarcheError("give two configs at least: each is compared with the first")
        found = {path: predicted(Path(path)) for path in paths}
        first, *others = found
        apart = {name: compare(found[first], found[name], metrics=HEADLINES, seed=SEED) for name in others}
    except DemarcheError as error:
        print(error, file=sys.stderr)
        return 2
    rows = [
        (name, one.metric, f"{one.first:.3f}", f"{one.second:.3f}", f"{one.difference.value:+.3f}",
         f"{one.difference.low:+.3f} to {one.difference.high:+.3f}")
        for name, figures in apart.items()
        for one in figures
    ]  # fmt: skip
    table(("config", "figure", first, "its own", "difference", "95 % interval"), rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
