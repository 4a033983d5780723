"""Every command in the documents runs, every example is what it says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labels.check import read_labelled
from labels.codebook import read_codebook
from labels.passages import Annotation, Article, Passage
from tests.conftest import REPOSITORY
from training.config import read_config
from training.sweeps.search import axes

DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md")), REPOSITORY / "labels/FORMAT.md"]


def blocks(document: Path, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_readme_run_in_order(tmp_path: Path, empty_store: Path) -> None:
    for name in ("configs", "labels", "seeds", "docs"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    bin = Path(sys.executable).parent
    lines = [line for block in blocks(REPOSITORY / "README.md", "sh") for line in block.splitlines()]
    assert len(lines) > 8
    for line in lines:
        if line.startswith(". .venv"):
            continue
        assert line.startswith("demarche ")
        command = [str(bin / "demarche"), *line.split()[1:]]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert ran.returncode == 0, f"{line}\n{ran.stdout}\n{ran.stderr}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_the_documents_lead_somewhere(document: Path) -> None:
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


def test_the_config_in_the_documents_is_the_shipped_one_with_its_defaults(
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


def test_the_starter_corpus_is_whole() -> None:
    data = read_labelled(
        REPOSITORY / "labels/foreign_affairs/codebook.yaml",
        REPOSITORY / "seeds/passages.jsonl",
        [REPOSITORY / "labels/foreign_affairs/annotations.jsonl"],
        articles=REPOSITORY / "seeds/articles.jsonl",
    )
    assert {annotation.passage for annotation in data.annotations} == {passage.id for passage in data.passages}
    assert not data.warnings


def test_the_code_knows_no_topic_of_the_codebook() -> None:
    topics = read_codebook(REPOSITORY / "labels/foreign_affairs/codebook.yaml").topic_ids
    for folder in ("demarche", "labels", "models", "tagging", "training"):
        for file in (REPOSITORY / folder).rglob("*.py"):
            words = set(re.findall(r"\w+", file.read_text(encoding="utf-8")))
            assert not words & set(topics), file
