"""Estimate how reliable each annotator is and, from that, the true labels (Dawid and Skene 1979)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.special import softmax

ITERATIONS = 200
"""Maximum number of EM iterations."""
TOLERANCE = 1e-4
"""EM has converged once no probability changes by more than this."""
_SMALLEST = 1e-10
"""Lower bound of expected counts and priors: log 0 or 0/0 would leave an item without probabilities."""


def probabilities(votes: Iterable[tuple[int, str, str]], labels: Sequence[str]) -> dict[int, npt.NDArray[np.float64]]:
    """Return the probability of each label for each item by expectation-maximisation.

    `votes` holds (item, annotator, label); an annotator may vote on an item more than once. The first estimate is
    each item's vote proportions. A label that nobody voted for has probability 0.
    """
    votes = list(votes)
    if not votes:
        return {}
    items, item = np.unique([vote[0] for vote in votes], return_inverse=True)
    _, annotator = np.unique([vote[1] for vote in votes], return_inverse=True)
    classes, label = np.unique([labels.index(vote[2]) for vote in votes], return_inverse=True)
    # A cell is a label that an annotator used: one row of the annotator's confusion matrix.
    cells, cell = np.unique(annotator * len(classes) + label, return_inverse=True)
    votes_of_item, votes_of_cell, cells_of_annotator = map(_membership, (item, cell, cells // len(classes)))

    posterior = votes_of_item @ np.eye(len(classes))[label]
    posterior /= posterior.sum(axis=1, keepdims=True)
    for _ in range(ITERATIONS):
        # M-step: class priors, and P(vote | true class) of each annotator.
        prior = np.maximum(posterior.mean(axis=0), _SMALLEST)
        counts = np.maximum(votes_of_cell @ posterior[item], _SMALLEST)
        confusion = counts / (cells_of_annotator @ counts)[cells // len(classes)]
        # E-step: P(true class | votes) of each item.
        previous = posterior
        posterior = softmax(np.log(prior) + votes_of_item @ np.log(confusion)[cell], axis=1)
        if np.abs(posterior - previous).max() <= TOLERANCE:
            break

    table = np.zeros((len(items), len(labels)))
    table[:, classes] = posterior
    return dict(zip(items.tolist(), table, strict=True))


def _membership(group: npt.NDArray[np.int64]) -> csr_array:
    """Return a (groups, members) matrix of 0 and 1 that sums values by group when multiplied by them."""
    members = np.arange(len(group))
    return csr_array((np.ones(len(group)), (group, members)), shape=(group.max() + 1, len(group)))
