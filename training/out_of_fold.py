"""The result of a fit that calibration needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from models.examples import FloatArray

Model = TypeVar("Model")


@dataclass(frozen=True)
class OutOfFold(Generic[Model]):
    """A fitted model with predictions that calibrate it.

    `raw` holds probabilities and `y` the gold of rows that the predicting model was not trained on. If the family is
    cross-fitted, these are train followed by dev, and `model` is trained on both; otherwise they are dev only.
    `train_model` is trained only on train and may be evaluated on dev; it is None without dev.
    """

    raw: FloatArray
    y: FloatArray
    model: Model
    train_model: Model | None
