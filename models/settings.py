"""What can be set of each family, as it stands in a config; light to import."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from labels.files import Frozen


def _ascending(sizes: tuple[int, int]) -> tuple[int, int]:
    if sizes[0] > sizes[1]:
        raise ValueError(f"{list(sizes)} is not a range; write the smaller size first")
    return sizes


Range = Annotated[tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]], AfterValidator(_ascending)]
Penalty = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Ngrams(Frozen):
    """Which n-grams count: of words, and of characters within words. Null leaves a kind out."""

    words: Range | None = (1, 2)
    chars: Range | None = (2, 5)
    min_df: Annotated[int, Field(ge=1)] = 2
    max_features: Annotated[int, Field(ge=1)] = 200_000

    @model_validator(mode="after")
    def _some_kind(self) -> Self:
        if self.words is None and self.chars is None:
            raise ValueError("neither words nor chars; give at least one kind of n-gram")
        return self


class LinearTopicsSettings(Frozen):
    """One-vs-rest logistic regression on TF-IDF and NB features; `c` is the inverse of the penalty."""

    kind: Literal["linear"] = "linear"
    c: Penalty = 100.0
    ngrams: Ngrams = Ngrams()


class LinearStanceSettings(Frozen):
    """Logistic regression on TF-IDF and NB features seen from the target.

    A target with at least `own_from` examples gets a model of its own beside the shared one.
    """

    kind: Literal["linear"] = "linear"
    c: Penalty = 2.0
    ngrams: Ngrams = Ngrams()
    own_from: Annotated[int, Field(ge=1)] = 60


Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "bf16", "fp32"]


class Encoded(Frozen):
    """What every family with an encoder can set.

    `encoder` is a Hub id, a local folder, or `package:NAME/FOLDER`. A text of more than `max_length` tokens is
    read in windows that overlap.
    """

    encoder: Annotated[str, Field(min_length=1)]
    max_length: Annotated[int, Field(ge=16, le=8192)] = 256


class EmbeddingTopicsSettings(Encoded):
    """One-vs-rest logistic regression on the vectors of a frozen encoder."""

    kind: Literal["embedding"]
    c: Penalty = 10.0


class EmbeddingStanceSettings(Encoded):
    """Logistic regression on the vectors of passage and target and their product, the encoder frozen."""

    kind: Literal["embedding"]
    c: Penalty = 10.0


class Finetuned(Encoded):
    """How an encoder is trained further.

    The share `warmup` of the steps raises the learning rate, the others let it fall to zero. Training ends
    where dev has not become better for `patience` epochs, and the best of them is kept. With `cross_fit` there are
    six fits: five leave a part out to calibrate on, and the last learns from train and dev, for all `epochs`.
    """

    epochs: Annotated[int, Field(ge=1, le=1000)] = 5
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 1e-4
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = 0.01
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    patience: Annotated[int, Field(ge=1)] = 2
    cross_fit: bool = False


class EncoderTopicsSettings(Finetuned):
    """A fine-tuned encoder with one output a topic."""

    kind: Literal["encoder"]


class EncoderStanceSettings(Finetuned):
    """A fine-tuned encoder that reads passage and target side by side."""

    kind: Literal["encoder"]


class JointSettings(Finetuned):
    """One encoder that reads topics and stances in a single pass, each topic by its description."""

    kind: Literal["joint"] = "joint"


class RulesSettings(Frozen):
    """The codebook's keywords."""

    kind: Literal["rules"]


class MajoritySettings(Frozen):
    """The shares of training, whatever the text."""

    kind: Literal["majority"]


OneTopicsSettings = Annotated[
    LinearTopicsSettings | EmbeddingTopicsSettings | EncoderTopicsSettings | RulesSettings | MajoritySettings,
    Field(discriminator="kind"),
]
OneStanceSettings = Annotated[
    LinearStanceSettings | EmbeddingStanceSettings | EncoderStanceSettings | MajoritySettings,
    Field(discriminator="kind"),
]


class AverageTopicsSettings(Frozen):
    """The mean of the calibrated probabilities of several families."""

    kind: Literal["average"]
    of: Annotated[tuple[OneTopicsSettings, ...], Field(min_length=2)]


class AverageStanceSettings(Frozen):
    """The mean of the calibrated probabilities of several families."""

    kind: Literal["average"]
    of: Annotated[tuple[OneStanceSettings, ...], Field(min_length=2)]


TopicsSettings = Annotated[OneTopicsSettings | AverageTopicsSettings, Field(discriminator="kind")]
StanceSettings = Annotated[OneStanceSettings | AverageStanceSettings, Field(discriminator="kind")]


def encoders_of(settings: object) -> list[str]:
    """The encoders that a family is to be made of."""
    if isinstance(settings, AverageTopicsSettings | AverageStanceSettings):
        return [encoder for member in settings.of for encoder in encoders_of(member)]
    return [settings.encoder] if isinstance(settings, Encoded) else []


def finds_unseen(settings: TopicsSettings) -> bool:
    """Whether a family may find a topic of which it learnt no example."""
    if isinstance(settings, AverageTopicsSettings):
        return all(finds_unseen(member) for member in settings.of)
    return isinstance(settings, RulesSettings)
