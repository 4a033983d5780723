"""Classifiers whose log-odds are linear in an encoder's vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import expit

from models.encoders.device import select_device
from models.encoders.settings import EncoderSettings
from models.encoders.vectors import Vectors
from models.examples import FloatArray
from models.families.protocol import SETTINGS_FILE, FitContext, SavedFitted, write_settings
from models.families.regression import save_arrays
from models.saved_parts import Array, read_arrays, read_json

_WEIGHTS = "weights.safetensors"


class OnVectors:
    """Base of these classifiers: `coefficients` (labels, features) and `intercepts` (labels,) on `vectors`."""

    Saved: ClassVar[type[SavedFitted[Any]]]

    def __init__(self, settings: Any, vectors: Vectors):
        self.settings = settings
        self.vectors = vectors
        self.coefficients = np.zeros((0, 0))
        self.intercepts = np.zeros(0)

    @property
    def rounds(self) -> bool:
        return self.vectors.device.bf16

    def save(self, folder: Path) -> None:
        plain = self.settings.model_dump(mode="json")
        self._save(folder, self.Saved(kind=plain["kind"], settings=plain, precision=self.vectors.device.precision))

    def _save(self, folder: Path, saved: SavedFitted[Any]) -> None:
        write_settings(folder, saved)
        save_arrays(folder / _WEIGHTS, {"coefficients": self.coefficients, "intercepts": self.intercepts})
        self.vectors.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls._load(folder, read_json(folder / SETTINGS_FILE, cls.Saved), "topics")

    @classmethod
    def _load(cls, folder: Path, saved: SavedFitted[Any], *labels: int | str, blocks: int = 1) -> Self:
        """Load the vectors and the arrays (…labels, blocks · width) on them."""
        device = select_device(precision=saved.precision)
        model = cls(saved.settings, Vectors.load(folder, device, max_length=saved.settings.max_length))
        declared = {
            "coefficients": Array("F64", (*labels, blocks * model.vectors.width)),
            "intercepts": Array("F64", labels),
        }
        arrays = read_arrays(folder / _WEIGHTS, declared)
        model.coefficients, model.intercepts = arrays["coefficients"], arrays["intercepts"]
        return model


class TopicsOnVectors(OnVectors):
    """Scores each topic on its own."""

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        return np.asarray(expit(self.vectors.of(texts) @ self.coefficients.T + self.intercepts), dtype=np.float64)


def pretrained_vectors(settings: EncoderSettings, context: FitContext) -> Vectors:
    """Return the vectors of the encoder that the settings name, cached between runs."""
    return Vectors.of_encoder(settings.encoder, context.device(), max_length=settings.max_length)
