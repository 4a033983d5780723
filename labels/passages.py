"""Articles, their passages, and the annotations of passages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from labels.codebook import Name, Stance
from labels.files import Frozen

GOLD = "gold"
ADJUDICATOR = "adjudicator"
DECIDERS = (GOLD, ADJUDICATOR)
"""Annotators whose reading overrides the votes of the others, the first before the second."""
_DIGITS = 12
"""Length of the digest in the annotator name of a language model."""


def place_in_list(column: str, number: int) -> str:
    """Return the annotator name of a position in an anonymous list of votes, perhaps another person in each row."""
    return f"{column}#{number}"


def is_person(annotator: str) -> bool:
    """Return whether the name identifies one annotator, and is not a position in lists of votes."""
    return re.search(r"#\d+$", annotator) is None


def model_annotator(model: str, digest: str) -> str:
    """Return the annotator name of a language model that reads with the prompt of this SHA-256 digest."""
    return f"{model}@{digest[:_DIGITS]}"


def is_model(annotator: str) -> bool:
    """Return whether the name is that of a language model: `NAME@` and the start of its prompt's digest."""
    return re.search(rf"@[0-9a-f]{{{_DIGITS}}}$", annotator) is not None


def of_people(annotations: Iterable[Annotation]) -> list[Annotation]:
    """Return the annotations that are not by language models."""
    return [annotation for annotation in annotations if not is_model(annotation.annotator)]


def _ordered(span: tuple[int, int]) -> tuple[int, int]:
    if not 0 <= span[0] < span[1]:
        raise ValueError(f"{list(span)} is not a span; 0 <= start < end is expected")
    return span


Span = Annotated[tuple[int, int], AfterValidator(_ordered)]
"""Half-open [start, end) in Unicode code points."""

Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
LONGEST = 1_000_000
"""Maximum length of a passage in characters. Training on a whole book on one line would take gigabytes."""


ROUNDING = 0.011
"""How far shares may add up to more or less than 1, since tables round them to two digits."""


def _short(text: str) -> str:
    if len(text) > LONGEST:
        raise ValueError(f"{len(text):,} characters; cut the article into passages with `demarche labels passages`")
    return text


class Article(Frozen):
    """A text and its metadata. `published` is a date (ISO 8601) or any other value that sorts by time."""

    id: Name
    text: Text
    title: str | None = None
    source: str | None = None
    published: str | None = None
    url: str | None = None


class Passage(Frozen):
    """A paragraph of an article: always `article.text[start:end] == text`.

    `group` names the articles that must stay in the same split (default: the article itself), `split` is the
    data's own split, and `meta` has any other fields that sort or describe passages.
    """

    id: Name
    article: Name
    text: Annotated[Text, AfterValidator(_short)]
    start: Annotated[int, Field(ge=0)]
    end: int
    title: str | None = None
    source: str | None = None
    published: str | None = None
    url: str | None = None
    group: str | None = None
    split: str | None = None
    meta: Mapping[str, str | int | float | bool | None] = {}

    @model_validator(mode="before")
    @classmethod
    def _not_detached(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and "sha256" in fields and "text" not in fields:
            raise ValueError("a passage without its text; fill it in with `demarche labels attach`")
        return fields

    @model_validator(mode="after")
    def _length_fits(self) -> Passage:
        if self.end - self.start != len(self.text):
            raise ValueError(
                f"start {self.start} and end {self.end} span {self.end - self.start} characters, "
                f"but text has {len(self.text)}; offsets count Unicode code points, end not included"
            )
        return self

    @property
    def group_id(self) -> str:
        """The id of the group that is split and resampled as a whole: `group` if it is set, otherwise the article."""
        return self.group or self.article


class Shares(Frozen):
    """The proportions of favor, against and neutral among several readers; they add up to 1."""

    favor: Annotated[float, Field(ge=0, le=1)] = 0.0
    against: Annotated[float, Field(ge=0, le=1)] = 0.0
    neutral: Annotated[float, Field(ge=0, le=1)] = 0.0

    @property
    def proportions(self) -> tuple[float, float, float]:
        """The shares in the order of `STANCES`."""
        return self.favor, self.against, self.neutral

    @model_validator(mode="after")
    def _add_up(self) -> Shares:
        if not abs(sum(self.proportions) - 1) <= ROUNDING:
            raise ValueError(f"favor, against and neutral add up to {sum(self.proportions):.4g}; 1 is expected")
        return self


class Label(Frozen):
    """A topic or target of a passage, and the stance toward it. Spans are relative to the passage.

    `shares` holds the stance as several readers saw it; `stance` is then absent or the most frequent one.
    """

    topic: Name | None = None
    stance: Stance | None = None
    holder: str | None = None
    evidence: Span | None = None
    target: Text | None = None
    target_span: Span | None = None
    shares: Shares | None = None

    @model_validator(mode="after")
    def _stance_fits_the_shares(self) -> Label:
        if self.stance is not None and self.shares is not None:
            own = getattr(self.shares, self.stance)
            if own < max(self.shares.proportions):
                raise ValueError(
                    f"stance {self.stance!r} is not the most frequent of its shares; "
                    "leave it out, or give the decision in an annotation by gold"
                )
        return self

    @model_validator(mode="after")
    def _about_something(self) -> Label:
        if self.topic is None and self.target is None:
            raise ValueError("a label needs a topic or a target")
        if self.target is None and self.target_span is not None:
            raise ValueError("target_span without target; name the target")
        return self

    @property
    def about(self) -> tuple[str | None, str | None, Span | None]:
        """The key that is unique among the labels of one annotation."""
        return (self.topic, self.target, self.target_span)


class Annotation(Frozen):
    """One annotator's reading of one passage. An empty list of labels means none of the topics.

    `doubt` and `note` are for people: an annotator was not sure, and why. They are no part of the labels.
    """

    passage: Name
    annotator: Name
    codebook: Annotated[str, Field(pattern=r"^[^\s@]+@\d+\.\d+\.\d+$")]
    # Required: a forgotten field must not be read as "none of the topics".
    labels: tuple[Label, ...]
    doubt: bool = False
    note: str | None = None

    @model_validator(mode="after")
    def _labels_differ(self) -> Annotation:
        seen = set()
        for label in self.labels:
            if label.about in seen:
                raise ValueError(f"labels: {label.topic or label.target!r} occurs twice in one reading; keep one")
            seen.add(label.about)
        return self


def schemas() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a line of each file."""
    return {
        model.__name__.lower(): {"$schema": "https://json-schema.org/draft/2020-12/schema"} | model.model_json_schema()
        for model in (Article, Passage, Annotation)
    }
