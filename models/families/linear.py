"""The linear family: logistic regression on TF-IDF and naive Bayes features of n-grams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field
from safetensors.numpy import load_file
from scipy.sparse import csr_matrix
from scipy.special import expit, softmax

from models.examples import FloatArray, Query, StanceExamples, TopicExamples, TrainingCallback
from models.families.ngrams import NgramCounts, Ngrams, TargetFeatures, TextFeatures
from models.families.protocol import FamilySettings, FitContext, read_settings, write_settings
from models.families.regression import Penalty, balanced_weights, label_votes, save_arrays

_WEIGHTS = "weights.safetensors"
_SMOOTHING = 0.1  # of TF-IDF weights: 0.03 to 0.2 gave the same in cross-validation on three data sets, 1 gave less


class LinearTopicsSettings(FamilySettings):
    """One-vs-rest logistic regression on TF-IDF and naive Bayes features; `c` is the inverse of the penalty."""

    kind: Literal["linear"] = "linear"
    c: Penalty = 100.0
    ngrams: Ngrams = Ngrams()


class LinearStanceSettings(FamilySettings):
    """Logistic regression on TF-IDF and naive Bayes features seen from the target.

    A target with at least `own_from` examples gets a model of its own beside the shared one.
    """

    kind: Literal["linear"] = "linear"
    c: Penalty = 2.0
    ngrams: Ngrams = Ngrams()
    own_from: Annotated[int, Field(ge=1)] = 60


class LinearTopics:
    """Logistic regressions, two a topic, on TF-IDF of word and character n-grams."""

    cross_fit = True

    def __init__(self, settings: LinearTopicsSettings, counts: NgramCounts | None = None):
        self.settings = settings
        self.features = TextFeatures(settings.ngrams, counts)
        self.coefficients = np.zeros((0, 0), dtype=np.float32)
        self.intercepts = np.zeros(0)

    @classmethod
    def factory(cls, settings: LinearTopicsSettings, context: FitContext) -> Callable[[], Self]:
        return partial(cls, settings, NgramCounts(_texts(context), settings.ngrams))

    def fit(self, train: TopicExamples, dev: TopicExamples, *, callback: TrainingCallback) -> Self:
        examples = train + dev
        x = self.features.fit_transform(examples.inputs)
        models = [_fit_topic(x, share, c=self.settings.c) for share in examples.y.T]
        self.coefficients = np.vstack([coefficients for coefficients, _ in models]).astype(np.float32)
        self.intercepts = np.array([intercept for _, intercept in models])
        return self

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        if not texts:
            return np.zeros((0, len(self.intercepts)))
        log_odds = self.features.transform(texts) @ self.coefficients.T + self.intercepts
        return np.asarray(expit(log_odds), dtype=np.float64)

    def save(self, folder: Path) -> None:
        write_settings(folder, "linear", settings=self.settings.model_dump(mode="json"))
        arrays = self.features.save(folder)
        save_arrays(folder / _WEIGHTS, arrays | {"coefficients": self.coefficients, "intercepts": self.intercepts})

    @classmethod
    def load(cls, folder: Path) -> Self:
        model = cls(LinearTopicsSettings.model_validate(read_settings(folder)["settings"]))
        arrays = load_file(folder / _WEIGHTS)
        model.features = model.features.load(folder, model.settings.ngrams, arrays)
        model.coefficients, model.intercepts = arrays["coefficients"], arrays["intercepts"]
        return model


class LinearStance:
    """A shared model of all targets, and one of its own for each target with enough examples.

    "One classifier per target" is the baseline that was hard to beat at SemEval-2016 Task 6; where a
    target has one, its probabilities and the shared model's are averaged.
    """

    cross_fit = True

    def __init__(self, settings: LinearStanceSettings, counts: NgramCounts | None = None):
        self.settings = settings
        self.features = TargetFeatures(settings.ngrams, counts)
        self.own: list[str] = []
        self.coefficients = np.zeros((0, 3, 0), dtype=np.float32)  # shared first, then those of `own`
        self.intercepts = np.zeros((0, 3))

    @classmethod
    def factory(cls, settings: LinearStanceSettings, context: FitContext) -> Callable[[], Self]:
        return partial(cls, settings, NgramCounts(_texts(context), settings.ngrams))

    def fit(self, train: StanceExamples, dev: StanceExamples, *, callback: TrainingCallback) -> Self:
        examples = train + dev
        x = self.features.fit_transform(examples.inputs)
        targets = np.array([query.target for query in examples.inputs], dtype=object)
        counts = Counter(targets)
        models = [_fit_stance(x, examples.y, c=self.settings.c)]
        self.own = sorted(target for target, count in counts.items() if self.settings.own_from <= count < len(examples))
        for target in self.own:
            rows = np.flatnonzero(targets == target)
            models.append(_fit_stance(x[rows], examples.y[rows], c=self.settings.c))
        self.coefficients = np.stack([coefficients for coefficients, _ in models]).astype(np.float32)
        self.intercepts = np.stack([intercepts for _, intercepts in models])
        return self

    def predict_proba(self, queries: Sequence[Query]) -> FloatArray:
        if not queries:
            return np.zeros((0, 3))
        x = self.features.transform(queries)
        shared = _softmax(x @ self.coefficients[0].T + self.intercepts[0])
        for position, target in enumerate(self.own, start=1):
            rows = np.flatnonzero([query.target == target for query in queries])
            if len(rows):
                own = _softmax(x[rows] @ self.coefficients[position].T + self.intercepts[position])
                shared[rows] = (shared[rows] + own) / 2
        return shared

    def save(self, folder: Path) -> None:
        write_settings(folder, "linear", settings=self.settings.model_dump(mode="json"), own=self.own)
        arrays = self.features.save(folder)
        save_arrays(folder / _WEIGHTS, arrays | {"coefficients": self.coefficients, "intercepts": self.intercepts})

    @classmethod
    def load(cls, folder: Path) -> Self:
        saved = read_settings(folder)
        model = cls(LinearStanceSettings.model_validate(saved["settings"]))
        model.own = saved["own"]
        arrays = load_file(folder / _WEIGHTS)
        model.features = model.features.load(folder, model.settings.ngrams, arrays)
        model.coefficients, model.intercepts = arrays["coefficients"], arrays["intercepts"]
        return model


def _texts(context: FitContext) -> list[str]:
    return [given.text if isinstance(given, Query) else given for given in context.examples.inputs]


def _fit_topic(x: csr_matrix, share: FloatArray, *, c: float) -> tuple[FloatArray, float]:
    """The mean of two logistic regressions, itself one linear model: one on the n-grams, one on NB features.

    NB features are n-grams times the log-ratio of how often they stand with the topic and without (Wang and
    Manning 2012): they bring the few words forward that name a rare topic, the plain ones keep the many that
    go with it. Together they rank better than either. `share` is learnt as that much of a yes and the rest
    of a no.
    """
    if share.max() == share.min():
        return np.zeros(x.shape[1]), _log_odds(share[0])
    plain, bias = _fit_binary(x, share, c=c)
    nb, nb_bias = _fit_nb(x, share, c=c / 10)
    return (plain + nb) / 2, (bias + nb_bias) / 2


def _fit_nb(x: csr_matrix, share: FloatArray, *, c: float) -> tuple[FloatArray, float]:
    """Coefficients of the n-grams themselves, learnt from NB features."""
    ratio = _log_ratio(x, share)
    features = csr_matrix((x.data * ratio[x.indices], x.indices, x.indptr), shape=x.shape)
    coefficients, intercept = _fit_binary(features, share, c=c)
    return coefficients * ratio, intercept


def _fit_binary(x: csr_matrix, share: FloatArray, *, c: float) -> tuple[FloatArray, float]:
    rows, labels, votes = label_votes(np.column_stack([1 - share, share]))
    if labels.min() == labels.max():
        return np.zeros(x.shape[1]), _log_odds(share.mean())
    # The dual is solved in a fraction of the time of the primal. Of many examples none moves the whole much:
    # solved more closely, they were ranked the same to the third digit on three data sets.
    tol = min(max(len(share) / 10_000, 0.01), 1.0)
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=c, solver="liblinear", dual=True, tol=tol, max_iter=1000, random_state=0)
    # Without mixed votes the rows are those of x, which need no copy.
    model.fit(x[rows] if len(rows) > x.shape[0] else x, labels, sample_weight=votes * balanced_weights(labels, votes))
    return model.coef_[0], float(model.intercept_[0])


def _log_odds(share: float) -> float:
    """Where there is nothing to tell apart: the share itself, never quite sure."""
    sure = np.clip(share, 0.001, 0.999)
    return float(np.log(sure / (1 - sure)))


def _log_ratio(x: csr_matrix, share: FloatArray) -> npt.NDArray[np.float32]:
    """(features,): log of how much of each feature goes with the share, over how much goes without it."""
    found = [weights @ x + _SMOOTHING for weights in (share, 1 - share)]
    there, elsewhere = (amounts / amounts.sum() for amounts in found)
    return np.asarray(np.log(there / elsewhere), dtype=np.float32)


def _fit_stance(x: csr_matrix, shares: FloatArray, *, c: float) -> tuple[FloatArray, FloatArray]:
    """(3, features) and (3,): the mean of a multinomial regression and one on NB features for each stance.

    A stance that nobody gave is given next to no probability.
    """
    rows, labels, votes = label_votes(shares)
    given = np.unique(labels)
    coefficients, intercepts = np.zeros((3, x.shape[1])), np.full(3, -10.0)
    if len(given) == 1:
        intercepts[given] = 0.0
        return coefficients, intercepts
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=c, max_iter=500, tol=1e-3)
    model.fit(x[rows], labels, sample_weight=votes * balanced_weights(labels, votes))
    if len(given) == 2:
        # Two classes have one row of coefficients: half for the one, half against the other.
        coefficients[given] = np.vstack([-model.coef_[0], model.coef_[0]]) / 2
        intercepts[given] = np.array([-model.intercept_[0], model.intercept_[0]]) / 2
    else:
        coefficients, intercepts = model.coef_, model.intercept_
    for stance in given:
        nb, intercept = _fit_nb(x, shares[:, stance], c=c / 4)
        coefficients[stance] = (coefficients[stance] + nb) / 2
        intercepts[stance] = (intercepts[stance] + intercept) / 2
    return coefficients, intercepts


def _softmax(log_odds: npt.NDArray[np.float32] | FloatArray) -> FloatArray:
    return np.asarray(softmax(log_odds, axis=1), dtype=np.float64)
