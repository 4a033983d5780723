"""Make English sentences say the opposite, with another verb for an act on an object."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from labels.codebook import Stance
from training.evaluation.counterfactuals.names import Unclear
from training.evaluation.counterfactuals.rules import English, Objects

_NEAR = 4
"""Maximum number of words between a verb and its object."""
_SEQUEL = 12
"""Maximum number of words after the verb."""
_BEFORE = 5
"""Number of words before a verb in which a negator would belong to it."""
_LONGEST_WORD = 40
_BASE, _THIRD, _PAST, _PARTICIPLE, _ING = range(5)


class Change(NamedTuple):
    """A sentence before and after its act was negated."""

    before: str
    after: str


class _Verb(NamedTuple):
    """A form of a verb, its opposite, and whether it is an act for its object."""

    form: int
    opposite: str
    is_for: bool
    objects: Literal["for", "against"] | None


class Opposites:
    """The acts of English whose opposite is known."""

    def __init__(self, english: English) -> None:
        self._english = english
        self._verbs: dict[str, list[_Verb]] = {}
        for act in english.acts:
            for form, (one, other) in enumerate(zip(act.for_, act.against, strict=True)):
                for verb, opposite, is_for in ((one, other, True), (other, one, False)):
                    known = self._verbs.setdefault(verb, [])
                    if all(each.form != form for each in known):
                        known.append(_Verb(form, opposite, is_for, act.objects))
        self._verb = _phrases(self._verbs)
        self._negator = re.compile(rf"n['’]t\b|{_phrases(english.negators).pattern}", re.IGNORECASE)

    def negate(self, text: str, objects: Objects, stance: Stance) -> Change:
        """Return the first sentence with an act, and its opposite, that carries the stance. Raises Unclear if none does.

        An act carries the stance if it is an act for an object that is itself for the target, and so on.
        """
        for sentence in _sentences(text):
            if "?" in sentence:
                continue
            for start, end, new in self._acts(sentence, objects, stance):
                rest = sentence[:start], sentence[end:]
                if self._stands_alone(sentence, rest, objects):
                    return Change(sentence, new.join(rest))
        raise Unclear("no act on an object of the topic has an opposite")

    def _stands_alone(self, sentence: str, rest: tuple[str, str], objects: Objects) -> bool:
        """Return whether nothing else in the sentence may contradict the opposite: no later act, other object or long sequel."""
        words = re.findall(r"[\w'’-]+", rest[1])
        return (
            len(words) <= _SEQUEL
            and not re.search(r", \w+ing\b", rest[1])
            and not set(words) & set(self._english.sequels)
            and not self._verb.search(rest[1])
            and len(_merged(_find(sentence, (*objects.for_, *objects.against)))) == 1
        )

    def _acts(self, sentence: str, objects: Objects, stance: Stance) -> Iterator[tuple[int, int, str]]:
        for match in self._verb.finditer(sentence):
            if self._is_negated(sentence, match.start()):
                continue
            for matters, toward in ((objects.for_, True), (objects.against, False)):
                verb = self._on(sentence, match, matters)
                if verb is None or verb.objects == ("against" if toward else "for"):
                    continue
                if (verb.is_for == toward) == (stance == "favor"):
                    yield match.start(), match.end(), verb.opposite

    def _on(self, sentence: str, match: re.Match[str], matters: Iterable[str]) -> _Verb | None:
        """Return the verb if one of the matters is its object, or its subject in the passive."""
        forms = {verb.form: verb for verb in self._verbs[match[0]]}
        for start, end in _find(sentence, matters):
            if start > match.end():
                between = sentence[match.end() : start]
                form = next((form for form in forms if self._has_subject(sentence, match, form)), None)
                if form is not None and self._is_object_after(between):
                    # "Increased the risk of warming": the object is the risk.
                    return None if forms[form].objects and "of" in between.split() else forms[form]
            elif end < match.start() and _PARTICIPLE in forms:
                words = sentence[end : match.start()].split()
                is_passive = words[-1:] and words[-1] in self._english.forms_of_be
                if is_passive and set(words) <= set(self._english.auxiliaries):
                    return forms[_PARTICIPLE]
        return None

    def _is_object_after(self, between: str) -> bool:
        words = between.split()
        return (
            len(words) <= _NEAR
            and between[:1] == " "
            and not re.search(r"[^\w\s'’-]", between)
            and not set(words) & set(self._english.breaks)
            # "Keep enforcing a ban" is about enforcing.
            and not (words[:1] and (words[0] == "of" or words[0].endswith("ing")))
        )

    def _has_subject(self, sentence: str, match: re.Match[str], form: int) -> bool:
        """Return whether what precedes a form is what stands before a verb, rather than a noun or an adjective."""
        before = sentence[max(0, match.start() - _LONGEST_WORD) : match.start()].split()
        last = before[-1].strip('"“‘(,') if before else ""
        if form == _BASE:
            return last in self._english.before_verbs
        if form == _THIRD:
            return last[:1].isupper() or last in self._english.before_third
        if last.endswith(("'s", "’s", "s'")) or last.lower() in ("the", "a", "an"):
            return False
        return form == _ING or (last != "" and last.lower() not in self._english.before_nouns)

    def _is_negated(self, sentence: str, start: int) -> bool:
        words = sentence[max(0, start - _BEFORE * _LONGEST_WORD) : start].split()[-_BEFORE:]
        return self._negator.search(" ".join(words)) is not None


def _phrases(phrases: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of whole words and phrases, the longest first."""
    ordered = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, ordered))})(?![\w-])")


def _find(sentence: str, phrases: Iterable[str]) -> Iterator[tuple[int, int]]:
    for phrase in phrases:
        for match in re.finditer(rf"(?<!\w){re.escape(phrase)}(?!\w)", sentence, re.IGNORECASE):
            yield match.span()


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans with those that overlap as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _sentences(text: str) -> list[str]:
    from sentencex import segment

    return [sentence.strip() for sentence in segment("en", text)]
