"""Labels by language models: compared with people before they train, and never gold."""

from __future__ import annotations

from pathlib import Path

import pytest

from labels.check import LabelledData
from labels.files import write_jsonl
from labels.gold.adjudication import adjudicate
from labels.gold.readers import FEWEST_COMPARED, ReaderAgreement, compare_with_people, read_agreements
from labels.passages import Annotation, Label, is_model
from tests.conftest import BOOK, demarche, make_articles
from training.config import read_config
from training.prepare import prepare, without_people

MODEL = "tiny-lm@0123456789ab"


def by_model(annotations: list[Annotation], *, wrong: int = 0) -> list[Annotation]:
    """The labels of a language model, which are none of the topics for the first `wrong` passages."""
    return [
        each.model_copy(update={"annotator": MODEL} | ({"labels": ()} if number < wrong else {}))
        for number, each in enumerate(annotations)
    ]


@pytest.fixture
def read_by_both(workspace: Path) -> list[Annotation]:
    """The readings of the workspace: people's of two thirds of the passages, and a model's of all."""
    _, _, annotations = make_articles()
    write_jsonl(Path("annotations.jsonl"), annotations[:120])
    write_jsonl(Path("model.jsonl"), by_model(annotations))
    return annotations


BOTH = ["codebook.yaml", "passages.jsonl", "annotations.jsonl", "model.jsonl"]
TRAINED_ON_BOTH = ["data.annotations=[annotations.jsonl, model.jsonl]", "data.readers=agreement.jsonl"]


@pytest.mark.parametrize("name", ["anna", "votes#1", "bert@example.org", "anna@2024", "gold"])
def test_a_person_is_no_language_model(name: str) -> None:
    assert not is_model(name)


def test_a_language_model_counts_only_where_no_person_has_read() -> None:
    _, passages, _ = make_articles(2)
    tea = Label(topic="tea", stance="favor")
    person = Annotation(passage=passages[0].id, annotator="anna", codebook=BOOK.reference, labels=())
    models = [
        Annotation(passage=each.id, annotator=MODEL, codebook=BOOK.reference, labels=(tea,)) for each in passages[:2]
    ]
    first, second = adjudicate(passages, [person, *models])
    assert (first.topics, first.topic_votes, first.stances) == ({}, {}, {})
    assert second.topics == {"tea": True}


def test_a_language_model_is_compared_with_what_people_decided() -> None:
    _, passages, annotations = make_articles()
    data = LabelledData(BOOK, passages, [*annotations[:100], *by_model(annotations, wrong=20)])
    (agreement,) = compare_with_people(data, seed=1)
    assert (agreement.annotator, agreement.passages) == (MODEL, 100)
    topics, low, high = agreement.topics
    assert topics is not None
    assert low is not None
    assert high is not None
    assert low < topics < high < 1
    assert agreement.stance[0] == 1


def test_agreement_writes_what_a_config_names(read_by_both: list[Annotation]) -> None:
    result = demarche("labels", "agreement", *BOTH, "--out", "agreement.jsonl")
    assert result.exit_code == 0, result.output
    assert f"{MODEL}       120   1.000    1.000–1.000" in result.output
    assert read_agreements(Path("agreement.jsonl"))[MODEL].passages == 120
    prepared = prepare(read_config("config.yaml", TRAINED_ON_BOTH))
    assert prepared.agreements == (
        f"{MODEL}: agreement with people on 120 passages: topics alpha 1.00 (the interval starts at 1.00), "
        "stance alpha 1.00 (the interval starts at 1.00)",
    )


def test_agreement_of_people_leaves_models_out(read_by_both: list[Annotation]) -> None:
    write_jsonl(Path("second.jsonl"), [each.model_copy(update={"annotator": "bert"}) for each in read_by_both[:60]])
    people = demarche("labels", "agreement", *BOTH[:3], "second.jsonl")
    both = demarche("labels", "agreement", *BOTH, "second.jsonl")
    assert both.output.endswith(people.output)


def test_agreement_without_a_model_writes_no_file(workspace: Path) -> None:
    result = demarche("labels", "agreement", *BOTH[:3], "--out", "agreement.jsonl")
    assert result.exit_code == 2
    assert "--out is for language models" in result.output


@pytest.mark.parametrize("compared", [None, FEWEST_COMPARED - 1])
def test_labels_by_a_model_do_not_train_before_a_comparison(
    read_by_both: list[Annotation], compared: int | None
) -> None:
    options = TRAINED_ON_BOTH[:1]
    if compared is not None:
        undefined = (None, None, None)
        agreement = ReaderAgreement(
            annotator=MODEL, codebook=BOOK.reference, passages=compared, topics=undefined, stance=undefined
        )
        write_jsonl(Path("agreement.jsonl"), [agreement])
        options = TRAINED_ON_BOTH
    result = demarche("train", "config.yaml", "--check", *options)
    assert result.exit_code == 2
    assert f"{MODEL} on {compared if compared is not None else 'none'}" in result.output
    assert "at least 100 passages: run `demarche labels agreement" in result.output


def test_labels_by_a_model_train_and_are_in_no_dev_or_test(read_by_both: list[Annotation]) -> None:
    demarche("labels", "agreement", *BOTH, "--out", "agreement.jsonl")
    prepared = prepare(read_config("config.yaml", TRAINED_ON_BOTH))
    people = {each.passage for each in read_by_both[:120]}
    alone = {name: {e.passage.id for e in prepared.examples_in(name)} - people for name in ("train", "dev", "test")}
    assert alone["train"]
    assert not alone["dev"] | alone["test"]
    (left_out,) = without_people(prepared)
    assert f"{60 - len(alone['train'])} passages of dev and test" in left_out
    result = demarche("train", "config.yaml", "--check", *TRAINED_ON_BOTH)
    assert left_out in result.output


def test_labels_by_a_model_alone_are_no_gold_to_evaluate_on(read_by_both: list[Annotation], model: Path) -> None:
    result = demarche("evaluate", model, "passages.jsonl", "model.jsonl")
    assert result.exit_code == 2
    assert "model.jsonl: 180 passages have labels by language models alone" in result.output
    sets = "evaluation={more: {passages: passages.jsonl, annotations: model.jsonl}}"
    result = demarche("train", "config.yaml", "--check", sets)
    assert result.exit_code == 2
    assert "evaluation.more: 180 passages have labels by language models alone" in result.output
