"""Which words of a passage weighed most in its tags: the tagger reads the passage again without each of them.

The weight of a word is the difference that it makes to the log-odds of the topic, or of the stance that was decided on. That
is what the model says of the passage as a whole, for every family alike: it needs no access to its parameters (leave one
out: Li, Monroe and Jurafsky 2016, "Understanding neural networks through representation erasure").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import logit

from labels.codebook import STANCES
from labels.gold.adjudication import Target
from labels.passages import Passage
from models.examples import FloatArray, query, render
from models.tagger import Tag, Tagger

SHOWN = 5
"""How many words are shown for a topic or a stance."""
_MOST = 120
"""Words of a passage that are left out in turn: the reading of a page-long one would take too long."""
_WORD = re.compile(r"\w(?:[\w'’-]*\w)?")
_SHORTEST = 3
_LEAST = 0.005
_CERTAIN = 1e-6


class Explanation(NamedTuple):
    """The words that weighed most for a topic and for its stance: `embargo +1.52, council +0.31, praises -0.20`."""

    topic: str | None
    stance: str | None


def explain(tagger: Tagger, passages: Sequence[Passage], tags: Sequence[Sequence[Tag]]) -> list[list[Explanation]]:
    """Return an explanation for each tag of each passage; None where the model does not say how probable it is."""
    return [_explain(tagger, passage, of_passage) for passage, of_passage in zip(passages, tags, strict=True)]


def _explain(tagger: Tagger, passage: Passage, tags: Sequence[Tag]) -> list[Explanation]:
    if not tags:
        return []
    words = _words(passage)
    versions = [passage, *(_without(passage, word) for word in words)]
    topics: FloatArray | None = None
    if tagger.reader.reads_topics:
        texts = [render(version, tagger.settings.input)[0] for version in versions]
        topics = logit(np.clip(tagger.reader.topics(texts), _CERTAIN, 1 - _CERTAIN))
    explanations = []
    for tag in tags:
        is_topic = tag.topic in tagger.codebook.topic_ids
        of_topic = stance = None
        if topics is not None and is_topic:
            of_topic = _shown(words, topics[:, tagger.codebook.topic_ids.index(tag.topic)])
        if tag.stance is not None:
            target = Target(tag.topic) if is_topic else Target(None, tag.topic)
            queries = [query(version, target, tagger.codebook, tagger.settings.input) for version in versions]
            probabilities = tagger.reader.stances(queries)[:, STANCES.index(tag.stance)]
            stance = _shown(words, logit(np.clip(probabilities, _CERTAIN, 1 - _CERTAIN)))
        explanations.append(Explanation(of_topic, stance))
    return explanations


def _words(passage: Passage) -> list[str]:
    """Return the different words of the text and the title, in order, without those too short to mean anything."""
    found = _WORD.findall(f"{passage.text} {passage.title or ''}")
    words = {word.casefold(): word for word in reversed(found) if len(word) >= _SHORTEST or word.isupper()}
    return list(words.values())[::-1][:_MOST]


def _without(passage: Passage, word: str) -> Passage:
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
    text, title = pattern.sub("", passage.text), passage.title and pattern.sub("", passage.title)
    return passage.model_copy(update={"text": text, "title": title})


def _shown(words: Sequence[str], log_odds: FloatArray) -> str:
    """Return the words with the largest weights; `log_odds` are those with all words, then without each."""
    weights = log_odds[0] - log_odds[1:]
    order = [place for place in np.argsort(-np.abs(weights), kind="stable")[:SHOWN] if abs(weights[place]) >= _LEAST]
    return ", ".join(f"{words[place]} {weights[place]:+.2f}" for place in order)
