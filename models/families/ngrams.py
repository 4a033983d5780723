"""TF-IDF of n-grams, saved as plain files: no pickle, nothing runs on loading."""

from __future__ import annotations

import contextlib
import json
import math
import re
import weakref
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, Field, model_validator
from scipy.sparse import csr_matrix, hstack

from labels.errors import DemarcheError
from labels.files import Frozen
from models.examples import FloatArray, Query

if TYPE_CHECKING:
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

_TOKEN = re.compile(r"\w+|[^\w\s]")
_VOCABULARY = "vocabulary.json"
Kind = Literal["words", "chars"]


def _ascending(sizes: tuple[int, int]) -> tuple[int, int]:
    if sizes[0] > sizes[1]:
        raise ValueError(f"{list(sizes)} is not a range; write the smaller size first")
    return sizes


Range = Annotated[tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]], AfterValidator(_ascending)]


class Ngrams(Frozen):
    """Which n-grams are features: of words, and of characters within words. Null leaves a kind out."""

    words: Range | None = (1, 2)
    chars: Range | None = (2, 5)
    min_df: Annotated[int, Field(ge=1)] = 2
    max_features: Annotated[int, Field(ge=1)] = 200_000

    @model_validator(mode="after")
    def _some_kind(self) -> Self:
        if self.words is None and self.chars is None:
            raise ValueError("neither words nor chars; give at least one kind of n-gram")
        return self


class TextFeatures:
    """Texts → sparse rows of word and character n-grams; each kind has unit length by itself.

    `counted` holds the counts of texts that it will be fitted on and asked about, where it is one of several fits.
    """

    def __init__(self, ngrams: Ngrams, counted: NgramCounts | None = None):
        self.ngrams = ngrams
        # The models of a training outlive it; what was counted for it does not.
        self._counted = (lambda: None) if counted is None else weakref.ref(counted)
        self._parts: dict[Kind, _Weighted] = {}

    def fit_transform(self, texts: Sequence[str]) -> csr_matrix:
        counted = self._counted() or NgramCounts(texts, self.ngrams)
        rows = []
        self._parts = {}
        for kind in counted.terms:
            counts = counted.rows(kind, texts)
            kept = _common(counts, self._min_df(len(texts)), self.ngrams.max_features)
            if len(kept):
                self._parts[kind] = _Weighted(kind, self.ngrams, counted.terms[kind][kept].tolist(), kept)
                rows.append(self._parts[kind].weigh.fit_transform(counts[:, kept]))
        if not rows:
            raise DemarcheError(
                f"none of the n-grams asked for stands in {self._min_df(len(texts))} of the {len(texts)} texts to learn "
                "from; lower ngrams.min_df, or leave ngrams.chars at its default"
            )
        return _beside(rows)

    def transform(self, texts: Sequence[str]) -> csr_matrix:
        counted = self._counted()
        if counted is not None and not counted.holds(texts):
            counted = None
        return _beside([part.transform(texts, counted) for part in self._parts.values()])

    def _min_df(self, n: int) -> int:
        # A handful of texts shares few n-grams: asking for two of each could leave none.
        return self.ngrams.min_df if n >= 50 else 1

    def save(self, folder: Path) -> dict[str, FloatArray]:
        """Writes the n-grams to `vocabulary.json`; gives the arrays that the caller saves with its own."""
        _write(folder / _VOCABULARY, {kind: part.terms for kind, part in self._parts.items()})
        return {f"idf.{kind}": part.weigh.idf_ for kind, part in self._parts.items()}

    @classmethod
    def load(cls, folder: Path, ngrams: Ngrams, arrays: dict[str, FloatArray]) -> Self:
        features = cls(ngrams)
        for kind, terms in _read(folder / _VOCABULARY).items():
            features._parts[kind] = _Weighted(kind, ngrams, terms)
            features._parts[kind].weigh.idf_ = arrays[f"idf.{kind}"]
        return features


class NgramCounts:
    """How often each n-gram stands in each of some texts, counted once for all the fits of a training."""

    def __init__(self, texts: Iterable[str], ngrams: Ngrams):
        self._row = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        self._counts: dict[Kind, csr_matrix] = {}
        self.terms: dict[Kind, npt.NDArray[np.object_]] = {}
        for kind in _KINDS:
            if getattr(ngrams, kind) is not None:
                counter = _counter(kind, ngrams)
                # scikit-learn's word for "there is no n-gram of this kind".
                with contextlib.suppress(ValueError):
                    self._counts[kind] = _count(kind, counter.fit_transform, list(self._row))
                    self.terms[kind] = counter.get_feature_names_out()

    def holds(self, texts: Iterable[str]) -> bool:
        return all(text in self._row for text in texts)

    def rows(self, kind: Kind, texts: Iterable[str]) -> csr_matrix:
        """A row of counts a text, in the order of `terms`."""
        return self._counts[kind][[self._row[text] for text in texts]]


class _Weighted:
    """The TF-IDF of known n-grams of one kind; `columns` is where those stand among counted ones."""

    def __init__(self, kind: Kind, ngrams: Ngrams, terms: list[str], columns: npt.NDArray[np.intp] | None = None):
        self.kind: Kind = kind
        self.terms = terms
        self.columns = columns
        self.counter = _counter(kind, ngrams, terms)
        self.weigh = _tfidf(sublinear=True)

    def transform(self, texts: Sequence[str], counted: NgramCounts | None) -> csr_matrix:
        if counted is None:
            return csr_matrix(self.weigh.transform(_count(self.kind, self.counter.transform, texts)))
        return csr_matrix(self.weigh.transform(counted.rows(self.kind, texts)[:, self.columns]))  # type: ignore[index]


_KINDS: tuple[Kind, ...] = ("words", "chars")


def _counter(kind: Kind, ngrams: Ngrams, terms: Sequence[str] | None = None) -> CountVectorizer:
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(
        analyzer="word" if kind == "words" else "char_wb",
        ngram_range=getattr(ngrams, kind),
        # Single letters and digits carry meaning in names ("5G"); the default drops them.
        token_pattern=r"(?u)\b\w+\b" if kind == "words" else None,
        dtype=np.float32,
        vocabulary=terms,
    )


def _tfidf(*, sublinear: bool = False) -> TfidfTransformer:
    from sklearn.feature_extraction.text import TfidfTransformer

    return TfidfTransformer(sublinear_tf=sublinear)


def _dict_vectorizer() -> DictVectorizer:
    from sklearn.feature_extraction import DictVectorizer

    return DictVectorizer(dtype=np.float32)


def _count(kind: Kind, count: Callable[[Sequence[str]], csr_matrix], texts: Sequence[str]) -> csr_matrix:
    """Character n-grams do not cross white space: those of each distinct word are counted once."""
    if kind == "words":
        return count(texts)
    number: dict[str, int] = {}
    words: list[int] = []
    ends = [0]
    for text in texts:
        words += [number.setdefault(word, len(number)) for word in text.lower().split()]
        ends.append(len(words))
    of_texts = csr_matrix((np.ones(len(words), np.float32), words, ends), shape=(len(texts), len(number)))
    return csr_matrix(of_texts @ count(list(number)))


def _common(counts: csr_matrix, min_df: int, at_most: int) -> npt.NDArray[np.intp]:
    """Columns that stand in `min_df` rows or more; the most frequent where they are too many."""
    kept = np.flatnonzero(counts.getnnz(axis=0) >= min_df)
    if len(kept) > at_most:
        often = np.asarray(counts.sum(axis=0)).ravel()[kept]
        kept = np.sort(kept[np.argsort(-often, kind="stable")[:at_most]])
    return kept


class TargetFeatures:
    """Queries → sparse rows: the n-grams of the text, and the text as seen from its target.

    Where the text names the target, its words and word pairs are marked as left or right of it and
    count the less the farther off they stand: exp(-tokens between / 5). Without a place of the
    target that part of the row is empty.
    """

    REACH = 5.0

    def __init__(self, ngrams: Ngrams, counted: NgramCounts | None = None):
        self.texts = TextFeatures(ngrams, counted)
        self._seen = _dict_vectorizer()
        self._weigh = _tfidf()

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
            self._seen = _dict_vectorizer()
            return text
        self._seen.restrict(often)
        return _beside([text, self._weigh.fit_transform(rows[:, often])])

    def transform(self, queries: Sequence[Query]) -> csr_matrix:
        # A passage is asked about once for each of its topics.
        row = {text: row for row, text in enumerate(dict.fromkeys(query.text for query in queries))}
        text = self.texts.transform(list(row))[[row[query.text] for query in queries]]
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
    rows = csr_matrix(parts[0] if len(parts) == 1 else hstack(parts, format="csr"))
    # Once here, or else by every fit for itself.
    rows.sort_indices()
    return rows


def _write(path: Path, plain: object) -> None:
    path.write_text(json.dumps(plain, ensure_ascii=False), encoding="utf-8")


def _read(path: Path):  # type: ignore[no-untyped-def]
    return json.loads(path.read_text(encoding="utf-8"))
