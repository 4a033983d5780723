"""Find the names of actors in English texts, and put other names in their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from labels.passages import Span
from training.evaluation.counterfactuals.rules import English, Place, Rules

_LONGEST_TITLE = 300
_ARTICLE = re.compile(r"\b([Aa])(n?) $")
_THE = re.compile(r"\b[Tt]he $")
_END = re.compile(r"[\"”’)]*(?:\s*$|[\"”]|\n)")
_BARE_APOSTROPHE = re.compile(r"['’](?!\w)")
_NEXT_WORD = re.compile(r"[ \n]+([^\W\d_][\w.’'-]*)")


class Unclear(Exception):
    """A text that rules cannot change into a valid one; the message says why."""


class Mention(NamedTuple):
    """Where a text names an actor, by its position in the list of actors, and in which grammatical place."""

    start: int
    end: int
    actor: int
    place: Place


class Replacement(NamedTuple):
    """A new text for the characters from `start` to `end`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Rewritten:
    """A text with replacements; `span` finds a span of the old text in the new one."""

    text: str
    replacements: Sequence[Replacement]

    def span(self, span: Span) -> Span:
        start, end = span
        if any(r.start < edge < r.end for r in self.replacements for edge in span):
            raise Unclear("a name reaches over the edge of the named target")
        return start + self._shift(start, strict=True), end + self._shift(end, strict=False)

    def _shift(self, position: int, *, strict: bool) -> int:
        """Return how far a position moves; with `strict`, a replacement that ends there comes before it."""
        before = (r for r in self.replacements if (r.end <= position if strict else r.start < position))
        return sum(len(r.text) - (r.end - r.start) for r in before)


class Names:
    """The names of some actors in English texts. `kept` are phrases in which no name is changed."""

    def __init__(self, rules: Rules, english: English, kept: Iterable[str] = ()) -> None:
        self._english = english
        self._forms: dict[str, tuple[int, tuple[Place, ...]]] = {}
        for number, actor in enumerate(rules.actors):
            for form, places in actor.forms():
                for written in (form, form.upper()):
                    self._forms.setdefault(written, (number, places))
        self._also = {form for actor in rules.actors for form in actor.also}
        self._pattern = _words(self._forms)
        self._kept = _words((*rules.protected, *kept), flags=re.IGNORECASE)
        self._marks = [_words(actor.marks) for actor in rules.actors]

    def mentions(self, text: str, *, beside: str = "") -> list[Mention]:
        """Return the mentions of actors in the order of the text. Raises Unclear if the place of one cannot be told.

        `beside` is a text that is read with this one: an actor that either names is meant by "the North" in both.
        """
        return [self._mention(text, match) for match in self._meant(text, beside)]

    def all_mentions(self, text: str, *, beside: str = "") -> list[Mention]:
        """Return the mentions of actors, each with the first place that it may have where its place cannot be told."""
        return [self._mention_or_guess(text, match) for match in self._meant(text, beside)]

    def _mention_or_guess(self, text: str, match: re.Match[str]) -> Mention:
        try:
            return self._mention(text, match)
        except Unclear:
            actor, places = self._forms[match[0]]
            return Mention(*match.span(), actor, places[0])

    def _meant(self, text: str, beside: str) -> list[re.Match[str]]:
        found = self._find(text)
        clearly = {self._forms[each[0]][0] for each in (*found, *self._find(beside)) if each[0] not in self._also}
        return [
            match
            for match in found
            if match[0] not in self._also
            or (self._forms[match[0]][0] in clearly and not _capital_next(text, match.end()))
        ]

    def _find(self, text: str) -> list[re.Match[str]]:
        """Return the forms in a text, without those in kept phrases."""
        if self._pattern is None:
            return []
        kept = [match.span() for match in self._kept.finditer(text)] if self._kept else []
        return [
            match
            for match in self._pattern.finditer(text)
            if not any(start < match.end() and match.start() < end for start, end in kept)
        ]

    def in_phrase(self, phrase: str) -> set[int]:
        """Return the actors that a phrase names, in whatever place."""
        return {self._forms[match[0]][0] for match in self._pattern.finditer(phrase)} if self._pattern else set()

    def marks(self, actor: int, text: str) -> bool:
        """Return whether a text has a word that belongs to this actor alone."""
        pattern = self._marks[actor]
        return pattern is not None and pattern.search(text) is not None

    def rewrite(self, text: str, mentions: Sequence[Mention], new: Callable[[Mention], str]) -> Rewritten:
        """Put new names in the place of mentions, with the case and the article that they need.

        All are replaced at once, so that two actors can be exchanged.
        """
        replacements: list[Replacement] = []
        for mention in mentions:
            name = new(mention)
            old = text[mention.start : mention.end]
            if old.isupper() and len(re.sub(r"\W", "", old)) > 3:
                name = name.upper()
            elif _begins_sentence(text, mention.start) or (
                old[:1].isupper() and name[:1].islower() and _is_title(text)
            ):
                name = name[:1].upper() + name[1:]
            end = mention.end
            if old.endswith(".") and _END.match(text, end):
                name += "."  # the dot of "U.S." ended the sentence too
            elif old[-1:] in "sS" and _BARE_APOSTROPHE.match(text, end) and not name.endswith("s"):
                name, end = f"{name}{text[end]}s", end + 1
            start = mention.start
            article = _ARTICLE.search(text, max(0, start - 4), start)
            if article and mention.place != "people":
                start = article.start()
                name = f"{article[1]}{'n' if self._an(name) else ''} {name}"
            replacements.append(Replacement(start, end, name))
        parts, at = [], 0
        for replacement in replacements:
            parts += [text[at : replacement.start], replacement.text]
            at = replacement.end
        return Rewritten("".join([*parts, text[at:]]), replacements)

    def _an(self, name: str) -> bool:
        return name[:1].upper() in self._english.vowels and not name.startswith(self._english.consonant_sounds)

    def _mention(self, text: str, match: re.Match[str]) -> Mention:
        actor, places = self._forms[match[0]]
        start, end = match.span()
        if places == ("adjective",) and self._is_noun(text, end) is not False:
            raise Unclear("an adjective stands for people")
        if places == ("capital",) and _capital_next(text, end) and not _is_title(text):
            raise Unclear("a capital is part of a longer name")
        if len(places) == 1:
            return Mention(start, end, actor, places[0])
        is_noun = self._is_noun(text, end)
        if is_noun is None:
            raise Unclear("a name may be a noun or an adjective")
        if not is_noun:
            if places[0] == "name" and self._may_be_verb(text, end):
                raise Unclear("a name may be a noun or an adjective")
            return Mention(start, end, actor, "adjective")
        if places[0] == "name" and _THE.search(text, max(0, start - 5), start):
            start -= len("the ")
        return Mention(start, end, actor, places[0])

    def _is_noun(self, text: str, end: int) -> bool | None:
        """Return whether a form that ends here is a noun rather than an adjective; None if that is unclear."""
        if text[end : end + 1] in ("-", "–"):
            return False
        following = _NEXT_WORD.match(text, end)
        if following is None:
            return True
        word = following[1].rstrip(".,’'")
        if word in ("and", "or"):
            return None
        if word.lower() in self._english.after_nouns:
            # "left the U.S. The …": the dot may have ended a sentence.
            return None if word[:1].isupper() and text[end - 1] == "." and not _is_title(text) else True
        return word.islower() and word.endswith("ed")

    def _may_be_verb(self, text: str, end: int) -> bool:
        """Return whether a verb may follow, as in "US snubs Iran", rather than a noun, as in "US officials"."""
        following = _NEXT_WORD.match(text, end)
        word = following[1].rstrip(".,’'") if following else ""
        return word.islower() and word.endswith("s") and word not in self._english.nouns


def _words(forms: Iterable[str], *, flags: int = 0) -> re.Pattern[str] | None:
    """Return a pattern of whole words and phrases, the longest first, or None for no forms."""
    ordered = sorted(forms, key=lambda form: (-len(form), form))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, ordered))})(?!\w)", flags) if ordered else None


def _capital_next(text: str, end: int) -> bool:
    following = _NEXT_WORD.match(text, end)
    return following is not None and following[1][:1].isupper()


def _begins_sentence(text: str, start: int) -> bool:
    before = text[max(0, start - 10) : start].rstrip("'\"“‘(")
    return (start < 10 and not before) or before[-1:] == "\n" or re.search(r"[.!?]['\"”’)]*\s+$", before) is not None


def _is_title(text: str) -> bool:
    """Return whether most longer words begin with a capital, as in the headlines of some newspapers."""
    words = re.findall(r"[^\W\d_]{4,}", text[:_LONGEST_TITLE])
    return (
        len(text) <= _LONGEST_TITLE and len(words) > 1 and sum(word[0].isupper() for word in words) > 0.7 * len(words)
    )
