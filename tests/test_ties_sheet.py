"""The adjudicator's sheet: open questions, readings without names, and the way back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl

from labels.check import LabelledData, read_labelled
from labels.codebook import write_codebook
from labels.files import write_jsonl
from labels.gold.adjudication import adjudicate
from labels.passages import Annotation, Label, Shares
from labels.sheets.ties import DIFFERENT, IN_DOUBT, open_questions
from tests.coding_sheets import BOOK, PASSAGES, fill, make_folder, passage, read_annotations, rows_of
from tests.conftest import demarche


def reading(passage: str, annotator: str, *labels: tuple[str, str | None], **fields: Any) -> Annotation:
    made = tuple(Label.model_validate({"topic": topic, "stance": stance}) for topic, stance in labels)
    return Annotation(passage=passage, annotator=annotator, codebook=BOOK.reference, labels=made, **fields)


def questions(*annotations: Annotation, differing: bool = False, seed: int = 1) -> list[dict[str, str]]:
    data = LabelledData(BOOK, PASSAGES, list(annotations))
    asked = open_questions(data, adjudicate(data.passages, data.annotations), differing=differing, seed=seed)
    return [] if asked is None else asked.sheet.cells()


def test_ties_and_doubts_are_asked_and_what_a_decider_has_read_is_not() -> None:
    rows = questions(
        reading("p1", "anna", ("tea", "favor")), reading("p1", "bert", ("tea", "against")),
        reading("p2", "anna", ("rain", None), doubt=True, note="drizzle?"), reading("p2", "bert", ("rain", None)),
        reading("p3", "anna", ("tea", None)), reading("p3", "bert"), reading("p3", "adjudicator"),
        reading("007", "anna"), reading("007", "bert"),
    )  # fmt: skip
    assert [(row["id"], row["question"]) for row in rows] == [
        ("p1", "stance toward tea: favor 50%, against 50%"),
        ("p2", IN_DOUBT),
    ]
    assert {rows[0]["reading_1"], rows[0]["reading_2"]} == {"tea: favor", "tea: against"}
    assert {rows[1]["reading_1"], rows[1]["reading_2"]} == {"rain: no stance", "rain: no stance\n[in doubt, drizzle?]"}
    assert all(row["topic_1"] == "" and row["sheet"].startswith("adjudicator/2/weather@1.2.0/") for row in rows)


def test_a_minority_is_asked_about_only_if_it_is_wanted() -> None:
    votes = (reading("p1", "anna", ("tea", None)), reading("p1", "bert", ("tea", None)), reading("p1", "cleo"))
    assert questions(*votes) == []
    (row,) = questions(*votes, differing=True)
    assert row["question"] == DIFFERENT
    assert sorted(row[f"reading_{n}"] for n in (1, 2, 3)) == ["none", "tea: no stance", "tea: no stance"]


def test_a_language_model_is_shown_only_where_no_person_has_read() -> None:
    model = "tiny-lm@0123456789ab"
    votes = (
        reading("p1", "anna", ("tea", None)), reading("p1", model, ("rain", None), doubt=True),
        reading("p2", "anna", ("tea", "favor")), reading("p2", "bert", ("tea", "against")), reading("p2", model),
        reading("p3", model, ("rain", None), doubt=True),
    )  # fmt: skip
    first, second = questions(*votes, differing=True)
    assert (first["id"], second["id"]) == ("p2", "p3")
    assert {first["reading_1"], first["reading_2"]} == {"tea: favor", "tea: against"}
    assert "reading_3" not in first
    assert second["reading_1"] == "rain: no stance\n[in doubt]"


def test_no_column_of_readings_is_one_annotators() -> None:
    passages = [passage(f"p{n}", "Tea or rain.") for n in range(40)]
    votes = [v for each in passages for v in (reading(each.id, "anna", ("tea", None)), reading(each.id, "bert"))]
    data = LabelledData(BOOK, passages, votes)
    asked = open_questions(data, adjudicate(passages, votes), seed=1)
    assert asked is not None
    first = [row["reading_1"] for row in asked.sheet.rows]
    assert 10 < first.count("none") < 30
    assert not any("anna" in cell or "bert" in cell for row in asked.sheet.rows for cell in row.values())


def test_more_topics_than_usual_get_columns_and_soft_labels_are_shown() -> None:
    soft = Label(topic="tea", shares=Shares(favor=0.5, against=0.5))
    rows = questions(
        Annotation(passage="p1", annotator="anna", codebook=BOOK.reference, labels=(soft,)), reading("p1", "bert")
    )
    assert "tea: favor 50%, against 50%, neutral 0%" in {rows[0]["reading_1"], rows[0]["reading_2"]}


def test_labels_toward_named_targets_are_left_out_and_counted() -> None:
    named = Annotation(
        passage="p1",
        annotator="anna",
        codebook=BOOK.reference,
        labels=(Label(target="kites", stance="favor"),),
        doubt=True,
    )
    data = LabelledData(BOOK, PASSAGES, [named])
    asked = open_questions(data, adjudicate(PASSAGES, [named]), seed=1)
    assert asked is not None
    assert (asked.sheet.rows, asked.with_targets) == ([], 1)


def test_from_sheets_to_agreement_ties_and_decisions_no_tie_remains(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, "anna,bert")
    files = [tmp_path / "codebook.yaml", tmp_path / "passages.jsonl"]
    read, ties = tmp_path / "read.jsonl", tmp_path / "ties"
    importing = ("--codebook", files[0], "--passages", files[1], "--out")
    fill(folder / "anna.xlsx", {"p1": {"topic_1": "tea", "stance_1": "favor"}, "p2": {"topic_1": "rain"}, "p3": {"topic_1": "none"}})  # fmt: skip
    fill(folder / "bert.csv", {"p1": {"topic_1": "tea", "stance_1": "against"}, "p2": {"topic_1": "none"}, "p3": {"topic_1": "none"}})  # fmt: skip
    imported = demarche("labels", "import", "sheets", folder, *importing, read)
    assert imported.exit_code == 0, imported.output
    assert demarche("labels", "agreement", *files, read).exit_code == 0
    asked = demarche("labels", "adjudicate", *files, read, "--out", tmp_path / "d.jsonl", "--sheet", ties)
    assert asked.exit_code == 0, asked.output
    assert "2 passages to decide (2 tied, 0 in doubt)" in asked.output
    shown = openpyxl.load_workbook(ties / "adjudicator.xlsx")["codebook"]
    assert any("Your reading replaces theirs" in str(cell.value) for row in shown for cell in row)
    assert [row["id"] for row in rows_of(ties / "adjudicator.csv")] == ["p1", "p2"]
    fill(ties / "adjudicator.xlsx", {"p1": {"topic_1": "tea", "stance_1": "favor"}, "p2": {"topic_1": "none"}})
    decided = tmp_path / "decided.jsonl"
    back = demarche("labels", "import", "sheets", ties, *importing, decided)
    assert back.exit_code == 0, back.output
    assert {each.annotator for each in read_annotations(decided)} == {"adjudicator"}
    again = demarche("labels", "adjudicate", *files, read, decided, "--out", tmp_path / "d.jsonl")
    assert "3 decided, 0 with a tie" in again.output
    lines = [json.loads(line) for line in (tmp_path / "d.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {line["passage"]: line["stances"][0]["stance"] for line in lines if line["stances"]} == {"p1": "favor"}


def test_a_doubt_or_a_note_changes_no_digest(tmp_path: Path) -> None:
    write_codebook(tmp_path / "codebook.yaml", BOOK)
    write_jsonl(tmp_path / "passages.jsonl", PASSAGES)
    digests = set()
    for fields in ({}, {"doubt": True, "note": "why"}):
        write_jsonl(tmp_path / "annotations.jsonl", [reading("p1", "anna", ("tea", None), **fields)])
        files = [tmp_path / name for name in ("codebook.yaml", "passages.jsonl", "annotations.jsonl")]
        data = read_labelled(files[0], [files[1]], [files[2]])
        assert data.annotations[0].note == fields.get("note")
        digests.add(data.digest())
    assert len(digests) == 1
