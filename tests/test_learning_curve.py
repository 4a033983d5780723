"""What more labels would bring: growing shares of train, one test side throughout."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from demarche.__main__ import app
from labels.bootstrap import Interval
from training.config import read_config
from training.evaluation.compare import Difference
from training.learning_curve import part_of, prospect
from training.prepare import prepare
from training.tracking import runs as tracking


def test_a_run_a_share_stands_below_one_with_the_curve(store: Path) -> None:
    result = CliRunner().invoke(app, ["train", "config.yaml", "--learning-curve", "3"])
    assert result.exit_code == 0, result.output
    runs = {run.name: run for run in tracking.runs()}
    assert runs.keys() == {"tiny learning curve", "tiny 1/3", "tiny 2/3", "tiny 3/3"}
    parent = runs.pop("tiny learning curve")
    assert {run.tags["mlflow.parentRunId"] for run in runs.values()} == {parent.id}
    assert all({"test/joint/micro_f1", "test/joint/micro_f1_low"} <= run.metrics.keys() for run in runs.values())
    assert tracking.fetch_artifact(parent.id, "figures/learning_curve.png").stat().st_size > 0
    for headline in ("topics/micro_f1", "stance/macro_f1", "joint/micro_f1"):
        (sentence,) = [line for line in result.output.splitlines() if line.startswith(f"{headline}: the last ")]
        assert sentence in parent.tags["mlflow.note.content"]
    assert not any("demarche.registered" in run.tags for run in runs.values())
    splits = {name: tracking.fetch_artifact(run.id, "split.jsonl").read_text() for name, run in runs.items()}
    sides = {
        name: {row["passage"]: row["split"] for row in map(json.loads, text.splitlines())}
        for name, text in splits.items()
    }
    tests = [{id for id, side in places.items() if side == "test"} for places in sides.values()]
    assert tests[0] == tests[1] == tests[2]


def test_the_last_share_is_the_plain_training(store: Path) -> None:
    assert CliRunner().invoke(app, ["train", "config.yaml", "--learning-curve", "2"]).exit_code == 0
    assert CliRunner().invoke(app, ["train", "config.yaml"]).exit_code == 0
    assert tracking.find_run("tiny 2/2").metrics == tracking.find_run("tiny").metrics


def test_a_larger_share_holds_the_smaller_ones_and_articles_whole(workspace: Path) -> None:
    prepared = prepare(read_config("config.yaml"))
    parts = [part_of(prepared, number, 5) for number in range(1, 6)]
    learnt = [{example.passage.id for example in part.examples_in("train")} for part in parts]
    assert all(one < other for one, other in pairwise(learnt))
    assert learnt[-1] == {example.passage.id for example in prepared.examples_in("train")}
    for part in parts:
        for side in ("dev", "test"):
            assert part.examples_in(side) == prepared.examples_in(side)
        units = {example.passage.group_id for example in part.examples_in("train")}
        assert {e.passage.id for e in prepared.examples_in("train") if e.passage.group_id in units} == {
            e.passage.id for e in part.examples_in("train")
        }


@pytest.mark.parametrize(
    ("brought", "said"),
    [
        (
            Interval(0.01, -0.01, 0.03),
            "cannot be told from nothing, and if the curve goes on flattening, as many again bring at most about +0.030",
        ),
        (Interval(-0.02, -0.04, -0.01), "it fell"),
        (
            Interval(0.02, 0.01, 0.03),
            "still rising, and if the curve goes on flattening, as many again bring at most about +0.030",
        ),
        (Interval(0.0, 0.0, 0.0), "nothing changed"),
    ],
)
def test_what_is_said_keeps_to_the_interval(brought: Interval, said: str) -> None:
    assert said in prospect(Difference("topics/micro_f1", 0.5, 0.5 + brought.value, brought))
