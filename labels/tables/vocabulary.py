"""Map the values of a table to stances and topics."""

from __future__ import annotations

from typing import Any

from labels.codebook import STANCES, Codebook
from labels.errors import DemarcheError, suggest
from labels.tables.cells import word
from labels.tables.columns import ImportOptions


class Vocabulary:
    """Translates the values of a table into stances and the topics of the codebook.

    Without a codebook, every value that is not a stance may be a topic.
    """

    def __init__(self, options: ImportOptions, codebook: Codebook | None):
        self._topics = set(codebook.topic_ids) if codebook else None
        self._values = {key.strip().casefold(): value.strip() for key, value in options.values.items()}
        self._vote_kinds: dict[bool, str] = {}
        """An example of a vote that is a stance (True), and of one that is not (False)."""

    def stance(self, cell: Any) -> str | None:
        """Return the stance that the cell names, or None for a value to be ignored."""
        value = word(cell)
        stance = self._translate(value).casefold()
        if stance not in ("", *STANCES):
            raise DemarcheError(
                f"stance {value!r} is not one of {', '.join(STANCES)}; map it to one, e.g. --value {value}=neutral "
                f"(or --value {value}= for no stance)"
            )
        return stance or None

    def topic(self, cell: Any) -> str | None:
        """Return the topic that the cell names, or None for a value to be ignored."""
        value = word(cell)
        topic = self._translate(value)
        if topic in STANCES and (self._topics is None or value in self._topics):
            topic = value  # a number may be both a stance and a topic; its translation is for the stance
        if topic and self._topics is not None and topic not in self._topics:
            raise DemarcheError(
                f"topic {value!r} is not in the codebook{suggest(topic, self._topics)} "
                f"(--value {value}=TOPIC renames it, --value {value}= ignores it)"
            )
        return topic or None

    def is_known(self, value: str) -> bool:
        """Return whether the value is a topic of the codebook, or is mapped to a stance or a topic."""
        return value.strip() in (self._topics or ()) or value.strip().casefold() in self._values

    def count_inside(self, separator: str) -> int:
        """Return how often the separator occurs in one known value at most."""
        return max((value.count(separator) for value in (*(self._topics or ()), *self._values)), default=0)

    def is_stance_vote(self, vote: Any) -> bool:
        """Return whether the vote is a stance and not a topic.

        Raises DemarcheError if the votes seen so far are of both kinds.
        """
        value = self._translate(word(vote))
        if not value:
            return True
        is_stance = value.casefold() in STANCES and value not in (self._topics or ())
        self._vote_kinds.setdefault(is_stance, word(vote))
        if len(self._vote_kinds) == 2:
            raise DemarcheError(
                f"{self._vote_kinds[True]!r} is a stance but {self._vote_kinds[False]!r} is not; map it to a stance, "
                f"e.g. --value {self._vote_kinds[False]}=neutral"
            )
        return is_stance

    def _translate(self, value: str) -> str:
        return self._values.get(value.casefold(), value)
