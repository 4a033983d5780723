"""`make bench-folds`: compare families on the starter corpus by five-fold cross-validation over its articles.

    python -m benchmarks.folds [CONFIG…]

The folds are those of `demarche train --folds`. The predictions of all folds are evaluated together. Each config is
compared with the first; the interval is that of the paired difference, from a bootstrap over articles. A fold is
trained again only if its config, data or code has changed.
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
from models.examples import NoCallback
from training.config import read_config
from training.evaluate import predict_split
from training.evaluation.compare import HEADLINES, compare
from training.evaluation.predictions import Prediction, read_predictions
from training.fit import fit
from training.folds import check_initial, split_into_folds
from training.prepare import Prepared, prepare

CONFIGS = [f"configs/{name}.yaml" for name in ("linear", "embedding", "encoder", "average", "joint")]
FOLDS = 5
DEV = 0.12
SEED = 13


def predict_out_of_fold(path: Path) -> list[Prediction]:
    """Predict every passage with the model that was not trained on its article."""
    config = read_config(path)
    prepared = prepare(config)
    check_initial(prepared)
    key = digest(path, config.data.codebook, *config.data.passages, *config.data.annotations)
    predictions: list[Prediction] = []
    passages = [example.passage for example in prepared.examples]
    for number, split in enumerate(split_into_folds(passages, FOLDS, dev=DEV, seed=SEED), start=1):
        saved = BUILD / "folds" / f"{path.stem}-{number}-{key}.jsonl"
        if not saved.exists():
            start = time.perf_counter()
            write_jsonl(saved, _predict_fold(replace(prepared, split=split)))
            print(f"{path.stem}: fold {number} of {FOLDS}, {time.perf_counter() - start:.0f} s", file=sys.stderr)
        predictions += read_predictions(saved)
    return predictions


def _predict_fold(prepared: Prepared) -> list[Prediction]:
    train, dev = prepared.examples_in("train"), prepared.examples_in("dev")
    fitted = fit(
        prepared.config,
        prepared.data.codebook,
        train,
        dev,
        initial_models=prepared.initial_models,
        callback=NoCallback(),
    )
    return predict_split(fitted.tagger, prepared, "test")


def main(arguments: Sequence[str]) -> int:
    try:
        paths = list(dict.fromkeys(arguments or CONFIGS))
        if len(paths) < 2:
            raise DemarcheError("give two configs at least: each is compared with the first")
        predictions = {path: predict_out_of_fold(Path(path)) for path in paths}
        first, *others = predictions
        differences = {
            name: compare(predictions[first], predictions[name], metrics=HEADLINES, seed=SEED) for name in others
        }
    except DemarcheError as error:
        print(error, file=sys.stderr)
        return 2
    rows = [
        (name, one.metric, f"{one.first:.3f}", f"{one.second:.3f}", f"{one.difference.value:+.3f}",
         f"{one.difference.low:+.3f} to {one.difference.high:+.3f}")
        for name, metrics in differences.items()
        for one in metrics
    ]  # fmt: skip
    table(("config", "metric", first, "score", "difference", "95 % interval"), rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
