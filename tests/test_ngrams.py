"""N-grams are counted in our own way, which must give the same as scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from models.examples import Query
from models.families.ngrams import NgramCounts, Ngrams, TargetFeatures, TextFeatures

_WORD = st.text("abcDé5-’ß\u0301中", min_size=1, max_size=6)
_TEXT = st.lists(_WORD, min_size=1, max_size=12).map(" ".join) | st.text("ab \n\u00a0\u2009.", max_size=20)
_TEXTS = st.lists(_TEXT, min_size=1, max_size=8).map(lambda texts: [*texts, "ab cd"])


def _expected(kind: str, sizes: tuple[int, int], texts: list[str], new: list[str]) -> np.ndarray:
    vectorizer = TfidfVectorizer(
        analyzer="word" if kind == "words" else "char_wb",
        ngram_range=sizes,
        token_pattern=r"(?u)\b\w+\b" if kind == "words" else None,
        sublinear_tf=True,
        dtype=np.float32,
    )
    return vectorizer.fit(texts).transform(new).toarray()


@pytest.mark.parametrize("kind", ["words", "chars"])
@given(texts=_TEXTS, new=_TEXTS, least=st.integers(1, 3), more=st.integers(0, 2))
@settings(max_examples=60, deadline=None)
def test_ngrams_are_weighted_as_scikit_learn_weighs_them(
    kind: str, texts: list[str], new: list[str], least: int, more: int
) -> None:
    sizes = (1, 1 + more) if kind == "words" else (least, least + more)
    features = TextFeatures(Ngrams.model_validate({"words": None, "chars": None} | {kind: sizes}))
    np.testing.assert_allclose(features.fit_transform(texts).toarray(), _expected(kind, sizes, texts, texts), atol=1e-6)
    np.testing.assert_allclose(features.transform(new).toarray(), _expected(kind, sizes, texts, new), atol=1e-6)


@given(texts=_TEXTS, rows=st.lists(st.integers(0, 7), min_size=1))
@settings(max_examples=60, deadline=None)
def test_counting_once_for_several_fits_changes_nothing(texts: list[str], rows: list[int]) -> None:
    fold = [texts[row % len(texts)] for row in rows] + ["ab cd"]
    alone, shared = TextFeatures(Ngrams()), TextFeatures(Ngrams(), NgramCounts(texts, Ngrams()))
    np.testing.assert_array_equal(alone.fit_transform(fold).toarray(), shared.fit_transform(fold).toarray())
    np.testing.assert_array_equal(alone.transform(texts).toarray(), shared.transform(texts).toarray())


def test_at_most_max_features_ngrams_are_kept_the_most_frequent_ones() -> None:
    features = TextFeatures(Ngrams(words=(1, 1), chars=None, max_features=2))
    assert features.fit_transform(["tea tea rain", "tea wind wind", "wind"]).shape == (3, 2)
    assert features.transform(["rain"]).nnz == 0


def test_a_text_has_the_same_row_for_each_of_its_targets() -> None:
    features = TargetFeatures(Ngrams(chars=None))
    features.fit_transform([Query("tea is good", "tea"), Query("rain is bad", "rain")])
    rows = features.transform([Query("good rain", "tea"), Query("bad tea", "x"), Query("good rain", "rain")]).toarray()
    np.testing.assert_array_equal(rows[0], rows[2])
    assert not (rows[0] == rows[1]).all()
