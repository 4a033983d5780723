"""Logistic regressions on soft labels, shared by several families."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field
from safetensors.numpy import save_file
from scipy.special import softmax

from models.examples import FloatArray, Query, StanceExamples

Fitted = tuple[FloatArray, FloatArray]
"""Coefficients (labels, features) and intercepts (labels,)."""
Fit = Callable[[Any, FloatArray], Fitted]
Penalty = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""The inverse strength of the L2 penalty, as scikit-learn's `C`."""
OwnFrom = Annotated[int, Field(ge=1)]
"""The number of examples from which a target gets a model of its own."""
NEVER = -30.0
"""Log-odds of a label that no example has."""


def fit_one_vs_rest(x: npt.NDArray[Any], y: FloatArray, *, c: float) -> tuple[FloatArray, FloatArray]:
    """Return coefficients (topics, features) and intercepts (topics,): the log-odds of each topic on its own."""
    heads = [fit_multinomial(x, np.column_stack([topic, 1 - topic]), c=c) for topic in y.T]
    return (
        np.vstack([coefficients[0] - coefficients[1] for coefficients, _ in heads]),
        np.array([intercepts[0] - intercepts[1] for _, intercepts in heads]),
    )


def fit_multinomial(x: npt.NDArray[Any], y: FloatArray, *, c: float) -> tuple[FloatArray, FloatArray]:
    """Return coefficients (labels, features) and intercepts (labels,) of a class-balanced multinomial regression."""
    from sklearn.linear_model import LogisticRegression

    rows, labels, votes = label_votes(y)
    present = np.unique(labels)
    if len(present) == 1 or (y == y[0]).all():
        # All examples are labelled the same: the features cannot separate the labels.
        intercepts = np.full(y.shape[1], NEVER)
        intercepts[present] = np.log(y[0, present]) if len(present) > 1 else 0.0
        return np.zeros((y.shape[1], x.shape[1])), intercepts
    model = LogisticRegression(C=c, max_iter=1000)
    model.fit(x[rows], labels, sample_weight=votes * balanced_weights(labels, votes))
    return class_coefficients(model, y.shape[1], never=NEVER)


def fit_by_target(x: Any, examples: StanceExamples, fit: Fit, *, own_from: int) -> tuple[list[str], list[Fitted]]:
    """Fit a model shared by all targets, and one for each target with at least `own_from` examples.

    One classifier per target is the baseline that was hard to beat at SemEval-2016 Task 6. `x` has the features of the
    examples. Return the targets with a model of their own, and the models; the shared model comes first.
    """
    own, models = fit_own(x, examples, fit, own_from=own_from)
    return own, [fit(x, examples.y), *models]


def fit_own(x: Any, examples: StanceExamples, fit: Fit, *, own_from: int) -> tuple[list[str], list[Fitted]]:
    """Return the targets with at least `own_from` examples, unless there is no other, and a model for each."""
    targets = np.array([query.target for query in examples.inputs], dtype=object)
    own = sorted(target for target, count in Counter(targets).items() if own_from <= count < len(examples))
    rows_of = [np.flatnonzero(targets == target) for target in own]
    return own, [fit(x[rows], examples.y[rows]) for rows in rows_of]


def stack(models: Sequence[Fitted]) -> Fitted:
    """Return coefficients (models, 3, features) and intercepts (models, 3)."""
    return (
        np.stack([coefficients for coefficients, _ in models]),
        np.stack([intercepts for _, intercepts in models]),
    )


def predict_by_target(
    x: Any,
    queries: Sequence[Query],
    own: Sequence[str],
    coefficients: npt.NDArray[Any],
    intercepts: FloatArray,
    *,
    crossed: Sequence[str] = (),
) -> FloatArray:
    """Return probabilities (n, 3): the shared model's, averaged with those of the target's own model if it has one.

    The models of the `crossed` targets, which come last, take the place of the shared one.
    """
    probabilities = softmax(x @ coefficients[0].T + intercepts[0], axis=1)
    for position, target in enumerate([*own, *crossed], start=1):
        rows = np.flatnonzero([query.target == target for query in queries])
        if len(rows):
            of_target = softmax(x[rows] @ coefficients[position].T + intercepts[position], axis=1)
            probabilities[rows] = of_target if position > len(own) else (probabilities[rows] + of_target) / 2
    return np.asarray(probabilities, dtype=np.float64)


def class_coefficients(model: Any, classes: int, *, never: float) -> tuple[FloatArray, FloatArray]:
    """Return coefficients (classes, features) and intercepts (classes,) of a fitted multinomial regression.

    A class without an example has coefficients of zero and the intercept `never`.
    """
    coefficients, intercepts = np.zeros((classes, model.coef_.shape[1])), np.full(classes, never)
    present = model.classes_
    if len(present) == 2:
        # scikit-learn keeps one row for two classes: half of it is for one class, half against the other.
        coefficients[present] = np.vstack([-model.coef_[0], model.coef_[0]]) / 2
        intercepts[present] = np.array([-model.intercept_[0], model.intercept_[0]]) / 2
    else:
        coefficients[present], intercepts[present] = model.coef_, model.intercept_
    return coefficients, intercepts


def label_votes(y: FloatArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], FloatArray]:
    """Return (rows, labels, votes): an entry for each label of a row with more than a negligible fraction of votes."""
    rows, labels = np.nonzero(y > 0.001)
    return rows, labels, y[rows, labels]


def balanced_weights(labels: npt.NDArray[np.intp], votes: FloatArray) -> FloatArray:
    """Return weights that give every label the same total; a label with less than one vote in all counts as having one."""
    sums = np.bincount(labels, weights=votes)
    sums[sums > 0] = np.maximum(sums[sums > 0], 1.0)
    return np.asarray(votes.sum() / (np.count_nonzero(sums) * sums[labels]))


def save_arrays(file: Path, arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Save arrays in safetensors."""
    # safetensors writes an array's memory unchanged: an array in another order would be read back wrong.
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, file)
