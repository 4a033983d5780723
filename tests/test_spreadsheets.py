"""Tables for a spreadsheet: no cell runs as a formula, and reading the table again gives the same cells."""

from __future__ import annotations

import codecs
import csv
import json
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labels.codebook import write_codebook
from labels.files import write_jsonl
from labels.passages import Passage
from labels.table_files.spreadsheet import guard, unguard
from tests.conftest import BOOK, demarche, make_articles

DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "'=1", "''@tea", '=HYPERLINK("http://x","tea")']
HARMLESS = ["tea", "'tea'", "", "1 = 1", "a-b", "tea@example.org", "–1"]


def cells_of(path: Path) -> list[dict[str, str]]:
    assert path.read_bytes().startswith(codecs.BOM_UTF8)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("cell", DANGEROUS)
def test_what_looks_like_a_formula_becomes_a_text(cell: str) -> None:
    assert guard(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", [*HARMLESS, None, 3, -0.5, True])
def test_other_cells_stay_as_they_are(cell: object) -> None:
    assert guard(cell) == cell


@given(st.one_of(st.text(), st.sampled_from(DANGEROUS), st.text(st.sampled_from("'=+-@\t a"))))
def test_no_guarded_cell_is_a_formula_and_each_is_restored(cell: str) -> None:
    assert guard(cell)[:1] not in set("=+-@\t\r\n")
    assert unguard(guard(cell)) == cell


def test_tags_for_a_spreadsheet_hold_no_formula(model: Path, tmp_path: Path) -> None:
    articles = [{"id": "=cmd|' /C calc'!A0", "text": "=2 cups of tea, says the council about its teapot and kettle."},
                {"id": "b", "text": "@rain The town opposes the umbrella, the drizzle and the downpour of May."}]  # fmt: skip
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(each) + "\n" for each in articles))
    out = tmp_path / "tags.csv"
    arguments = ("tag", tmp_path / "in.jsonl", "--model", model, "--out")
    assert demarche(*arguments, out).exit_code == 0
    assert not out.read_bytes().startswith(codecs.BOM_UTF8)
    assert demarche(*arguments, out, "--for-spreadsheet").exit_code == 0
    rows = cells_of(out)
    assert {row["article"] for row in rows} == {"'=cmd|' /C calc'!A0", "b"}
    assert {row["text"][:3] for row in rows} == {"'=2", "'@r"}
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    for name in ("tags.jsonl", "tags.parquet"):
        refused = demarche(*arguments, tmp_path / name, "--for-spreadsheet")
        assert refused.exit_code == 2
        assert "--for-spreadsheet is for files that end in .csv" in refused.output
        assert not (tmp_path / name).exists()


def test_passages_are_written_in_the_format_that_the_name_says(tmp_path: Path) -> None:
    text = "=SUM of all tea: the council praises the teapot.\n\nThe “town” opposes the umbrella, and the drizzle.\n"
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    for name in ("p.csv", "p.tsv", "p.jsonl"):
        assert demarche("labels", "passages", tmp_path / "a.txt", "--out", tmp_path / name).exit_code == 0
    plain = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines()]
    for name, delimiter in (("p.csv", ","), ("p.tsv", "\t")):
        with (tmp_path / name).open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter=delimiter))
        assert [(row["id"], row["text"], int(row["start"])) for row in rows] == [
            (each["id"], each["text"], each["start"]) for each in plain
        ]
    out = ("--out", tmp_path / "s.csv", "--for-spreadsheet")
    assert demarche("labels", "passages", tmp_path / "a.txt", *out).exit_code == 0
    assert cells_of(tmp_path / "s.csv")[0]["text"].startswith("'=SUM")


@pytest.mark.parametrize("name", ["out.parquet", "out.txt", "out", "out.csv.gz", "out.json"])
def test_json_lines_are_not_written_under_another_name(name: str, workspace: Path) -> None:
    (workspace / "a.txt").write_text("The council praises the teapot.")
    labels = ("codebook.yaml", "passages.jsonl", "annotations.jsonl")
    for command in (
        ("labels", "passages", "a.txt", "--out", name),
        ("labels", "passages", "a.txt", "--out", "p.jsonl", "--articles-out", name),
        ("labels", "adjudicate", *labels, "--out", name),
        ("labels", "detach", "passages.jsonl", "--out", name),
        ("labels", "attach", "passages.jsonl", "--articles", "articles.jsonl", "--out", name),
        ("evaluate", "model", "passages.jsonl", "annotations.jsonl", "--out", name),
        ("tag", "a.txt", "--model", "model", "--out", "t.csv", "--articles-out", name),
    ):
        result = demarche(*command)
        assert result.exit_code == 2
        assert f"{name}: " in result.output
        assert ".jsonl" in result.output
        assert not (workspace / name).exists()


def test_labels_exported_for_a_spreadsheet_are_read_back_by_the_printed_command(tmp_path: Path) -> None:
    _, passages, annotations = make_articles(4)
    texts = [f"{DANGEROUS[number % len(DANGEROUS)]} {each.text}" for number, each in enumerate(passages)]
    passages = [
        each.model_copy(update={"text": text, "start": 0, "end": len(text), "meta": {"=note": "-1", "b": "'tea'"}})
        for each, text in zip(passages, texts, strict=True)
    ]
    write_codebook(tmp_path / "codebook.yaml", BOOK)
    write_jsonl(tmp_path / "passages.jsonl", passages)
    write_jsonl(tmp_path / "annotations.jsonl", annotations)
    files = [tmp_path / name for name in ("codebook.yaml", "passages.jsonl", "annotations.jsonl")]
    exported = demarche("labels", "export", "table", *files, "--out", tmp_path / "x.csv", "--for-spreadsheet")
    assert exported.exit_code == 0, exported.output
    rows = cells_of(tmp_path / "x.csv")
    assert all(cell[:1] not in set("=+-@\t\r＝") for row in rows for cell in (*row, *row.values()))
    command = shlex.split(exported.output.splitlines()[-1])
    assert command[-1] == "--from-spreadsheet"
    imported = demarche(*command[1:])
    assert imported.exit_code == 0, imported.output
    read = [
        Passage.model_validate_json(line)
        for line in (tmp_path / "x-imported" / "passages.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert {each.id: (each.text, each.meta) for each in read} == {each.id: (each.text, each.meta) for each in passages}
