"""Soft labels: shares of favor, against and neutral in a label, from tables and in adjudication."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from labels.check import LabelledData
from labels.codebook import Codebook, Topic
from labels.errors import DemarcheError
from labels.gold.adjudication import Example, Target, adjudicate
from labels.passages import Annotation, Label, Passage, Shares
from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.exports import SUFFIXES, export_table
from labels.tables.imports import import_table
from labels.tables.shares import read_shares
from models.examples import stance_examples
from tests.tables import csv, read_back, refused

BOOK = Codebook(id="tiny", version="1.0.0", topics=(Topic(id="tea"),))
PASSAGE = Passage(id="p", article="p", text="Tea or no tea.", start=0, end=14)
COLUMNS = TableColumns(id="id", favor="for", against="against", neutral="neither")


def example_of(*labels: Label, gold: Label | None = None) -> Example:
    annotations = [
        Annotation(passage="p", annotator=f"a{n}", codebook=BOOK.reference, labels=(label,))
        for n, label in enumerate(labels)
    ]
    if gold is not None:
        annotations.append(Annotation(passage="p", annotator="gold", codebook=BOOK.reference, labels=(gold,)))
    (example,) = adjudicate([PASSAGE], annotations)
    return example


def soft(**shares: float) -> Label:
    return Label(topic="tea", shares=Shares(**shares))


@pytest.mark.parametrize(
    ("row", "shares"),
    [
        ("0.7,0.2,0.1", (0.7, 0.2, 0.1)),
        ("70%,20%,10%", (0.7, 0.2, 0.1)),
        ("7,2,1", (0.7, 0.2, 0.1)),
        ("7,3,", (0.7, 0.3, 0)),
        ("1,0,0", (1, 0, 0)),
        ("0.33,0.33,0.33", (0.33, 0.33, 0.33)),
        ("33.3,33.3,33.4", (0.333, 0.333, 0.334)),
    ],
)
def test_shares_percentages_and_numbers_of_votes_are_soft_labels(
    tmp_path: Path, row: str, shares: tuple[float, ...]
) -> None:
    table = csv(tmp_path, f"id,text,for,against,neither\n1,a b,{row}\n")
    (annotation,) = import_table(table, COLUMNS, ImportOptions(target="tea at noon")).annotations
    (label,) = annotation.labels
    assert label.target == "tea at noon"
    assert label.shares is not None
    assert label.shares.proportions == pytest.approx(shares)


@pytest.mark.parametrize("row", [",,", "0,0,0"])
def test_a_row_without_any_votes_has_no_soft_label(tmp_path: Path, row: str) -> None:
    table = csv(tmp_path, f"id,text,topic,for,against,neither\n1,a b,tea,{row}\n")
    columns = TableColumns(id="id", topics=("topic",), favor="for", against="against", neutral="neither")
    (annotation,) = import_table(table, columns, ImportOptions()).annotations
    assert annotation.labels == (Label(topic="tea"),)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0.7,0.2,", "favor 0.7, against 0.2, neutral 0 add up to 0.9"),
        ("-1,2,0", "favor '-1' is not a share"),
        ("much,,", "favor 'much' is not a share"),
        ("nan,1,0", "favor 'nan' is not a share"),
    ],
)
def test_numbers_that_are_no_shares_are_refused(tmp_path: Path, row: str, message: str) -> None:
    table = csv(tmp_path, f"id,text,for,against,neither\n1,a b,{row}\n")
    assert message in refused(table, COLUMNS, ImportOptions(target="tea"))


def test_shares_without_a_topic_or_a_column_are_refused(tmp_path: Path) -> None:
    table = csv(tmp_path, "id,text,for,against\n1,a b,0.5,0.5\n")
    assert "have no target; name --target or --topics" in refused(table, TableColumns(favor="for", against="against"))
    assert "no column has the share of against" in refused(table, TableColumns(favor="for"), ImportOptions(target="x"))


def test_each_topic_may_have_its_own_columns_of_shares(tmp_path: Path) -> None:
    table = csv(tmp_path, "id,text,tea+,tea-,rain+,rain-\n1,a b,3,1,,\n2,c d,0,0,2,2\n")
    columns = TableColumns(id="id", favor="{topic}+", against="{topic}-")
    annotations = import_table(table, columns, ImportOptions()).annotations
    assert [annotation.labels for annotation in annotations] == [
        (Label(topic="tea", shares=Shares(favor=0.75, against=0.25)),),
        (Label(topic="rain", shares=Shares(favor=0.5, against=0.5)),),
    ]


def test_a_stance_that_contradicts_its_shares_is_refused() -> None:
    shares = {"favor": 0.2, "against": 0.8}
    with pytest.raises(ValidationError, match="is not the most frequent"):
        Label.model_validate({"topic": "tea", "stance": "favor", "shares": shares})
    assert Label.model_validate({"topic": "tea", "stance": "against", "shares": shares}).stance == "against"
    with pytest.raises(ValidationError, match="add up to"):
        Shares(favor=0.5)


def test_soft_votes_train_on_the_shares_and_majority_votes_on_the_most_frequent_stance() -> None:
    example = example_of(soft(favor=0.7, against=0.2, neutral=0.1))
    assert example.stances == {Target("tea"): "favor"}
    y: Any = stance_examples([example], BOOK, ["text"], "soft").y
    assert y.tolist() == [pytest.approx([0.7, 0.2, 0.1])]
    assert stance_examples([example], BOOK, ["text"], "majority").y.tolist() == [[1, 0, 0]]


def test_tied_shares_have_no_stance_but_gold_decides() -> None:
    assert example_of(soft(favor=0.5, against=0.5)).stances == {Target("tea"): None}
    decided = example_of(soft(favor=0.5, against=0.5), gold=Label(topic="tea", stance="neutral"))
    assert decided.stances == {Target("tea"): "neutral"}
    assert decided.stance_votes == {Target("tea"): (0.5, 0.5, 0.0)}


def test_shares_and_stances_of_several_annotators_are_averaged() -> None:
    example = example_of(soft(favor=0.5, against=0.5), Label(topic="tea", stance="favor"))
    assert example.stance_votes == {Target("tea"): (0.75, 0.25, 0.0)}


@given(counts=st.tuples(*[st.integers(0, 1000)] * 3).filter(any))
def test_counts_give_the_same_votes_as_that_many_annotators(counts: tuple[int, int, int]) -> None:
    shares = read_shares(dict(zip(("favor", "against", "neutral"), counts, strict=True)))
    assert shares is not None
    votes = example_of(Label(topic="tea", shares=shares)).stance_votes[Target("tea")]
    assert votes == pytest.approx(tuple(count / sum(counts) for count in counts))
    assert sum(votes) == pytest.approx(1)


def test_dawid_skene_refuses_shares() -> None:
    reading = Annotation(passage="p", annotator="a", codebook=BOOK.reference, labels=(soft(favor=1),))
    with pytest.raises(DemarcheError, match="does not say who cast each vote"):
        adjudicate([PASSAGE], [reading], by="dawid_skene")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_soft_labels_are_exported_and_read_back(tmp_path: Path, suffix: str) -> None:
    labels = (
        soft(favor=1 / 3, against=0.1, neutral=17 / 30),
        Label(target="the kettle", shares=Shares(favor=0.25, neutral=0.75), stance="neutral"),
        Label(target="the pot", stance="favor"),
    )
    reading = Annotation(passage="p", annotator="ann", codebook=BOOK.reference, labels=labels)
    data = LabelledData(BOOK, [PASSAGE], [reading])
    exported = export_table(data, tmp_path / f"t{suffix}")
    assert exported.lost == {}
    back = import_table(tmp_path / f"t{suffix}", exported.columns, ImportOptions(), BOOK)
    assert back.annotations == [reading]
    assert read_back(tmp_path, back).annotations == [reading]
