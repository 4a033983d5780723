"""Coding sheets: who reads what, and what a sheet shows."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.codebook import STANCES, Codebook, Topic
from labels.errors import DemarcheError
from labels.passages import Passage
from labels.sheets.assignment import assign, check_annotators
from labels.sheets.layout import LONGEST_CELL, Mark, make_sheet, slots_for
from tests.coding_sheets import BOOK, PASSAGES, fill, make_folder, passage, read, readings, rows_of
from tests.conftest import demarche


def corpus(sizes: list[int]) -> list[Passage]:
    return [passage(f"a{n}#{k}", "x", f"a{n}") for n, size in enumerate(sizes) for k in range(size)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=15),
    st.integers(1, 4),
    st.floats(0, 1),
    st.integers(0, 99),
    st.data(),
)
def test_every_passage_is_read_by_all_or_by_one_and_the_rest_is_divided_evenly(
    sizes: list[int], annotators: int, overlap: float, seed: int, data: st.DataObject
) -> None:
    passages, names = corpus(sizes), [f"coder{n}" for n in range(annotators)]
    parts = assign(passages, names, overlap=overlap, seed=seed)
    readers = Counter(each.id for part in parts.values() for each in part)
    assert readers.keys() == {each.id for each in passages}
    assert set(readers.values()) <= {1, annotators}
    if annotators > 1:
        shared = sum(count == annotators for count in readers.values())
        assert shared == (max(round(overlap * len(passages)), 1) if overlap else 0)
    assert max(map(len, parts.values())) - min(map(len, parts.values())) <= 1
    shuffled = data.draw(st.permutations(passages))
    assert assign(shuffled, names[::-1], overlap=overlap, seed=seed) == parts


def test_passages_of_an_article_stay_together_where_that_is_possible() -> None:
    parts = assign(corpus([3] * 40), ["anna", "bert"], overlap=0.25, seed=13)
    shared = {each.id for each in parts["anna"]} & {each.id for each in parts["bert"]}
    readers: dict[str, set[object]] = {}
    for name, part in parts.items():
        for each in part:
            readers.setdefault(each.article, set()).add("both" if each.id in shared else name)
        # They also stand together, in the order of the text.
        articles = [each.article for each in part]
        assert [id for id, before in zip(articles, [None, *articles], strict=False) if id != before] == list(
            dict.fromkeys(articles)
        )
    assert all(len(each) == 1 for each in readers.values())


def test_passages_that_all_read_stand_among_the_others() -> None:
    parts = assign(corpus([1] * 100), ["anna", "bert", "cleo"], overlap=0.3, seed=13)
    shared = set.intersection(*({each.id for each in part} for part in parts.values()))
    for part in parts.values():
        places = [place / len(part) for place, each in enumerate(part) if each.id in shared]
        assert 0.3 < sum(places) / len(places) < 0.7
    orders = [[each.id for each in part if each.id in shared] for part in parts.values()]
    assert orders[0] != orders[1]


def test_another_seed_draws_other_passages() -> None:
    passages = corpus([1] * 50)
    first, second = (assign(passages, ["anna", "bert"], overlap=0.2, seed=seed) for seed in (1, 2))
    assert first != second


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["anna", "Anna"], "named twice"),
        (["anna@0123456789ab"], "named like a language model"),
        (["a/b"], "use letters"),
        (["=anna"], "use letters"),
        (["votes#1"], "use letters"),
        (["anna", "gold"], "overrides the others"),
        ([], "--annotators"),
    ],
)
def test_names_that_are_no_annotators_are_refused(names: list[str], what: str) -> None:
    with pytest.raises(DemarcheError, match=what):
        check_annotators(names)


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(categories=["L", "N"]), min_size=1), st.integers(0, 10**6))
def test_a_mark_is_read_back_from_its_cell(annotator: str, given: int) -> None:
    mark = Mark.of(annotator, BOOK, PASSAGES)._replace(given=given)
    assert Mark.parse(f" {mark} ") == mark
    assert Mark.parse("anna") is None


def test_a_row_has_columns_for_three_topics_or_as_many_as_the_codebook_has() -> None:
    assert slots_for(Codebook(id="c", version="1.0.0", topics=(Topic(id="tea"),))) == 1
    assert slots_for(Codebook(id="c", version="1.0.0", topics=tuple(Topic(id=str(n)) for n in range(9)))) == 3
    assert slots_for(BOOK) == 3


def test_a_workbook_shows_passages_drop_downs_and_the_codebook(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    book = openpyxl.load_workbook(folder / "anna.xlsx")
    sheet = book["passages"]
    header = [cell.value for cell in sheet[1]]
    answers = [f"{name}_{n}" for n in (1, 2, 3) for name in ("topic", "stance", "holder")]
    assert header == ["id", "title", "date", "text", *answers, "doubt", "note", "sheet"]
    assert sheet.freeze_panes == "A2"
    assert sheet["D2"].alignment.wrap_text
    assert sheet.column_dimensions["D"].width > 60
    assert sheet.column_dimensions["P"].hidden
    assert {rule.formula1: len(rule.sqref.ranges) for rule in sheet.data_validations.dataValidation} == {
        "lists!$A$1:$A$4": 3,
        "lists!$B$1:$B$3": 3,
        "lists!$C$1:$C$1": 1,
    }
    lists = book["lists"]
    assert lists.sheet_state == "hidden"
    assert [cell.value for cell in lists["A"]] == ["none", "tea", "rain", "wind"]
    assert tuple(cell.value for cell in lists["B"][:3]) == STANCES
    shown = "\n".join(str(cell.value) for row in book["codebook"] for cell in row if cell.value)
    for expected in ("hot drinks", "drinking tea", "samovars", "coffee", "wet weather", "for it", "Storms are wind.",
                     "facts without a position", "A row without a topic counts as not read", "weather@1.2.0"):  # fmt: skip
        assert expected in shown


def test_no_cell_of_a_sheet_is_a_formula(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    book = openpyxl.load_workbook(folder / "anna.xlsx")
    cells = [cell for sheet in book for row in sheet for cell in row]
    assert "f" not in {cell.data_type for cell in cells}
    assert "=1+1 is not a formula here." in {cell.value for cell in cells}
    assert [row["text"][:3] for row in rows_of(folder / "anna.csv") if "formula" in row["text"]] == ["'=1"]


def test_why_a_passage_was_suggested_is_not_shown(tmp_path: Path) -> None:
    chosen = [each.model_copy(update={"meta": {"reason": "uncertain topic"}, "source": "wire"}) for each in PASSAGES]
    folder = make_folder(tmp_path, passages=chosen)
    assert "uncertain" not in (folder / "anna.csv").read_text(encoding="utf-8")
    assert {row["source"] for row in rows_of(folder / "anna.csv")} == {"wire"}
    fill(folder / "anna.csv", {"p1": {"topic_1": "tea"}})
    assert readings(read(folder).annotations) == {("p1", "anna"): [("tea", None, None)]}


def test_the_csv_file_has_the_columns_of_the_workbook(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    rows = rows_of(folder / "anna.csv")
    sheet = openpyxl.load_workbook(folder / "anna.xlsx")["passages"]
    assert list(rows[0]) == [cell.value for cell in sheet[1]]
    assert [row["id"] for row in rows] == [cell.value for cell in sheet["A"][1:]]


def test_what_a_sheet_cannot_hold_is_refused() -> None:
    long = [passage("long", "x" * (LONGEST_CELL + 1))]
    with pytest.raises(DemarcheError, match="passage 'long' has 32,768 characters"):
        make_sheet("anna", long, BOOK, slots=1)
    with pytest.raises(DemarcheError, match="has no topics"):
        make_sheet("anna", PASSAGES, Codebook(id="c", version="1.0.0"), slots=1)
    with pytest.raises(DemarcheError, match="rename the topic"):
        make_sheet("anna", PASSAGES, Codebook(id="c", version="1.0.0", topics=(Topic(id="None"),)), slots=1)


def test_a_text_with_control_characters_comes_back_from_its_cell(tmp_path: Path) -> None:
    odd = [passage("odd", "Tea\x0band\x01 rain\x00."), passage("b", "Tea.\r\n\r\nRain\x1fand\x85snow.")]
    folder = make_folder(tmp_path, passages=odd)
    book = openpyxl.load_workbook(folder / "anna.xlsx")["passages"]
    assert "Tea and rain." in {cell.value for cell in book["B"]}
    for suffix in (".xlsx", ".csv"):
        fill(folder / f"anna{suffix}", {each.id: {"topic_1": "none"} for each in odd})
        assert readings(read(folder).annotations) == {("odd", "anna"): [], ("b", "anna"): []}


def test_a_sheet_that_may_be_filled_in_is_never_replaced(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "anna.csv").unlink()
    result = demarche(
        "labels", "sheet", tmp_path / "passages.jsonl", "--codebook", tmp_path / "codebook.yaml",
        "--annotators", "bert,anna", "--out", folder,
    )  # fmt: skip
    assert result.exit_code == 2
    assert "anna.xlsx: exists, and may be filled in" in result.output
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"anna.xlsx": before["anna.xlsx"]}


def test_the_command_writes_the_sheets_and_prints_how_to_bring_them_back(tmp_path: Path) -> None:
    make_folder(tmp_path)
    rng = random.Random(0)
    arguments = ("labels", "sheet", tmp_path / "passages.jsonl", "--codebook", tmp_path / "codebook.yaml")
    names = ["anna", "bert", "cleo"]
    rng.shuffle(names)
    result = demarche(
        *arguments, "--annotators", ", ".join(names), "--overlap", "0.25", "--out", tmp_path / "o", "--format", "csv"
    )
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["anna.csv", "bert.csv", "cleo.csv"]
    assert "read by all" in result.output
    assert f"demarche labels import sheets {tmp_path / 'o'} --codebook" in result.output
    alone = demarche(*arguments, "--annotators", "anna,bert", "--overlap", "0", "--out", tmp_path / "n")
    assert "their agreement cannot be measured" in alone.output
