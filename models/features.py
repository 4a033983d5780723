"""TF-IDF of n-grams, saved as plain files: no pickle, nothing runs on loading."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer

from labels.errors import DemarcheError
from models.examples import FloatArray, Query
from models.settings import Ngrams

_TOKEN = re.compile(r"\w+|[^\w\s]")
_VOCABULARY = "vocabulary.json"


class TextFeatures:
    """Texts → sparse rows of word and character n-grams; each kind has unit length by itself."""

    def __init__(self, ngrams: Ngrams):
        self.ngrams = ngrams
        self._parts: dict[str, TfidfVectorizer] = {}

    def fit_transform(self, texts: Sequence[str]) -> csr_matrix:
        rows = {}
        self._parts = {}
        for kind in (kind for kind in ("words", "chars") if getattr(self.ngrams, kind)):
            part = self._vectorizer(kind, self._min_df(len(texts)))
            # scikit-learn's word for "no n-gram of this kind stands in enough texts".
            with contextlib.suppress(ValueError):
                rows[kind] = part.fit_transform(texts)
                self._parts[kind] = part
        if not rows:
            raise DemarcheError(
                f"none of the n-grams asked for stands in {self._min_df(len(texts))} of the {len(texts)} texts to learn "
                "from; lower ngrams.min_df, or leave ngrams.chars at its default"
            )
        return _beside(list(rows.values()))

    def transform(self, texts: Sequence[str]) -> csr_matrix:
        return _beside([part.transform(texts) for part in self._parts.values()])

    def _min_df(self, n: int) -> int:
        # A handful of texts shares few n-grams: asking for two of each could leave none.
        return self.ngrams.min_df if n >= 50 else 1

    def _vectorizer(self, kind: str, min_df: int, vocabulary: Sequence[str] | None = None) -> TfidfVectorizer:
        return TfidfVectorizer(
            analyzer="word" if kind == "words" else "char_wb",
            ngram_range=getattr(self.ngrams, kind),
            # Single letters and digits carry meaning in names ("5G"); the default drops them.
            token_pattern=r"(?u)\b\w+\b" if kind == "words" else None,
            min_df=min_df,
            max_features=self.ngrams.max_features if vocabulary is None else None,
            sublinear_tf=True,
            dtype=np.float32,
            vocabulary=vocabulary,
        )

    def save(self, folder: Path) -> dict[str, FloatArray]:
        """Writes the n-grams to `vocabulary.json`; gives the arrays that the caller saves with its own."""
        terms = {kind: part.get_feature_names_out().tolist() for kind, part in self._parts.items()}
        _write(folder / _VOCABULARY, terms)
        return {f"idf.{kind}": part.idf_ for kind, part in self._parts.items()}

    @classmethod
    def load(cls, folder: Path, ngrams: Ngrams, arrays: dict[str, FloatArray]) -> Self:
        features = cls(ngrams)
        for kind, terms in _read(folder / _VOCABULARY).items():
            features._parts[kind] = features._vectorizer(kind, 1, terms)
            features._parts[kind].idf_ = arrays[f"idf.{kind}"]
        return features


class TargetFeatures:
    """Queries → sparse rows: the n-grams of the text, and the text as seen from its target.

    Where the text names the target, its words and word pairs are marked as left or right of it and
    count the less the farther off they stand: exp(-tokens between / 5). Without a place of the
    target that part of the row is empty.
    """

    REACH = 5.0

    def __init__(self, ngrams: Ngrams):
        self.texts = TextFeatures(ngrams)
        self._seen = DictVectorizer(dtype=np.float32)
        self._weigh = TfidfTransformer()

    @property
    def _sees(self) -> bool:
        return hasattr(self._seen, "feature_names_")

    def fit_transform(self, queries: Sequence[Query]) -> csr_matrix:
        text = self.texts.fit_transform([query.text for query in queries])
        if not any(query.span for query in queries):
            return text
        rows = self._seen.fit_transform([_seen_from(query) for query in queries])
        often = np.bincount(rows.indices, minlength=rows.shape[1]) >= self.texts._min_df(len(queries))
        if not often.any():
            self._seen = DictVectorizer(dtype=np.float32)
            return text
        self._seen.restrict(often)
        return _beside([text, self._weigh.fit_transform(rows[:, often])])

    def transform(self, queries: Sequence[Query]) -> csr_matrix:
        text = self.texts.transform([query.text for query in queries])
        if not self._sees:
            return text
        rows = self._seen.transform([_seen_from(query) for query in queries])
        return _beside([text, self._weigh.transform(rows)])

    def save(self, folder: Path) -> dict[str, FloatArray]:
        arrays = self.texts.save(folder)
        if self._sees:
            _write(folder / "seen_from_target.json", self._seen.feature_names_)
            arrays["idf.seen"] = self._weigh.idf_
        return arrays

    @classmethod
    def load(cls, folder: Path, ngrams: Ngrams, arrays: dict[str, FloatArray]) -> Self:
        features = cls(ngrams)
        features.texts = TextFeatures.load(folder, ngrams, arrays)
        if "idf.seen" in arrays:
            terms = _read(folder / "seen_from_target.json")
            features._seen.feature_names_ = terms
            features._seen.vocabulary_ = {term: position for position, term in enumerate(terms)}
            features._weigh.idf_ = arrays["idf.seen"]
        return features


def _seen_from(query: Query) -> dict[str, float]:
    if query.span is None:
        return {}
    left = _TOKEN.findall(query.text[: query.span[0]].lower())
    right = _TOKEN.findall(query.text[query.span[1] :].lower())
    # No word can be mistaken for what stands for the target.
    tokens = [*left, "\0", *right]
    at = len(left)
    row: dict[str, float] = {}
    for size in (1, 2):
        for start in range(len(tokens) - size + 1):
            end = start + size
            side, between = ("<", at - end) if end <= at else (">", start - at - 1) if start > at else ("=", 0)
            term = side + " ".join(tokens[start:end])
            row[term] = max(row.get(term, 0.0), math.exp(-between / TargetFeatures.REACH))
    return row


def _beside(parts: Sequence[csr_matrix]) -> csr_matrix:
    return csr_matrix(parts[0] if len(parts) == 1 else hstack(parts, format="csr"))


def _write(path: Path, plain: object) -> None:
    path.write_text(json.dumps(plain, ensure_ascii=False), encoding="utf-8")


def _read(path: Path):  # type: ignore[no-untyped-def]
    return json.loads(path.read_text(encoding="utf-8"))
