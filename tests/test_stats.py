"""The counts of labels that `demarche labels stats` prints."""

from __future__ import annotations

from labels.gold.adjudication import adjudicate
from labels.passages import Annotation, Label, Passage
from labels.stats import NONE, gold_table
from tests.conftest import BOOK


def test_a_tied_topic_is_counted_as_tied_and_not_as_none_of_the_topics() -> None:
    passages = [Passage(id=id, article=id, text="Tea.", start=0, end=4) for id in ("tied", "none")]
    tea = (Label(topic="tea"),)
    annotations = [
        Annotation(passage=id, annotator=name, codebook=BOOK.reference, labels=labels)
        for id, name, labels in (("tied", "ann", tea), ("tied", "bob", ()), ("none", "ann", ()))
    ]
    table = gold_table(adjudicate(passages, annotations), BOOK.topic_ids)
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert rows["tea"]["tied"] == "1"
    assert rows["tea"]["passages"] == "0"
    assert rows[NONE]["passages"] == "1"
