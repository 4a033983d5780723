"""Every command of the READMEs runs, and every example in the documents is right."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from demarche.__main__ import app
from labels.codebook import STANCES, read_codebook
from labels.detached import detach
from labels.files import write_jsonl
from labels.passages import Annotation, Article, Passage
from tests.coding_sheets import rows_of, write_rows
from tests.conftest import REPOSITORY
from tests.scripted_endpoint import serve
from training.config import read_config
from training.sweeps.search import axes

DOCUMENTS = [
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((REPOSITORY / "docs").glob("*.md")),
    REPOSITORY / "labels/FORMAT.md",
    REPOSITORY / "labels/news/README.md",
    REPOSITORY / "seeds/README.md",
]


def blocks(document: Path, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def keep_lines(path: Path, kept: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """Rewrite a JSON-lines file with the objects that `kept` accepts, and return them."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if kept(row)]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return rows


@pytest.fixture
def project(tmp_path: Path, empty_store: Path) -> Path:
    """A copy of the project's data and configs, without plots, with few n-grams and a twelfth of the starter corpus.

    Another twelfth stands in for the real news of `labels/news`, whose texts are not part of the project.
    """
    for name in ("configs", "labels", "seeds", "docs"):
        shutil.copytree(REPOSITORY / name, tmp_path / name, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for config in (tmp_path / "configs").glob("*.yaml"):
        text = config.read_text(encoding="utf-8").replace("tracking: {", "tracking: {plots: false, ")
        config.write_text(text.replace("{kind: linear}", "{kind: linear, ngrams: {chars: [3, 3]}}"))
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    path = tmp_path / "labels/foreign_affairs/annotations.jsonl"
    labels_of = {
        annotation["passage"]: sorted((label["topic"], label.get("stance", "")) for label in annotation["labels"])
        for annotation in map(json.loads, path.read_text(encoding="utf-8").splitlines())
    }
    # A twelfth of those with each set of labels: some topics have few passages of some stance.
    order = sorted(labels_of, key=labels_of.__getitem__)
    twelfth, other = set(order[::12]), set(order[6::12])
    news, read = tmp_path / "news.jsonl", tmp_path / "news_annotations.jsonl"
    shutil.copy(tmp_path / "seeds/passages.jsonl", news)
    shutil.copy(path, read)
    corpus = keep_lines(tmp_path / "seeds/passages.jsonl", lambda passage: passage["id"] in twelfth)
    # What shares a page with the corpus is not evaluated on.
    groups = {passage.get("group") for passage in corpus} - {None}
    passages = keep_lines(news, lambda passage: passage["id"] in other and passage.get("group") not in groups)
    other = {passage["id"] for passage in passages}
    annotations = keep_lines(path, lambda annotation: annotation["passage"] in twelfth)
    labels = {(label["topic"], label.get("stance")) for annotation in annotations for label in annotation["labels"]}
    topics = read_codebook(REPOSITORY / "labels/foreign_affairs/codebook.yaml").topic_ids
    assert labels >= set(product(topics, STANCES))
    (tmp_path / "Article-Bias-Prediction/data/jsons").mkdir(parents=True)
    for passage in passages:
        file = tmp_path / "Article-Bias-Prediction/data/jsons" / f"{passage['article']}.json"
        file.write_text(json.dumps({"ID": passage["article"], "content_original": passage["text"]}), encoding="utf-8")
    write_jsonl(tmp_path / "labels/news/passages.jsonl", map(detach, map(Passage.model_validate, passages)))
    write_jsonl(tmp_path / "labels/news/annotations.jsonl", keep_lines(read, lambda row: row["passage"] in other))
    return tmp_path


def test_the_commands_of_the_readmes_run_in_order(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    readmes = (REPOSITORY / "README.md", REPOSITORY / "labels/news/README.md")
    lines = [line for readme in readmes for block in blocks(readme, "sh") for line in block.splitlines()]
    assert lines.pop(0) == ". .venv/bin/activate"
    assert len(lines) > 8
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == "demarche"
        # In this process: as many new processes would each import MLflow and scikit-learn again.
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, f"{line}\n{result.output}\n{result.exception!r}"


def test_the_commands_of_the_pages_on_training_and_tagging_run_in_order(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    pages = [
        REPOSITORY / "docs" / name for name in ("training.md", "choosing.md", "tagging.md", "files.md", "totals.md")
    ]
    lines = [line for page in pages for block in blocks(page, "sh") for line in block.splitlines()]
    small = "demarche train configs/linear.yaml topics.ngrams.chars=null stance.ngrams.chars=null"
    printed = ""
    for line in [small, *lines]:
        if " import " in line:
            # As the audit prints it, and after an annotator read the first passage again.
            assert line in [each.strip() for each in printed.splitlines()]
            with Path("build/audit.csv").open(encoding="utf-8", newline="") as stream:
                rows = list(csv.DictReader(stream))
            rows[0] |= {"topic_1": "none"}
            with Path("build/audit.csv").open("w", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(stream, rows[0].keys())
                writer.writeheader()
                writer.writerows(rows)
        result = CliRunner().invoke(app, shlex.split(line)[1:])
        printed = result.output
        assert result.exit_code == 0, f"{line}\n{result.output}\n{result.exception!r}"
    assert len(Path("build/audit/annotations.jsonl").read_text(encoding="utf-8").splitlines()) == 1
    assert Path("build/next.jsonl").exists()
    assert Path("build/tags.parquet").exists()
    assert Path("build/archive/tags").is_dir()


def fill_in(sheet: Path, topics: list[str]) -> None:
    """Write these topics, in turn, into the rows of a coding sheet."""
    rows = rows_of(sheet)
    write_rows(sheet, [row | {"topic_1": topics[place % len(topics)]} for place, row in enumerate(rows)])


def test_the_commands_of_the_pages_on_labelling_run_in_order(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    pages = [REPOSITORY / "docs" / name for name in ("labelling.md", "sheets.md", "tools.md")]
    lines = [line for page in pages for block in blocks(page, "sh") for line in block.splitlines()]
    for line in lines:
        if line.startswith("cd "):
            monkeypatch.chdir(line.removeprefix("cd "))
            continue
        if line.startswith("cp "):
            subprocess.run(line, shell=True, check=True)
            continue
        if " import sheets " in line:
            folder = Path(shlex.split(line)[4])
            for sheet in folder.glob("*.csv"):
                fill_in(sheet, {"anna": ["sanctions", "none"], "bert": ["none"]}.get(sheet.stem, ["none"]))
        result = CliRunner().invoke(app, shlex.split(line)[1:])
        assert result.exit_code == 0, f"{line}\n{result.output}\n{result.exception!r}"


def test_the_commands_of_the_page_on_language_models_run_in_order(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    with serve() as endpoint:
        for line in [line for block in blocks(REPOSITORY / "docs/reading.md", "sh") for line in block.splitlines()]:
            # One reading of each passage is quick, and does the same.
            once = ["--readings", "1"] if " read " in line else []
            command = [*shlex.split(line.replace("http://127.0.0.1:8080", endpoint.url))[1:], *once]
            result = CliRunner().invoke(app, command)
            assert result.exit_code == 0, f"{line}\n{result.output}\n{result.exception!r}"


def test_the_command_demarche_is_installed() -> None:
    command = [str(Path(sys.executable).parent / "demarche"), "--help"]
    assert "evaluate" in subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_links_between_the_documents_are_not_broken(document: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
        assert link.startswith("http") or (document.parent / link).exists(), link


def test_the_worked_example_of_the_format_is_right() -> None:
    lines = [line for block in blocks(REPOSITORY / "labels/FORMAT.md", "json") for line in block.splitlines()]
    article, passage, first, second = (json.loads(line) for line in lines)
    read = Passage.model_validate(passage)
    assert Article.model_validate(article).text[read.start : read.end] == read.text
    start, end = Annotation.model_validate(first).labels[0].evidence or (0, 0)
    assert read.text[start:end] == "The company blamed the embargo, which it called a gift to its rivals"
    assert Annotation.model_validate(second).labels[0].stance == "neutral"


def test_the_config_in_the_training_page_is_the_shipped_one_with_its_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    written, search = blocks(REPOSITORY / "docs/training.md", "yaml")
    (tmp_path / "config.yaml").write_text(written)
    config = read_config(tmp_path / "config.yaml")
    assert config == read_config(REPOSITORY / "configs/linear.yaml")
    (tmp_path / "config.yaml").write_text(written + search)
    searched = read_config(tmp_path / "config.yaml")
    assert axes(tmp_path / "config.yaml", searched)
    assert searched.model_copy(update={"search": None}) == config


def test_the_code_names_no_topic_of_the_codebook() -> None:
    topics = read_codebook(REPOSITORY / "labels/foreign_affairs/codebook.yaml").topic_ids
    for folder in ("demarche", "labels", "models", "tagging", "training"):
        for file in (REPOSITORY / folder).rglob("*.py"):
            words = set(re.findall(r"\w+", file.read_text(encoding="utf-8")))
            assert not words & set(topics), file
