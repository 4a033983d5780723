"""`make bench DATA=FOLDER`: compare Demarche with a plain scikit-learn script on public data sets.

    python -m benchmarks.bench FOLDER [SET or CONFIG…]

The configs of a set are configs/bench/SET.yaml and configs/bench/SET-….yaml. Configs with an encoder are run with
three seeds. A run is repeated only if its config, data, seed or code has changed.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.plain import plain_stance, plain_topics
from demarche.printing import TerminalReporter, table
from labels.codebook import read_codebook, write_codebook
from labels.errors import DemarcheError, suggest
from labels.files import write_jsonl, write_text
from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.imports import import_table
from models.families.catalog import encoder_settings
from training.config import read_config
from training.evaluation.compare import Difference, compare
from training.evaluation.predictions import Prediction, read_predictions
from training.run import prepare, train
from training.tracking import runs as tracking

BUILD = Path("build/bench")
CONFIGS = Path("configs/bench")
SEEDS = [1, 2, 3]
CODEBOOK = Path("labels/foreign_affairs/codebook.yaml")

FILES: dict[str, tuple[str, TableColumns]] = {
    "crs110": (
        "crs110/bills.jsonl.gz",
        TableColumns(id="id", title="title", date="date", group="group", split="split", topics=("topics",)),
    ),
    "gwsd": (
        "gwsd/sentences.jsonl.gz",
        TableColumns(id="id", target="target", votes=("votes",), gold="stance", split="split"),
    ),
    "newsmtsc": (
        "newsmtsc/targets.jsonl.gz",
        TableColumns(
            id="id", target="target", target_start="target_start", target_end="target_end", stance="stance", split="split"
        ),
    ),
    "unga": ("unga/rollcalls.jsonl.gz", TableColumns(id="id", topics=("topics",), keep=("session",))),
    "plover": ("plover/events.jsonl.gz", TableColumns(id="id", topics=("event",), split="split")),
}  # fmt: skip
# (name as printed, metric, test split or None for all, topics left out)
METRICS: dict[str, list[tuple[str, str, str | None, tuple[str, ...]]]] = {
    "crs110": [
        ("mAP", "topics/map", None, ()),
        ("macro-F1", "topics/macro_f1", None, ()),
        ("macro-F1 without arctic", "topics/macro_f1", None, ("arctic",)),
    ],
    "gwsd": [("macro-F1", "stance/macro_f1", None, ())],
    "newsmtsc": [
        ("rw macro-F1", "stance/macro_f1", "test_rw", ()),
        ("mt macro-F1", "stance/macro_f1", "test_mt", ()),
    ],
    "unga": [("mAP", "topics/map", None, ()), ("macro-F1", "topics/macro_f1", None, ())],
    "plover": [("macro-F1", "topics/macro_f1", None, ()), ("mAP", "topics/map", None, ())],
}


def import_set(name: str, data: Path) -> None:
    """Import a set as `demarche labels import table` does, if its data, columns, codebook or code has changed."""
    file, columns = FILES[name]
    folder = BUILD / name
    stamp = folder / "source.sha256"
    hashed = hashlib.sha256((data / file).read_bytes())
    hashed.update(repr(columns).encode() + CODEBOOK.read_bytes())
    for code in sorted(Path("labels").rglob("*.py")):
        hashed.update(code.read_bytes())
    source = hashed.hexdigest()
    if stamp.exists() and stamp.read_text() == source:
        return
    codebook = read_codebook(CODEBOOK) if name == "crs110" else None
    imported = import_table(data / file, columns, ImportOptions(), codebook)
    write_jsonl(folder / "passages.jsonl", imported.passages)
    write_jsonl(folder / "annotations.jsonl", imported.annotations)
    write_codebook(folder / "codebook.yaml", imported.codebook)
    write_text(stamp, source)


def configs(name: str) -> list[Path]:
    """Return the configs of a set, or the one config of that name."""
    exact = CONFIGS / f"{name}.yaml"
    return ([exact] if exact.exists() else []) + (sorted(CONFIGS.glob(f"{name}-*.yaml")) if name in FILES else [])


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return a row per metric: the plain script's score, Demarche's over the seeds, and the difference with its interval."""
    config = read_config(path)
    with_encoder = any(encoder_settings(settings) for settings in (config.topics, config.stance, config.joint))
    by_seed = [run(path, seed) for seed in (SEEDS if with_encoder else [config.seed])]
    return [
        first
        | {key: float(np.mean([row[key] for row in same])) for key in ("demarche", "difference", "low", "high")}
        | {"spread": float(np.std([row["demarche"] for row in same], ddof=1)) if len(same) > 1 else None}
        for first, *others in zip(*by_seed, strict=True)
        for same in [[first, *others]]
    ]


def run(path: Path, seed: int) -> list[dict[str, Any]]:
    """Train a config with one seed and return its rows, or the saved rows of an earlier run."""
    name = path.stem.partition("-")[0]
    saved = BUILD / "results" / f"{path.stem}-{seed}-{digest(path, BUILD / name / 'source.sha256', CODEBOOK)}.json"
    if saved.exists():
        rows: list[dict[str, Any]] = json.loads(saved.read_text(encoding="utf-8"))
        return rows
    config = read_config(path, [f"seed={seed}"])
    with TerminalReporter(prefix=f"{path.stem}: ") as reporter:
        trained = train(config, reporter=reporter)
    ours = read_predictions(tracking.fetch_artifact(trained.run, tracking.PREDICTIONS))
    prepared = prepare(config)
    train_examples, test = prepared.examples_in("train") + prepared.examples_in("dev"), prepared.examples_in("test")
    splits = [prepared.split.places[example.passage.id].split or "" for example in test]
    codebook = prepared.data.codebook
    plain = (
        plain_topics(codebook, config.input, train_examples, test, splits)
        if config.reads_topics
        else plain_stance(train_examples, test, splits)
    )
    rows = []
    for printed, metric, split, without in METRICS[name]:
        first, second = (_select(predictions, split, without) for predictions in (plain, ours))
        (difference,) = compare(first, second, metrics=[metric], seed=config.seed)
        rows.append(_row(path.stem, printed, difference, len(train_examples), len(first)))
    write_text(saved, json.dumps(rows, indent=1))
    return rows


def _select(predictions: Sequence[Prediction], split: str | None, without: Sequence[str]) -> list[Prediction]:
    return [
        prediction.model_copy(update={"topics": {id: t for id, t in prediction.topics.items() if id not in without}})
        for prediction in predictions
        if split in (None, prediction.split)
    ]


def _row(name: str, metric: str, compared: Difference, training: int, test: int) -> dict[str, Any]:
    value, low, high = compared.difference
    return {
        "config": name, "metric": metric, "training": training, "test": test, "plain": compared.first,
        "demarche": compared.second, "difference": value, "low": low, "high": high,
    }  # fmt: skip


def _mean_and_spread(row: Mapping[str, Any]) -> str:
    return f"{row['demarche']:.3f}" + ("" if row["spread"] is None else f" ± {row['spread']:.3f}")


def digest(*files: Path) -> str:
    """Return a digest of these files and the code; results saved under the same digest are still valid."""
    hashed = hashlib.sha256()
    code = [file for folder in ("labels", "models", "training", "benchmarks") for file in Path(folder).rglob("*.py")]
    for file in (*files, *sorted(code)):
        hashed.update(file.read_bytes())
    return hashed.hexdigest()[:16]


def main(arguments: Sequence[str]) -> int:
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    data, names = Path(arguments[0]), list(arguments[1:]) or list(FILES)
    rows = []
    try:
        for name in names:
            if not configs(name):
                raise DemarcheError(
                    f"{name}: no such set or config{suggest(name, [p.stem for p in CONFIGS.iterdir()])}"
                )
            import_set(name.partition("-")[0], data)
            for path in configs(name):
                rows += rows_of(path)
    except DemarcheError as error:
        print(error, file=sys.stderr)
        return 2
    table(
        ("config", "metric", "training", "test", "plain", "Demarche", "difference", "95 % interval"),
        [
            (row["config"], row["metric"], str(row["training"]), str(row["test"]), f"{row['plain']:.3f}", _mean_and_spread(row),
             f"{row['difference']:+.3f}", f"{row['low']:+.3f} to {row['high']:+.3f}")
            for row in rows
        ],
    )  # fmt: skip
    clear = np.mean([row["low"] > 0 for row in rows])
    print(f"\nclearly above the plain script: {clear:.0%} of the rows (paired bootstrap by article)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
