"""Turn several readings of a passage by a language model into one annotation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from labels.codebook import STANCES
from labels.gold.adjudication import plurality
from labels.passages import Label, Shares
from labels.reading.prompt import NO

Answer = Mapping[str, str]
"""Topic → one of `ANSWERS`."""


def vote(answers: Sequence[Answer]) -> tuple[Label, ...]:
    """Return the labels that more than half of the answers give.

    The stance is the most frequent among the answers that have the topic and tell a stance, and its shares are their
    proportions. A single answer has no shares.
    """
    labels = []
    for topic in answers[0]:
        given = Counter(answer[topic] for answer in answers if answer[topic] != NO)
        if 2 * given.total() <= len(answers):
            continue
        told = sum(given[stance] for stance in STANCES)
        if not told:
            labels.append(Label(topic=topic))
            continue
        favor, against, neutral = (round(given[stance] / told, 4) for stance in STANCES)
        shares = Shares(favor=favor, against=against, neutral=neutral) if len(answers) > 1 else None
        labels.append(Label(topic=topic, stance=plurality((favor, against, neutral)), shares=shares))
    return tuple(labels)


def are_unanimous(answers: Sequence[Answer]) -> bool:
    """Return whether all answers are the same."""
    return all(answer == answers[0] for answer in answers)
