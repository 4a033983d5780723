"""The page of a run in the UI: description, report, tables and plots."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from labels.files import write_jsonl
from labels.passages import Annotation
from tests.conftest import PLOTS, demarche, make_articles, make_workspace, trained
from tests.test_evaluation import predicted
from tests.test_evaluation_sets import more_articles
from training.config import read_config
from training.evaluation.metrics import evaluate
from training.prepare import prepare
from training.report.describe import OnSets, summary
from training.tracking import runs as tracking

# One process trains what these tests share.
pytestmark = pytest.mark.xdist_group("page")

HOSTILE = "a | b <script>x</script> [link](http://example.org) `code` **bold**"


class Read(NamedTuple):
    """A finished run on passages that two annotators read, with what the command printed."""

    folder: Path
    output: str
    run: tracking.Summary

    def text(self, name: str) -> str:
        return tracking.fetch_artifact(self.run.id, name).read_text(encoding="utf-8")

    def table(self, name: str) -> list[dict[str, Any]]:
        table = json.loads(self.text(name))
        return [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]

    @property
    def description(self) -> str:
        return self.run.tags["mlflow.note.content"]


def second_reader(annotations: list[Annotation]) -> list[Annotation]:
    """Read every passage again; the second reader finds nothing in every fifth."""
    return [
        each.model_copy(update={"annotator": "two", "labels": each.labels if number % 5 else ()})
        for number, each in enumerate(annotations)
    ]


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Read:
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = make_workspace(tmp_path_factory.mktemp("page"), monkeypatch)
        shutil.copy(empty_store, folder / "mlflow.db")
        _, _, annotations = make_articles()
        write_jsonl(folder / "annotations.jsonl", [*annotations, *second_reader(annotations)])
        overrides = [more_articles(folder), PLOTS, f"description={HOSTILE}", "topics.ngrams.max_features=12"]
        output = trained(*overrides).output
        (run,) = tracking.runs()
    return Read(folder, output, run)


@pytest.fixture
def page(made_once: Read, monkeypatch: pytest.MonkeyPatch) -> Read:
    monkeypatch.chdir(made_once.folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return made_once


def test_the_description_is_no_higher_than_the_ui_shows_unfolded(page: Read) -> None:
    # A row of a table or a line is 20 pixels high, and the UI folds what is higher than 100.
    rows = [line for line in page.description.splitlines() if line and not line.startswith("|---")]
    assert len(rows) == 5
    assert rows[-1].startswith("<div>")
    assert len(re.sub(r"<[^>]+>|&#\d+;", "", rows[-1])) <= 105


def test_the_description_has_every_set_with_its_best_baseline_and_annotators(page: Read) -> None:
    header, _, topics, *_ = page.description.splitlines()
    columns = [cell.replace("&nbsp;", "").strip() for cell in header.split("|")]
    assert columns[1:-1] == ["", "on more", "best baseline", "on test", "best baseline", "annotators"]
    cells = [cell.replace("&nbsp;", "").strip() for cell in topics.split("|")]
    metrics = page.run.metrics
    best = max(metrics[f"test/baseline/{name}_topics_micro_f1"] for name in ("majority", "rules"))
    assert cells[4:7] == [
        page.run.tags["interval/test/topics/micro_f1"],
        f"{best:.3f}",
        f"{metrics['test/annotators/annotators_topics_micro_f1']:.3f}",
    ]


def test_the_description_of_a_single_set_has_every_baseline(page: Read) -> None:
    prepared = prepare(read_config("config.yaml", []))
    scores = evaluate([predicted("a", {"tea": (True, 0.9)}, {"tea": ("favor", "favor")})], seed=1)
    of_set = {"test": scores}
    on = OnSets(of_set, {"test": {"majority": scores, "rules": scores}}, {}, {"test": []})
    header = summary(prepared, on, report="#").splitlines()[0]
    assert [cell.replace("&nbsp;", "").strip() for cell in header.split("|")[1:-1]] == [
        "",
        "on test",
        "majority",
        "rules",
    ]


def test_a_description_with_fewer_metrics_has_room_for_a_longer_command(page: Read) -> None:
    prepared = prepare(read_config("config.yaml", ["topics=null", f"description={'long ' * 20}"]))
    scores = evaluate([predicted("a", {}, {"tea": ("favor", "against")})], seed=1)
    on = OnSets({"test": scores}, {"test": {}}, {}, {"test": []})
    assert "<code>demarche train config.yaml topics=null " in summary(prepared, on, report="#")


def test_the_link_in_the_description_leads_to_the_report(page: Read) -> None:
    (link,) = re.findall(r'href="#/experiments/\d+/runs/(\w+)/artifacts/([\w.]+)"', page.description)
    assert link == (page.run.id, "report.md")
    report = page.text("report.md")
    titles = re.findall("^## (.*)$", report, re.MULTILINE)
    assert titles == [
        "In words", "Scores on more", "Scores on test", "Data", "Repeat this run", "Warnings", "The surest errors on test"
    ]  # fmt: skip
    assert "2 annotators" in report
    assert re.search(r"- \d+ passages with a tied topic: left out of the metrics", report)


def test_text_from_a_config_is_no_markup_in_the_report(page: Read) -> None:
    report, _, command = page.text("report.md").partition("```\n")
    assert report.splitlines()[2] == (
        r"a \| b &lt;script&gt;x&lt;/script&gt; \[link\](http://example.org) \`code\` \*\*bold\*\*"
    )
    assert HOSTILE in shlex.split(command.splitlines()[0])[-2]


def test_the_command_in_the_report_repeats_the_run(page: Read) -> None:
    program, *arguments = shlex.split(page.text("report.md").partition("```\n")[2].splitlines()[0])
    assert program == "demarche"
    assert demarche(*arguments, "--check").exit_code == 0
    assert arguments[:2] == ["train", "config.yaml"]
    # If the config was edited since, the one that was logged has the same settings.
    assert read_config(tracking.fetch_artifact(page.run.id, "config.yaml")) == read_config(arguments[1], arguments[2:])


def test_the_plots_and_tables_of_a_run_are_logged(page: Read) -> None:
    for name in (
        "f1_by_topic",
        "stance_by_topic",
        "f1_by_stance",
        "precision_recall",
        "thresholds",
        "stance_confusion",
        "reliability",
    ):
        assert tracking.fetch_artifact(page.run.id, f"figures/{name}.png").stat().st_size > 1000
    classes = page.table("classes.json")
    assert list(classes[0]) == ["class", "task", "precision", "recall", "f1", "ap", "n", "predicted"]
    assert [row["class"] for row in classes] == ["tea", "rain", "favor", "against", "neutral"]
    errors = page.table("errors.json")
    assert list(errors[0])[:2] == ["text", "class"]
    assert {row["votes"] for row in errors if row["task"] == "topic"} <= {"yes 0%", "yes 100%"}


def test_calibration_is_measured_on_every_set_but_not_by_class(page: Read) -> None:
    measured = {name for name in page.run.metrics if name.endswith(("/ece", "/brier"))}
    assert measured == {
        f"{on}/{task}/{what}" for on in ("test", "more") for task in ("topics", "stance") for what in ("ece", "brier")
    }


def test_the_terminal_shows_annotators_beside_the_model_on_the_same_labels(page: Read) -> None:
    assert page.output.count("each annotator against the others") == 1
    table = page.output.partition("each annotator against the others")[2].splitlines()
    assert table[1].split()[0] == "annotators"
    value = page.run.metrics["test/annotators/annotators_topics_micro_f1"]
    assert table[2].split()[:2] == ["topics/micro_f1", f"{value:.3f}"]


def test_a_model_is_evaluated_beside_annotators_on_new_gold(page: Read) -> None:
    _, passages, annotations = make_articles(20, seed=7)
    write_jsonl(page.folder / "new.jsonl", passages)
    write_jsonl(page.folder / "new_gold.jsonl", [*annotations, *second_reader(annotations)])
    output = demarche("evaluate", "models:/tiny-tagger@champion", "new.jsonl", "new_gold.jsonl").output
    assert "the model against the same labels (120 readings of 60 passages)" in output
    write_jsonl(page.folder / "one_reader.jsonl", annotations)
    output = demarche("evaluate", "models:/tiny-tagger@champion", "new.jsonl", "one_reader.jsonl").output
    assert "against the others" not in output
