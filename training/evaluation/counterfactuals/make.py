"""Make counterfactuals of labelled passages: pairs of questions whose answers must agree, or must differ."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

import numpy as np

from labels.codebook import Codebook, Stance
from labels.gold.adjudication import Example, Target, target_of
from labels.passages import Annotation, Passage
from labels.splits.split import hash_fraction
from models.language import detect_language
from training.evaluation.counterfactuals.names import Mention, Names, Rewritten, Unclear
from training.evaluation.counterfactuals.opposites import Opposites
from training.evaluation.counterfactuals.rules import English, Place, Rules

Kind = Literal["holder swapped", "actor masked", "act negated", "target exchanged"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MUST_STAY: tuple[Kind, ...] = ("holder swapped", "actor masked")
"""The kinds after which every tag must be the same. After the others, the stance must be another one."""

Holders = Mapping[tuple[str, Target], Collection[str]]
"""Who holds the stance of a passage toward a target, as the annotators wrote it."""


class Question(NamedTuple):
    """A passage, and a target whose stance is asked."""

    passage: Passage
    target: Target


@dataclass(frozen=True)
class Counterfactual:
    """Two questions of one labelled stance that differ in one thing.

    If `must_stay`, the tags are the same for both. Otherwise the same stance cannot be right for both.
    """

    kind: Kind
    before: Question
    after: Question

    @property
    def must_stay(self) -> bool:
        return self.kind in MUST_STAY


@dataclass
class Counterfactuals:
    """The counterfactuals of a labelled set, and how many labelled stances were left out for which reason, by kind."""

    pairs: list[Counterfactual] = field(default_factory=list)
    left_out: dict[Kind, Counter[str]] = field(default_factory=lambda: {kind: Counter() for kind in KINDS})

    def of(self, kind: Kind) -> list[Counterfactual]:
        return [pair for pair in self.pairs if pair.kind == kind]


def sample(examples: Sequence[Example], *, most: int, seed: int) -> list[Example]:
    """Return the examples whose gold has a stance, or a random `most` of them, in their order."""
    with_stance = [e for e in examples if any(stance is not None for stance in e.stances.values())]
    chosen = np.random.default_rng(seed).permutation(len(with_stance))[:most]
    return [with_stance[number] for number in sorted(chosen)]


def holders(annotations: Iterable[Annotation]) -> Holders:
    """Return the holders that annotators wrote to their labels."""
    found: dict[tuple[str, Target], list[str]] = defaultdict(list)
    for annotation in annotations:
        for label in annotation.labels:
            if label.holder:
                found[annotation.passage, target_of(label)].append(label.holder)
    return found


class Maker:
    """Makes counterfactuals of the stances that a codebook's annotators labelled, with the names of some actors."""

    def __init__(self, codebook: Codebook, rules: Rules, english: English, *, seed: int) -> None:
        self._codebook, self._seed = codebook, seed
        # A keyword names its topic: a passage on the Paris Agreement has it no longer once Paris is another place.
        self._names = Names(rules, english, [word for topic in codebook.topics for word in topic.keywords])
        self._rules = rules
        self._opposites = Opposites(english)

    def make(self, examples: Sequence[Example], holders: Holders) -> Counterfactuals:
        """Return the counterfactuals of every stance in the gold of the examples."""
        made = Counterfactuals()
        for example in examples:
            is_english = detect_language(example.passage.text, ("en",)) in (None, "en")
            for target, stance in example.stances.items():
                if stance is None:
                    continue
                before = Question(example.passage, target)
                held_by = holders.get((example.passage.id, target), ())
                for kind in KINDS:
                    if not is_english and kind != "target exchanged":
                        made.left_out[kind]["the passage is not in English"] += 1
                        continue
                    try:
                        made.pairs.append(self._make(kind, example, before, stance, held_by))
                    except Unclear as reason:
                        made.left_out[kind][str(reason)] += 1
        return made

    def _make(
        self, kind: Kind, example: Example, before: Question, stance: Stance, held_by: Collection[str]
    ) -> Counterfactual:
        match kind:
            case "holder swapped":
                return Counterfactual(kind, before, self._swap(before, held_by))
            case "actor masked":
                return Counterfactual(kind, before, self._mask(before))
            case "act negated":
                return Counterfactual(kind, *self._negate(before, stance))
            case "target exchanged":
                return Counterfactual(kind, before, self._exchange(example, before.target, stance))

    def _swap(self, question: Question, held_by: Collection[str]) -> Question:
        """Exchange the holder for another actor of its kind that the passage names, or else for one that it does not."""
        passage = question.passage
        mentions = self._mentions(passage)
        named = Counter(mention.actor for found in mentions for mention in found)
        in_text = {mention.actor for mention in mentions[1]}
        holding = {actor for holder in held_by for actor in self._names.in_phrase(holder)} & in_text
        if not holding:
            raise Unclear("the holder is no listed actor that the passage names")
        if len(holding) > 1:
            raise Unclear("several actors hold the stance")
        holder = holding.pop()
        other = self._other(passage, holder, mentions, named)
        exchanged = {holder: other, other: holder}

        def name(mention: Mention) -> str:
            actor = self._rules.actors[exchanged.get(mention.actor, mention.actor)]
            return actor.form(mention.place) or ""

        changed = [[mention for mention in found if mention.actor in exchanged] for found in mentions]
        title, text = (
            self._names.rewrite(part, found, name) for part, found in zip(_parts(passage), changed, strict=True)
        )
        return _rewritten(question, title, text, self._names)

    def _other(self, passage: Passage, holder: int, mentions: Sequence[Sequence[Mention]], named: Counter[int]) -> int:
        places: dict[int, set[Place]] = defaultdict(set)
        for found in mentions:
            for mention in found:
                places[mention.actor].add(mention.place)
        actors, whole = self._rules.actors, "\n".join(_parts(passage))
        kind = actors[holder].kind
        if self._names.marks(holder, whole):
            raise Unclear("a word belongs to the holder or the other actor alone")
        beside = [actor for actor, _ in named.most_common() if actor != holder and actors[actor].kind == kind]
        others = beside or [n for n, actor in enumerate(actors) if n != holder and actor.kind == kind]
        fitting = [
            other
            for other in others
            if actors[other].has(places[holder])
            and actors[holder].has(places[other])
            and not self._names.marks(other, whole)
        ]
        if not fitting:
            raise Unclear("no other actor has the names that fit")
        return fitting[0] if beside else fitting[int(hash_fraction(passage.id, self._seed) * len(fitting))]

    def _mask(self, question: Question) -> Question:
        passage = question.passage
        mentions = self._mentions(passage)
        letters: dict[int, str] = {}
        for found in mentions:
            for mention in found:
                of_kind = [a for a in letters if self._rules.actors[a].kind == self._rules.actors[mention.actor].kind]
                letters.setdefault(mention.actor, chr(ord("A") + len(of_kind)))
        if not mentions[1]:
            raise Unclear("the passage names no listed actor")

        def name(mention: Mention) -> str:
            kind = self._rules.kinds[self._rules.actors[mention.actor].kind]
            return kind.masked(mention.place, letters[mention.actor])

        for part, found in zip(_parts(passage), mentions, strict=True):
            if any(m.place in ("people", "member") and part[m.end : m.end + 1] in ("'", "’") for m in found):
                raise Unclear("a possessive of people has no mask")
        title, text = (
            self._names.rewrite(part, found, name) for part, found in zip(_parts(passage), mentions, strict=True)
        )
        return _rewritten(question, title, text, self._names)

    def _mentions(self, passage: Passage) -> list[list[Mention]]:
        """Return the mentions in title and text."""
        title, text = _parts(passage)
        return [self._names.mentions(title, beside=text), self._names.mentions(text, beside=title)]

    def _negate(self, question: Question, stance: Stance) -> tuple[Question, Question]:
        """Return the sentence with the act by itself, and its opposite: other sentences would still have the stance."""
        if stance == "neutral":
            raise Unclear("they are neutral")
        passage, target = question
        if target.topic is None:
            raise Unclear("the target is a named one")
        objects = self._rules.objects.get(target.topic) if self._rules.codebook == self._codebook.id else None
        if objects is None:
            raise Unclear("no objects of the topic's acts are listed")
        change = self._opposites.negate(passage.text, objects, stance)
        # The title may say what the passage does.
        before, after = (
            passage.model_copy(update={"text": text, "end": passage.start + len(text), "title": None})
            for text in change
        )
        return Question(before, target), Question(after, target)

    def _exchange(self, example: Example, target: Target, stance: Stance) -> Question:
        """Ask for a target of the gold with another stance, or else for a topic that the passage does not have."""
        if stance == "neutral":
            raise Unclear("they are neutral")
        others = [t for t, s in example.stances.items() if s is not None and s != stance]
        if not others and target.topic is not None:
            others = [Target(topic) for topic in self._codebook.topic_ids if topic not in example.topics]
        if not others:
            raise Unclear("there is no other target")
        return Question(example.passage, others[int(hash_fraction(example.passage.id, self._seed) * len(others))])


def _parts(passage: Passage) -> tuple[str, str]:
    return passage.title or "", passage.text


def _rewritten(question: Question, title: Rewritten, text: Rewritten, names: Names) -> Question:
    passage, target = question
    if target.span is not None:
        start, end = text.span(target.span)
        target = target._replace(text=text.text[start:end], span=(start, end))
    elif target.text is not None and names.in_phrase(target.text):
        raise Unclear("the place of the named target is unknown")
    changed = {"text": text.text, "end": passage.start + len(text.text), "title": title.text or None}
    return Question(passage.model_copy(update=changed), target)
