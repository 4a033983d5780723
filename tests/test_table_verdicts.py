"""A column that says whether the row's answer was accepted decides whether the row has a label."""

from __future__ import annotations

from pathlib import Path

from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.imports import import_table
from tests.tables import jsonl, labels_of
from tests.test_table_values import topics_of


def answered(folder: Path, *answers: tuple[str, str, str]) -> Path:
    return jsonl(folder, *({"text": f"text {id}", "n": id, "topic": topic, "answer": a} for id, topic, a in answers))


def test_a_rejected_or_ignored_row_makes_no_label(tmp_path: Path) -> None:
    table = answered(
        tmp_path,
        *[("1", "tea", "accept"), ("1", "rain", "reject")],
        *[("2", "tea", "reject"), ("2", "rain", "reject")],
        *[("3", "tea", "reject"), ("3", "rain", "ignore")],
        *[("4", "tea", "reject")],
    )
    imported = import_table(table, TableColumns(id="n", topics=("topic",)), ImportOptions())
    # Of the texts 3 and 4, only one of the topics is known not to hold.
    assert labels_of(imported) == {("1", "table"): [("tea", None, None)], ("2", "table"): []}
    assert [passage.id for passage in imported.passages] == ["1", "2", "3", "4"]
    assert any("2 passages without labels" in note for note in imported.notes)
    assert any("1 row with the answer ignore" in note for note in imported.notes)


def test_with_one_topic_a_rejected_row_means_none(tmp_path: Path) -> None:
    table = answered(tmp_path, ("1", "tea", "accept"), ("2", "tea", "reject"), ("3", "tea", "ignore"))
    imported = import_table(table, TableColumns(id="n", topics=("topic",)), ImportOptions())
    assert labels_of(imported) == {("1", "table"): [("tea", None, None)], ("2", "table"): []}


def test_a_column_named_answer_with_other_words_is_no_verdict(tmp_path: Path) -> None:
    table = answered(tmp_path, ("1", "tea", "accept"), ("2", "tea", "perhaps"))
    imported = import_table(table, TableColumns(id="n", topics=("topic",)), ImportOptions())
    assert topics_of(imported) == [["tea"], ["tea"]]
