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


class RulesSettings(Frozen):
    """The codebook's keywords."""

    kind: Literal["rules"]


class MajoritySettings(Frozen):
    """The shares of training, whatever the text."""

    kind: Literal["majority"]


TopicsSettings = Annotated[LinearTopicsSettings | RulesSettings | MajoritySettings, Field(discriminator="kind")]
StanceSettings = Annotated[LinearStanceSettings | MajoritySettings, Field(discriminator="kind")]
