"""Several readings become one gold reading: majorities decide, ties stay visible, deciders win."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labels.adjudication import Example, Target, adjudicate, plurality
from labels.codebook import STANCES
from labels.passages import Annotation, Label, Passage

PASSAGE = Passage(id="p", article="a", text="Tea and rain.", start=0, end=13)
Reading = tuple[str, ...]
"""Labels as `tea`, `tea+` (favor), `tea-` (against), `tea=` (neutral)."""
MARKS = {"+": "favor", "-": "against", "=": "neutral"}


def label(mark: str) -> Label:
    return Label.model_validate({"topic": mark.rstrip("+-="), "stance": MARKS.get(mark[-1])})


def annotation(annotator: str, *labels: Label) -> Annotation:
    return Annotation(passage="p", annotator=annotator, codebook="tiny@1.0.0", labels=labels)


def judged(*readings: Reading, **deciders: Reading) -> Example:
    given = [annotation(f"reader-{n}", *map(label, marks)) for n, marks in enumerate(readings)]
    given += [annotation(name, *map(label, marks)) for name, marks in deciders.items()]
    (example,) = adjudicate([PASSAGE], given)
    return example


@pytest.mark.parametrize(
    ("readings", "topics"),
    [
        ([("tea",)], {"tea": True}),
        ([()], {}),
        ([("tea",), ("tea", "rain"), ("rain", "tea")], {"tea": True, "rain": True}),
        ([("tea",), ("tea",), ()], {"tea": True}),
        ([("tea",), (), ()], {}),
        ([("tea",), ()], {"tea": None}),
        ([("tea",), ("rain",)], {"tea": None, "rain": None}),
        ([("tea",), ("tea", "rain"), ("rain",), ()], {"tea": None, "rain": None}),
    ],
)
def test_a_topic_holds_where_most_readers_found_it(readings: list[Reading], topics: dict[str, bool | None]) -> None:
    example = judged(*readings)
    assert example.topics == topics
    assert example.tied_topics == [topic for topic, holds in sorted(topics.items()) if holds is None]


@pytest.mark.parametrize(
    ("readings", "stances"),
    [
        ([("tea+",)], {"tea": "favor"}),
        ([("tea+",), ("tea+",), ("tea-",)], {"tea": "favor"}),
        ([("tea+",), ("tea-",), ("tea=",)], {"tea": None}),
        ([("tea+",), ("tea-",)], {"tea": None}),
        # The largest share decides, also where it is less than half.
        ([("tea+",), ("tea+",), ("tea-",), ("tea=",)], {"tea": "favor"}),
        # Readers who could not tell do not vote.
        ([("tea+",), ("tea",), ("tea",)], {"tea": "favor"}),
        ([("tea",), ("tea",)], {"tea": None}),
        # A topic that does not hold, or is tied, has no stance.
        ([("tea+",), (), ()], {}),
        ([("tea+",), ()], {}),
    ],
)
def test_a_stance_is_what_most_readers_of_the_topic_gave(
    readings: list[Reading], stances: dict[str, str | None]
) -> None:
    assert judged(*readings).stances == {Target(topic): stance for topic, stance in stances.items()}


def test_gold_decides_alone_and_an_adjudicator_after_it() -> None:
    readers: list[Reading] = [("tea+",), ("tea+",), ("rain",)]
    gold, adjudicator = ("tea-",), ("rain=",)
    example = judged(*readers, gold=gold, adjudicator=adjudicator)
    assert (example.topics, example.stances) == ({"tea": True}, {Target("tea"): "against"})
    assert example.topic_votes == {"tea": pytest.approx(2 / 3), "rain": pytest.approx(1 / 3)}
    assert example.stance_votes == {Target("tea"): (1.0, 0.0, 0.0)}
    example = judged(*readers, adjudicator=adjudicator)
    assert (example.topics, example.stances) == ({"rain": True}, {Target("rain"): "neutral"})
    assert judged(*readers, gold=()).topics == {}
    assert judged(gold=gold).stances == {Target("tea"): "against"}


def test_gold_that_could_not_tell_the_stance_leaves_it_open() -> None:
    assert judged(("tea+",), ("tea+",), gold=("tea",)).stances == {Target("tea"): None}


def test_a_named_target_takes_the_stance_and_the_topic_has_none() -> None:
    named = Label(topic="tea", target="green tea", target_span=(0, 3), stance="favor")
    (example,) = adjudicate([PASSAGE], [annotation("one", named)])
    assert example.topics == {"tea": True}
    assert example.stances == {Target(None, "green tea", (0, 3)): "favor"}


def test_targets_without_a_topic_are_voted_on_by_their_readers() -> None:
    def read(annotator: str, stance: str | None) -> Annotation:
        return annotation(annotator, Label.model_validate({"target": "X", "stance": stance}))

    given = [read("one", "favor"), read("two", "favor"), read("three", "against"), read("four", None)]
    (example,) = adjudicate([PASSAGE], given)
    assert example.stances == {Target(None, "X"): "favor"}
    assert example.stance_votes == {Target(None, "X"): pytest.approx((2 / 3, 1 / 3, 0.0))}
    (example,) = adjudicate([PASSAGE], given[3:])
    assert example.stances == {Target(None, "X"): None}


def test_a_passage_nobody_read_is_no_example_and_one_read_as_empty_is() -> None:
    other = PASSAGE.model_copy(update={"id": "q"})
    examples = adjudicate([other, PASSAGE], [annotation("one")])
    assert [(example.passage.id, example.topics, example.stances) for example in examples] == [("p", {}, {})]


@pytest.mark.parametrize(
    ("shares", "stance"),
    [
        ((1.0, 0.0, 0.0), "favor"),
        ((0.2, 0.5, 0.3), "against"),
        ((0.4, 0.4, 0.2), None),
        ((1 / 3, 1 / 3, 1 / 3), None),
        ((0.1 + 0.2, 0.3, 0.4), "neutral"),
        ((0.1 + 0.2, 0.3, 0.0), None),
    ],
)
def test_two_largest_shares_are_a_tie(shares: tuple[float, float, float], stance: str | None) -> None:
    assert plurality(shares) == stance


marks = st.lists(
    st.tuples(st.sampled_from(["tea", "rain"]), st.sampled_from(["", "+", "-", "="])),
    max_size=2,
    unique_by=lambda m: m[0],
).map(lambda found: tuple(topic + mark for topic, mark in found))


@given(readings=st.lists(marks, min_size=1, max_size=7), seed=st.integers(0, 99))
def test_the_order_of_readings_does_not_matter_and_votes_add_up(readings: list[Reading], seed: int) -> None:
    example = judged(*readings)
    again = judged(*random.Random(seed).sample(readings, len(readings)))
    assert (again.topics, again.stances, again.topic_votes) == (example.topics, example.stances, example.topic_votes)
    for topic in ("tea", "rain"):
        finders = sum(any(mark.startswith(topic) for mark in reading) for reading in readings)
        assert example.topics.get(topic, False) is {1: True, 0: None, -1: False}[_sign(2 * finders - len(readings))]
        assert example.topic_votes.get(topic, 0) == pytest.approx(finders / len(readings))
    for shares in example.stance_votes.values():
        assert sum(shares) == pytest.approx(1)
    for target, stance in example.stances.items():
        assert target.topic in example.topics
        if stance is not None:
            shares = example.stance_votes[target]
            assert shares[STANCES.index(stance)] == max(shares)


@given(marks)
def test_one_reader_is_taken_at_their_word(reading: Reading) -> None:
    example = judged(reading)
    assert example.topics == {mark.rstrip("+-="): True for mark in reading}
    assert example.stances == {Target(mark.rstrip("+-=")): MARKS.get(mark[-1]) for mark in reading}


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
