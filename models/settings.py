"""What can be set of each family, as it stands in a config; light to import."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from labels.files import Frozen

Range = tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]


class Ngrams(Frozen):
    """Which n-grams count: of words, and of characters within words. Null leaves a kind out."""

    words: Range | None = (1, 2)
    chars: Range | None = (2, 5)
    min_df: Annotated[int, Field(ge=1)] = 2
    max_features: Annotated[int, Field(ge=1)] = 200_000


class LinearTopicsSettings(Frozen):
    """One-vs-rest logistic regression on TF-IDF; `c` is the inverse of the penalty."""

    kind: Literal["linear"] = "linear"
    c: Annotated[float, Field(gt=0)] = 100.0
    ngrams: Ngrams = Ngrams()


class LinearStanceSettings(Frozen):
    """Logistic regression on TF-IDF seen from the target.

    A target with at least `own_from` examples gets a model of its own beside the shared one.
    """

    kind: Literal["linear"] = "linear"
    c: Annotated[float, Field(gt=0)] = 2.0
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
