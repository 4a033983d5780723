"""TF-IDF of n-grams, saved as plain files: no pickle, and loading runs no code."""

from __future__ import annotations

import contextlib
import json
import math
import re
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, Field, model_validator
from scipy.sparse import csr_matrix, hstack

from labels.errors import DemarcheError
from labels.files import Frozen
from models.examples import FloatArray, Query
from models.saved_parts import BadPart, Names, read_json, read_plain

if TYPE_CHECKING:
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

_TOKEN = re.compile(r"\w+|[^\w\s]")
_VOCABULARY = "vocabulary.json"
_CONTEXT_VOCABULARY = "target_context.json"
_CONTEXT_IDF = "idf.target_context"

Kind = Literal["words", "chars"]
_KINDS: tuple[Kind, ...] = ("words", "chars")


def _must_ascend(sizes: tuple[int, int]) -> tuple[int, int]:
    if sizes[0] > sizes[1]:
        raise ValueError(f"{list(sizes)} is not a range; write the smaller size first")
    return sizes


Range = Annotated[tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]], AfterValidator(_must_ascend)]


class Ngrams(Frozen):
    """The sizes of the n-grams that are features: of words, and of characters within words. Null leaves a kind out."""

    words: Range | None = (1, 2)
    chars: Range | None = (2, 5)
    min_df: Annotated[int, Field(ge=1)] = 2
    max_features: Annotated[int, Field(ge=1)] = 200_000

    @model_validator(mode="after")
    def _has_a_kind(self) -> Self:
        if self.words is None and self.chars is None:
            raise ValueError("neither words nor chars; give at least one kind of n-gram")
        return self


Vocabulary = dict[str, list[str]]
"""The name of the array of a vocabulary's weights → its terms, in the order of the columns."""
_Terms = Annotated[Names, Field(min_length=1)]


class _SavedVocabulary(Frozen):
    words: _Terms | None = None
    chars: _Terms | None = None

    @model_validator(mode="after")
    def _has_terms(self) -> Self:
        if self.words is None and self.chars is None:
            raise ValueError("has no n-grams")
        return self


class TextFeatures:
    """Turns texts into sparse rows of word and character n-grams; the part of each kind has unit length.

    `counts`, shared by several fits, holds the n-grams of all texts that they are fitted on.
    """

    def __init__(self, ngrams: Ngrams, counts: NgramCounts | None = None):
        self.ngrams = ngrams
        # Models are kept after training; the counts are not needed any more.
        self._shared_counts = (lambda: None) if counts is None else weakref.ref(counts)
        self._parts: dict[Kind, _Tfidf] = {}

    def fit_transform(self, texts: Sequence[str]) -> csr_matrix:
        counts = self._shared_counts() or NgramCounts(texts, self.ngrams)
        min_df = self._min_df(len(texts))
        rows = []
        self._parts = {}
        for kind in counts.terms:
            all_columns = counts.rows(kind, texts)
            columns = _frequent_columns(all_columns, min_df, self.ngrams.max_features)
            if len(columns):
                part = _Tfidf(kind, self.ngrams, counts.terms[kind][columns].tolist(), columns)
                rows.append(part.tfidf.fit_transform(all_columns[:, columns]))
                self._parts[kind] = part
        if not rows:
            raise DemarcheError(
                f"no n-gram occurs in at least {min_df} of the {len(texts)} training texts; lower ngrams.min_df, or "
                "leave ngrams.chars at its default"
            )
        return _join_columns(rows)

    def transform(self, texts: Sequence[str]) -> csr_matrix:
        counts = self._shared_counts()
        if counts is not None and not counts.contains(texts):
            counts = None
        return _join_columns([part.transform(texts, counts) for part in self._parts.values()])

    def _min_df(self, texts: int) -> int:
        # A few texts have few n-grams in common; with a higher min_df, none might be left.
        return self.ngrams.min_df if texts >= 50 else 1

    def save(self, folder: Path) -> dict[str, FloatArray]:
        """Write the n-grams to a file, and return the arrays for the caller to save with its own."""
        _write(folder / _VOCABULARY, {kind: part.terms for kind, part in self._parts.items()})
        return {f"idf.{kind}": part.tfidf.idf_ for kind, part in self._parts.items()}

    def read_vocabulary(self, folder: Path) -> Vocabulary:
        """Read the n-grams of a saved model, by the name of the array of their weights. Raises BadPart."""
        vocabulary = read_json(folder / _VOCABULARY, _SavedVocabulary)
        terms = {kind: getattr(vocabulary, kind) for kind in _KINDS}
        for kind in _KINDS:
            if terms[kind] is not None and getattr(self.ngrams, kind) is None:
                raise BadPart(folder / _VOCABULARY, f"has n-grams of {kind}, which the settings leave out")
        return {f"idf.{kind}": list(terms[kind]) for kind in _KINDS if terms[kind] is not None}

    def restore(self, vocabulary: Vocabulary, arrays: Mapping[str, FloatArray]) -> None:
        """Set the n-grams and their weights to those of a saved model."""
        for kind in _KINDS:
            if (terms := vocabulary.get(f"idf.{kind}")) is not None:
                self._parts[kind] = _Tfidf(kind, self.ngrams, terms)
                self._parts[kind].tfidf.idf_ = arrays[f"idf.{kind}"]


class NgramCounts:
    """The counts of n-grams in a list of texts, computed once for all fits of a training run."""

    def __init__(self, texts: Iterable[str], ngrams: Ngrams):
        self._row = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        self._counts: dict[Kind, csr_matrix] = {}
        self.terms: dict[Kind, npt.NDArray[np.object_]] = {}
        for kind in _KINDS:
            if getattr(ngrams, kind) is not None:
                vectorizer = _count_vectorizer(kind, ngrams)
                # Raised where the texts have no n-gram of this kind; scikit-learn has no class of its own for it.
                with contextlib.suppress(ValueError):
                    self._counts[kind] = _count(kind, vectorizer.fit_transform, list(self._row))
                    self.terms[kind] = vectorizer.get_feature_names_out()

    def contains(self, texts: Iterable[str]) -> bool:
        return all(text in self._row for text in texts)

    def rows(self, kind: Kind, texts: Iterable[str]) -> csr_matrix:
        """Return the counts (texts, terms)."""
        return self._counts[kind][[self._row[text] for text in texts]]


class _Tfidf:
    """The TF-IDF of chosen n-grams of one kind; `columns` are their positions among the terms of `NgramCounts`."""

    def __init__(self, kind: Kind, ngrams: Ngrams, terms: list[str], columns: npt.NDArray[np.intp] | None = None):
        self.kind: Kind = kind
        self.terms = terms
        self.columns = columns
        self.vectorizer = _count_vectorizer(kind, ngrams, terms)
        self.tfidf = _tfidf_transformer(sublinear=True)

    def transform(self, texts: Sequence[str], counts: NgramCounts | None) -> csr_matrix:
        if counts is None:
            return csr_matrix(self.tfidf.transform(_count(self.kind, self.vectorizer.transform, texts)))
        return csr_matrix(self.tfidf.transform(counts.rows(self.kind, texts)[:, self.columns]))  # type: ignore[index]


def _count_vectorizer(kind: Kind, ngrams: Ngrams, terms: Sequence[str] | None = None) -> CountVectorizer:
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(
        analyzer="word" if kind == "words" else "char_wb",
        ngram_range=getattr(ngrams, kind),
        # Single letters and digits carry meaning in names ("5G"); the default drops them.
        token_pattern=r"(?u)\b\w+\b" if kind == "words" else None,
        dtype=np.float32,
        vocabulary=terms,
    )


def _tfidf_transformer(*, sublinear: bool = False) -> TfidfTransformer:
    from sklearn.feature_extraction.text import TfidfTransformer

    return TfidfTransformer(sublinear_tf=sublinear)


def _dict_vectorizer() -> DictVectorizer:
    from sklearn.feature_extraction import DictVectorizer

    return DictVectorizer(dtype=np.float32)


def _count(kind: Kind, count: Callable[[Sequence[str]], csr_matrix], texts: Sequence[str]) -> csr_matrix:
    """Return counts (texts, terms); character n-grams stay within words and are counted once per distinct word."""
    if kind == "words":
        return count(texts)
    number_of_word: dict[str, int] = {}
    numbers: list[int] = []
    ends = [0]
    for text in texts:
        numbers += [number_of_word.setdefault(word, len(number_of_word)) for word in text.lower().split()]
        ends.append(len(numbers))
    words_of_texts = csr_matrix(
        (np.ones(len(numbers), np.float32), numbers, ends), shape=(len(texts), len(number_of_word))
    )
    return csr_matrix(words_of_texts @ count(list(number_of_word)))


def _frequent_columns(counts: csr_matrix, min_df: int, max_features: int) -> npt.NDArray[np.intp]:
    """Return the columns with a count in at least `min_df` rows, at most the `max_features` most frequent."""
    columns = np.flatnonzero(counts.getnnz(axis=0) >= min_df)
    if len(columns) > max_features:
        totals = np.asarray(counts.sum(axis=0)).ravel()[columns]
        columns = np.sort(columns[np.argsort(-totals, kind="stable")[:max_features]])
    return columns


class TargetFeatures:
    """Turns queries into sparse rows: the n-grams of the text, and the context of the target in it.

    Where the text names the target, its words and word pairs are marked as left or right of it and weighted by their
    distance: exp(-tokens between / 5). Without a span that part of the row is empty.
    """

    REACH = 5.0

    def __init__(self, ngrams: Ngrams, counts: NgramCounts | None = None):
        self.texts = TextFeatures(ngrams, counts)
        self._context = _dict_vectorizer()
        self._tfidf = _tfidf_transformer()

    @property
    def _has_context(self) -> bool:
        return hasattr(self._context, "feature_names_")

    def fit_transform(self, queries: Sequence[Query]) -> csr_matrix:
        text = self.texts.fit_transform([query.text for query in queries])
        if not any(query.span for query in queries):
            return text
        rows = self._context.fit_transform([_context_weights(query) for query in queries])
        is_frequent = np.bincount(rows.indices, minlength=rows.shape[1]) >= self.texts._min_df(len(queries))
        if not is_frequent.any():
            self._context = _dict_vectorizer()
            return text
        self._context.restrict(is_frequent)
        return _join_columns([text, self._tfidf.fit_transform(rows[:, is_frequent])])

    def transform(self, queries: Sequence[Query]) -> csr_matrix:
        # A passage has one query per topic, so transform each distinct text only once.
        row = {text: row for row, text in enumerate(dict.fromkeys(query.text for query in queries))}
        text = self.texts.transform(list(row))[[row[query.text] for query in queries]]
        if not self._has_context:
            return text
        rows = self._context.transform([_context_weights(query) for query in queries])
        return _join_columns([text, self._tfidf.transform(rows)])

    def save(self, folder: Path) -> dict[str, FloatArray]:
        """Write the n-grams to files, and return the arrays for the caller to save with its own."""
        arrays = self.texts.save(folder)
        if self._has_context:
            _write(folder / _CONTEXT_VOCABULARY, self._context.feature_names_)
            arrays[_CONTEXT_IDF] = self._tfidf.idf_
        return arrays

    def read_vocabulary(self, folder: Path) -> Vocabulary:
        """Read the n-grams of a saved model, by the name of the array of their weights. Raises BadPart."""
        vocabulary = self.texts.read_vocabulary(folder)
        if (folder / _CONTEXT_VOCABULARY).exists():
            vocabulary[_CONTEXT_IDF] = list(read_plain(folder / _CONTEXT_VOCABULARY, _Terms))
        return vocabulary

    def restore(self, vocabulary: Vocabulary, arrays: Mapping[str, FloatArray]) -> None:
        """Set the n-grams and their weights to those of a saved model."""
        self.texts.restore(vocabulary, arrays)
        if (terms := vocabulary.get(_CONTEXT_IDF)) is not None:
            self._context.feature_names_ = terms
            self._context.vocabulary_ = {term: position for position, term in enumerate(terms)}
            self._tfidf.idf_ = arrays[_CONTEXT_IDF]


def _context_weights(query: Query) -> dict[str, float]:
    """Return the weight of each word and word pair: `<` left of the target, `>` right of it, `=` including it."""
    if query.span is None:
        return {}
    left = _TOKEN.findall(query.text[: query.span[0]].lower())
    right = _TOKEN.findall(query.text[query.span[1] :].lower())
    tokens = [*left, "\0", *right]  # no word can be mistaken for the target
    at = len(left)
    weights: dict[str, float] = {}
    for size in (1, 2):
        for start in range(len(tokens) - size + 1):
            end = start + size
            if end <= at:
                side, distance = "<", at - end
            elif start > at:
                side, distance = ">", start - at - 1
            else:
                side, distance = "=", 0
            term = side + " ".join(tokens[start:end])
            weights[term] = max(weights.get(term, 0.0), math.exp(-distance / TargetFeatures.REACH))
    return weights


def _join_columns(parts: Sequence[csr_matrix]) -> csr_matrix:
    rows = csr_matrix(parts[0] if len(parts) == 1 else hstack(parts, format="csr"))
    # Sort once here rather than in every fit.
    rows.sort_indices()
    return rows


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
