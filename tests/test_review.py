"""Passages for review: a list for an annotator, and its way back as annotations."""

from __future__ import annotations

import csv
import gc
import json
import shlex
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labels.tables.writers import table_writer
from tagging import review
from tagging.review import ForReview, draw
from tagging.rows import NO_TOPIC, REVIEW, TYPES
from tests.conftest import demarche
from tests.report_tags import passage, world


@pytest.fixture
def tags(workspace: Path) -> Path:
    write("tags.csv", world())
    doubted = {
        "assigned": False,
        "status": REVIEW,
        "topic_probability": 0.31,
        "favor": 0.7,
        "against": 0.1,
        "neutral": 0.2,
    }
    near = passage(
        "rain", number=3, text="A kettle, perhaps.", topics={"tea": "favor"}, published="2024-12-02", **doubted
    )
    write("near.csv", [near])
    return workspace / "tags.csv"


def write(path: str, rows: list[dict[str, Any]]) -> None:
    with table_writer(Path(path), TYPES) as write_rows:
        write_rows(rows)


def read(path: str) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_passage_is_listed_with_all_that_the_tagger_says_of_it(tags: Path) -> None:
    result = demarche("review", tags, "--out", "list.csv", "--candidates", "near.csv", "--codebook", "codebook.yaml")
    assert result.exit_code == 0, result.output
    second, third = read("list.csv")
    assert second["id"] == "rain#2"
    assert second["article"] == "rain"
    assert second["start"] == "200"
    assert second["doubtful"] == "tea"
    assert second["model"] == "tea 90%; rain 90%"
    assert third["model"] == "tea 31% (not assigned): favor 70%, neutral 20%, against 10%"
    assert third["topic_1"] == third["stance_1"] == ""
    assert "2 passages of 2 that need review in list.csv" in result.output


def test_what_an_annotator_writes_comes_back_at_its_place_in_the_article(tags: Path) -> None:
    result = demarche("review", tags, "--out", "list.csv", "--candidates", "near.csv", "--codebook", "codebook.yaml")
    rows = read("list.csv")
    rows[0] |= {"topic_1": "tea", "stance_1": "against", "topic_2": "rain"}
    with Path("list.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, rows[0].keys())
        table.writeheader()
        table.writerows(rows)
    (command,) = [line.strip() for line in result.output.splitlines() if "labels import" in line]
    imported = demarche(*shlex.split(command)[1:])
    assert imported.exit_code == 0
    assert "columns not read: 'doubtful', 'model'" in imported.output
    (annotation,) = [json.loads(line) for line in Path("list/annotations.jsonl").read_text().splitlines()]
    assert annotation["annotator"] == "reader"
    assert [(label["topic"], label.get("stance")) for label in annotation["labels"]] == [
        ("tea", "against"),
        ("rain", None),
    ]
    (kept,) = [p for p in map(json.loads, Path("list/passages.jsonl").read_text().splitlines()) if p["id"] == "rain#2"]
    assert (kept["article"], kept["start"], kept["end"]) == ("rain", 200, 200 + len(kept["text"]))
    check = demarche("labels", "check", "codebook.yaml", "list/passages.jsonl", "list/annotations.jsonl")
    assert check.exit_code == 0, check.output


def test_a_blind_list_does_not_show_what_the_tagger_says(tags: Path) -> None:
    assert demarche("review", tags, "--out", "list.csv", "--blind").exit_code == 0
    assert not {"model", "doubtful"} & read("list.csv")[0].keys()


def test_each_topic_in_doubt_has_about_as_many_passages(workspace: Path) -> None:
    often = [passage("a", number=n, topics={"tea": "favor"}, status=REVIEW) for n in range(1, 40)]
    seldom = [passage("b", number=n, topics={"rain": "favor"}, status=REVIEW) for n in range(1, 4)]
    write("tags.csv", [*often, *seldom])

    def drawn(n: int, *, topic: str | None = None) -> list[ForReview]:
        return draw(Path("tags.csv"), n=n, topic=topic, seed=1).passages

    all_of_them = drawn(100)
    assert len(all_of_them) == draw(Path("tags.csv"), n=6, seed=2).found == 42
    chosen = drawn(6)
    assert [each.topics for each in chosen].count(["rain"]) == 3
    assert chosen == [each for each in all_of_them if each in chosen]
    assert chosen == drawn(6)
    assert len(drawn(100, topic="rain")) == 3


def test_candidates_belong_to_their_passage_whatever_their_order(workspace: Path) -> None:
    passages = [passage("a", number=n, topics={}, status=NO_TOPIC if n % 2 else REVIEW) for n in range(1, 7)]
    doubted = {"assigned": False, "status": REVIEW, "topic_probability": 0.4}
    near = [passage("a", number=n, topics={topic: "favor"}, **doubted) for n in (5, 2) for topic in ("rain", "tea")]
    write("tags.csv", passages)
    write("near.csv", [*near[::-1], passage("of another batch", number=1, topics={"tea": "favor"}, **doubted)])
    drawn, found = draw(Path("tags.csv"), Path("near.csv"), n=10, seed=1)
    assert found == 4
    assert {each.place["passage"]: sorted(each.topics) for each in drawn} == {
        "a#2": ["rain", "tea"],
        "a#4": [],
        "a#5": ["rain", "tea"],
        "a#6": [],
    }


def test_no_more_passages_are_kept_than_may_be_drawn(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[weakref.ref[Row]] = []

    class Row(dict[str, Any]):
        pass

    def rows(path: Path) -> Iterator[Row]:
        for row in of_file(path):
            read.append(weakref.ref(made := Row(row)))
            yield made
        gc.collect()
        alive.append(sum(each() is not None for each in read))

    of_file, alive = review._rows, list[int]()
    monkeypatch.setattr(review, "_rows", rows)
    write("tags.csv", [passage("a", number=n, topics={"tea": "favor"}, status=REVIEW) for n in range(1, 1001)])
    assert draw(Path("tags.csv"), n=10, seed=1).found == len(read) == 1000
    assert alive[0] <= 12


def test_nothing_to_review_and_files_of_another_kind_are_errors(tags: Path) -> None:
    nothing = demarche("review", tags, "--out", "list.csv", "--topic", "tee")
    assert (nothing.exit_code, Path("list.csv").exists()) == (2, False)
    assert "no passage needs review for the topic 'tee'" in nothing.output
    other = demarche("review", "passages.jsonl", "--out", "list.csv")
    assert other.exit_code == 2
    assert "not a tags file" in other.output
    same = demarche("review", tags, "--out", tags)
    assert same.exit_code == 2
