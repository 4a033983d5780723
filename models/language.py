"""The language of a text, as an ISO 639-1 code.

Detection is by py3langid, a naive Bayes classifier of byte n-grams. Compared with lingua, fastText's lid.176 and CLD2,
it alone recognised the language of nearly every single sentence without mistaking lists of names for another language.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from functools import cache
from random import Random
from typing import Any

from models.cleaning import clean

_MIN_PROBABILITY = 0.5
"""Minimum probability of a detected language."""
_MAX_EXPECTED = 0.01
"""No other language is detected if the expected ones have more probability: names look like any language."""
_MIN_BYTES = 20  # of letters: about three words, or seven Chinese characters
_MAX_CHARACTERS = 500  # more would change little
_SAMPLE = 400  # texts from which the languages of a corpus are determined
_MIN_FRACTION = 0.05  # of these texts, for a language of the corpus
_NONE = "zxx"  # numbers, markup and the like


def detect_language(text: str, expected: Collection[str] = ()) -> str | None:
    """Return the language of a text, or None where it is uncertain.

    With `expected`, return another language only if every expected one is almost impossible.
    """
    text = clean(text)[:_MAX_CHARACTERS]
    if len("".join(filter(str.isalpha, text)).encode(errors="surrogatepass")) < _MIN_BYTES:
        return None
    ranking: list[tuple[str, float]] = _identifier().rank(text)
    code, probability = ranking[0]
    if code == _NONE or probability < _MIN_PROBABILITY:
        return None
    if expected and code not in expected and sum(p for other, p in ranking if other in expected) > _MAX_EXPECTED:
        return None
    return code


def is_other_language(code: str | None, languages: Collection[str]) -> bool:
    """Return whether a text's language is not one of a model's languages; False if either is unknown."""
    return bool(languages) and code is not None and code not in languages


def languages_of_article(
    passages: Sequence[str], expected: Collection[str] = ()
) -> tuple[str | None, list[str | None]]:
    """Return the main language of an article and the language of each passage, which is the article's if uncertain."""
    detected = [detect_language(text, expected) for text in passages]
    lengths: Counter[str] = Counter()
    for text, code in zip(passages, detected, strict=True):
        if code is not None:
            lengths[code] += len(text)
    main = max(lengths, key=lambda code: lengths[code]) if lengths else detect_language(" ".join(passages), expected)
    return main, [code or main for code in detected]


def training_languages(texts: Sequence[str]) -> tuple[str, ...]:
    """Return, sorted, the languages of at least 5 % of a sample of the texts, not counting uncertain ones."""
    sample = Random(0).sample(texts, min(_SAMPLE, len(texts)))
    counts = Counter(code for text in sample if (code := detect_language(text)) is not None)
    return tuple(sorted(code for code, count in counts.items() if count >= _MIN_FRACTION * counts.total()))


@cache
def _identifier() -> Any:
    """Load py3langid's model, restricted to languages with an ISO 639-1 code; it takes half a second."""
    import numpy as np
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([code for code in identifier.labels if len(code) == 2 or code == _NONE])
    # The table comes in 16 bits and column by column. Whole rows of it are summed, a third faster so and with equal results.
    identifier.nb_ptc = np.ascontiguousarray(identifier.nb_ptc, dtype=np.float32)
    return identifier
