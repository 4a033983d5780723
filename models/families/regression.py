"""Logistic regressions on soft labels, shared by several families."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field
from safetensors.numpy import save_file

from models.examples import FloatArray

Penalty = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""The inverse strength of the L2 penalty, as scikit-learn's `C`."""
NEVER = -30.0
"""Log-odds of a label that no example has."""


def fit_one_vs_rest(x: npt.NDArray[Any], y: FloatArray, *, c: float) -> tuple[FloatArray, FloatArray]:
    """Return coefficients (topics, features) and intercepts (topics,): the log-odds of each topic on its own."""
    heads = [fit_multinomial(x, np.column_stack([share, 1 - share]), c=c) for share in y.T]
    return (
        np.vstack([coefficients[0] - coefficients[1] for coefficients, _ in heads]),
        np.array([intercepts[0] - intercepts[1] for _, intercepts in heads]),
    )


def fit_multinomial(x: npt.NDArray[Any], shares: FloatArray, *, c: float) -> tuple[FloatArray, FloatArray]:
    """Return coefficients (labels, features) and intercepts (labels,) of a class-balanced multinomial regression."""
    from sklearn.linear_model import LogisticRegression

    rows, labels, votes = label_votes(shares)
    present = np.unique(labels)
    coefficients, intercepts = np.zeros((shares.shape[1], x.shape[1])), np.full(shares.shape[1], NEVER)
    if len(present) == 1:
        intercepts[present] = 0.0
        return coefficients, intercepts
    if (shares == shares[0]).all():
        # All examples are labelled alike: the features cannot tell the labels apart.
        intercepts[present] = np.log(shares[0, present])
        return coefficients, intercepts
    model = LogisticRegression(C=c, max_iter=1000)
    model.fit(x[rows], labels, sample_weight=votes * balanced_weights(labels, votes))
    if len(present) == 2:
        # Two classes have one row of coefficients: half for the one, half against the other.
        coefficients[present] = np.vstack([-model.coef_[0], model.coef_[0]]) / 2
        intercepts[present] = np.array([-model.intercept_[0], model.intercept_[0]]) / 2
        return coefficients, intercepts
    return model.coef_, model.intercept_


def label_votes(shares: FloatArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], FloatArray]:
    """Return (rows, labels, votes): an entry for each label of a row with more than a negligible share of votes."""
    rows, labels = np.nonzero(shares > 0.001)
    return rows, labels, shares[rows, labels]


def balanced_weights(labels: npt.NDArray[np.intp], votes: FloatArray) -> FloatArray:
    """Return weights that give every label the same total; a label with less than one vote in all is not raised."""
    sums = np.bincount(labels, weights=votes)
    sums[sums > 0] = np.maximum(sums[sums > 0], 1.0)
    return np.asarray(votes.sum() / (np.count_nonzero(sums) * sums[labels]))


def save_arrays(file: Path, arrays: dict[str, npt.NDArray[Any]]) -> None:
    # safetensors writes the memory as it lies: an array in another order would be read back wrong.
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, file)
