"""Unusual but valid input is accepted."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from demarche.__main__ import app
from labels.passages import Article
from models.cleaning import INVISIBLE
from tagging.segmentation import segment
from tests.conftest import BOOK
from tests.faults import IMPORT, TABLE, TEXT, put


@pytest.mark.parametrize(
    "text",
    [
        f"{TEXT}\r\n\r\n{TEXT}\r\n",
        "word " * 10_000,
        "🍵 " * 3000 + TEXT,
        "e\u0301\u0323 " * 400,
        "שלום עולם. " * 300,
        "\u202e" + TEXT,
        TEXT + "\0",
        "x" * 60_000 + ".",
        "茶" * 60_000 + "。",
        ("y" * 4999 + " ") * 9,
        "(" * 20_000,
    ],
)
def test_passages_are_cut_from_any_text_at_their_offsets(text: str, town: Path, model: Path) -> None:
    put("a.jsonl", '{"id": "a/../b\\n", "text": ' + json.dumps(text) + "}\n")(town)
    result = CliRunner().invoke(
        app, ["tag", "a.jsonl", "--model", str(model), "--out", "t.parquet", "--articles-out", "kept.jsonl"]
    )
    # An article of nothing but ornaments is reported.
    assert result.exit_code == (3 if set(text) == {"("} else 0), result.output
    import pyarrow.parquet as pq

    rows = pq.read_table(town / "t.parquet").to_pylist()
    assert all(text[row["start"] : row["end"]] == row["text"] for row in rows)
    assert all(len(row["text"]) <= 5000 for row in rows)
    covered = {position for row in rows for position in range(row["start"], row["end"])}
    assert all(
        position in covered for position, letter in enumerate(text) if not letter.isspace() and letter not in INVISIBLE
    )


def test_an_article_of_10_000_paragraphs_is_segmented_quickly() -> None:
    # A dump of a whole site is one file of such paragraphs; comparing each with every other took hours.
    text = "\n\n".join(f"The council of town {number} praises the teapot number {number}." for number in range(10_000))
    assert len(segment(Article(id="a", text=text))) == 10_000


def test_a_file_whose_name_is_not_utf_8_is_tagged(town: Path, model: Path) -> None:
    folder = town / "in"
    folder.mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.txt")).write_text(TEXT)
    result = CliRunner().invoke(app, ["tag", "in", "--model", str(model), "--out", "t.jsonl"])
    assert result.exit_code == 0, result.output
    assert '"caf\\\\xe9.txt"' in (town / "t.jsonl").read_text()


def test_an_output_that_is_a_link_is_written_to_the_linked_file(town: Path, model: Path) -> None:
    (town / "link.csv").symlink_to(town / "far.csv")
    assert CliRunner().invoke(app, ["tag", "articles.jsonl", "--model", str(model), "--out", "link.csv"]).exit_code == 0
    assert (town / "link.csv").is_symlink()
    assert (town / "far.csv").stat().st_size > 0


def test_a_codebook_stub_can_be_imported_again(town: Path) -> None:
    put("t.csv", TABLE)(town)
    for _ in range(2):
        assert CliRunner().invoke(app, IMPORT.format("t.csv").split()).exit_code == 0


def test_topics_without_gold_in_test_are_reported(town: Path) -> None:
    lines = [json.loads(line) for line in (town / "annotations.jsonl").read_text().splitlines()]
    for line in lines:
        line["labels"] = [label for label in line["labels"] if label["topic"] == "tea"]
    put("annotations.jsonl", "".join(json.dumps(line) + "\n" for line in lines))(town)
    output = CliRunner().invoke(app, ["train", "config.yaml", "tracking.register=null"]).output
    assert "warning: no gold examples of: rain; how well they are found is not measured" in output
    assert "warning: topic 'rain' has 0 examples in train and dev" in output


def test_a_codebook_of_one_topic_trains(town: Path) -> None:
    from labels.codebook import write_codebook

    write_codebook(town / "codebook.yaml", BOOK.model_copy(update={"topics": BOOK.topics[:1]}))
    text = (town / "annotations.jsonl").read_text()
    kept = "".join(line + "\n" for line in text.splitlines() if '"rain"' not in line)
    put("annotations.jsonl", kept)(town)
    result = CliRunner().invoke(app, ["train", "config.yaml", "tracking.register=null"])
    assert result.exit_code == 0, result.output
