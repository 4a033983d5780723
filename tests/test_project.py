"""In the folder of a project, commands find its files themselves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.codebook import read_codebook, write_codebook
from labels.files import write_jsonl
from labels.project import create_project, find_project
from labels.yaml_text import read_yaml
from tests.conftest import BOOK, demarche, make_articles
from training.config import read_config


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def town_project(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the labels of the small town, in which the test runs."""
    assert demarche("init", "town").exit_code == 0
    _, passages, annotations = make_articles()
    write_codebook(here / "town/codebook.yaml", BOOK)
    write_jsonl(here / "town/labels/passages.jsonl", passages)
    write_jsonl(here / "town/labels/annotations/anna.jsonl", annotations)
    monkeypatch.chdir(here / "town")
    return here / "town"


def test_a_new_project_says_what_its_codebook_lacks_and_what_to_do_next(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = demarche("init", "Town News", "--topics", "tea, rain_fall")
    assert started.exit_code == 0
    assert "cd 'Town News'" in started.output
    monkeypatch.chdir(here / "Town News")
    book = read_codebook("codebook.yaml")
    assert (book.id, book.topic_ids) == ("town-news", ("tea", "rain_fall"))
    checked = demarche("labels", "check")
    assert checked.exit_code == 0
    assert "rain_fall  definition, target  include, exclude, keywords" in checked.output
    assert "labels/passages.jsonl: no passages yet; put articles into articles" in checked.output


def test_a_codebook_is_checked_alone(here: Path) -> None:
    demarche("init", "town", "--topics", "tea")
    checked = demarche("labels", "check", "town/codebook.yaml")
    assert checked.exit_code == 0, checked.output
    assert "tea    definition, target" in checked.output
    assert "checked the codebook alone" in checked.output


def test_without_topics_the_codebook_has_a_complete_one_as_an_example(here: Path) -> None:
    demarche("init", "town")
    (topic,) = read_codebook("town/codebook.yaml").topics
    assert topic.definition
    assert topic.target
    assert topic.keywords
    assert any(rule.examples for rule in topic.include)
    assert any(rule.examples for rule in topic.exclude)


@pytest.mark.parametrize("name", ["2024", "1.5", "null", "yes", "2024-05-01", "1e3", "Ünter #2: x"])
def test_a_folder_of_any_name_becomes_a_project(here: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert demarche("init", name).exit_code == 0
    monkeypatch.chdir(here / name)
    assert demarche("labels", "check").exit_code == 0
    codebook = read_codebook("codebook.yaml").id
    assert find_project() is not None
    plain = read_yaml(Path("config.yaml"))
    assert plain["tracking"] == {"experiment": codebook, "register": codebook}


@pytest.mark.parametrize("pattern", ["{here}/labels/annotations/*.jsonl", "labels/**.jsonl", "labels/**/*.jsonl"])
def test_any_pattern_names_the_annotations(town_project: Path, pattern: str) -> None:
    path = town_project / "demarche.yaml"
    text = path.read_text(encoding="utf-8")
    there = pattern.format(here=town_project)
    path.write_text(text.replace("labels/annotations/*.jsonl", json.dumps(there)), encoding="utf-8")
    project = find_project()
    assert project is not None
    found = [each.name for each in project.annotation_files()]
    assert "anna.jsonl" in found or pattern == "labels/**.jsonl"
    assert "*" not in str(project.new_annotations("bert"))


@given(
    topics=st.lists(st.text(min_size=1).filter(lambda each: len(each.split()) == 1 and each.isprintable()), unique=True)
)
@settings(max_examples=30)
def test_topics_of_any_name_stand_in_the_stub(tmp_path_factory: pytest.TempPathFactory, topics: list[str]) -> None:
    folder = tmp_path_factory.mktemp("project")
    create_project(folder, topics)
    assert read_codebook(folder / "codebook.yaml").topic_ids == (tuple(topics) or ("trade",))


def test_a_project_overwrites_nothing(here: Path) -> None:
    (here / "config.yaml").write_text("name: mine\n", encoding="utf-8")
    refused = demarche("init", ".")
    assert refused.exit_code == 2
    assert "config.yaml: exists already" in refused.output
    assert [path.name for path in here.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize("folder", ["town", "town/news"])
def test_a_file_is_no_folder_for_a_project(here: Path, folder: str) -> None:
    (here / "town").touch()
    refused = demarche("init", folder)
    assert refused.exit_code == 2
    assert "town: is a file; name a new folder" in refused.output


def test_the_id_of_a_topic_is_made_of_its_name(here: Path) -> None:
    assert demarche("init", "town", "--topics", "Foreign trade, EU").exit_code == 0
    topics = read_codebook("town/codebook.yaml").topics
    assert [(topic.id, topic.name) for topic in topics] == [("foreign_trade", "Foreign trade"), ("EU", "EU")]


def test_a_topic_given_twice_is_refused_before_anything_is_written(here: Path) -> None:
    refused = demarche("init", "town", "--topics", "tea,tea")
    assert refused.exit_code == 2
    assert "'tea' occurs twice" in refused.output
    assert not (here / "town").exists()


def test_articles_are_cut_and_labels_are_checked_without_a_path(town_project: Path) -> None:
    for command in ("check", "stats"):
        result = demarche("labels", command)
        assert result.exit_code == 0, result.output
    (town_project / "articles/one.txt").write_text("The old council welcomes a new teapot.\n" * 3, encoding="utf-8")
    (town_project / "labels/annotations/anna.jsonl").unlink()
    cut = demarche("labels", "passages")
    assert cut.exit_code == 0, cut.output
    assert "of 1 article in labels/passages.jsonl" in cut.output


def test_a_config_without_data_learns_from_the_files_of_the_project(town_project: Path) -> None:
    config = read_config("config.yaml")
    assert config.data.codebook == Path("codebook.yaml")
    assert config.data.annotations == (Path("labels/annotations/anna.jsonl"),)
    bert = Path("labels/annotations/bert.jsonl")
    shutil.copy("labels/annotations/anna.jsonl", bert)
    assert bert in read_config("config.yaml", ["data.adjudication=dawid_skene"]).data.annotations
    assert read_config("config.yaml").data.adjudication == "majority"


def test_training_and_tagging_need_no_path(town_project: Path, empty_store: Path) -> None:
    shutil.copy(empty_store, town_project / "mlflow.db")
    trained = demarche("train", "tracking.plots=false", "stance=null")
    assert trained.exit_code == 0, trained.output
    assert "models:/town@champion" in trained.output
    (town_project / "articles/one.txt").write_text("The council welcomes a teapot and a kettle.\n", encoding="utf-8")
    tagged = demarche("tag", "--no-track")
    assert tagged.exit_code == 0, tagged.output
    assert "tags in tags.csv" in tagged.output
    reported = demarche("report", "--out", "report.html")
    assert reported.exit_code == 0, reported.output


def test_without_a_project_the_missing_files_are_named(here: Path) -> None:
    refused = demarche("labels", "check")
    assert refused.exit_code == 2
    assert "CODEBOOK, PASSAGES, ANNOTATIONS: missing" in refused.output
    assert "demarche init" in refused.output


@pytest.mark.parametrize("folder", [".", "sheets/../batch 1.2"])
def test_labels_from_sheets_are_named_after_their_folder(town_project: Path, folder: str) -> None:
    Path("labels/annotations/anna.jsonl").unlink()
    for batch in ("batch 1.2", "sheets"):
        assert demarche("labels", "sheet", "--annotators", "anna", "--out", batch, "--format", "csv").exit_code == 0
    filled = Path("batch 1.2/anna.csv").read_text(encoding="utf-8").replace(",,,,,", ",tea,,,,", 1)
    for path in Path().glob("*/anna.csv"):
        path.write_text(filled, encoding="utf-8")
    if folder == ".":
        shutil.copy("sheets/anna.csv", "anna.csv")
    imported = demarche("labels", "import", "sheets", folder)
    assert imported.exit_code == 0, imported.output
    name = "town" if folder == "." else "batch 1.2"
    assert [path.name for path in Path("labels/annotations").iterdir()] == [f"{name}.jsonl"]
    assert demarche("labels", "check").exit_code == 0


def test_a_part_of_the_files_is_no_data_set(town_project: Path) -> None:
    refused = demarche("labels", "stats", "codebook.yaml")
    assert refused.exit_code == 2
    assert "PASSAGES and ANNOTATIONS: missing" in refused.output


def test_training_a_project_without_labels_says_which_command_makes_them(here: Path) -> None:
    demarche("init", ".")
    refused = demarche("train")
    assert refused.exit_code == 2
    assert "no passages yet" in refused.output


def test_a_mistake_in_the_project_file_is_named(town_project: Path) -> None:
    (town_project / "demarche.yaml").write_text("codebok: x.yaml\n", encoding="utf-8")
    refused = demarche("labels", "check")
    assert refused.exit_code == 2
    assert "demarche.yaml: codebok: unknown field" in refused.output
    assert "demarche.yaml: passages: missing" in refused.output


def test_passages_that_are_annotated_are_not_lost_when_articles_are(town_project: Path) -> None:
    before = (town_project / "labels/passages.jsonl").read_bytes()
    (town_project / "articles/one.txt").write_text("The old council welcomes a new teapot.\n" * 3, encoding="utf-8")
    refused = demarche("labels", "passages")
    assert refused.exit_code == 2
    assert "labels/passages.jsonl: would lose" in refused.output
    assert (town_project / "labels/passages.jsonl").read_bytes() == before


def test_in_a_folder_of_a_project_the_command_says_where_the_project_is(
    town_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(town_project / "articles")
    refused = demarche("labels", "stats")
    assert refused.exit_code == 2
    assert f"go to its folder, {town_project}" in refused.output


def test_what_an_annotator_read_in_a_sheet_is_not_shown_on_the_page(
    town_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[int] = []
    monkeypatch.setattr("demarche.annotate._serve", lambda session, **_: shown.append(len(session.shown)))
    _, passages, annotations = make_articles()
    (town_project / "labels/annotations/anna.jsonl").unlink()
    name = annotations[0].annotator
    write_jsonl(
        town_project / "labels/annotations/sheets.jsonl",
        [each.model_copy(update={"annotator": "anna"}) for each in annotations if each.annotator == name][:5],
    )
    opened = demarche("labels", "annotate", "--annotator", "anna")
    assert opened.exit_code == 0, opened.output
    assert shown == [len(passages) - 5]
    assert "5 passages that 'anna' read are in other files of the project" in opened.output


def test_a_check_of_the_split_is_none_of_folds(town_project: Path) -> None:
    refused = demarche("train", "--folds", "3", "--check")
    assert refused.exit_code == 2
    assert "--check looks at the split of the config" in refused.output
