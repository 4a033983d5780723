"""Rows and votes of several annotators become annotations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.imports import import_table
from tests.tables import csv, jsonl, labels_of, refused


def test_a_row_per_annotator_makes_one_passage_with_several_annotations(tmp_path: Path) -> None:
    rows = "id,text,who,target,label\n7,same text,ann,x,favor\n7,same text,bob,x,against\n8,other text,ann,x,neutral\n"
    columns = TableColumns(id="id", annotator="who", target="target", stance="label")
    imported = import_table(csv(tmp_path, rows), columns, ImportOptions())
    assert [passage.id for passage in imported.passages] == ["7", "8"]
    assert labels_of(imported) == {
        ("7", "ann"): [(None, "x", "favor")],
        ("7", "bob"): [(None, "x", "against")],
        ("8", "ann"): [(None, "x", "neutral")],
    }


def test_rows_with_the_same_text_are_one_passage_without_an_id(tmp_path: Path) -> None:
    rows = "text,who,topic\nsame text,ann,tea\nother text,ann,rain\nsame text,bob,rain\n"
    imported = import_table(csv(tmp_path, rows), TableColumns(annotator="who", topics=("topic",)), ImportOptions())
    assert [passage.id for passage in imported.passages] == ["2", "3"]
    assert labels_of(imported)["2", "bob"] == [("rain", None, None)]


def test_a_row_without_annotator_and_topic_is_a_passage_without_annotations(tmp_path: Path) -> None:
    rows = "id,text,who,topic\n7,same text,ann,\n8,other text,,\n9,third text,,tea\n"
    imported = import_table(
        csv(tmp_path, rows), TableColumns(id="id", annotator="who", topics=("topic",)), ImportOptions()
    )
    assert [passage.id for passage in imported.passages] == ["7", "8", "9"]
    assert labels_of(imported) == {("7", "ann"): [], ("9", "table"): [("tea", None, None)]}


def test_contradictory_rows_of_one_annotator_are_refused(tmp_path: Path) -> None:
    rows = "id,text,target,label\n7,same text,x,favor\n7,same text,x,against\n"
    message = refused(csv(tmp_path, rows), TableColumns(id="id", target="target", stance="label"))
    assert "table.csv:3: id '7'" in message
    assert "--annotator" in message


def test_a_row_per_label_makes_one_annotation(tmp_path: Path) -> None:
    rows = "id,text,topic,stance\n7,same text,tea,favor\n7,same text,rain,against\n7,same text,rain,against\n"
    imported = import_table(
        csv(tmp_path, rows), TableColumns(id="id", topics=("topic",), stance="stance"), ImportOptions()
    )
    assert labels_of(imported) == {("7", "table"): [("tea", None, "favor"), ("rain", None, "against")]}


@pytest.mark.parametrize(
    "votes", [["favor", None, "against"], "favor;;against", '["favor", "", "against"]', "['favor', None, 'against']"]
)
def test_each_vote_of_a_list_is_an_annotation(tmp_path: Path, votes: Any) -> None:
    table = jsonl(tmp_path, {"text": "a b", "about": "x", "votes": votes, "mode": "favor"})
    labels = labels_of(
        import_table(table, TableColumns(target="about", votes=("votes",), gold="mode"), ImportOptions())
    )
    assert [labels[0][2] for labels in labels.values()] == ["favor", "against", "favor"]
    assert list(labels)[-1] == ("1", "gold")


def test_the_name_of_a_vote_column_is_the_annotator(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,about,ann,bob,cem\na b,x,1,,-1\nc d,x,0,0,0\n")
    options = ImportOptions(values={"1": "favor", "-1": "against", "0": "neutral"})
    labels = labels_of(import_table(table, TableColumns(target="about", votes=("ann", "bob", "cem")), options))
    assert labels == {
        ("2", "ann"): [(None, "x", "favor")],
        ("2", "cem"): [(None, "x", "against")],
        ("3", "ann"): [(None, "x", "neutral")],
        ("3", "bob"): [(None, "x", "neutral")],
        ("3", "cem"): [(None, "x", "neutral")],
    }


def test_stance_votes_apply_to_the_topics_of_the_row(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic,a1,a2,decided\na b,tea,FAVOR,against,favor\nc d,rain,neutral,neutral,\n")
    imported = import_table(table, TableColumns(topics=("topic",), votes=("a1", "a2"), gold="decided"), ImportOptions())
    assert labels_of(imported) == {
        ("2", "a1"): [("tea", None, "favor")],
        ("2", "a2"): [("tea", None, "against")],
        ("2", "gold"): [("tea", None, "favor")],
        ("3", "a1"): [("rain", None, "neutral")],
        ("3", "a2"): [("rain", None, "neutral")],
    }
    assert imported.codebook.topic_ids == ("rain", "tea")


def test_votes_toward_a_target_keep_the_topics_of_the_row(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic,about,a1,a2\na b,tea,green tea,favor,against\n")
    imported = import_table(table, TableColumns(topics=("topic",), target="about", votes=("a1", "a2")), ImportOptions())
    assert labels_of(imported) == {
        ("2", "a1"): [("tea", None, None), (None, "green tea", "favor")],
        ("2", "a2"): [("tea", None, None), (None, "green tea", "against")],
    }


def test_votes_and_gold_may_be_topics(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,mine,a1,a2,decided\na b,tea,tea,rain,tea;rain\n")
    imported = import_table(table, TableColumns(topics=("mine",), votes=("a1", "a2"), gold="decided"), ImportOptions())
    assert labels_of(imported) == {
        ("2", "table"): [("tea", None, None)],
        ("2", "a1"): [("tea", None, None)],
        ("2", "a2"): [("rain", None, None)],
        ("2", "gold"): [("tea", None, None), ("rain", None, None)],
    }


def test_a_misspelt_stance_vote_is_refused_and_not_read_as_a_topic(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic,a1\na b,tea,favour\nc d,tea,favor\n")
    message = refused(table, TableColumns(topics=("topic",), votes=("a1",)))
    assert "table.csv:2" in message
    assert "--value favour=favor" in message


def test_an_empty_list_means_none_of_the_topics_and_a_blank_means_no_vote(tmp_path: Path) -> None:
    table = jsonl(tmp_path, {"text": "a b", "votes": [[], None, ["tea"]], "gold": []}, {"text": "c d", "gold": None})
    options = ImportOptions(empty={"gold": "unread"})
    labels = labels_of(import_table(table, TableColumns(votes=("votes",), gold="gold"), options))
    assert labels == {("1", "votes#1"): [], ("1", "votes#3"): [("tea", None, None)], ("1", "gold"): []}
