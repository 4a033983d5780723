"""Settings shared by the families with an encoder; light to import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from labels.config_paths import exists, resolve
from labels.files import Frozen


def _local_folder(name: str, info: ValidationInfo) -> str:
    """Return the path of a local folder from a config, and any other name (a Hub id, a model's address) unchanged."""
    folder = resolve(Path(name), info)
    return str(folder) if exists(folder) and folder.is_dir() else name


LocalOrNamed = Annotated[str, Field(min_length=1), AfterValidator(_local_folder)]


class EncoderSettings(Frozen):
    """Settings of every family with an encoder.

    `encoder` is a Hub id, a local folder, or `package:NAME/FOLDER`. A text of more than `max_length` tokens is read
    in overlapping windows.
    """

    encoder: LocalOrNamed
    max_length: Annotated[int, Field(ge=16, le=8192)] = 256


class FinetuneSettings(EncoderSettings):
    """Settings of fine-tuning.

    The learning rate rises over the first `warmup` of the steps (a fraction) and then falls linearly to zero. Training
    stops when the dev score has not improved for `patience` epochs, and the best epoch is kept. With `cross_fit`, six
    models are fitted: five leave out one fold each and predict it for calibration, and the last is trained on train and
    dev for all `epochs`. `init` is an earlier model of the same kind (`runs:/…`, `models:/…` or a folder) to start
    from.
    """

    epochs: Annotated[int, Field(ge=1, le=1000)] = 5
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 1e-4
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = 0.01
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    patience: Annotated[int, Field(ge=1)] = 2
    cross_fit: bool = False
    init: LocalOrNamed | None = None

    @model_validator(mode="after")
    def _must_not_combine(self) -> Self:
        if self.cross_fit and self.init:
            raise ValueError("init and cross_fit are mutually exclusive: the earlier model may have seen every fold")
        return self


class ContrastiveSettings(EncoderSettings):
    """Settings of contrastive training.

    Each example comes first in `pairs` pairs. Training takes as many steps as these pairs need, but at most `steps`.
    `cross_fit` works as in `FinetuneSettings`.
    """

    pairs: Annotated[int, Field(ge=2, le=1000)] = 20
    steps: Annotated[int, Field(ge=1, le=100_000)] = 300
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 16
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 5e-5
    cross_fit: bool = False
