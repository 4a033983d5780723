"""What looks wrong in a labelled data set without errors is pointed out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from demarche.__main__ import app
from labels.check import LabelledData
from labels.codebook import Codebook, Topic, read_codebook, write_codebook
from labels.doubts import doubts
from labels.passages import Annotation, Label, Passage
from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.imports import import_table_to_folder
from tests.tables import csv

BOOK = Codebook(
    id="tiny",
    version="1.0.0",
    topics=tuple(Topic(id=id, definition=f"About {id}.", target=f"more {id}") for id in ("tea", "rain", "snow")),
)
Row = tuple[str, str, list[dict[str, Any]]]


def data(*rows: Row, book: Codebook = BOOK) -> LabelledData:
    """Make a passage of each (text, annotator, labels), named p1, p2, …"""
    passages = [
        Passage(id=f"p{n}", article=f"p{n}", text=text, start=0, end=len(text))
        for n, (text, _, _) in enumerate(rows, start=1)
    ]
    annotations = [
        Annotation(
            passage=f"p{n}", annotator=who, codebook=book.reference, labels=tuple(Label(**label) for label in labels)
        )
        for n, (_, who, labels) in enumerate(rows, start=1)
    ]
    return LabelledData(book, passages, annotations)


def others(count: int) -> list[Row]:
    return [(f"Another text, number {n}.", "ann", [{"topic": "tea"}]) for n in range(count)]


TEA, RAIN, FOR, CON = (
    {"topic": "tea"},
    {"topic": "rain"},
    {"topic": "tea", "stance": "favor"},
    {"topic": "tea", "stance": "against"},
)


@pytest.mark.parametrize(
    ("one", "other"), [([TEA], [RAIN]), ([TEA], []), ([TEA, RAIN], [TEA]), ([FOR], [CON]), ([FOR], [RAIN])]
)
@pytest.mark.parametrize("annotators", [("ann", "ann"), ("ann", "bob")])
def test_copies_of_a_text_with_different_labels_are_counted_and_the_first_named(
    one: list[dict[str, Any]], other: list[dict[str, Any]], annotators: tuple[str, str]
) -> None:
    rows = [("It rained on us.", annotators[0], one), ("“It  rained, on us”", annotators[1], other)]
    (doubt,) = doubts(data(*rows, *others(3)))
    assert doubt.startswith("1 text with different labels in several passages, first 'p1' (")
    assert "and 'p2' (" in doubt


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([TEA], [TEA]),
        ([], []),
        ([FOR], [TEA]),  # one annotator could not tell the stance
        ([{"target": "Roe", "stance": "favor"}], [{"target": "Doe", "stance": "against"}]),
        ([{"target": "Roe", "target_span": [0, 2], "stance": "favor"}], [{"target": "Roe", "target_span": [3, 9], "stance": "against"}]),
    ],
)  # fmt: skip
def test_copies_that_agree_or_are_about_other_targets_are_no_doubt(
    one: list[dict[str, Any]], other: list[dict[str, Any]]
) -> None:
    assert doubts(data(("It rained on us.", "ann", one), ("It rained on us.", "ann", other), *others(3))) == []


def test_every_text_twice_is_a_forgotten_column() -> None:
    rows = [(f"The text, number {n // 2}.", "table", [TEA]) for n in range(6)]
    (doubt,) = doubts(data(*rows))
    assert doubt.startswith("3 of 3 texts in several passages each")
    assert "--id or --annotator" in doubt


def test_a_stance_toward_a_topic_without_a_target_is_pointed_out() -> None:
    book = BOOK.model_copy(update={"topics": (Topic(id="tea", definition="Tea."), *BOOK.topics[1:])})
    (doubt,) = doubts(data(("One.", "ann", [FOR]), ("Two.", "ann", [CON]), book=book))
    assert "no target for 'tea' with 2 stances" in doubt
    assert doubts(data(("One.", "ann", [TEA]), book=book)) == []
    assert doubts(data(("One.", "ann", [{**TEA, "stance": "favor", "target": "green tea"}]), book=book)) == []


def test_topics_of_one_spelling_are_pointed_out() -> None:
    topics = (*BOOK.topics, Topic(id="Tea", definition="Tea again.", target="more Tea"))
    (doubt,) = doubts(data(("One.", "ann", [TEA]), book=BOOK.model_copy(update={"topics": topics})))
    assert "topics 'tea', 'Tea' differ only in spelling" in doubt


def test_the_codebook_of_an_import_has_places_to_fill_in_and_the_check_says_so(tmp_path: Path) -> None:
    table = csv(tmp_path, "text,topic,stance\nTea is fine.,tea,favor\nRain fell.,rain,\n")
    columns = TableColumns(topics=("topic",), stance="stance")
    import_table_to_folder(table, tmp_path / "out", columns, ImportOptions())
    codebook = tmp_path / "out" / "codebook.yaml"
    assert codebook.read_text(encoding="utf-8").count("  definition: ''\n  target: ''\n") == 2
    command = [
        "labels",
        "check",
        str(codebook),
        *(str(tmp_path / "out" / f"{name}.jsonl") for name in ("passages", "annotations")),
    ]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0
    assert "no definition of 'rain', 'tea'" in result.stderr
    assert "no target for 'tea' with 1 stance" in result.stderr
    # The stub may be made again as long as nobody has filled it in.
    import_table_to_folder(table, tmp_path / "out", columns, ImportOptions())
    book = read_codebook(codebook)
    defined = [topic.model_copy(update={"definition": "Yes.", "target": "more"}) for topic in book.topics]
    write_codebook(codebook, book.model_copy(update={"topics": tuple(defined)}))
    assert CliRunner().invoke(app, command).stderr == ""


def test_many_copies_are_counted_and_one_pair_named() -> None:
    rows = [(f"The text, number {n // 3}.", "ann", [TEA] if n % 3 else [RAIN]) for n in range(300)]
    first, *_ = doubts(data(*rows))
    assert first.startswith("100 texts with different labels in several passages, first 'p1' (rain) and 'p2' (tea)")
