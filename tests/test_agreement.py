"""Agreement beyond chance matches published values, a case by hand and independent implementations."""

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


def items(*annotators: str) -> list[Item]:
    """Return items from one string per annotator and one character per item; `*` is no answer."""
    return [
        Item(str(number), {str(annotator): value for annotator, value in enumerate(column) if value != "*"})
        for number, column in enumerate(zip(*annotators, strict=True))
    ]


@pytest.mark.parametrize(
    ("annotators", "published"),
    [
        (("0100000010", "1110010000"), 0.095),
        (("aabbdcccedda", "babbbccceddd"), 0.692),
        (("123321412***", "1233224125*3", "*3332342251*", "12332441251*"), 0.743),
    ],
    ids=["binary", "nominal", "missing values"],
)
def test_alpha_equals_the_published_examples(annotators: tuple[str, ...], published: float) -> None:
    """Computing Krippendorff's Alpha-Reliability (2011), parts A to C."""
    assert alpha(items(*annotators), nominal, seed=1).value == pytest.approx(published, abs=0.0005)


def test_alpha_of_sets_equals_a_case_worked_by_hand() -> None:
    # {a} and {a, b} are 1 - 1/2 * 2/3 = 2/3 apart, either and the empty set 1. Observed: 2 * 2/3 over four values,
    # 1/3; expected: (2 * 2/3 + 2 * 2 + 2 * 2) / (4 * 3) = 7/9; alpha = 1 - (1/3) / (7/9) = 4/7.
    a, ab, none = frozenset("a"), frozenset("ab"), frozenset("")
    found = alpha([Item("1", {"x": a, "y": ab}), Item("2", {"x": none, "y": none})], masi, seed=1)
    assert found.value == pytest.approx(4 / 7)


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [("", "", 0), ("ab", "ab", 0), ("", "a", 1), ("a", "b", 1), ("a", "ab", 1 - 1 / 3), ("ab", "bc", 1 - 1 / 9)],
)
def test_masi_equals_the_definition_of_passonneau(one: str, other: str, distance: float) -> None:
    assert masi(frozenset(one), frozenset(other)) == pytest.approx(distance)
    assert masi(frozenset(other), frozenset(one)) == pytest.approx(distance)


_answers = st.lists(st.lists(st.sampled_from("abc*"), min_size=3, max_size=3), min_size=2, max_size=12)


@given(answers=_answers)
@settings(deadline=None, max_examples=50)
def test_alpha_equals_that_of_nltk(answers: list[list[str]]) -> None:
    from nltk.metrics.agreement import AnnotationTask

    rows = items(*("".join(row) for row in zip(*answers, strict=True)))
    several = [item for item in rows if len(item.values) > 1]
    values = {value for item in several for value in item.values.values()}
    ours = alpha(rows, nominal, seed=1).value
    if len(values) < 2:
        assert math.isnan(ours)
        return
    task = AnnotationTask(data=[(who, item.group, value) for item in several for who, value in item.values.items()])
    assert ours == pytest.approx(task.alpha())


@given(answers=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=20))
@settings(deadline=None, max_examples=50)
def test_kappa_equals_that_of_scikit_learn(answers: list[tuple[str, str]]) -> None:
    from sklearn.metrics import cohen_kappa_score

    first, second = zip(*answers, strict=True)
    ours = kappa(items("".join(first), "".join(second)), "0", "1", seed=1).value
    if len({*first, *second}) < 2:
        assert math.isnan(ours)
        return
    assert ours == pytest.approx(cohen_kappa_score(first, second))


@given(answers=_answers, order=st.randoms())
@settings(deadline=None, max_examples=20)
def test_the_order_of_items_and_annotators_does_not_matter(answers: list[list[str]], order: object) -> None:
    rows = items(*("".join(row) for row in zip(*answers, strict=True)))
    shuffled = [Item(item.group, dict(reversed(item.values.items()))) for item in rows]
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    np.testing.assert_allclose(alpha(rows, nominal, seed=1), alpha(shuffled, nominal, seed=1))


def data(readings: dict[str, dict[str, str]]) -> LabelledData:
    """Return data from passage → annotator → labels, as `tea+ rain-`: favor and against."""
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
        for id, by_annotator in readings.items()
        for who, marks in by_annotator.items()
    ]
    return LabelledData(BOOK, passages, annotations)


def test_agreement_covers_all_topics_each_topic_and_stances() -> None:
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
    agreement = {a.what: (a.items, a.same) for a in found}
    assert agreement[TOPICS] == (4, 0.75)
    assert agreement["tea"] == (4, 1.0)
    assert agreement["rain"] == (4, 0.75)
    assert agreement[STANCE] == (3, pytest.approx(2 / 3))
    assert agreement["stance: tea"] == (2, 0.5)
    assert agreement["stance: rain"] == (1, 1.0)


def test_deciders_do_not_count_as_annotators() -> None:
    assert agreements(data({"p": {"ann": "tea+", "gold": "tea-", "adjudicator": "tea-"}}), seed=1) == []


def test_kappa_needs_the_same_people_throughout() -> None:
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


def test_the_sentences_state_how_reliable_the_labels_are() -> None:
    agreed = {f"p{n}": {"ann": "tea+", "ben": "tea+"} for n in range(30)}
    agreed |= {f"q{n}": {"ann": "rain-", "ben": "rain-"} for n in range(30)}
    assert "topics: alpha 1.00, reliable" in _words(agreed)
    torn = {f"p{n}": {"ann": "tea+", "ben": "tea+" if n % 2 else "tea-"} for n in range(40)}
    assert "stance: alpha" in _words(torn)
    assert "not reliable" in _words(torn)
    assert "topics: all annotators always gave the same value" in _words(torn)
    mostly = {
        f"{k}{n}": {"ann": a, "ben": a if n % 10 else b}
        for n in range(100)
        for k, a, b in (("p", "tea+", "rain+"), ("q", "rain+", "tea+"))
    }
    assert "tentative" in _words(mostly)


def test_the_command_prints_agreement_and_refuses_a_single_annotator(workspace: Path) -> None:
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
    assert "too few:" not in ran.output
    write_jsonl(Path("few.jsonl"), [one.model_copy(update={"annotator": "two"}) for one in first[:4]])
    few = CliRunner().invoke(app, ["labels", "agreement", *files, "few.jsonl"])
    assert "too few: the items are of too few articles for an interval" in few.output


def test_a_topic_may_be_named_stance() -> None:
    book = BOOK.model_copy(update={"topics": (BOOK.topics[0].model_copy(update={"id": "stance"}), BOOK.topics[1])})
    readings = {
        f"p{n}": {"ann": "stance+" if n % 2 else "rain-", "ben": "stance+" if n % 2 else "rain-"} for n in range(20)
    }
    plain = data(readings)
    found = agreements(LabelledData(book, plain.passages, plain.annotations), seed=1)
    assert [(a.what, a.part_of) for a in found][:2] == [("topics", None), ("stance", "topics")]
    assert len([a for a in found if (a.what, a.part_of) == ("stance", None)]) == 1


def test_too_few_articles_give_alpha_without_an_interval() -> None:
    found = agreements(data({f"p{n}": {"ann": "tea+" if n else "rain+", "ben": "tea+"} for n in range(3)}), seed=1)
    assert not math.isnan(found[0].alpha.value)
    assert math.isnan(found[0].alpha.low)
    assert "too few articles" in in_words(found)[0]


def test_alpha_of_many_different_sets_is_computed() -> None:
    names = [chr(97 + n) for n in range(12)]
    rng = np.random.default_rng(1)
    sets = [[frozenset(np.array(names)[rng.random(12) < 0.5]) for _ in range(2)] for _ in range(800)]
    found = alpha([Item(str(n), {"x": one, "y": two}) for n, (one, two) in enumerate(sets)], masi, seed=1)
    assert found.low < 0 < found.high
