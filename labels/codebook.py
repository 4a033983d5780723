"""The codebook: the topics, their definitions, and the targets of stance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from labels.errors import BadInput, Problem, explain
from labels.files import Frozen, write_text
from labels.yaml_text import dump_yaml, read_yaml

Stance = Literal["favor", "against", "neutral"]
STANCES: tuple[Stance, ...] = get_args(Stance)

Name = Annotated[str, Field(min_length=1, pattern=r"\S")]


def _version_is_text(value: Any) -> Any:
    if isinstance(value, int | float):
        raise ValueError(f"{value} must be three numbers in quotes, like '1.0.0'")
    return value


Version = Annotated[str, BeforeValidator(_version_is_text), Field(pattern=r"^\d+\.\d+\.\d+$")]
"""Three numbers (semver.org): the first is raised if topics change, the second if a decision does, the third for wording."""


class Rule(Frozen):
    """A rule that decides hard cases; `examples` are texts that it decides. In YAML, a rule may be its text alone."""

    rule: Name
    examples: tuple[Name, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, plain: Any) -> Any:
        return {"rule": plain} if isinstance(plain, str) else plain

    @model_serializer(mode="wrap")
    def _as_text(self, handler: SerializerFunctionWrapHandler) -> Any:
        # Without examples, as before rules had any, so that digests of data and older models stay as they are.
        return handler(self) if self.examples else self.rule

    def __str__(self) -> str:
        return self.rule


class Topic(Frozen):
    """A subject that passages may be about."""

    id: Name
    name: str = ""
    definition: str = ""
    target: str = ""
    include: tuple[Rule, ...] = ()
    exclude: tuple[Rule, ...] = ()
    keywords: tuple[Name, ...] = ()

    @property
    def label(self) -> str:
        return self.name or self.id

    @property
    def description(self) -> str:
        """The name and the definition on one line, or only the name if there is no definition."""
        return " ".join((f"{self.label}: {self.definition}" if self.definition else self.label).split())

    @property
    def proposition(self) -> str:
        """The target of the stance (SemEval-2016 Task 6): `target` if it is set, otherwise the topic itself."""
        return self.target or self.label


class Change(Frozen):
    """What a version of a codebook did with the topics of the version before it.

    `renamed` and `split` go from an old topic to its new ones, `merged` from a new topic to its old ones. Topics that are
    not named keep their ids.
    """

    version: Version
    renamed: dict[Name, Name] = {}
    split: dict[Name, Annotated[tuple[Name, ...], Field(min_length=2)]] = {}
    merged: dict[Name, Annotated[tuple[Name, ...], Field(min_length=2)]] = {}
    added: tuple[Name, ...] = ()
    removed: tuple[Name, ...] = ()
    note: str = ""


class Codebook(Frozen):
    """Topics and the meaning of the stance labels; without topics, it covers only stance toward open targets.

    `rules` tell annotators how to decide hard cases of any topic. Models do not read them. `history` says what became of
    the topics of earlier versions, the latest change last.
    """

    id: Annotated[str, Field(pattern=r"^[^\s@]+$")]
    version: Version
    topics: tuple[Topic, ...] = ()
    stances: dict[Stance, str] = {}
    rules: tuple[str, ...] = ()
    history: tuple[Change, ...] = ()

    @model_validator(mode="after")
    def _topics_differ(self) -> Codebook:
        seen: set[str] = set()
        for topic in self.topics:
            if topic.id in seen:
                raise ValueError(f"topics: {topic.id!r} occurs twice; give each topic its own id")
            seen.add(topic.id)
        return self

    @property
    def reference(self) -> str:
        """The name of this codebook in annotations and tags: `id@version`."""
        return f"{self.id}@{self.version}"

    @property
    def topic_ids(self) -> tuple[str, ...]:
        return tuple(topic.id for topic in self.topics)

    @property
    def numbers(self) -> tuple[int, int, int]:
        """The version as numbers, which sort."""
        first, second, third = map(int, self.version.split("."))
        return first, second, third

    def topic(self, id: str) -> Topic:
        return next(topic for topic in self.topics if topic.id == id)


def fits(reference: str, codebook: Codebook) -> Literal["same", "older", "other"]:
    """Return whether labels made with the codebook `reference` can be read with this one.

    `same`: yes. `older`: yes, with a warning (same major version). `other`: no.
    """
    if reference == codebook.reference:
        return "same"
    id, _, version = reference.partition("@")
    if id == codebook.id and version.split(".")[0] == codebook.version.split(".")[0]:
        return "older"
    return "other"


def is_stub(codebook: Codebook) -> bool:
    """Return whether the codebook is a stub made by an import, with only the ids of its topics."""
    topics = tuple(Topic(id=id) for id in codebook.topic_ids)
    return codebook == Codebook(id=codebook.id, version="1.0.0", topics=topics)


def read_codebook(path: Path | str) -> Codebook:
    """Read a codebook. Raises BadInput with every mistake in the file."""
    path = Path(path)
    plain = read_yaml(path)
    if not isinstance(plain, dict):
        raise BadInput([Problem(str(path), None, "empty or not a mapping; `id`, `version` and `topics` are expected")])
    try:
        return Codebook.model_validate(plain)
    except ValidationError as error:
        raise BadInput([Problem(str(path), None, what) for what in explain(error)]) from None


def write_codebook(path: Path, codebook: Codebook) -> None:
    """Write a codebook as YAML, without the fields that have their default."""
    write_text(path, dump_yaml(codebook.model_dump(mode="json", exclude_defaults=True), width=100))


def write_stub(path: Path, codebook: Codebook) -> None:
    """Write a codebook of topics that have only ids, with an empty definition and target to fill in for each."""
    plain = codebook.model_dump(mode="json", include={"id", "version"})
    plain["topics"] = [{"id": topic.id, "definition": "", "target": ""} for topic in codebook.topics]
    write_text(path, dump_yaml(plain, width=100))
