"""Learning curves: growing fractions of train, the same test split throughout."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from demarche.__main__ import app
from labels.bootstrap import Interval
from training.comparison.find import find_run
from training.config import read_config
from training.evaluation.compare import Difference
from training.learning_curve import forecast, part_of
from training.prepare import prepare
from training.tracking import runs as tracking


def test_each_point_is_a_run_nested_in_the_run_with_the_curve(store: Path) -> None:
    result = CliRunner().invoke(app, ["train", "config.yaml", "--learning-curve", "3"])
    assert result.exit_code == 0, result.output
    runs = {run.name: run for run in tracking.runs()}
    assert runs.keys() == {"tiny learning curve", "tiny 1/3", "tiny 2/3", "tiny 3/3"}
    parent = runs.pop("tiny learning curve")
    assert {run.tags["mlflow.parentRunId"] for run in runs.values()} == {parent.id}
    assert all("test/joint/micro_f1" in run.metrics for run in runs.values())
    assert all("interval/test/joint/micro_f1" in run.tags for run in runs.values())
    assert tracking.fetch_artifact(parent.id, "figures/learning_curve.png").stat().st_size > 0
    for headline in ("topics/micro_f1", "stance/macro_f1", "joint/micro_f1"):
        (sentence,) = [line for line in result.output.splitlines() if line.startswith(f"{headline}: the last ")]
        assert sentence in parent.tags["mlflow.note.content"]
    assert not any("demarche.registered" in run.tags for run in runs.values())
    # A point alone cannot be repeated: the command is that of the curve.
    reports = [tracking.fetch_artifact(run.id, "report.md").read_text() for run in runs.values()]
    assert all("```\ndemarche train config.yaml --learning-curve 3\n```" in report for report in reports)
    splits = [tracking.fetch_artifact(run.id, "split.jsonl").read_text() for run in runs.values()]
    rows = [[json.loads(line) for line in text.splitlines()] for text in splits]
    tests = [{row["passage"] for row in split if row["split"] == "test"} for split in rows]
    assert tests[0] == tests[1] == tests[2]


def test_the_last_point_equals_a_plain_training(store: Path) -> None:
    assert CliRunner().invoke(app, ["train", "config.yaml", "stance=null", "--learning-curve", "2"]).exit_code == 0
    assert CliRunner().invoke(app, ["train", "config.yaml", "stance=null"]).exit_code == 0
    assert find_run("tiny 2/2", tracking.runs()).metrics == find_run("tiny", tracking.runs()).metrics


def test_a_larger_fraction_contains_the_smaller_ones_and_whole_articles(workspace: Path) -> None:
    prepared = prepare(read_config("config.yaml"))
    parts = [part_of(prepared, number, 5) for number in range(1, 6)]
    trained_on = [{example.passage.id for example in part.examples_in("train")} for part in parts]
    assert all(one < other for one, other in pairwise(trained_on))
    assert trained_on[-1] == {example.passage.id for example in prepared.examples_in("train")}
    for part in parts:
        for split in ("dev", "test"):
            assert part.examples_in(split) == prepared.examples_in(split)
        groups = {example.passage.group_id for example in part.examples_in("train")}
        assert {e.passage.id for e in prepared.examples_in("train") if e.passage.group_id in groups} == {
            e.passage.id for e in part.examples_in("train")
        }


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (
            Interval(0.01, -0.01, 0.03),
            "no clear difference; if the curve keeps flattening, the same number of labels again adds at most about +0.030",
        ),
        (Interval(-0.02, -0.04, -0.01), "the score fell"),
        (
            Interval(0.02, 0.01, 0.03),
            "still rising; if the curve keeps flattening, the same number of labels again adds at most about +0.030",
        ),
        (Interval(0.0, 0.0, 0.0), "no difference"),
    ],
)
def test_the_forecast_keeps_to_the_interval(interval: Interval, text: str) -> None:
    assert text in forecast(Difference("topics/micro_f1", 0.5, 0.5 + interval.value, interval, 100, 30))
