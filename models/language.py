"""The language of a text, as an ISO 639-1 code.

py3langid's naive Bayes over byte n-grams. Beside lingua, fastText's lid.176 and CLD2 it alone told the
language of nearly every single sentence without taking lists of names for another language.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from functools import cache
from random import Random
from typing import Any

LIKELY = 0.5
"""Probability from which a language is told."""
_DOUBT = 0.01
"""Probability of the languages expected from which another one is not told: lists of names look like any language."""
_ENOUGH = 20  # bytes of letters: some three words, or seven characters of Chinese
_READ = 500  # characters; more would change little
_ASKED = 400  # texts, to know the languages of all
FAIR_SHARE = 0.05
_NONE = "zxx"  # numbers, markup and the like


def detect_language(text: str, expected: Collection[str] = ()) -> str | None:
    """The text's language, where it can be told; one that is not expected, only where none expected is possible."""
    text = text[:_READ]
    if len("".join(filter(str.isalpha, text)).encode(errors="surrogatepass")) < _ENOUGH:
        return None
    ranked: list[tuple[str, float]] = _identifier().rank(text)
    code, probability = ranked[0]
    if code == _NONE or probability < LIKELY:
        return None
    if expected and code not in expected and sum(share for other, share in ranked if other in expected) > _DOUBT:
        return None
    return code


def is_other_language(code: str | None, learnt: Collection[str]) -> bool:
    """Whether a text in this language is for a model that learnt from those to leave alone; where unknown, it is not."""
    return bool(learnt) and code is not None and code not in learnt


def languages_of_article(
    passages: Sequence[str], expected: Collection[str] = ()
) -> tuple[str | None, list[str | None]]:
    """The language that most of the article is in, and each passage's own: the article's where it cannot be told."""
    alone = [detect_language(text, expected) for text in passages]
    length: Counter[str] = Counter()
    for text, code in zip(passages, alone, strict=True):
        if code is not None:
            length[code] += len(text)
    whole = max(length, key=lambda code: length[code]) if length else detect_language(" ".join(passages), expected)
    return whole, [code or whole for code in alone]


def training_languages(texts: Sequence[str]) -> tuple[str, ...]:
    """The languages that a fair share of the texts is in, of those where it can be told; sorted."""
    sample = Random(0).sample(texts, min(_ASKED, len(texts)))
    found = Counter(code for text in sample if (code := detect_language(text)) is not None)
    return tuple(sorted(code for code, count in found.items() if count >= FAIR_SHARE * found.total()))


@cache
def _identifier() -> Any:
    """py3langid's, held to languages that have an ISO 639-1 code. Half a second to load."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([code for code in identifier.labels if len(code) == 2 or code == _NONE])
    return identifier
