"""`demarche runs compare`, `runs leaderboard` and `train --seeds`, on a real store."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from labels.errors import DemarcheError
from labels.files import write_jsonl
from tests.conftest import demarche, make_workspace, trained
from tests.test_compare import town
from training.comparison import leaderboard
from training.comparison.contenders import Contender
from training.comparison.find import find_run
from training.config import read_config
from training.evaluation.predictions import Prediction
from training.reporter import NoReporter
from training.seeds import description
from training.tracking import runs as tracking
from training.tracking.client import open_store
from training.tracking.registry import champion_of

# One process trains what these tests share.
pytestmark = pytest.mark.xdist_group("runs compare")

POOR = "topics.ngrams.words=[2,2]"


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """A store with a good run, a poor one with two seeds, one without stance, and one with another test split."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = make_workspace(tmp_path_factory.mktemp("compared"), monkeypatch)
        shutil.copy(empty_store, folder / "mlflow.db")
        trained("name=good <b>|*bold*")
        trained("name=poor", "--seeds", "2", POOR)
        trained("name=topics", "stance=null", POOR, "tracking.register=null")
        trained("name=elsewhere", "stance=null", "split.seed=5", "tracking.register=null")
    return folder


@pytest.fixture
def folder(made_once: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made_once)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    open_store()
    return made_once


GOOD = "good <b>|*bold*"


def run_of(name: str) -> tracking.Summary:
    return find_run(name, tracking.runs())


def test_seeds_are_runs_nested_in_one_that_has_their_mean_and_one_model(folder: Path) -> None:
    parent = run_of("poor")
    seeds = [tracking.summary(id) for id in parent.tags[tracking.SEEDS].split()]
    assert [seed.name for seed in seeds] == ["poor seed 13", "poor seed 14"]
    assert all(seed.tags["mlflow.parentRunId"] == parent.id for seed in seeds)
    assert {seed.tags["demarche.split"] for seed in seeds} == {run_of(GOOD).tags["demarche.split"]}
    name = "test/topics/micro_f1"
    values = [seed.metrics[name] for seed in seeds]
    assert values[0] != values[1]
    assert parent.metrics[name] == pytest.approx(sum(values) / 2)
    # Of two seeds, the median on dev is the lower one, or the first if they are equal.
    headlines = ("topics/micro_f1", "stance/macro_f1", "joint/micro_f1")
    median = min(seeds, key=lambda seed: sum(seed.metrics[f"dev/{headline}"] for headline in headlines))
    registered = {seed.id: seed.tags.get("demarche.registered") for seed in seeds}
    assert {id for id, version in registered.items() if version} == {median.id}
    assert registered[median.id] == "tiny-tagger/2"
    assert parent.tags["demarche.registered"] == "tiny-tagger/2"
    assert champion_of(open_store(), "tiny-tagger") == "1"


def test_the_name_of_a_config_is_literal_in_the_description_of_its_seeds(folder: Path) -> None:
    config = read_config("config.yaml", ["name=<b>|*bold*"])
    assert r"&lt;b&gt;\|\*bold\*" in description(config, {}, 2)


def test_several_seeds_are_one_row_with_their_spread(folder: Path) -> None:
    (row,) = [line for line in demarche("runs", "list").output.splitlines() if "poor" in line]
    assert f"{run_of('poor').metrics['test/topics/micro_f1']:.3f} ± 0.0" in row
    with_parts = demarche("runs", "list", "--parts").output
    assert "poor seed 13" in with_parts
    assert "poor seed 14" in with_parts


def test_a_comparison_ends_in_a_plain_sentence(folder: Path) -> None:
    output = demarche("runs", "compare", "topics", GOOD).output
    assert output.splitlines()[-1].startswith(f"{GOOD} is better than topics at topics (+0.")
    assert "95 % interval +0." in output
    assert "topics/f1/tea" in output


def test_a_comparison_with_several_seeds_has_no_p_value_and_says_what_the_interval_covers(folder: Path) -> None:
    result = demarche("runs", "compare", GOOD, "poor", "--format", "json")
    compared = json.loads(result.stdout)
    (run,) = compared["runs"]
    assert (compared["reference"]["seeds"], run["seeds"]) == (1, 2)
    assert all(row["p"] is None for row in run["metrics"] + run["topics"])
    assert any("mean of 2 seeds; the interval covers articles and seeds" in note for note in run["notes"])
    assert any("trained with one seed" in note for note in run["notes"])
    assert run["verdict"].startswith(f"poor is worse than {GOOD} at topics")


def test_json_has_a_row_for_each_headline_and_topic_and_no_nan(folder: Path) -> None:
    compared = json.loads(
        demarche("runs", "compare", "topics", GOOD, "--format", "json").stdout, parse_constant=pytest.fail
    )
    (run,) = compared["runs"]
    assert [row["metric"] for row in run["metrics"]] == ["topics/micro_f1"]
    assert {row["metric"] for row in run["topics"]} == {"topics/f1/tea", "topics/f1/rain"}
    assert all(row["p_corrected"] and 0 < row["p"] <= 1 for row in run["topics"])
    assert run["id"] == run_of(GOOD).id


def test_names_of_runs_are_literal_in_markdown(folder: Path) -> None:
    output = demarche("runs", "compare", GOOD, "poor", "--format", "markdown").stdout
    assert r"good &lt;b&gt;\|\*bold\*" in output
    assert "<b>" not in output
    rows = [line for line in output.splitlines() if line.startswith("|")]
    assert len({line.replace(r"\|", "").count("|") for line in rows}) == 1


def test_runs_with_other_test_passages_are_refused_and_can_be_compared_on_the_same_ones(folder: Path) -> None:
    refused = demarche("runs", "compare", "topics", "elsewhere")
    assert refused.exit_code == 2
    assert "the runs were not tested on the same passages: " in refused.output
    assert "--on PASSAGES ANNOTATIONS" in refused.output
    result = demarche(
        "runs", "compare", "--on", "passages.jsonl", "annotations.jsonl", "--seed", "1", "topics", "elsewhere"
    )
    assert result.exit_code == 0, result.output
    assert "on passages.jsonl + annotations.jsonl" in result.stdout
    assert "topics/micro_f1       180" in result.stdout
    assert "have the id of a passage that runs:/" in result.stderr
    missing = demarche("runs", "compare", "topics", "elsewhere", "--on", "passages.jsonl")
    assert missing.exit_code == 2
    assert "--on: name the passages, then one or more files of annotations" in missing.output


def test_models_of_other_topics_are_not_compared_afresh(folder: Path) -> None:
    text = (folder / "codebook.yaml").read_text()
    (folder / "other.yaml").write_text(text.replace("id: rain", "id: snow"))
    lines = [json.loads(line) for line in (folder / "annotations.jsonl").read_text().splitlines()]
    for line in lines:
        line["labels"] = [label | {"topic": label["topic"].replace("rain", "snow")} for label in line["labels"]]
    write_jsonl(folder / "snow.jsonl", lines)
    trained(
        "name=snow",
        "data.codebook=other.yaml",
        "data.annotations=[snow.jsonl]",
        "stance=null",
        "tracking.register=null",
    )
    write_jsonl(folder / "tea.jsonl", [line | {"labels": []} for line in lines])
    result = demarche("runs", "compare", "topics", "snow", "--on", "passages.jsonl", "tea.jsonl")
    assert result.exit_code == 2
    assert "do not have the same topics: rain, snow belong to one of them only" in result.output


def test_the_passages_that_differ_are_written_with_text_gold_and_both_tags(folder: Path) -> None:
    result = demarche("runs", "compare", GOOD, "topics", "--differing", "differing.csv")
    assert result.exit_code == 0, result.output
    with (folder / "differing.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    predictions = {
        name: {
            line["passage"]: line
            for line in map(json.loads, tracking.fetch_artifact(run_of(name).id, tracking.PREDICTIONS).open())
        }
        for name in (GOOD, "topics")
    }
    expected = {
        (id, topic)
        for id, line in predictions[GOOD].items()
        for topic in ("tea", "rain")
        if line["topics"][topic]["assigned"] != predictions["topics"][id]["topics"][topic]["assigned"]
    }
    assert {(row["passage"], row["about"]) for row in rows} == expected
    assert expected
    for row in rows:
        gold = predictions[GOOD][row["passage"]]["topics"][row["about"]]["gold"]
        assert row["gold"] == ("topic" if gold else "none")
        assert {row["reference"], row["tag"]} == {"topic", "none"}
        assert row["right"] == ("reference" if row["reference"] == row["gold"] else "run")
        assert row["text"] == predictions[GOOD][row["passage"]]["text"]


def test_a_logged_comparison_links_its_runs_and_is_no_run_among_others(folder: Path) -> None:
    before = [run.id for run in tracking.runs()]
    result = demarche("runs", "compare", "topics", GOOD, "--log")
    assert result.exit_code == 0, result.output
    run = tracking.summary(result.stderr.splitlines()[-1].removeprefix("logged in run "))
    assert run.tags[tracking.COMPARISON].split() == [run_of("topics").id, run_of(GOOD).id]
    for name in ("topics", GOOD):
        assert f"(#/experiments/{run.experiment_id}/runs/{run_of(name).id})" in run.tags["mlflow.note.content"]
    assert tracking.fetch_artifact(run.id, "figures/differences.png").stat().st_size > 0
    columns = json.loads(tracking.fetch_artifact(run.id, "comparison.json").read_text())["columns"]
    assert {"metric", "difference", "low", "high", "p", "verdict"} <= set(columns)
    assert [run.id for run in tracking.runs()] == before
    assert "compared" not in demarche("runs", "list", "--parts").output
    assert "compared" not in demarche("runs", "leaderboard").output


def test_a_run_that_many_newer_ones_follow_is_found_by_its_whole_id(folder: Path) -> None:
    run = run_of("topics")
    newer = [each for each in tracking.runs() if each.started > run.started]
    assert find_run(run.id, newer) == run
    with pytest.raises(DemarcheError, match="no such run"):
        find_run("0" * 32, newer)


def test_a_run_whose_name_begins_with_what_was_asked_for_is_suggested(folder: Path) -> None:
    with pytest.raises(DemarcheError, match=r"no such run in .*; did you mean 'elsewhere'"):
        run_of("else")


def test_the_leaderboard_has_a_board_for_each_test_set_and_the_best_run_on_top(folder: Path) -> None:
    result = demarche("runs", "leaderboard")
    assert result.exit_code == 0, result.output
    boards = result.output.split("\ntest set ")[1:]
    on = {board.split()[0]: board for board in boards}
    assert len(on) == len(boards)
    (shared,) = [board for board in boards if "poor" in board]
    rows = [line for line in shared.splitlines() if run_of("poor").id[:8] in line or run_of(GOOD).id[:8] in line]
    assert rows[0].split()[:2] == ["1", run_of(GOOD).id[:8]]
    assert rows[1].split()[:2] == ["2", run_of("poor").id[:8]]
    assert "±" in rows[1]
    assert f"without joint/micro_f1: topics {run_of('topics').id[:8]}" in shared
    assert "elsewhere" not in shared


def test_runs_that_do_not_clearly_differ_share_a_rank(folder: Path) -> None:
    output = demarche("runs", "leaderboard", "--metric", "topics/micro_f1").output
    (shared,) = [board for board in output.split("\ntest set ")[1:] if "poor" in board]
    ranks = {line.split()[2]: line.split()[0] for line in shared.splitlines()[2:] if "tests" in line}
    assert ranks == {"good": "1", "poor": "2=", "topics": "2="}
    assert "=: no clear difference in topics/micro_f1 to the best run of that rank" in shared


def boards_of(monkeypatch: pytest.MonkeyPatch, runs: dict[str, list[Prediction]]) -> list[list[str]]:
    """The names of the runs on each board; each run has another digest of its test data."""
    summaries = [
        tracking.Summary(n, n, "tests", "1", "FINISHED", 0.0, {}, {}, {"test": f"digest of {n}"}) for n in runs
    ]
    monkeypatch.setattr(leaderboard, "fetch", lambda run: Contender(run, [runs[run.id]]))
    boards = leaderboard.leaderboards(summaries, metric=None, seed=1, reporter=NoReporter())
    return [
        [each.run.name for each in (*(place.contender for place in board.places), *board.unranked)] for board in boards
    ]


def test_runs_with_the_same_passages_and_gold_share_a_board_if_the_codebook_was_reworded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert boards_of(monkeypatch, {"a": town(accuracy=0.9), "b": town(accuracy=0.5)}) == [["a", "b"]]


def test_a_run_of_stance_does_not_bring_runs_with_other_gold_of_topics_onto_its_board(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, *rest = town(accuracy=0.9)
    tied = {id: topic.model_copy(update={"gold": None}) for id, topic in one.topics.items()}
    runs = {
        "stance": town(accuracy=0.9, tasks="stance"),
        "majority": [one, *rest],
        "weighted": [one.model_copy(update={"topics": tied}), *rest],
    }
    assert boards_of(monkeypatch, runs) == [["majority", "stance"], ["weighted"]]


def test_a_metric_that_no_run_has_is_refused_by_the_leaderboard(folder: Path) -> None:
    result = demarche("runs", "leaderboard", "--metric", "topics/mpa")
    assert result.exit_code == 2
    assert "no run has the metric 'topics/mpa'; did you mean 'topics/map'" in result.output


def test_seeds_and_a_learning_curve_are_not_combined(folder: Path) -> None:
    result = demarche("train", "config.yaml", "--seeds", "2", "--learning-curve", "2")
    assert result.exit_code == 2
    assert "cannot be combined" in result.output


def test_a_plan_says_how_many_more_articles_a_metric_needs(folder: Path) -> None:
    planned = demarche("labels", "plan", "--metric", "topics/micro_f1", "--run", "topics", "--within", "0.01")
    assert planned.exit_code == 0, planned.output
    assert planned.output.startswith("topics/micro_f1 of topics ")
    assert "more articles" in planned.output
    enough = demarche("labels", "plan", "--metric", "topics/micro_f1", "--run", "topics", "--within", "0.5")
    assert "no more passages are needed" in enough.output
    for wrong in (("--metric", "topics/micro_f1"), ("--share", "tea"), ("tags", "--metric", "m", "--run", "topics")):
        refused = demarche("labels", "plan", *wrong)
        assert refused.exit_code == 2
        assert "--metric and --run to know a metric" in refused.output
