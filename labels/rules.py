"""Examples in the rules of a codebook, as tests of annotators and models."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from labels.codebook import Codebook
from labels.passages import Annotation, Passage


class RuleExample(NamedTuple):
    """A text that a rule decides: by an inclusion rule it has the topic (`belongs`), by an exclusion rule it has not."""

    topic: str
    rule: str
    text: str
    belongs: bool


def rule_examples(codebook: Codebook) -> list[RuleExample]:
    """Return the examples of all rules, in their order."""
    return [
        RuleExample(topic.id, rule.rule, text, belongs)
        for topic in codebook.topics
        for rules, belongs in ((topic.include, True), (topic.exclude, False))
        for rule in rules
        for text in rule.examples
    ]


def as_passages(examples: Iterable[RuleExample]) -> list[Passage]:
    """Return the texts of the examples as passages, each in an article of its own; a text stands in one passage."""
    texts = dict.fromkeys(example.text for example in examples)
    ids = {text: f"rule-{hashlib.sha256(text.encode()).hexdigest()[:12]}" for text in texts}
    return [Passage(id=id, article=id, text=text, start=0, end=len(text)) for text, id in ids.items()]


class Readings(NamedTuple):
    """How many annotators have read the text of an example, and those who decided against the rule."""

    read: int
    wrong: list[str]


def readings_of(
    examples: Sequence[RuleExample], passages: Iterable[Passage], annotations: Iterable[Annotation]
) -> list[Readings]:
    """Return for each example how annotators read the passages with its text; white space does not count."""
    texts = {_folded(example.text) for example in examples}
    with_text = {passage.id: text for passage in passages if (text := _folded(passage.text)) in texts}
    by_text: dict[str, list[Annotation]] = {}
    for annotation in annotations:
        if annotation.passage in with_text:
            by_text.setdefault(with_text[annotation.passage], []).append(annotation)
    return [_readings(example, by_text.get(_folded(example.text), [])) for example in examples]


def _readings(example: RuleExample, annotations: Sequence[Annotation]) -> Readings:
    wrong = [each.annotator for each in annotations if (example.topic in _topics(each)) != example.belongs]
    return Readings(len({each.annotator for each in annotations}), list(dict.fromkeys(wrong)))


def _topics(annotation: Annotation) -> set[str]:
    return {label.topic for label in annotation.labels if label.topic is not None}


def _folded(text: str) -> str:
    return " ".join(text.split())
