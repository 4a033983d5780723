"""Several readings become gold labels: majorities decide, ties stay visible, deciders win."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from demarche.__main__ import app
from labels.codebook import STANCES
from labels.errors import DemarcheError, Problems
from labels.files import read_jsonl, write_jsonl
from labels.gold.adjudication import Example, Target, adjudicate, plurality
from labels.gold.dawid_skene import probabilities
from labels.passages import Annotation, Label, Passage, place_in_list

PASSAGE = Passage(id="p", article="a", text="Tea and rain.", start=0, end=13)
Reading = tuple[str, ...]
"""Labels as `tea`, `tea+` (favor), `tea-` (against), `tea=` (neutral)."""
MARKS = {"+": "favor", "-": "against", "=": "neutral"}


def label(mark: str) -> Label:
    return Label.model_validate({"topic": mark.rstrip("+-="), "stance": MARKS.get(mark[-1])})


def annotation(annotator: str, *labels: Label) -> Annotation:
    return Annotation(passage="p", annotator=annotator, codebook="tiny@1.0.0", labels=labels)


def gold_of(*readings: Reading, **deciders: Reading) -> Example:
    annotations = [annotation(f"annotator-{n}", *map(label, marks)) for n, marks in enumerate(readings)]
    annotations += [annotation(name, *map(label, marks)) for name, marks in deciders.items()]
    (example,) = adjudicate([PASSAGE], annotations)
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
def test_a_topic_holds_where_most_annotators_assigned_it(
    readings: list[Reading], topics: dict[str, bool | None]
) -> None:
    example = gold_of(*readings)
    assert example.topics == topics
    assert example.tied_topics == [topic for topic, holds in sorted(topics.items()) if holds is None]


@pytest.mark.parametrize(
    ("readings", "stances"),
    [
        ([("tea+",)], {"tea": "favor"}),
        ([("tea+",), ("tea+",), ("tea-",)], {"tea": "favor"}),
        ([("tea+",), ("tea-",), ("tea=",)], {"tea": None}),
        ([("tea+",), ("tea-",)], {"tea": None}),
        # The largest proportion decides, even where it is less than half.
        ([("tea+",), ("tea+",), ("tea-",), ("tea=",)], {"tea": "favor"}),
        # Annotators who could not tell do not vote.
        ([("tea+",), ("tea",), ("tea",)], {"tea": "favor"}),
        ([("tea",), ("tea",)], {"tea": None}),
        # A topic that does not hold, or is tied, has no stance.
        ([("tea+",), (), ()], {}),
        ([("tea+",), ()], {}),
    ],
)
def test_a_stance_is_the_one_most_annotators_of_the_topic_gave(
    readings: list[Reading], stances: dict[str, str | None]
) -> None:
    assert gold_of(*readings).stances == {Target(topic): stance for topic, stance in stances.items()}


def test_gold_decides_alone_and_an_adjudicator_after_it() -> None:
    voters: list[Reading] = [("tea+",), ("tea+",), ("rain",)]
    gold, adjudicator = ("tea-",), ("rain=",)
    example = gold_of(*voters, gold=gold, adjudicator=adjudicator)
    assert (example.topics, example.stances) == ({"tea": True}, {Target("tea"): "against"})
    assert example.topic_votes == {"tea": pytest.approx(2 / 3), "rain": pytest.approx(1 / 3)}
    assert example.stance_votes == {Target("tea"): (1.0, 0.0, 0.0)}
    example = gold_of(*voters, adjudicator=adjudicator)
    assert (example.topics, example.stances) == ({"rain": True}, {Target("rain"): "neutral"})
    assert gold_of(*voters, gold=()).topics == {}
    assert gold_of(gold=gold).stances == {Target("tea"): "against"}


def test_gold_that_could_not_tell_the_stance_leaves_it_open() -> None:
    assert gold_of(("tea+",), ("tea+",), gold=("tea",)).stances == {Target("tea"): None}


def test_a_named_target_takes_the_stance_and_the_topic_has_none() -> None:
    named = Label(topic="tea", target="green tea", target_span=(0, 3), stance="favor")
    (example,) = adjudicate([PASSAGE], [annotation("one", named)])
    assert example.topics == {"tea": True}
    assert example.stances == {Target(None, "green tea", (0, 3)): "favor"}


def test_targets_without_a_topic_are_voted_on_by_their_annotators() -> None:
    def read(annotator: str, stance: str | None) -> Annotation:
        return annotation(annotator, Label.model_validate({"target": "X", "stance": stance}))

    given = [read("one", "favor"), read("two", "favor"), read("three", "against"), read("four", None)]
    (example,) = adjudicate([PASSAGE], given)
    assert example.stances == {Target(None, "X"): "favor"}
    assert example.stance_votes == {Target(None, "X"): pytest.approx((2 / 3, 1 / 3, 0.0))}
    (example,) = adjudicate([PASSAGE], given[3:])
    assert example.stances == {Target(None, "X"): None}


def test_a_passage_without_annotations_is_no_example_but_one_without_labels_is() -> None:
    other = PASSAGE.model_copy(update={"id": "q"})
    examples = adjudicate([other, PASSAGE], [annotation("one")])
    assert [(example.passage.id, example.topics, example.stances) for example in examples] == [("p", {}, {})]


@pytest.mark.parametrize(
    ("proportions", "stance"),
    [
        ((1.0, 0.0, 0.0), "favor"),
        ((0.2, 0.5, 0.3), "against"),
        ((0.4, 0.4, 0.2), None),
        ((1 / 3, 1 / 3, 1 / 3), None),
        ((0.1 + 0.2, 0.3, 0.4), "neutral"),
        ((0.1 + 0.2, 0.3, 0.0), None),
    ],
)
def test_two_equal_largest_proportions_are_a_tie(proportions: tuple[float, float, float], stance: str | None) -> None:
    assert plurality(proportions) == stance


marks = st.lists(
    st.tuples(st.sampled_from(["tea", "rain"]), st.sampled_from(["", "+", "-", "="])),
    max_size=2,
    unique_by=lambda m: m[0],
).map(lambda pairs: tuple(topic + mark for topic, mark in pairs))


@given(readings=st.lists(marks, min_size=1, max_size=7), seed=st.integers(0, 99))
def test_the_order_of_readings_does_not_matter_and_votes_add_up(readings: list[Reading], seed: int) -> None:
    example = gold_of(*readings)
    again = gold_of(*random.Random(seed).sample(readings, len(readings)))
    assert (again.topics, again.stances, again.topic_votes) == (example.topics, example.stances, example.topic_votes)
    for topic in ("tea", "rain"):
        supporters = sum(any(mark.startswith(topic) for mark in reading) for reading in readings)
        assert example.topics.get(topic, False) is {1: True, 0: None, -1: False}[_sign(2 * supporters - len(readings))]
        assert example.topic_votes.get(topic, 0) == pytest.approx(supporters / len(readings))
    for proportions in example.stance_votes.values():
        assert sum(proportions) == pytest.approx(1)
    for target, stance in example.stances.items():
        assert target.topic in example.topics
        if stance is not None:
            proportions = example.stance_votes[target]
            assert proportions[STANCES.index(stance)] == max(proportions)


@given(marks)
def test_a_single_annotator_decides(reading: Reading) -> None:
    example = gold_of(reading)
    assert example.topics == {mark.rstrip("+-="): True for mark in reading}
    assert example.stances == {Target(mark.rstrip("+-=")): MARKS.get(mark[-1]) for mark in reading}


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


# Table 1 of Dawid and Skene (1979): patients by anaesthetist, the first of whom saw each three times.
ANAESTHETISTS = """
111-1-1-1-1 333-4-3-3-4 112-2-1-2-2 222-3-1-2-1 222-3-2-2-2 222-3-3-2-2 122-2-1-1-1 333-3-4-3-3 222-2-2-2-3
232-2-2-2-3 444-4-4-4-4 222-3-3-4-3 111-1-1-1-1 222-3-2-1-2 121-1-1-1-1 111-2-1-1-1 111-1-1-1-1 111-1-1-1-1
222-2-2-2-1 222-1-3-2-2 222-2-2-2-2 222-2-2-2-1 222-3-2-2-2 221-2-2-2-2 111-1-1-1-1 111-1-1-1-1 232-2-2-2-2
111-1-1-1-1 111-1-1-1-1 112-1-1-2-1 111-1-1-1-1 333-3-2-3-3 111-1-1-1-1 222-2-2-2-2 222-3-2-3-2 433-4-3-4-3
221-2-2-3-2 232-3-2-3-3 333-3-4-3-2 111-1-1-1-1 111-1-1-1-1 121-2-1-1-1 232-2-2-2-2 121-1-1-1-1 222-2-2-2-2
"""


def test_dawid_and_skene_gives_the_published_marginals() -> None:
    votes = [
        (patient, str(who), grade)
        for patient, grades in enumerate(ANAESTHETISTS.split())
        for who, seen in enumerate(grades.split("-"))
        for grade in seen
    ]
    posteriors = probabilities(votes, "1234")
    assert len(posteriors) == 45
    assert [round(sum(p[k] for p in posteriors.values()) / 45, 2) for k in range(4)] == [0.40, 0.42, 0.11, 0.07]


AGREED = [*(("tea+", "tea+", "tea+"), ("rain-", "rain-", "rain-"), ("tea=", "tea=", "tea=")) * 10]


def _town(*more: Reading) -> list[Example]:
    """Return examples for the rows in `more`, adjudicated beside many passages on which three annotators agree."""
    rows = [*AGREED, *more]
    passages = [PASSAGE.model_copy(update={"id": str(n)}) for n in range(len(rows))]
    annotations = [
        annotation(f"annotator-{who}", *([label(mark)] if mark else [])).model_copy(update={"passage": str(n)})
        for n, marks in enumerate(rows)
        for who, mark in enumerate(marks)
    ]
    return adjudicate(passages, annotations, by="dawid_skene")[len(AGREED) :]


def test_dawid_and_skene_leaves_two_annotators_who_disagree_tied() -> None:
    stance, topic = _town(("tea+", "tea-"), ("tea+", ""))
    assert stance.stances == {Target("tea"): None}
    assert stance.stance_votes == {Target("tea"): (0.5, 0.5, 0.0)}
    assert topic.topics == {"tea": None}
    assert topic.topic_votes == {"tea": 0.5}


def test_dawid_and_skene_discounts_an_annotator_who_is_often_wrong() -> None:
    wrong = [("tea+", "tea+", "tea=")] * 12
    *_, last = _town(*wrong, ("tea-", "tea-", "tea="))
    assert last.stances == {Target("tea"): "against"}
    assert last.stance_votes[Target("tea")][1] > 0.75
    assert sum(last.stance_votes[Target("tea")]) == pytest.approx(1)


@given(rows=st.lists(st.tuples(*[st.sampled_from(["tea+", "tea-", "tea=", "rain+", "tea", ""])] * 3), max_size=6))
@settings(deadline=None, max_examples=25)
def test_dawid_and_skene_never_overrules_annotators_who_agree(rows: list[Reading]) -> None:
    for marks, example in zip(rows, _town(*rows), strict=True):
        if len(set(marks)) == 1:
            plain = gold_of(*((mark,) if mark else () for mark in marks))
            assert (example.topics, example.stances) == (plain.topics, plain.stances)
        for topic in example.topics:
            assert any(mark.startswith(topic) for mark in marks)
        assert all(0 <= each <= 1 for each in example.topic_votes.values())


def test_dawid_and_skene_refuses_anonymous_votes() -> None:
    given = [annotation(place_in_list("votes", number), label("tea+")) for number in (1, 2, 3)]
    with pytest.raises(DemarcheError, match=r"'votes#1' is a position in a list.*by majority"):
        adjudicate([PASSAGE], given, by="dawid_skene")


def test_a_decision_is_written_with_its_votes_and_its_ties() -> None:
    tied = gold_of(("tea+",), ("tea-", "rain"))
    assert tied.ties == ["whether rain holds (50%)", "stance toward tea: favor 50%, against 50%"]
    assert tied.decision().model_dump(exclude_none=False) == {
        "passage": "p",
        "topics": {"rain": {"holds": None, "share": 0.5}, "tea": {"holds": True, "share": 1.0}},
        "stances": (
            {
                "topic": "tea",
                "target": None,
                "target_span": None,
                "stance": None,
                "favor": 0.5,
                "against": 0.5,
                "neutral": 0.0,
            },
        ),
    }
    decided = gold_of(("tea+",), (), gold=("rain",)).decision()
    assert {topic: (d.holds, d.share) for topic, d in decided.topics.items()} == {
        "rain": (True, 0.0),
        "tea": (False, 0.5),
    }


def test_the_command_writes_a_line_a_passage_and_lists_the_ties(workspace: Path) -> None:
    first = [annotation for _, annotation in read_jsonl(Path("annotations.jsonl"), Annotation, Problems())]
    write_jsonl(Path("second.jsonl"), [Annotation(**(dict(first[0]) | {"annotator": "two", "labels": ()}))])
    files = ["codebook.yaml", "passages.jsonl", "annotations.jsonl", "second.jsonl"]
    ran = CliRunner().invoke(app, ["labels", "adjudicate", *files, "--out", "decided.jsonl"])
    assert ran.exit_code == 0, ran.output
    decided = [json.loads(line) for line in Path("decided.jsonl").read_text().splitlines()]
    assert len(decided) == len(first)
    tied = len(first[0].labels)
    assert f"{len(first) - (tied > 0)} decided, {int(tied > 0)} with a tie" in ran.output
    assert ran.output.count("whether") == tied
