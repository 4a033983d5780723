"""Faults of training configs, sweeps and learning curves."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.conftest import CONFIG, tiny_encoder, tiny_nli
from tests.faults import TRAIN, Fault, Make, both, check_fault, more, parameters, put

SWEEP = "sweep config.yaml --trials 1"
HOLDERS: list[sqlite3.Connection] = []


def search(space: str, *, metric: str = "stance/macro_f1") -> Make:
    return more("config.yaml", f"search: {{metric: {metric}, space: {{{space}}}}}\n")


def locked(name: str) -> Make:
    """A database that another program is writing to for as long as the tests run."""

    def make(folder: Path) -> None:
        holder = sqlite3.connect(folder / name)
        holder.execute("BEGIN EXCLUSIVE")
        HOLDERS.append(holder)

    return make


def zero_shot_config(folder: Path) -> None:
    put("config.yaml", CONFIG.replace("kind: linear, ngrams: {chars: null}", "kind: zero_shot, encoder: nli"))(folder)


FAULTS: dict[str, Fault] = {
    # Held-out targets
    "a target that nothing is labelled with": Fault(
        TRAIN + " topics=null split.strategy=leave_target_out split.target=teas",
        "split.target: nothing is labelled with 'teas'; did you mean 'tea'?",
    ),
    "a topic held out of topics that must be trained": Fault(
        TRAIN + " split.strategy=leave_target_out split.target=tea",
        ("split.target: linear topics cannot find 'tea' without training examples", "topics=null"),
    ),
    "no target to hold out": Fault(TRAIN + " split.strategy=leave_target_out", "config.yaml: split.target: missing"),
    # Sweeps and learning curves
    "a sweep of a config that has nothing to try": Fault(SWEEP, ("config.yaml: search: missing", "topics.c")),
    "a metric that dev does not have": Fault(
        SWEEP,
        "config.yaml: search.metric: no metric 'stance/macrof1' on dev; did you mean 'stance/macro_f1'?",
        search("topics.c: {low: 1, high: 9}", metric="stance/macrof1"),
    ),
    "a metric of a task that is not trained": Fault(
        SWEEP + " stance=null",
        "search.metric: no metric 'stance/macro_f1' on dev",
        search("topics.c: {low: 1, high: 9}"),
    ),
    "an unknown key to try": Fault(
        SWEEP,
        "config.yaml: search.space.topics.d: 1 is not accepted (topics.d: unknown key",
        search("topics.d: {low: 1, high: 9}"),
    ),
    "a key to try within a value": Fault(
        SWEEP, "config.yaml: search.space.input.0.x: 1 is not accepted", search("input.0.x: {low: 1, high: 9}")
    ),
    "a value that the config does not accept": Fault(
        SWEEP,
        "config.yaml: search.space.topics.c: 0 is not accepted (topics.c: ",
        search("topics.c: {low: 0, high: 9}"),
    ),
    "an encoder to try that does not exist": Fault(
        SWEEP + " topics=null",
        ('config.yaml: search.space.stance.encoder: "nowhere" is not accepted (', "nowhere"),
        both(
            lambda folder: put(
                "config.yaml",
                (folder / "config.yaml")
                .read_text()
                .replace("stance: {kind: linear, ngrams: {chars: null}}", "stance: {kind: encoder, encoder: x}"),
            )(folder),
            search("stance.encoder: {choices: [nowhere, elsewhere]}"),
        ),
    ),
    "values that change what is evaluated": Fault(
        SWEEP,
        "config.yaml: search.space.split.seed: must be the same for all trials",
        search("split.seed: {low: 1, high: 9}"),
    ),
    "a low above high": Fault(
        SWEEP, "config.yaml: search.space.topics.c: low 9 must be below high 1", search("topics.c: {low: 9, high: 1}")
    ),
    "a logarithm of nothing": Fault(
        SWEEP,
        "config.yaml: search.space.topics.c: log needs low above 0",
        search("topics.c: {low: 0, high: 1, log: true}"),
    ),
    "a step beyond the range": Fault(
        SWEEP,
        "config.yaml: search.space.topics.c: step 9 is larger than the range",
        search("topics.c: {low: 1, high: 2, step: 9}"),
    ),
    "a dimension without values": Fault(
        SWEEP,
        "config.yaml: search.space.topics.c: nothing to try; give low and high, or choices",
        search("topics.c: {low: 1}"),
    ),
    "a range and choices": Fault(
        SWEEP,
        "config.yaml: search.space.topics.c: choices cannot be combined with low, high",
        search("topics.c: {low: 1, high: 2, choices: [1, 2]}"),
    ),
    "one choice alone": Fault(
        SWEEP, "config.yaml: search.space.topics.c.choices: ", search("topics.c: {choices: [1]}")
    ),
    "a search with nothing in it": Fault(SWEEP, "config.yaml: search.space: ", search("")),
    "a sweep without a dev split": Fault(
        SWEEP + " split.dev=0", ("the dev split is empty", "raise split.dev"), search("topics.c: {low: 1, high: 9}")
    ),
    "no trials": Fault("sweep config.yaml --trials 0", "--trials"),
    "a study that is no database": Fault(
        SWEEP + " --study studies", "--study studies: not a database", search("topics.c: {low: 1, high: 9}")
    ),
    "a study without a file": Fault(
        SWEEP + " --study sqlite://", "--study sqlite://: names no file", search("topics.c: {low: 1, high: 9}")
    ),
    "a study in a folder that does not exist": Fault(
        SWEEP + " --study sqlite:///nowhere/s.db",
        "nowhere/s.db: the folder of the study's database does not exist",
        search("topics.c: {low: 1, high: 9}"),
    ),
    "a study in the tracking store": Fault(
        SWEEP + " --study sqlite:///mlflow.db",
        "mlflow.db: a database of another program; give the study's database a file of its own",
        search("topics.c: {low: 1, high: 9}"),
    ),
    "a study that is locked": Fault(
        SWEEP + " --study sqlite:///locked.db",
        "locked.db: the study's database cannot be used (database is locked); another program has locked it",
        both(search("topics.c: {low: 1, high: 9}"), locked("locked.db")),
    ),
    "a study on a server that does not answer": Fault(
        SWEEP + " --study postgresql://a:secret@127.0.0.1:1/b",
        "postgresql://a:***@127.0.0.1:1/b",
        search("topics.c: {low: 1, high: 9}"),
    ),
    "a study whose driver is not installed": Fault(
        SWEEP + " --study oracle://a/b",
        "--study oracle://a/b: its driver is not installed",
        search("topics.c: {low: 1, high: 9}"),
    ),
    "a study for which there is no driver": Fault(
        SWEEP + " --study nosql://a/b", "--study nosql://a/b: not a database", search("topics.c: {low: 1, high: 9}")
    ),
    "a learning curve of one point": Fault(TRAIN + " --learning-curve 1", "--learning-curve"),
    "a learning curve of too many points": Fault(
        TRAIN + " --learning-curve 50", ("1/50 of train is too little to train on", "use fewer points")
    ),
    # Encoders
    "an encoder without entailment labels": Fault(
        TRAIN,
        (
            "encoder nli: no label for entailment (its labels: con, pro)",
            "trained on natural-language inference",
        ),
        both(zero_shot_config, lambda folder: shutil.copytree(tiny_nli(labels=("con", "pro")), folder / "nli")),
    ),
    "an encoder without any labels": Fault(
        TRAIN,
        "encoder nli: no label for entailment (its labels: none)",
        both(zero_shot_config, lambda folder: shutil.copytree(tiny_encoder(), folder / "nli")),
    ),
}


@pytest.mark.parametrize("fault", parameters(FAULTS))
def test_a_faulty_config_is_reported_in_a_line_and_nothing_is_lost(
    fault: Fault, town: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_fault(fault, town, model, monkeypatch)
