"""The UI opens an experiment with its headline metrics, charts of its own topics, and whatever a user has changed."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from labels.errors import DemarcheError
from training.tracking import runs as tracking
from training.tracking.client import open_store
from training.tracking.view import TAG, view_link
from training.tracking.view_state import view_state

METRICS = [
    "test/topics/micro_f1",
    "test/stance/macro_f1",
    "test/joint/micro_f1",
    "test/topics/f1/tea",
    "test/topics/f1/rain",
    "test/stance/macro_f1_by_topic/tea",
    "test/baseline/majority_topics_micro_f1",
    "dev/topics/micro_f1",
    "news/topics/micro_f1",
    "training/topics/loss",
    "test/topics/map",
]


def log(*metrics: str, experiment: str = "tests") -> None:
    with tracking.start_run(experiment, "a run") as run:
        run.metrics(dict.fromkeys(metrics, 0.5))


def tag(experiment: str = "tests") -> str:
    return str(open_store().get_experiment_by_name(experiment).tags[TAG])


def shown(text: str) -> dict[str, Any]:
    """Decode the tag in the way of MLflow's UI."""
    view = json.loads(text)
    assert isinstance(view["name"], str)
    assert isinstance(view["createdAt"], int)
    head, packed = view["state"].split(";")
    assert head == "deflate"
    state: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(packed)))
    return state


def charts(state: dict[str, Any]) -> dict[str, list[list[str]]]:
    """Return the metrics of each chart, by section."""
    titles = {section["uuid"]: section["name"] for section in state["compareRunSections"]}
    found: dict[str, list[list[str]]] = {title: [] for title in titles.values()}
    for chart in state["compareRunCharts"]:
        metrics = chart.get("selectedMetrics") or [chart["metricKey"]]
        found[titles[chart["metricSectionId"]]].append(metrics)
    return found


def test_a_finished_run_leaves_a_view_of_its_experiment_with_headlines_and_their_bounds(store: Path) -> None:
    log(*METRICS)
    state = shown(tag())
    assert {"tags.`interval/test/topics/micro_f1`", "params.`family`", "params.`data`"} <= set(state["selectedColumns"])
    assert state["orderByKey"] == "metrics.`test/joint/micro_f1`"
    assert state["orderByAsc"] is False


def test_the_charts_are_of_the_topics_that_runs_have_and_test_comes_first(store: Path) -> None:
    log(*METRICS)
    log("test/topics/micro_f1", "test/topics/f1/snow")
    by_section = charts(shown(tag()))
    titles = list(by_section)
    assert titles[0] == "Headlines on test"
    assert titles.index("Headlines on test") < titles.index("Headlines on news") < titles.index("Headlines on dev")
    assert by_section["F1 by topic on test"] == [[f"test/topics/f1/{topic}"] for topic in ("rain", "snow", "tea")]
    assert by_section["Loss and metrics on dev by epoch"] == [["training/topics/loss"]]
    assert by_section["Baselines on test"] == [["test/baseline/majority_topics_micro_f1"]]


def test_every_metric_names_a_chart_so_that_the_ui_adds_none(store: Path) -> None:
    state = view_state(METRICS)
    assert {chart.get("metricKey") for chart in state["compareRunCharts"]} >= set(METRICS)
    assert len({chart["uuid"] for chart in state["compareRunCharts"]}) == len(state["compareRunCharts"])


@pytest.mark.parametrize(
    ("metrics", "key"),
    [
        ({"test/topics/micro_f1"}, "metrics.`test/topics/micro_f1`"),
        ({"test/stance/macro_f1"}, "metrics.`test/stance/macro_f1`"),
        ({"dev/topics/micro_f1"}, "attributes.start_time"),
        (set(), "attributes.start_time"),
    ],
)
def test_runs_of_one_task_are_sorted_by_its_headline(metrics: set[str], key: str) -> None:
    assert view_state(metrics)["orderByKey"] == key


def test_a_view_is_written_once_as_long_as_runs_have_the_same_metrics(store: Path) -> None:
    log(*METRICS)
    first = tag()
    log(*METRICS[:4])
    assert tag() == first


def test_a_view_that_a_user_has_changed_stays_and_the_link_opens_it(store: Path) -> None:
    log(*METRICS)
    client = open_store()
    experiment = client.get_experiment_by_name("tests").experiment_id
    # What the UI writes when a user saves the view under another name.
    view = {key: json.loads(tag())[key] for key in ("createdAt", "updatedAt", "state")} | {"name": "mine"}
    client.set_experiment_tag(experiment, TAG, json.dumps(view))
    log(*METRICS, "test/topics/f1/snow")
    assert view_link("tests", server="http://127.0.0.1:5000").startswith(
        f"http://127.0.0.1:5000/#/experiments/{experiment}/runs?viewStateShareKey="
    )
    assert json.loads(tag()) == view


def test_the_link_shows_runs_of_a_store_without_a_view_and_none_of_an_unknown_experiment(store: Path) -> None:
    assert "viewStateShareKey" not in view_link(server="http://127.0.0.1:5000")
    log(*METRICS, experiment="older")
    client = open_store()
    older = client.get_experiment_by_name("older").experiment_id
    client.delete_experiment_tag(older, TAG)
    assert f"/experiments/{older}/runs?viewStateShareKey=" in view_link(server="http://127.0.0.1:5000")
    assert charts(shown(tag("older")))["Headlines on test"]
    with pytest.raises(DemarcheError, match="no experiment 'other'"):
        view_link("other", server="http://127.0.0.1:5000")


def test_a_view_of_more_topics_than_a_tag_holds_leaves_charts_to_the_ui(store: Path) -> None:
    topics = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(600)]
    log("test/topics/micro_f1", *(f"test/topics/recall/{topic}" for topic in topics))
    assert list(charts(shown(tag()))) == ["Headlines on test", "Families and their headlines on test"]
