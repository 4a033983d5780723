"""Tables that belong together are joined, and an import says how it read them."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from demarche.__main__ import app
from labels.check import LabelledData
from labels.errors import BadInput
from labels.gold.agreement import agreements
from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.imports import import_table
from tests.tables import csv, labels_of
from tests.test_table_layouts import TWO_CODERS


def test_two_tables_are_joined_by_the_id(tmp_path: Path) -> None:
    labels = csv(tmp_path, "tweet,topic\n2,rain\n1,tea\n")
    texts = csv(tmp_path, "id,text,day\n1,Tea cheers.,Mon\n2,Rain falls.,Tue\n3,A walk.,Wed\n", name="texts.csv")
    columns = TableColumns(id="id", date="day", topics=("topic",))
    options = ImportOptions(rename={"tweet": "id"})
    imported = import_table(labels, columns, options, texts=texts)
    assert [(p.id, p.text, p.published) for p in imported.passages] == [
        ("2", "Rain falls.", "Tue"),
        ("1", "Tea cheers.", "Mon"),
        ("3", "A walk.", "Wed"),
    ]
    assert labels_of(imported) == {("2", "table"): [("rain", None, None)], ("1", "table"): [("tea", None, None)]}
    assert "1 of 3 passages have no annotation" in imported.how.remarks


def test_labels_of_a_text_that_is_missing_are_refused(tmp_path: Path) -> None:
    labels = csv(tmp_path, "id,topic\n2,rain\n4,tea\n")
    texts = csv(tmp_path, "id,text\n2,Rain falls.\n2,Again.\n", name="texts.csv")
    with pytest.raises(BadInput) as raised:
        import_table(labels, TableColumns(id="id", topics=("topic",)), ImportOptions(), texts=texts)
    assert "table.csv:3: no text in" in str(raised.value)
    assert "texts.csv:3: id '2' occurs twice" in str(raised.value)


def test_sheets_of_two_annotators_meet_by_their_texts(tmp_path: Path) -> None:
    first = import_table(
        csv(tmp_path, "text,topic\nTea cheers.,tea\nRain falls.,rain\n", name="a.csv"),
        TableColumns(topics=("topic",)),
        ImportOptions(annotator="anna"),
    )
    second = import_table(
        csv(tmp_path, "text,topic\nRain falls.,rain\nTea cheers.,rain\n", name="b.csv"),
        TableColumns(topics=("topic",)),
        ImportOptions(annotator="bert"),
        first.codebook,
    )
    assert {p.id: p.text for p in first.passages} == {p.id: p.text for p in second.passages}
    data = LabelledData(first.codebook, first.passages, [*first.annotations, *second.annotations])
    assert agreements(data, seed=1)[0].same == 0.5


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["labels", "import", "table", *arguments])


def test_a_dry_run_prints_how_the_table_is_read_and_writes_nothing(tmp_path: Path) -> None:
    table = csv(tmp_path, TWO_CODERS)
    options = ["--id", "id", "--topics", "{annotator}_topics", "--stance", "{annotator}_{topic}", "--empty", "none"]
    result = run(str(table), *options, "--dry-run")
    assert result.exit_code == 0, result.output
    for line in (
        "anna_tea     stance toward 'tea' by 'anna'",
        "rain        2      0        2        0            0          0",
        "line 3: passage 2",
        "  anna: tea (favor); rain (against)",
        "annotations by: anna 3, bert 3",
        "2 empty cells read as none of the topics",
        "3 passages and 6 annotations; nothing was written",
    ):
        assert line in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]
    assert "--out is missing" in run(str(table), *options).output


def test_an_import_says_in_short_how_the_table_was_read(tmp_path: Path) -> None:
    header, *rows = TWO_CODERS.splitlines()
    table = csv(tmp_path, "\n".join([f"{header},note", *(f"{row}," for row in rows)]) + "\n")
    options = ["--id", "id", "--topics", "{annotator}_topics", "--stance", "{annotator}_{topic}", "--empty", "unread"]
    result = run(str(table), *options, "--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    assert "2 empty cells read as no annotation" in result.output
    assert "columns not read: 'note'" in result.output


def test_sheets_of_two_annotators_meet_in_the_agreement(tmp_path: Path) -> None:
    for name, last in (("anna", "tea"), ("bert", "rain")):
        csv(tmp_path, f"id,text,topic\n1,One.,tea\n2,Two.,rain\n3,Three.,{last}\n", name=f"{name}.csv")
        book = ["--codebook", str(tmp_path / "anna/codebook.yaml")] if name == "bert" else []
        options = ["--id", "id", "--topics", "topic", "--annotator-name", name, *book]
        result = run(str(tmp_path / f"{name}.csv"), *options, "--out", str(tmp_path / name))
        assert result.exit_code == 0, result.output
    files = [str(tmp_path / "anna" / name) for name in ("codebook.yaml", "passages.jsonl", "annotations.jsonl")]
    result = CliRunner().invoke(app, ["labels", "agreement", *files, str(tmp_path / "bert/annotations.jsonl")])
    assert result.exit_code == 0, result.output
    assert "anna and bert" in result.output
    assert "66.7%" in result.output
    over = run(str(tmp_path / "bert.csv"), *options, "--out", str(tmp_path / "anna"))
    assert over.exit_code == 2
    assert "has the annotations by 'anna', which those by 'bert' would replace" in over.output


def test_an_option_that_takes_one_value_is_refused_if_it_is_given_twice(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,a,b\nx y,favor,against\n")
    result = run(str(table), "--stance", "a", "--stance", "b", "--dry-run")
    assert result.exit_code == 2
    assert "--stance is given 2 times but takes one value" in result.output
    assert "'{topic}_stance'" in result.output
