"""The linear family: logistic regression on TF-IDF and naive Bayes features of n-grams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, hstack
from scipy.special import expit, logit

from models.examples import FloatArray, Query, StanceExamples, TopicExamples, TrainingCallback
from models.families.ngrams import NgramCounts, Ngrams, TargetFeatures, TextFeatures
from models.families.protocol import SETTINGS_FILE, FamilySettings, FitContext, SavedFitted, write_settings
from models.families.regression import (
    Fit,
    Fitted,
    OwnFrom,
    Penalty,
    balanced_weights,
    class_coefficients,
    fit_own,
    label_votes,
    predict_by_target,
    save_arrays,
    stack,
)
from models.saved_parts import Array, Names, read_arrays, read_json

_WEIGHTS = "weights.safetensors"
_SMOOTHING = 0.1  # of TF-IDF weights: 0.03 to 0.2 did as well in cross-validation on three data sets, 1 did worse
FEWEST_OF_TARGET = 5
"""Minimum number of examples from which a target's stances are told from those toward other targets."""
_MOST_CROSSED = 50
_TARGET_WEIGHT = 0.5  # of the column of a target: a prior of its stances
_NEVER = -10.0  # log-odds of a stance that no example has


class LinearTopicsSettings(FamilySettings):
    """One-vs-rest logistic regression on TF-IDF and naive Bayes features; `c` is the inverse of the penalty."""

    kind: Literal["linear"] = "linear"
    c: Penalty = 100.0
    ngrams: Ngrams = Ngrams()


class LinearStanceSettings(FamilySettings):
    """Logistic regression on TF-IDF and naive Bayes features of the text and of the target's context.

    A target with at least `own_from` examples gets a separate model in addition to the shared one. For a target with
    fewer, the shared model learns how its stances differ from those toward all targets.
    """

    kind: Literal["linear"] = "linear"
    c: Penalty = 2.0
    ngrams: Ngrams = Ngrams()
    own_from: OwnFrom = 60


_SavedTopics = SavedFitted[LinearTopicsSettings]


class _SavedStance(SavedFitted[LinearStanceSettings]):
    own: Names
    # Models saved by older versions do not have this field.
    crossed: Names = ()


class _Linear:
    """Base of the topic and stance classifiers."""

    cross_fit = True

    def __init__(self, settings: Any, features: Any):
        self.settings = settings
        self.features = features
        self.coefficients: npt.NDArray[np.float32] = np.zeros((0, 0), dtype=np.float32)
        self.intercepts = np.zeros(0)

    @classmethod
    def factory(cls, settings: Any, context: FitContext) -> Callable[[], Self]:
        new: Callable[..., Self] = cls
        return partial(new, settings, NgramCounts(_texts(context), settings.ngrams))

    def _save(self, folder: Path, saved: SavedFitted[Any]) -> None:
        write_settings(folder, saved)
        arrays = self.features.save(folder)
        save_arrays(folder / _WEIGHTS, arrays | {"coefficients": self.coefficients, "intercepts": self.intercepts})

    def _load_arrays(self, folder: Path, *labels: int | str) -> None:
        """Load the features, and the arrays (…labels, features) on them."""
        vocabulary = self.features.read_vocabulary(folder)
        idf = {name: Array("F32", (len(terms),)) for name, terms in vocabulary.items()}
        arrays = read_arrays(
            folder / _WEIGHTS,
            idf
            | {
                "coefficients": Array("F32", (*labels, sum(map(len, vocabulary.values())))),
                "intercepts": Array("F64", labels),
            },
        )
        self.features.restore(vocabulary, arrays)
        self.coefficients, self.intercepts = arrays["coefficients"], arrays["intercepts"]


class LinearTopics(_Linear):
    """Two logistic regressions per topic on the TF-IDF of word and character n-grams."""

    def __init__(self, settings: LinearTopicsSettings, counts: NgramCounts | None = None):
        super().__init__(settings, TextFeatures(settings.ngrams, counts))

    def fit(self, train: TopicExamples, dev: TopicExamples, *, callback: TrainingCallback) -> Self:
        examples = train + dev
        x = self.features.fit_transform(examples.inputs)
        models = [_fit_topic(x, topic, c=self.settings.c) for topic in examples.y.T]
        self.coefficients = np.vstack([coefficients for coefficients, _ in models]).astype(np.float32)
        self.intercepts = np.array([intercept for _, intercept in models])
        return self

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        if not texts:
            return np.zeros((0, len(self.intercepts)))
        log_odds = self.features.transform(texts) @ self.coefficients.T + self.intercepts
        return np.asarray(expit(log_odds), dtype=np.float64)

    def save(self, folder: Path) -> None:
        self._save(folder, _SavedTopics(kind="linear", settings=self.settings))

    @classmethod
    def load(cls, folder: Path) -> Self:
        model = cls(read_json(folder / SETTINGS_FILE, _SavedTopics).settings)
        model._load_arrays(folder, "topics")
        return model


class LinearStance(_Linear):
    """Multinomial and NB regressions: one shared by all targets, and one for each target with enough examples.

    `coefficients` (models, 3, features) and `intercepts` (models, 3) have the shared model first, then those of `own`,
    then those of `crossed`, the targets with a few examples.
    """

    def __init__(self, settings: LinearStanceSettings, counts: NgramCounts | None = None):
        super().__init__(settings, TargetFeatures(settings.ngrams, counts))
        self.own: list[str] = []
        self.crossed: list[str] = []

    def fit(self, train: StanceExamples, dev: StanceExamples, *, callback: TrainingCallback) -> Self:
        examples = train + dev
        x = self.features.fit_transform(examples.inputs)
        fit_ = partial(_fit_stance, c=self.settings.c)
        self.own, own_models = fit_own(x, examples, fit_, own_from=self.settings.own_from)
        self.crossed = _crossed_targets(examples, self.settings.own_from)
        shared, crossed_models = _fit_crossed(x, examples, self.crossed, fit_)
        coefficients, self.intercepts = stack([shared, *own_models, *crossed_models])
        self.coefficients = coefficients.astype(np.float32)
        return self

    def predict_proba(self, queries: Sequence[Query]) -> FloatArray:
        if not queries:
            return np.zeros((0, 3))
        return predict_by_target(
            self.features.transform(queries),
            queries,
            self.own,
            self.coefficients,
            self.intercepts,
            crossed=self.crossed,
        )

    def save(self, folder: Path) -> None:
        self._save(
            folder,
            _SavedStance(kind="linear", settings=self.settings, own=tuple(self.own), crossed=tuple(self.crossed)),
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        saved = read_json(folder / SETTINGS_FILE, _SavedStance)
        model = cls(saved.settings)
        model.own, model.crossed = list(saved.own), list(saved.crossed)
        model._load_arrays(folder, 1 + len(saved.own) + len(saved.crossed), 3)
        return model


def _texts(context: FitContext) -> list[str]:
    return [example.text if isinstance(example, Query) else example for example in context.examples.inputs]


def _fit_topic(x: csr_matrix, y: FloatArray, *, c: float) -> tuple[FloatArray, float]:
    """Return the mean of two logistic regressions, itself a linear model: one on the n-grams, one on their NB features.

    NB features are n-grams times the log-ratio of their frequencies with and without the topic (Wang and Manning
    2012). They bring out the few words that name a rare topic; the plain n-grams keep the many that go with it.
    Together they rank better than either. `y` (n,) holds the fraction of votes for the topic.
    """
    if y.max() == y.min():
        return np.zeros(x.shape[1]), _log_odds(y[0])
    plain, plain_intercept = _fit_binary(x, y, c=c)
    nb, nb_intercept = _fit_nb(x, y, c=c / 10)
    return (plain + nb) / 2, (plain_intercept + nb_intercept) / 2


def _fit_nb(x: csr_matrix, y: FloatArray, *, c: float) -> tuple[FloatArray, float]:
    """Fit a regression on NB features, and return its coefficients on the n-grams themselves."""
    ratio = _log_ratio(x, y)
    features = csr_matrix((x.data * ratio[x.indices], x.indices, x.indptr), shape=x.shape)
    coefficients, intercept = _fit_binary(features, y, c=c)
    return coefficients * ratio, intercept


def _fit_binary(x: csr_matrix, y: FloatArray, *, c: float) -> tuple[FloatArray, float]:
    from sklearn.linear_model import LogisticRegression

    rows, labels, votes = label_votes(np.column_stack([1 - y, y]))
    if labels.min() == labels.max():
        return np.zeros(x.shape[1]), _log_odds(y.mean())
    # The dual problem is much faster to solve than the primal. With many examples a loose tolerance is enough:
    # a tighter one left the ranking of texts the same to the third digit on three data sets.
    tol = min(max(len(y) / 10_000, 0.01), 1.0)
    model = LogisticRegression(C=c, solver="liblinear", dual=True, tol=tol, max_iter=1000, random_state=0)
    # Without mixed votes, x[rows] would only be a copy of x.
    model.fit(x[rows] if len(rows) > x.shape[0] else x, labels, sample_weight=votes * balanced_weights(labels, votes))
    return model.coef_[0], float(model.intercept_[0])


def _log_odds(fraction: float) -> float:
    """Return the log-odds from a label's fraction of votes alone, without any features, kept away from certainty."""
    return float(logit(np.clip(fraction, 0.001, 0.999)))


def _log_ratio(x: csr_matrix, y: FloatArray) -> npt.NDArray[np.float32]:
    """Return (features,): the log-ratio of the frequency of each feature with the label and without it."""
    with_label, without_label = (votes @ x + _SMOOTHING for votes in (y, 1 - y))
    return np.asarray(np.log(with_label / with_label.sum() / (without_label / without_label.sum())), dtype=np.float32)


def _crossed_targets(examples: StanceExamples, own_from: int) -> list[str]:
    """Return the most frequent targets with enough examples to be told apart, but too few for a model of their own."""
    counts = Counter(query.target for query in examples.inputs)
    if len(counts) < 2:
        return []
    few = [target for target, count in counts.most_common() if FEWEST_OF_TARGET <= count < own_from]
    return sorted(few[:_MOST_CROSSED])


def _fit_crossed(x: csr_matrix, examples: StanceExamples, targets: list[str], fit: Fit) -> tuple[Fitted, list[Fitted]]:
    """Fit the shared model, and return it with one for each of the targets: its sum with what is learned for the target.

    The features are crossed with the targets: beside the column of an n-gram for all examples there is one for those of
    each target (Daumé 2007). Without it, all topics of a passage would get the same stance. On the starter corpus cut
    to 10, 20 and 40 labels per topic, this raised macro-F1 on dev by 0.04 to 0.05; separate models did half as well.
    """
    target_of = np.array([query.target for query in examples.inputs], dtype=object)
    is_of = np.column_stack([target_of == target for target in targets]) if targets else np.zeros((len(examples), 0))
    blocks = [csr_matrix(x.multiply(is_of[:, [place]])) for place in range(len(targets))]
    # An n-gram that no example of a target has learns nothing for it.
    columns = [np.unique(block.indices) for block in blocks]
    parts = [x, *(block[:, kept] for block, kept in zip(blocks, columns, strict=True))]
    coefficients, intercepts = fit(csr_matrix(hstack([*parts, csr_matrix(is_of * _TARGET_WEIGHT)])), examples.y)
    ends = np.cumsum([part.shape[1] for part in parts])
    shared = coefficients[:, : ends[0]]
    models = []
    for place, kept in enumerate(columns):
        of_target = shared.copy()
        of_target[:, kept] += coefficients[:, ends[place] : ends[place + 1]]
        models.append((of_target, intercepts + coefficients[:, ends[-1] + place] * _TARGET_WEIGHT))
    return (shared, intercepts), models


def _fit_stance(x: csr_matrix, y: FloatArray, *, c: float) -> tuple[FloatArray, FloatArray]:
    """Return coefficients (3, features) and intercepts (3,): the mean of a multinomial and of NB regressions."""
    from sklearn.linear_model import LogisticRegression

    rows, labels, votes = label_votes(y)
    present = np.unique(labels)
    if len(present) == 1:
        intercepts = np.full(3, _NEVER)
        intercepts[present] = 0.0
        return np.zeros((3, x.shape[1])), intercepts
    model = LogisticRegression(C=c, max_iter=500, tol=1e-3)
    model.fit(x[rows], labels, sample_weight=votes * balanced_weights(labels, votes))
    coefficients, intercepts = class_coefficients(model, 3, never=_NEVER)
    for stance in present:
        nb, nb_intercept = _fit_nb(x, y[:, stance], c=c / 4)
        coefficients[stance] = (coefficients[stance] + nb) / 2
        intercepts[stance] = (intercepts[stance] + nb_intercept) / 2
    return coefficients, intercepts
