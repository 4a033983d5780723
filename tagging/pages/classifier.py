"""Classify the blocks of a page as body or boilerplate by logistic regression.

The weights in `weights.json` were fitted by `benchmarks/pages.py` on pages whose bodies were taken by hand. The file is
readable: a weight for each column of `tagging.pages.features`.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tagging.pages.features import Table

WEIGHTS_FILE = Path(__file__).with_name("weights.json")


class Weights(NamedTuple):
    """A logistic regression over named columns; a block is body at a probability of at least `threshold`."""

    columns: dict[str, float]
    intercept: float
    threshold: float


@cache
def read_weights(path: Path = WEIGHTS_FILE) -> Weights:
    """Return the weights in the file."""
    return Weights(**json.loads(path.read_text(encoding="utf-8")))


def body_probabilities(table: Table, names: list[str], weights: Weights) -> npt.NDArray[np.float64]:
    """Return for each row the probability that the block is part of the body."""
    columns = np.array([weights.columns[name] for name in names])
    scores = table @ columns + weights.intercept
    return np.asarray(1 / (1 + np.exp(-scores)), dtype=np.float64)
