"""The annotations of real news are shipped without text, and fit the texts where a copy of them is at hand."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from demarche.__main__ import app
from labels.check import read_detached, read_labelled, read_passages
from labels.codebook import fits, read_codebook
from labels.detached import DetachedPassage
from labels.errors import Problems
from labels.files import read_jsonl
from labels.passages import Annotation
from tests.conftest import REPOSITORY

NEWS = REPOSITORY / "labels/news"
CODEBOOK = REPOSITORY / "labels/foreign_affairs/codebook.yaml"
TEXTS = REPOSITORY.parent / "shared/data/news/passages.jsonl.gz"
"""The passages with their texts, which are not part of the project."""


def strings(value: Any) -> list[str]:
    """Return every string in a JSON value, except the names of fields."""
    if isinstance(value, dict | list):
        return [text for part in (value.values() if isinstance(value, dict) else value) for text in strings(part)]
    return [value] if isinstance(value, str) else []


def test_the_annotations_of_real_news_contain_no_text() -> None:
    files = {path.name for path in NEWS.iterdir()}
    assert files == {"README.md", "passages.jsonl", "annotations.jsonl", "annotations_1.1.0.jsonl"}
    fields: dict[str, set[str]] = {}
    for name in ("annotations_1.1.0", "passages", "annotations"):
        rows = [json.loads(line) for line in (NEWS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        fields[name] = set().union(*rows)
        fields["labels"] = set().union(*(label for row in rows for label in row.get("labels", [])))
        # The longest are digests and names of holders.
        assert max(len(text) for row in rows for text in strings(row)) <= 64
    assert fields["passages"] <= set(DetachedPassage.model_fields)
    assert not fields["passages"] & {"text", "title", "url", "meta"}
    assert fields["annotations"] == {"passage", "annotator", "codebook", "labels"}
    assert fields["labels"] == {"topic", "stance", "holder"}


@pytest.mark.parametrize(
    ("name", "version", "decided"), [("annotations.jsonl", "1.0.0", 52), ("annotations_1.1.0.jsonl", "1.1.0", 37)]
)
def test_every_passage_of_real_news_has_two_annotations_that_fit_the_codebook(
    name: str, version: str, decided: int
) -> None:
    book, problems = read_codebook(CODEBOOK), Problems()
    annotations = [annotation for _, annotation in read_jsonl(NEWS / name, Annotation, problems)]
    problems.raise_any()
    ids = {passage.id for passage in read_detached(NEWS / "passages.jsonl")}
    assert len(ids) == 640
    for annotator in ("reader_a", "reader_b"):
        assert {a.passage for a in annotations if a.annotator == annotator} == ids
    assert Counter(a.annotator for a in annotations) == {"reader_a": 640, "reader_b": 640, "adjudicator": decided}
    assert {annotation.codebook for annotation in annotations} == {f"foreign-affairs@{version}"}
    assert all(fits(annotation.codebook, book) != "other" for annotation in annotations)
    assert {label.topic for annotation in annotations for label in annotation.labels} == set(book.topic_ids)


@pytest.mark.skipif(not TEXTS.exists(), reason="the texts of the news passages are not beside the project")
def test_the_texts_of_real_news_are_attached_from_a_copy_of_the_public_set(tmp_path: Path) -> None:
    with gzip.open(TEXTS, "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    (tmp_path / "jsons").mkdir()
    for row in rows:
        article = {
            "content_original": "." * row["start"] + row["text"], "title": row["title"], "source": row["source"],
            "date": row.get("published", ""), "content": "", "ID": row["article"],
        }  # fmt: skip
        (tmp_path / "jsons" / f"{row['article']}.json").write_text(json.dumps(article), encoding="utf-8")
    out = tmp_path / "news.jsonl"
    command = ["labels", "attach", str(NEWS / "passages.jsonl"), "--articles", str(tmp_path / "jsons")]
    result = CliRunner().invoke(app, [*command, "--out", str(out)])
    assert (result.exit_code, result.output) == (0, f"640 of 640 passages with their text in {out}\n")
    assert read_passages(out) == read_passages(TEXTS)
    assert len(read_labelled(CODEBOOK, [out], [NEWS / "annotations.jsonl"]).annotations) == 1332
