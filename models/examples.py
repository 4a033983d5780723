"""The inputs and labels of classifiers: texts for topics, queries for stance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Literal, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from labels.codebook import STANCES, Codebook, Stance
from labels.errors import DemarcheError, suggest
from labels.gold.adjudication import Example, Target
from labels.passages import Passage, Span
from models.cleaning import clean, clean_span

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Field = Literal["title", "text", "source"]
Votes = Literal["majority", "soft"]


@dataclass(frozen=True)
class Query:
    """A request for the stance toward `target` in `text`; `span` is where the text names the target, if it does."""

    text: str
    target: str
    span: Span | None = None


Input = TypeVar("Input")


@dataclass(frozen=True)
class Examples(Generic[Input]):
    """Inputs to fit a classifier on, with a row of soft labels `y` and a group for each."""

    inputs: list[Input]
    y: FloatArray
    groups: list[str]

    def __len__(self) -> int:
        return len(self.inputs)

    def __add__(self, other: Self) -> Self:
        return replace(
            self,
            inputs=self.inputs + other.inputs,
            y=np.concatenate([self.y, other.y]),
            groups=self.groups + other.groups,
        )

    def take(self, rows: npt.NDArray[np.intp]) -> Self:
        return replace(
            self, inputs=[self.inputs[i] for i in rows], y=self.y[rows], groups=[self.groups[i] for i in rows]
        )


TopicExamples = Examples[str]
"""Texts; `y` (n, topics) is the fraction of annotators who assigned the topic, or 0 and 1 by majority."""
StanceExamples = Examples[Query]
"""Queries; `y` (n, 3) holds the proportions of favor, against and neutral, and each row sums to 1."""
JointExamples = Examples[str]
"""Texts; `y` (n, topics, 4) is the fraction of annotators who assigned the topic, then the proportions of favor, against
and neutral, which are NaN where no annotator gave a stance."""


class TrainingCallback(Protocol):
    """How a fit reports progress and metrics, and where it keeps checkpoints."""

    def step(self, what: str, *, done: int, total: int) -> None: ...

    def epoch(self, what: str, number: int, metrics: Mapping[str, float]) -> None:
        """Report loss and dev metrics after epoch `number` (from 1). Raise an exception to stop the fit."""
        ...

    def checkpoints(self, key: str) -> Path | None:
        """Return a folder for checkpoints that outlives the process, the same for the same key; None to keep none."""
        ...


class NoCallback:
    """Ignores every report and keeps no checkpoints."""

    def step(self, what: str, *, done: int, total: int) -> None: ...

    def epoch(self, what: str, number: int, metrics: Mapping[str, float]) -> None: ...

    def checkpoints(self, key: str) -> Path | None:
        return None


def render(passage: Passage, fields: Sequence[Field], span: Span | None = None) -> tuple[str, Span | None]:
    """Return the cleaned fields of a passage as one text, and where the span of the passage's text is in it."""
    parts: list[str] = []
    rendered = None
    for name in fields:
        part, found = clean_span(getattr(passage, name) or "", span if span and name == "text" else (0, 0))
        if found is not None:
            start = sum(len(before) + 1 for before in parts)
            rendered = (start + found[0], start + found[1])
        if part:
            parts.append(part)
    return "\n".join(parts), rendered


def query(passage: Passage, target: Target, codebook: Codebook, fields: Sequence[Field]) -> Query:
    """Return the query for the stance of a passage toward a target. Raises DemarcheError for an unknown topic."""
    text, span = render(passage, fields, target.span)
    if target.topic is not None:
        if target.topic not in codebook.topic_ids:
            hint = suggest(target.topic, codebook.topic_ids)
            raise DemarcheError(f"no topic {target.topic!r} in codebook {codebook.reference}{hint}")
        return Query(text, clean(codebook.topic(target.topic).proposition))
    return Query(text, clean(target.text or ""), span)


def topic_examples(
    examples: Iterable[Example], codebook: Codebook, fields: Sequence[Field], votes: Votes
) -> TopicExamples:
    """Return an example per passage; with majority votes, passages with a tied topic are left out."""
    texts, rows, groups = [], [], []
    for example in examples:
        if votes == "majority" and example.tied_topics:
            continue
        texts.append(render(example.passage, fields)[0])
        groups.append(example.passage.group_id)
        if votes == "soft":
            rows.append([example.topic_votes.get(id, 0.0) for id in codebook.topic_ids])
        else:
            rows.append([float(bool(example.topics.get(id))) for id in codebook.topic_ids])
    return TopicExamples(texts, np.array(rows, dtype=np.float64).reshape(len(rows), len(codebook.topics)), groups)


def stance_examples(
    examples: Iterable[Example], codebook: Codebook, fields: Sequence[Field], votes: Votes
) -> StanceExamples:
    """Return an example per passage and target with a stance; with majority votes, ties are left out."""
    queries, rows, groups = [], [], []
    for example in examples:
        for target, stance in example.stances.items():
            proportions = _stance_proportions(example, target, stance, votes)
            if proportions is None:
                continue
            queries.append(query(example.passage, target, codebook, fields))
            rows.append(proportions)
            groups.append(example.passage.group_id)
    return StanceExamples(queries, np.array(rows, dtype=np.float64).reshape(len(rows), 3), groups)


def joint_examples(
    examples: Iterable[Example], codebook: Codebook, fields: Sequence[Field], votes: Votes
) -> JointExamples:
    """Return the topic examples with the stance toward each topic; stances toward other targets are left out."""
    kept = [example for example in examples if votes == "soft" or not example.tied_topics]
    topics = topic_examples(kept, codebook, fields, votes)
    y = np.full((*topics.y.shape, 4), np.nan)
    y[:, :, 0] = topics.y
    columns = {topic: column for column, topic in enumerate(codebook.topic_ids)}
    for row, example in enumerate(kept):
        for target, stance in example.stances.items():
            proportions = _stance_proportions(example, target, stance, votes)
            if target.topic is not None and proportions is not None:
                y[row, columns[target.topic], 1:] = proportions
    return JointExamples(topics.inputs, y, topics.groups)


def _stance_proportions(
    example: Example, target: Target, stance: Stance | None, votes: Votes
) -> Sequence[float] | None:
    """Return the proportions of favor, against and neutral; None for a tie under majority votes."""
    proportions = example.stance_votes.get(target)
    if votes == "soft" and proportions is not None:
        return proportions
    return None if stance is None else [float(stance == name) for name in STANCES]
