"""Columns of yes and no are told from columns of topics, and their empty cells from answers."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from demarche.__main__ import app
from labels.codebook import Codebook, Topic, write_codebook
from labels.files import write_jsonl
from labels.passages import Annotation, Label, Passage
from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.imports import import_table
from tests.tables import BOOK, csv, jsonl, labels_of, refused
from tests.test_table_values import advised, topics_of

TWO = TableColumns(topics=("first", "second"))


def codes(folder: Path, *rows: str) -> Path:
    return csv(folder, "text,first,second\n" + "".join(f"Text {n}.,{row}\n" for n, row in enumerate(rows)))


@pytest.mark.parametrize(
    ("rows", "options", "topics"),
    [
        (("1,", "5,9", "14,1"), {"1": "1"}, [["1"], ["5", "9"], ["14", "1"]]),
        (("0,31", "2,0"), {"0": "0"}, [["0", "31"], ["2", "0"]]),
        (("1,1.0", "5,"), {"1": "1"}, [["1"], ["5"]]),
        (("no,dk", "se,"), {"no": "no"}, [["no", "dk"], ["se"]]),
        (("1,1", "0,5"), {"5": "yes"}, [["first", "second"], ["second"]]),
    ],
)
def test_columns_with_one_and_zero_among_other_values_ask_what_they_hold(
    tmp_path: Path, rows: tuple[str, ...], options: dict[str, str], topics: list[list[str]]
) -> None:
    table = codes(tmp_path, *rows)
    message = refused(table, TWO)
    assert "columns 'first', 'second' hold " in message
    assert "\n" not in message
    assert options.keys() <= advised(message).keys()
    assert "1.0" not in advised(message)
    assert topics_of(import_table(table, TWO, ImportOptions(values=options))) == topics


def test_the_codebook_says_whether_columns_hold_topics_or_answers(tmp_path: Path) -> None:
    numbers = Codebook(id="n", version="1.0.0", topics=tuple(Topic(id=id) for id in ("1", "5", "9")))
    assert topics_of(import_table(codes(tmp_path, "1,", "5,9"), TWO, ImportOptions(), numbers)) == [["1"], ["5", "9"]]
    assert topics_of(import_table(codes(tmp_path, "1,1"), TWO, ImportOptions(), numbers)) == [["1"]]
    names = Codebook(id="n", version="1.0.0", topics=(Topic(id="first"), Topic(id="second")))
    assert topics_of(import_table(codes(tmp_path, "1,", "1,1"), TWO, ImportOptions(), names)) == [
        ["first"],
        ["first", "second"],
    ]
    message = refused(codes(tmp_path, "1,", "5,1"), TWO, codebook=names)
    assert "column 'first': '5' is neither true nor false" in message


def test_columns_that_repeat_their_own_name_hold_topics(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,tea,rain\nOne.,tea,\nTwo.,tea,rain\n")
    imported = import_table(table, TableColumns(topics=("tea", "rain")), ImportOptions(), BOOK)
    assert topics_of(imported) == [["tea"], ["tea", "rain"]]


@pytest.mark.parametrize("word", ["NA", "nan", "-", "#REF!"])
def test_a_word_for_an_empty_cell_among_answers_is_not_advised_to_be_a_no(tmp_path: Path, word: str) -> None:
    table = csv(tmp_path, f"text,tea,rain\nOne.,yes,{word}\nTwo.,{word},no\n")
    columns = TableColumns(topics=("tea", "rain"))
    message = refused(table, columns)
    assert set(advised(message).values()) == {"ANSWER"}
    assert "an empty cell beside filled ones means no" in message
    assert "leave out the rows" in message
    assert "write yes or no in place of ANSWER" in refused(table, columns, ImportOptions(values={word: "ANSWER"}))
    assert topics_of(import_table(table, columns, ImportOptions(values={word: "no"}))) == [["tea"], []]


def test_a_kept_column_named_answer_decides_nothing(tmp_path: Path) -> None:
    rows = [{"text": f"Text {n}.", "topic": "tea", "answer": word} for n, word in enumerate(("accept", "reject"))]
    table = jsonl(tmp_path, *rows)
    imported = import_table(table, TableColumns(topics=("topic",), keep=("answer",)), ImportOptions())
    assert topics_of(imported) == [["tea"], ["tea"]]
    assert any("'answer'" in note and "--keep" in note for note in imported.notes)
    assert topics_of(import_table(table, TableColumns(topics=("topic",)), ImportOptions())) == [["tea"], []]


def test_a_table_with_a_field_answer_is_read_back_with_the_printed_command(tmp_path: Path) -> None:
    passages = [
        Passage(id=f"{n}", article=f"{n}", text=f"Text {n}.", start=0, end=7, meta={"answer": word})
        for n, word in enumerate(("reject", "accept", "ignore"))
    ]
    annotations = [
        Annotation(passage=each.id, annotator="ann", codebook=BOOK.reference, labels=(Label(topic="tea"),))
        for each in passages
    ]
    write_codebook(tmp_path / "book.yaml", BOOK)
    write_jsonl(tmp_path / "passages.jsonl", passages)
    write_jsonl(tmp_path / "annotations.jsonl", annotations)
    files = [str(tmp_path / name) for name in ("book.yaml", "passages.jsonl", "annotations.jsonl")]
    exported = CliRunner().invoke(app, ["labels", "export", "table", *files, "--out", str(tmp_path / "t.csv")])
    assert exported.exit_code == 0, exported.output
    read = CliRunner().invoke(app, shlex.split(exported.stdout.splitlines()[-1])[1:])
    assert read.exit_code == 0, read.output
    assert (tmp_path / "t-imported/annotations.jsonl").read_bytes() == (tmp_path / "annotations.jsonl").read_bytes()


@pytest.mark.parametrize("word", ["#REF!", "#N/A", "#name?", " #VALUE! "])
def test_the_error_of_a_spreadsheet_is_no_text(tmp_path: Path, word: str) -> None:
    table = csv(tmp_path, f"text,topic\n{word},tea\nRain fell.,rain\n")
    message = refused(table, TableColumns(topics=("topic",)))
    assert "table.csv:2: column 'text'" in message
    assert "an error of a spreadsheet" in message


@pytest.mark.parametrize("word", ["NA", "n/a", "nan", "NULL", "None"])
def test_a_text_that_may_stand_for_an_empty_cell_is_pointed_out(tmp_path: Path, word: str) -> None:
    table = csv(tmp_path, f"id,text,topic\na,{word},tea\nb,{word},rain\nc,Rain fell.,rain\n")
    imported = import_table(table, TableColumns(id="id", topics=("topic",)), ImportOptions())
    assert any(f"2 texts are {word!r}" in note and "'a'" in note for note in imported.notes)
    assert len(labels_of(imported)) == 3
