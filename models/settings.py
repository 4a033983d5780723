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
    where dev has not become better for `patience` epochs, and the best of them is kept. With `cross_fit` there
    are six fits: five leave a part out to calibrate on, and the last learns from train and dev, for all `epochs`.
    `init` is an earlier model of the same kind (`runs:/…`, `models:/…` or a folder) to start from.
    """

    epochs: Annotated[int, Field(ge=1, le=1000)] = 5
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 1e-4
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = 0.01
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    patience: Annotated[int, Field(ge=1)] = 2
    cross_fit: bool = False
    init: Annotated[str | None, Field(min_length=1)] = None

    @model_validator(mode="after")
    def _held_out_is_new(self) -> Self:
        if self.cross_fit and self.init:
            raise ValueError("init and cross_fit exclude each other: the earlier model may have learnt every part")
        return self


class EncoderTopicsSettings(Finetuned):
    """A fine-tuned encoder with one output a topic."""

    kind: Literal["encoder"]


class EncoderStanceSettings(Finetuned):
    """A fine-tuned encoder that reads passage and target side by side."""

    kind: Literal["encoder"]


class JointSettings(Finetuned):
    """One encoder that reads topics and stances in a single pass, each topic by its description."""

    kind: Literal["joint"] = "joint"


class Setfit(Encoded):
    """How an encoder is tuned on pairs of examples, and the regression on its vectors penalised (`c`, the inverse).

    Each example stands first in `pairs` of them; there are as many steps as that takes, but no more than `steps`.
    `cross_fit` is as in `Finetuned`.
    """

    pairs: Annotated[int, Field(ge=2, le=1000)] = 20
    steps: Annotated[int, Field(ge=1, le=100_000)] = 300
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 16
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 5e-5
    c: Penalty = 10.0
    cross_fit: bool = False


class SetfitTopicsSettings(Setfit):
    """For 8 to 64 labels a topic: an encoder tuned on pairs, and a logistic regression a topic."""

    kind: Literal["setfit"]


class SetfitStanceSettings(Setfit):
    """For 8 to 64 labels a stance: an encoder that reads passage and target, tuned on pairs."""

    kind: Literal["setfit"]
    # What a sentence encoder has learnt serves topics as it is; for stance it has to learn more.
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 1e-4


class SimilarityTopicsSettings(Encoded):
    """The cosine of passage and topic description, the encoder frozen."""

    kind: Literal["similarity"]


def _names(place: str) -> AfterValidator:
    def check(wording: str) -> str:
        if place not in wording:
            raise ValueError(f"{wording!r} does not say where the {place.strip('{}')} goes; write {place} in it")
        return wording

    return AfterValidator(check)


OfTarget = Annotated[str, _names("{target}")]


class ZeroShotTopicsSettings(Encoded):
    """Whether the passage entails that it is about the topic; {topic} stands for its name and definition."""

    kind: Literal["zero_shot"]
    hypothesis: Annotated[str, _names("{topic}")] = "This text is about {topic}."


class ZeroShotStanceSettings(Encoded):
    """Whether the passage entails that it is for, or against, the target."""

    kind: Literal["zero_shot"]
    favor: OfTarget = "This text is in favor of {target}."
    against: OfTarget = "This text is against {target}."


class RulesSettings(Frozen):
    """The codebook's keywords."""

    kind: Literal["rules"]


class MajoritySettings(Frozen):
    """The shares of training, whatever the text."""

    kind: Literal["majority"]


OneTopicsSettings = Annotated[
    LinearTopicsSettings
    | EmbeddingTopicsSettings
    | EncoderTopicsSettings
    | SetfitTopicsSettings
    | SimilarityTopicsSettings
    | ZeroShotTopicsSettings
    | RulesSettings
    | MajoritySettings,
    Field(discriminator="kind"),
]
OneStanceSettings = Annotated[
    LinearStanceSettings
    | EmbeddingStanceSettings
    | EncoderStanceSettings
    | SetfitStanceSettings
    | ZeroShotStanceSettings
    | MajoritySettings,
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


def encoded(settings: object) -> list[Encoded]:
    """What is set of a family with an encoder, or of each such member of an average."""
    if isinstance(settings, AverageTopicsSettings | AverageStanceSettings):
        return [found for member in settings.of for found in encoded(member)]
    return [settings] if isinstance(settings, Encoded) else []


def finds_unseen(settings: TopicsSettings) -> bool:
    """Whether a family may find a topic of which it learnt no example."""
    if isinstance(settings, AverageTopicsSettings):
        return all(finds_unseen(member) for member in settings.of)
    return isinstance(settings, RulesSettings | SimilarityTopicsSettings | ZeroShotTopicsSettings)
