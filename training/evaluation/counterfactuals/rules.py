"""Read the words that counterfactuals are made with: actors and their names, and how English says the opposite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, ValidationError, model_validator

import labels
from labels.codebook import Name
from labels.errors import BadInput, Problem, explain
from labels.files import Frozen
from labels.yaml_text import read_yaml

RULES = Path(labels.__file__).parent / "foreign_affairs/counterfactuals.yaml"
"""The rules that come with Demarche, for the codebook that does."""
_ENGLISH = Path(__file__).with_name("english.yaml")

Place = Literal["name", "adjective", "people", "member", "capital"]
"""The grammatical place of a form: names of one place can be exchanged."""
PLACES: tuple[Place, ...] = ("name", "adjective", "people", "member", "capital")

Model = TypeVar("Model", bound=Frozen)


class Kind(Frozen):
    """A kind of actor, with the name that masks it ("Country") and what it makes of its people; {} is the mask."""

    mask: Name
    people: str = "{}"
    member: str = "{}"

    def masked(self, place: Place, letter: str) -> str:
        mask = f"{self.mask} {letter}"
        return {"people": self.people, "member": self.member}.get(place, "{}").replace("{}", mask)


class Actor(Frozen):
    """The forms of an actor's names; the first of each place stands for the actor when it is put in another's place."""

    kind: Name
    name: tuple[Name, ...] = ()
    adjective: tuple[Name, ...] = ()
    people: tuple[Name, ...] = ()
    member: tuple[Name, ...] = ()
    capital: tuple[Name, ...] = ()
    name_or_adjective: tuple[Name, ...] = ()
    member_or_adjective: tuple[Name, ...] = ()
    also: tuple[Name, ...] = ()
    marks: tuple[Name, ...] = ()

    def form(self, place: Place) -> str | None:
        """Return the form for a grammatical place, or None if the actor has none."""
        own: tuple[str, ...] = getattr(self, place)
        if place in ("adjective", "member"):
            own += self.member_or_adjective
        return own[0] if own else None

    def has(self, places: Iterable[Place]) -> bool:
        """Return whether the actor has a form for each of the places."""
        return all(self.form(place) is not None for place in places)

    def forms(self) -> Iterator[tuple[str, tuple[Place, ...]]]:
        """Yield each form with the places that it may have."""
        for place in PLACES:
            yield from ((form, (place,)) for form in getattr(self, place))
        yield from ((form, ("name", "adjective")) for form in self.name_or_adjective)
        yield from ((form, ("member", "adjective")) for form in self.member_or_adjective)
        yield from ((form, ("name",)) for form in self.also)


class Objects(Frozen):
    """What acts on a topic are done to: an act for one of `for` is an act for the topic's target."""

    for_: Annotated[tuple[Name, ...], Field(alias="for")] = ()
    against: tuple[Name, ...] = ()


class Rules(Frozen):
    """The names and objects of a codebook's news.

    `actors` are exchanged or masked; `protected` are phrases that have an actor's name and are none; `objects` are, by
    topic of the codebook with the id `codebook`, what its acts are done to.
    """

    codebook: Name | None = None
    objects: dict[str, Objects] = {}

    kinds: dict[str, Kind]
    actors: Annotated[tuple[Actor, ...], Field(min_length=1)]
    protected: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _kinds_are_known(self) -> Rules:
        for actor in self.actors:
            if actor.kind not in self.kinds:
                raise ValueError(f"actors: kind {actor.kind!r} is not one of `kinds`: {', '.join(self.kinds)}")
            if not any(True for _ in actor.forms()):
                raise ValueError("actors: an actor without a name; give it a `name` or another form")
        return self


def _split(value: Any) -> Any:
    return tuple(value.split()) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_split)]
Forms = Annotated[tuple[Name, ...], Field(min_length=5, max_length=5)]


class Act(Frozen):
    """A verb for its object and one against it, each as base, third person, past, participle and -ing form.

    `objects` limits it to objects that are for the target of a topic, or to those against it.
    """

    for_: Annotated[Forms, Field(alias="for")]
    against: Forms
    objects: Literal["for", "against"] | None = None


class English(Frozen):
    """How English says the opposite, and what tells its nouns from its adjectives."""

    acts: tuple[Act, ...]
    auxiliaries: Words
    negators: Words
    breaks: Words
    sequels: Words
    before_verbs: Words
    before_third: Words
    before_nouns: Words
    forms_of_be: Words
    vowels: str
    consonant_sounds: Words
    function_words: Words
    verbs: Words
    nouns: Words

    @cached_property
    def after_nouns(self) -> frozenset[str]:
        """The words before which a form that may be a noun or an adjective is a noun."""
        return frozenset((*self.function_words, *self.verbs))


def read_rules(path: Path | None = None) -> Rules:
    """Read names and objects; without a path, those that come with Demarche. Raises BadInput with every mistake."""
    return _shipped_rules() if path is None else _read(path, Rules)


@cache
def _shipped_rules() -> Rules:
    return _read(RULES, Rules)


@cache
def read_english() -> English:
    """Read the rules of English that come with Demarche."""
    return _read(_ENGLISH, English)


def _read(path: Path, model: type[Model]) -> Model:
    try:
        return model.model_validate(read_yaml(path))
    except ValidationError as error:
        raise BadInput([Problem(str(path), None, what) for what in explain(error)]) from None
