"""Examples in the rules of a codebook say which annotators and models decide against it."""

from __future__ import annotations

from pathlib import Path

import pytest

from labels.codebook import Codebook, Rule, Topic, read_codebook, write_codebook
from labels.files import write_jsonl
from labels.passages import Annotation, Label
from labels.rules import Readings, as_passages, readings_of, rule_examples
from tests.conftest import BOOK, demarche

TEA = "The council welcomes the teapot, the kettle and the samovar near the old market."
MATCH = "The referee ends the match in the stadium with a whistle."
TITLE = "A kettle of fish, said the striker at the match."
RULES = {
    "include": (Rule(rule="pots and kettles", examples=(TEA,)), Rule(rule="leaves")),
    "exclude": (Rule(rule="football", examples=(MATCH, TITLE)),),
}
WITH_EXAMPLES = BOOK.model_copy(update={"topics": (BOOK.topic("tea").model_copy(update=RULES), BOOK.topic("rain"))})


def reading(text: str, *topics: str, annotator: str = "anna") -> Annotation:
    (passage,) = [each for each in as_passages(rule_examples(WITH_EXAMPLES)) if each.text == text]
    labels = tuple(Label(topic=topic) for topic in topics)
    return Annotation(passage=passage.id, annotator=annotator, codebook=BOOK.reference, labels=labels)


def test_a_rule_is_a_line_of_text_or_has_examples(tmp_path: Path) -> None:
    write_codebook(tmp_path / "codebook.yaml", WITH_EXAMPLES)
    assert "- leaves\n" in (tmp_path / "codebook.yaml").read_text(encoding="utf-8")
    assert read_codebook(tmp_path / "codebook.yaml") == WITH_EXAMPLES


def test_a_codebook_without_examples_is_saved_as_before_rules_had_any() -> None:
    book = Codebook(id="tiny", version="1.0.0", topics=(Topic(id="tea", include=(Rule(rule="pots"),)),))
    assert '"include":["pots"]' in book.model_dump_json()


def test_annotators_who_decide_against_a_rule_are_named() -> None:
    examples = rule_examples(WITH_EXAMPLES)
    annotations = [
        reading(TEA, "tea"),
        reading(TEA, "rain", annotator="bert"),
        reading(MATCH),
        reading(MATCH, "tea", annotator="bert"),
    ]
    passages = [each.model_copy(update={"text": each.text}) for each in as_passages(examples)]
    assert readings_of(examples, passages, annotations) == [
        Readings(2, ["bert"]),
        Readings(2, ["bert"]),
        Readings(0, []),
    ]


def test_a_passage_has_the_text_of_an_example_whatever_its_line_breaks() -> None:
    (passage, *_) = as_passages(rule_examples(WITH_EXAMPLES))
    broken = passage.model_copy(update={"text": passage.text.replace(" ", "\n ")})
    assert readings_of(rule_examples(WITH_EXAMPLES), [broken], [reading(TEA)])[0] == Readings(1, ["anna"])


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_codebook(tmp_path / "codebook.yaml", WITH_EXAMPLES)
    return tmp_path


def test_examples_are_annotated_like_passages_and_checked(files: Path, model: Path) -> None:
    alone = demarche("labels", "check", "codebook.yaml", "--rules", "--examples-out", "examples.jsonl")
    assert alone.exit_code == 0, alone.output
    assert (
        "3 examples in the rules of tiny@1.0.0: 0 decided otherwise by an annotator, 3 read by nobody" in alone.output
    )
    write_jsonl(files / "anna.jsonl", [reading(TEA, "tea"), reading(MATCH), reading(TITLE, "tea")])
    checked = demarche("labels", "check", "codebook.yaml", "examples.jsonl", "anna.jsonl", "--rules", "--model", model)
    assert checked.exit_code == 0, checked.output
    line = next(line for line in checked.output.splitlines() if "A kettle of fish" in line)
    assert line.startswith("tea    exclude  football")
    assert "anna" in line
    assert "3 examples in the rules of tiny@1.0.0: 1 decided otherwise by an annotator" in checked.output


@pytest.mark.parametrize("input", ["examples.jsonl", "anna.jsonl"])
def test_examples_do_not_overwrite_what_they_are_checked_with(files: Path, input: str) -> None:
    write_jsonl(files / "examples.jsonl", as_passages(rule_examples(WITH_EXAMPLES)))
    write_jsonl(files / "anna.jsonl", [reading(TEA, "tea")])
    before = (files / input).read_bytes()
    refused = demarche("labels", "check", "codebook.yaml", "examples.jsonl", "anna.jsonl", "--rules", "--examples-out", input)  # fmt: skip
    assert refused.exit_code == 2
    assert f"{input}: is an input and would be overwritten" in refused.output
    assert (files / input).read_bytes() == before


def test_rules_without_examples_have_nothing_to_check(files: Path) -> None:
    write_codebook(files / "codebook.yaml", BOOK)
    told = demarche("labels", "check", "codebook.yaml", "--rules")
    assert told.exit_code == 0, told.output
    assert "nothing to check: the rules of tiny@1.0.0 have no examples; write a rule as {rule: …" in told.output
