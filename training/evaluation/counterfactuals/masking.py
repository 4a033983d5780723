"""Mask the actors that passages name, for a reader who should not be swayed by who they are."""

from __future__ import annotations

import hashlib

from training.evaluation.counterfactuals.names import Mention, Names
from training.evaluation.counterfactuals.rules import Rules, read_english


class Mask:
    """Replaces every name of a listed actor by a mask such as "Country A", with a letter for each actor of a text.

    The names are those of `actors` in the rules. Other names stay, such as those of persons, and so does whatever else
    tells who is meant.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._names = Names(rules, read_english())

    @property
    def digest(self) -> str:
        """A digest of the names and their masks."""
        plain = self._rules.model_dump_json(include={"kinds", "actors", "protected"})
        return hashlib.sha256(plain.encode()).hexdigest()[:12]

    def __call__(self, title: str | None, text: str) -> tuple[str | None, str]:
        in_title = self._names.all_mentions(title or "", beside=text)
        in_text = self._names.all_mentions(text, beside=title or "")
        letters: dict[int, str] = {}
        for mention in (*in_title, *in_text):
            kind = self._rules.actors[mention.actor].kind
            of_kind = sum(self._rules.actors[actor].kind == kind for actor in letters)
            letters.setdefault(mention.actor, _letter(of_kind))

        def mask(mention: Mention) -> str:
            kind = self._rules.kinds[self._rules.actors[mention.actor].kind]
            return kind.masked(mention.place, letters[mention.actor])

        masked = self._names.rewrite(text, in_text, mask).text
        return title and self._names.rewrite(title, in_title, mask).text, masked


def _letter(number: int) -> str:
    """Return A to Z, then A2 to Z2 and so on."""
    return chr(ord("A") + number % 26) + (str(number // 26 + 1) if number >= 26 else "")
