"""Classifiers whose log-odds are linear in an encoder's vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from safetensors.numpy import load_file
from scipy.special import expit

from models.encoders.device import select_device
from models.encoders.settings import EncoderSettings
from models.encoders.vectors import Vectors
from models.examples import FloatArray
from models.families.protocol import FitContext, read_settings, write_settings
from models.families.regression import save_arrays

_WEIGHTS = "weights.safetensors"


class OnVectors:
    """Base of these classifiers: `coefficients` (labels, features) and `intercepts` (labels,) on `vectors`."""

    Settings: ClassVar[type[EncoderSettings]]

    def __init__(self, settings: Any, vectors: Vectors):
        self.settings = settings
        self.vectors = vectors
        self.coefficients = np.zeros((0, 0))
        self.intercepts = np.zeros(0)

    def save(self, folder: Path) -> None:
        self._save(folder)

    def _save(self, folder: Path, **fitted: Any) -> None:
        plain = self.settings.model_dump(mode="json")
        write_settings(folder, plain["kind"], settings=plain, precision=self.vectors.device.precision, **fitted)
        save_arrays(folder / _WEIGHTS, {"coefficients": self.coefficients, "intercepts": self.intercepts})
        self.vectors.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        saved = read_settings(folder)
        settings = cls.Settings.model_validate(saved["settings"])
        device = select_device(precision=saved["precision"])
        model = cls(settings, Vectors.load(folder, device, max_length=settings.max_length))
        arrays = load_file(folder / _WEIGHTS)
        model.coefficients, model.intercepts = arrays["coefficients"], arrays["intercepts"]
        return model


class TopicsOnVectors(OnVectors):
    """Scores each topic on its own."""

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        return np.asarray(expit(self.vectors.of(texts) @ self.coefficients.T + self.intercepts), dtype=np.float64)


def pretrained_vectors(settings: EncoderSettings, context: FitContext) -> Vectors:
    """Return the vectors of the encoder that the settings name, cached between runs."""
    return Vectors.of_encoder(settings.encoder, context.device(), max_length=settings.max_length)
