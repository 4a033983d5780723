"""Agreement beyond chance, against published figures, a case by hand and other people's implementations."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from demarche.__main__ import app
from labels.check import LabelledData
from labels.errors import Problems
from labels.files import read_jsonl, write_jsonl
from labels.gold.agreement import STANCE, TOPICS, Item, agreements, alpha, in_words, kappa, masi, nominal, pairs
from labels.passages import Annotation, Label, Passage, place_in_list
from tests.conftest import BOOK


def items(*readers: str) -> list[Item]:
    """One string a reader, one character an item; `*` is no answer."""
    return [
        Item(str(number), {str(reader): value for reader, value in enumerate(column) if value != "*"})
        for number, column in enumerate(zip(*readers, strict=True))
    ]


@pytest.mark.parametrize(
    ("readers", "published"),
    [
        (("0100000010", "1110010000"), 0.095),
        (("aabbdcccedda", "babbbccceddd"), 0.692),
        (("123321412***", "1233224125*3", "*3332342251*", "12332441251*"), 0.743),
    ],
    ids=["binary", "nominal", "missing values"],
)
def test_alpha_is_what_krippendorff_computed_by_hand(readers: tuple[str, ...], published: float) -> None:
    """Computing Krippendorff's Alpha-Reliability (2011), parts A to C."""
    assert alpha(items(*readers), nominal, seed=1).value == pytest.approx(published, abs=0.0005)


def test_alpha_of_sets_by_hand() -> None:
    # {a} and {a, b} are 1 - 1/2 * 2/3 = 2/3 apart, either and the empty set 1. Observed: 2 * 2/3 over four values,
    # 1/3; expected: (2 * 2/3 + 2 * 2 + 2 * 2) / (4 * 3) = 7/9; alpha = 1 - (1/3) / (7/9) = 4/7.
    a, ab, none = frozenset("a"), frozenset("ab"), frozenset("")
    found = alpha([Item("1", {"x": a, "y": ab}), Item("2", {"x": none, "y": none})], masi, seed=1)
    assert found.value == pytest.approx(4 / 7)


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [("", "", 0), ("ab", "ab", 0), ("", "a", 1), ("a", "b", 1), ("a", "ab", 1 - 1 / 3), ("ab", "bc", 1 - 1 / 9)],
)
def test_sets_are_as_far_apart_as_passonneau_says(one: str, other: str, distance: float) -> None:
    assert masi(frozenset(one), frozenset(other)) == pytest.approx(distance)
    assert masi(frozenset(other), frozenset(one)) == pytest.approx(distance)


_answers = st.lists(st.lists(st.sampled_from("abc*"), min_size=3, max_size=3), min_size=2, max_size=12)


@given(answers=_answers)
@settings(deadline=None, max_examples=50)
def test_alpha_is_that_of_nltk(answers: list[list[str]]) -> None:
    from nltk.metrics.agreement import AnnotationTask

    found = items(*("".join(row) for row in zip(*answers, strict=True)))
    several = [item for item in found if len(item.values) > 1]
    said = {value for item in several for value in item.values.values()}
    ours = alpha(found, nominal, seed=1).value
    if len(said) < 2:
        assert math.isnan(ours)
        return
    task = AnnotationTask(data=[(who, item.group, value) for item in several for who, value in item.values.items()])
    assert ours == pytest.approx(task.alpha())


@given(answers=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=20))
@settings(deadline=None, max_examples=50)
def test_kappa_is_that_of_scikit_learn(answers: list[tuple[str, str]]) -> None:
    from sklearn.metrics import cohen_kappa_score

    first, second = zip(*answers, strict=True)
    ours = kappa(items("".join(first), "".join(second)), "0", "1", seed=1).value
    if len({*first, *second}) < 2:
        assert math.isnan(ours)
        return
    assert ours == pytest.approx(cohen_kappa_score(first, second))


@given(answers=_answers, order=st.randoms())
@settings(deadline=None, max_examples=20)
def test_the_order_of_items_and_readers_changes_nothing(answers: list[list[str]], order: object) -> None:
    found = items(*("".join(row) for row in zip(*answers, strict=True)))
    shuffled = [Item(item.group, dict(reversed(item.values.items()))) for item in found]
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    np.testing.assert_allclose(alpha(found, nominal, seed=1), alpha(shuffled, nominal, seed=1))


def data(readings: dict[str, dict[str, str]]) -> LabelledData:
    """Passage → reader → labels, as `tea+ rain-`: favor and against."""
    stances = {"+": "favor", "-": "against", "=": "neutral"}
    passages = [Passage(id=id, article=id, text="Tea.", start=0, end=4) for id in readings]
    annotations = [
        Annotation(
            passage=id,
            annotator=who,
            codebook=BOOK.reference,
            labels=tuple(
                Label.model_validate({"topic": mark.rstrip("+-="), "stance": stances.get(mark[-1])})
                for mark in marks.split()
            ),
        )
        for id, given in readings.items()
        for who, marks in given.items()
    ]
    return LabelledData(BOOK, passages, annotations)


def test_agreement_is_told_of_topics_each_topic_and_stances() -> None:
    found = agreements(
        data(
            {
                "p1": {"ann": "tea+", "ben": "tea-"},
                "p2": {"ann": "tea+ rain+", "ben": "tea+"},
                "p3": {"ann": "", "ben": ""},
                "p4": {"ann": "rain-", "ben": "rain-"},
                "p5": {"ann": "rain"},
            }
        ),
        seed=1,
    )
    told = {a.what: (a.items, a.same) for a in found}
    assert told[TOPICS] == (4, 0.75)
    assert told["tea"] == (4, 1.0)
    assert told["rain"] == (4, 0.75)
    assert told[STANCE] == (3, pytest.approx(2 / 3))
    assert told["stance: tea"] == (2, 0.5)
    assert told["stance: rain"] == (1, 1.0)


def test_deciders_do_not_count_as_readers() -> None:
    assert agreements(data({"p": {"ann": "tea+", "gold": "tea-", "adjudicator": "tea-"}}), seed=1) == []


def test_kappa_is_only_told_where_the_same_people_read_throughout() -> None:
    same = {"p1": {"ann": "tea+", "ben": "tea-"}, "p2": {"ann": "rain+", "ben": "rain+"}, "p3": {"ann": "tea"}}
    (pair,) = pairs(data(same), seed=1)
    assert pair.annotators == ("ann", "ben")
    assert pair.passages == 2
    assert pair.kappas.keys() == {TOPICS, STANCE}
    assert pairs(data(same | {"p4": {"ann": "tea", "cy": "tea"}}), seed=1) == []
    places = {place_in_list("votes", 1): "tea+", place_in_list("votes", 2): "tea-"}
    assert pairs(data({"p1": places}), seed=1) == []
    assert agreements(data({"p1": places}), seed=1)


def _words(readings: dict[str, dict[str, str]]) -> str:
    return "\n".join(in_words(agreements(data(readings), seed=1)))


def test_the_sentence_says_how_far_a_figure_carries() -> None:
    agreed = {f"p{n}": {"ann": "tea+", "ben": "tea+"} for n in range(30)}
    agreed |= {f"q{n}": {"ann": "rain-", "ben": "rain-"} for n in range(30)}
    assert "topics: alpha 1.00, reliable" in _words(agreed)
    torn = {f"p{n}": {"ann": "tea+", "ben": "tea+" if n % 2 else "tea-"} for n in range(40)}
    assert "stance: alpha" in _words(torn)
    assert "not reliable" in _words(torn)
    assert "topics: everyone always said the same" in _words(torn)
    mostly = {
        f"{k}{n}": {"ann": a, "ben": a if n % 10 else b}
        for n in range(100)
        for k, a, b in (("p", "tea+", "rain+"), ("q", "rain+", "tea+"))
    }
    assert "tentative" in _words(mostly)


def test_the_command_tells_agreement_and_refuses_a_single_reader(workspace: Path) -> None:
    files = ["codebook.yaml", "passages.jsonl", "annotations.jsonl"]
    alone = CliRunner().invoke(app, ["labels", "agreement", *files])
    assert alone.exit_code == 2
    assert "no passage has two annotators" in alone.output
    first = [annotation for _, annotation in read_jsonl(Path("annotations.jsonl"), Annotation, Problems())]
    write_jsonl(Path("second.jsonl"), [one.model_copy(update={"annotator": "two"}) for one in first])
    ran = CliRunner().invoke(app, ["labels", "agreement", *files, "second.jsonl"])
    assert ran.exit_code == 0, ran.output
    assert "one and two" in ran.output
    assert "topics: alpha 1.00, reliable" in ran.output


def test_a_topic_may_be_called_as_the_whole_is() -> None:
    book = BOOK.model_copy(update={"topics": (BOOK.topics[0].model_copy(update={"id": "stance"}), BOOK.topics[1])})
    readings = {
        f"p{n}": {"ann": "stance+" if n % 2 else "rain-", "ben": "stance+" if n % 2 else "rain-"} for n in range(20)
    }
    given = data(readings)
    found = agreements(LabelledData(book, given.passages, given.annotations), seed=1)
    assert [(a.what, a.part_of) for a in found][:2] == [("topics", None), ("stance", "topics")]
    assert len([a for a in found if (a.what, a.part_of) == ("stance", None)]) == 1


def test_a_few_articles_give_a_figure_without_bounds() -> None:
    found = agreements(data({f"p{n}": {"ann": "tea+" if n else "rain+", "ben": "tea+"} for n in range(3)}), seed=1)
    assert not math.isnan(found[0].alpha.value)
    assert math.isnan(found[0].alpha.low)
    assert "too few articles" in in_words(found)[0]


def test_many_different_sets_are_compared_in_no_time() -> None:
    names = [chr(97 + n) for n in range(12)]
    rng = np.random.default_rng(1)
    sets = [[frozenset(np.array(names)[rng.random(12) < 0.5]) for _ in range(2)] for _ in range(1500)]
    found = alpha([Item(str(n), {"x": one, "y": two}) for n, (one, two) in enumerate(sets)], masi, seed=1)
    assert found.low < 0 < found.high
