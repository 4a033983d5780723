"""A leave-target-out split keeps every label of the target out of train and dev."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.errors import DemarcheError
from labels.gold.adjudication import Example, adjudicate
from labels.passages import Annotation, Label
from labels.splits.leave_target_out import only_target, split_by_target
from tests.passage_world import ORIGINAL, REPRINT, leaks, made_up, passage, splits_of


def named(id: str, *labels: Label, text: str = "", article: str | None = None, votes: int = 1) -> Example:
    """Return a passage for which the first of `votes` annotators gave `labels`, and the others none."""
    readings = [labels, *[()] * (votes - 1)]
    annotations = [
        Annotation(passage=id, annotator=f"r{who}", codebook="tiny@1.0.0", labels=given)
        for who, given in enumerate(readings)
    ]
    return adjudicate([passage(id, text, article=article)], annotations)[0]


TEA, RAIN = Label(topic="tea", stance="favor"), Label(topic="rain", stance="against")
TRAM = Label(target="the new tram", stance="against")


def test_passages_labelled_with_the_target_are_test_and_their_articles_are_not_in_train() -> None:
    examples = [
        named("a1", TEA, RAIN, article="a"),
        named("a2", RAIN, article="a"),
        named("b1", TEA, article="b", text=ORIGINAL),
        named("c1", RAIN, article="c", text=REPRINT),
        named("c2", RAIN, article="c"),
        named("d1", TEA, article="d", votes=3),
        named("d2", RAIN, article="d"),
        *[named(f"e{n}", RAIN) for n in range(20)],
    ]
    split = split_by_target(examples, target="tea", dev=0.3, seed=1)
    splits = splits_of(split)
    assert {id for id, name in splits.items() if name == "test"} == {"a1", "b1"}
    # Passages of its article, of a near-duplicate's article, and those where a single annotator voted for it.
    assert {id for id, name in splits.items() if name is None} == {"a2", "c1", "c2", "d1", "d2"}
    assert {splits[f"e{n}"] for n in range(20)} == {"train", "dev"}
    assert leaks([e.passage for e in examples], split) == []
    evaluated = split.select(only_target(examples, "tea", split), "test")
    assert [[target.topic for target in e.stances] for e in evaluated] == [["tea"], ["tea"]]


def test_a_target_may_be_a_text_that_labels_name() -> None:
    examples = [named("a", TRAM, TEA), named("b", TEA), named("c", RAIN)]
    assert splits_of(split_by_target(examples, target="the new tram", dev=0.0, seed=1)) == {
        "a": "test",
        "b": "train",
        "c": "train",
    }
    with pytest.raises(DemarcheError, match="nothing is labelled with 'the new trams'; did you mean 'the new tram'"):
        split_by_target(examples, target="the new trams", dev=0.0, seed=1)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 24))
def test_no_label_of_the_target_is_in_train_or_dev(seed: int, count: int) -> None:
    rng = random.Random(seed)
    examples = [
        replace(named("x", *rng.sample([TEA, RAIN, TRAM], rng.randrange(3)), votes=rng.randrange(1, 4)), passage=made)
        for made in made_up(seed, count)
    ]
    if not any("rain" in example.topic_votes for example in examples):
        return
    split = split_by_target(examples, target="rain", dev=0.3, seed=seed)
    assert leaks([example.passage for example in examples], split) == []
    for example in split.select(examples, "train") + split.select(examples, "dev"):
        assert "rain" not in example.topic_votes
    assert all(example.topics.get("rain") for example in split.select(examples, "test"))
    assert splits_of(split_by_target(examples[::-1], target="rain", dev=0.3, seed=seed)) == splits_of(split)
