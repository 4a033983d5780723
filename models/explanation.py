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
_PAIRED = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Chinese characters, between which there are no spaces: two of them make a word more often than not."""
_KANA = "\u3041-\u3096\u30a1-\u30ff"
_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u0652\u0900-\u0963\u0971-\u0dff\u0e31-\u0e4e"
"""Vowel signs and accents, which are parts of words though `\\w` leaves them out."""
_LETTER = rf"[^\W{_PAIRED}{_KANA}]|[{_MARKS}]"
_WORD = re.compile(
    rf"(?:[^\W\d_]\.)+[^\W\d_]\b\.?|[{_PAIRED}]{{1,2}}|[\u3041-\u3096]+|[\u30a1-\u30ff]+"
    rf"|(?:{_LETTER})(?:(?:{_LETTER}|['’-])*(?:{_LETTER}))?"
)
_UNSPACED = re.compile(f"[{_PAIRED}{_KANA}]")
_SHORTEST = 3
_FUNCTION_WORDS = frozenset(
    "a about after all also an and any are as at be because been before being between both but by can could did do does "
    "during each for from had has have he her his how i if in into is it its itself just me more most my of on once only "
    "or other our over own same she so some such than that the their them then there these they this those through to too "
    "under until up us very was we were what when where which while who whom whose with would you your".split()
)
"""Words that say nothing by themselves to a reader. Those that a stance may hang on, such as `not` or `against`, do."""
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
    words = words_of(passage)
    versions = [passage, *(without(passage, word) for word in words)]
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


def words_of(passage: Passage) -> list[str]:
    """Return the different words of the title and the text, in order, without those that mean nothing by themselves."""
    found = filter(_says_something, _WORD.findall(f"{passage.title or ''} {passage.text}"))
    words: dict[str, str] = {}
    for word in found:
        words.setdefault(word.casefold(), word)
    return list(words.values())[:_MOST]


def _says_something(word: str) -> bool:
    # A word of one or two letters is an abbreviation, or of a script without capitals, in which words are short.
    is_long = len(word) >= _SHORTEST or (word == word.upper() and not word.isdecimal())
    is_abbreviation = len(word) > 1 and word.isupper()  # such as WHO or US
    return is_long and (is_abbreviation or word.casefold() not in _FUNCTION_WORDS)


def without(passage: Passage, word: str) -> Passage:
    """Return the passage without the word, wherever it stands; within a longer one only where scripts have no spaces."""
    alone = re.escape(word) if _UNSPACED.match(word) else rf"(?<!\w){re.escape(word)}(?!\w)"
    pattern = re.compile(alone, re.IGNORECASE)
    text, title = pattern.sub("", passage.text), passage.title and pattern.sub("", passage.title)
    return passage.model_copy(update={"text": text, "title": title})


def _shown(words: Sequence[str], log_odds: FloatArray) -> str:
    """Return the words with the largest weights; `log_odds` are those with all words, then without each."""
    weights = log_odds[0] - log_odds[1:]
    order = [place for place in np.argsort(-np.abs(weights), kind="stable")[:SHOWN] if abs(weights[place]) >= _LEAST]
    return ", ".join(f"{words[place]} {weights[place]:+.2f}" for place in order)
