"""What a table or its options say in two ways is refused or said, and nothing is decided without a word."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from demarche.__main__ import app
from labels.errors import DemarcheError
from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.imports import import_table
from tests.tables import csv, jsonl, refused
from tests.test_table_values import topics_of


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["labels", "import", "table", *map(str, arguments)])


@pytest.mark.parametrize("field", ["split", "group", "article"])
def test_rows_of_one_id_with_different_splits_groups_or_articles_are_refused(tmp_path: Path, field: str) -> None:
    table = csv(tmp_path, "id,text,topic,place\n1,One.,tea,north\n1,One.,rain,south\n2,Two.,tea,south\n")
    message = refused(table, TableColumns(id="id", topics=("topic",), **{field: "place"}))  # type: ignore[arg-type]
    assert f"table.csv:3: id '1' has the {field} 'south', but 'north' in line 2" in message


@pytest.mark.parametrize("field", ["title", "date", "source", "url", "keep"])
def test_rows_of_one_id_with_other_differences_keep_the_first_and_are_counted(tmp_path: Path, field: str) -> None:
    table = csv(tmp_path, "id,text,topic,about\n1,One.,tea,north\n1,One.,rain,south\n1,One.,rain,west\n2,Two.,tea,\n")
    about = {field: ("about",) if field == "keep" else "about"}
    imported = import_table(table, TableColumns(id="id", topics=("topic",), **about), ImportOptions())  # type: ignore[arg-type]
    notes = [note for note in imported.notes if "the first is kept" in note]
    assert len(notes) == 1
    assert "2 rows" in notes[0]
    assert "line 3" in notes[0]
    first = imported.passages[0]
    kept = first.meta["about"] if field == "keep" else getattr(first, "published" if field == "date" else field)
    assert kept == "north"


def test_what_only_a_later_row_of_an_id_says_is_kept(tmp_path: Path) -> None:
    table = csv(
        tmp_path,
        "id,text,topic,split,title,n\n1,One.,tea,,,\n1,One.,rain,test,Tea,7\n1,One.,fog,,,\n",
    )
    columns = TableColumns(id="id", topics=("topic",), split="split", title="title", keep=("n",))
    (passage,) = (imported := import_table(table, columns, ImportOptions())).passages
    assert (passage.split, passage.title, passage.meta) == ("test", "Tea", {"n": "7"})
    assert not any("the first is kept" in note for note in imported.notes)
    assert topics_of(imported) == [["tea", "rain", "fog"]]


@pytest.mark.parametrize(
    ("given", "option"),
    [
        (("--value", "A=favor", "--value", "a=against"), "--value"),
        (("--value", "1=tea", "--value", "1.0=rain"), "--value"),
        (("--value", "x=tea", "--value", "x="), "--value"),
        (("--rename", "topic=tea", "--rename", "topic=rain"), "--rename"),
    ],
)
def test_two_meanings_of_one_value_or_column_are_refused(tmp_path: Path, given: tuple[str, ...], option: str) -> None:
    table = csv(tmp_path, "text,topic\nOne.,A\n")
    result = run(table, "--topics", "topic", *given, "--dry-run")
    assert result.exit_code == 2
    assert f"{option} is given twice for" in result.stderr
    assert "keep one" in result.stderr


def test_the_same_option_twice_is_no_contradiction(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic\nOne.,A\n")
    result = run(table, "--topics", "topic", "--value", "A=tea", "--value", "a=tea", "--dry-run")
    assert result.exit_code == 0, result.output


def test_the_values_of_the_import_itself_may_not_contradict_either(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic\nOne.,A\n")
    with pytest.raises(DemarcheError, match="given twice for 'a'"):
        import_table(table, TableColumns(topics=("topic",)), ImportOptions(values={"A": "tea", "a": "rain"}))


@pytest.mark.parametrize("named", [(), ("--annotator", "coder")])
def test_a_table_does_not_replace_the_sheet_of_another_annotator(tmp_path: Path, named: tuple[str, ...]) -> None:
    table = csv(tmp_path, "id,text,topic,coder\n1,One.,tea,bert\n")
    command = (table, "--id", "id", "--topics", "topic", "--out", tmp_path / "out")
    assert run(*command, "--annotator-name", "anna").exit_code == 0
    before = (tmp_path / "out/annotations.jsonl").read_bytes()
    result = run(*command, *named)
    assert result.exit_code == 2
    assert "annotations by 'anna'" in result.stderr
    assert "--out" in result.stderr
    assert (tmp_path / "out/annotations.jsonl").read_bytes() == before


def test_a_table_may_be_imported_again_with_its_annotators(tmp_path: Path) -> None:
    table = csv(tmp_path, "id,text,topic,coder\n1,One.,tea,bert\n1,One.,tea,carla\n")
    command = (table, "--id", "id", "--topics", "topic", "--out", tmp_path / "out")
    for options in ((), ("--annotator", "coder"), ("--annotator", "coder")):
        result = run(*command, *options)
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("labels", "texts"), [(["1", "2", "3"], ["1.0", "2.0", "3.0"]), (["1.0", "2.0", "3.0"], ["1", "2", "3"])]
)
def test_ids_that_one_table_has_as_decimals_are_one_problem(
    tmp_path: Path, labels: list[str], texts: list[str]
) -> None:
    table = csv(tmp_path, "id,topic\n" + "".join(f"{id},tea\n" for id in labels))
    other = csv(tmp_path, "id,text\n" + "".join(f"{id},Text {id}.\n" for id in texts), name="texts.csv")
    columns = TableColumns(id="id", topics=("topic",))
    with pytest.raises(DemarcheError) as raised:
        import_table(table, columns, ImportOptions(), texts=other)
    message = str(raised.value)
    assert "whole numbers with .0" in message
    assert "3 times, in lines 2, 3, 4" in message
    assert "\n" not in message


def test_an_id_of_a_text_that_lost_its_last_digits_is_refused(tmp_path: Path) -> None:
    table = csv(tmp_path, "id,topic\n123456789012345678,tea\n")
    other = jsonl(tmp_path, {"id": 1.2345678901234568e17, "text": "One."}, name="texts.jsonl")
    with pytest.raises(DemarcheError, match="the last digits of"):
        import_table(table, TableColumns(id="id", topics=("topic",)), ImportOptions(), texts=other)
