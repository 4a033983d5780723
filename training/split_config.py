"""The `split:` of a config: how passages are divided into train, dev and test."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from labels.files import Frozen
from training.data_files import DataFile

Fraction = Annotated[float, Field(ge=0, lt=1)]


def _check_fractions(test: float, dev: float) -> None:
    if test + dev >= 1:
        raise ValueError(f"test {test} and dev {dev} leave nothing to train on; their sum must be below 1")


class GroupSplit(Frozen):
    strategy: Literal["group"] = "group"
    test: Fraction = 0.2
    dev: Fraction = 0.15
    seed: int = 13
    on_leak: Literal["refuse", "drop"] = "refuse"
    stratify: bool = False
    from_: Annotated[DataFile | None, Field(alias="from")] = None

    @model_validator(mode="after")
    def _one_order(self) -> Self:
        if self.stratify and self.from_:
            raise ValueError("stratify and from are mutually exclusive: passages of an earlier split keep their split")
        return self

    @model_validator(mode="after")
    def _leaves_train(self) -> Self:
        _check_fractions(self.test, self.dev)
        return self


class TimeSplit(Frozen):
    strategy: Literal["time"]
    by: str = "published"
    test: Fraction = 0.2
    dev: Fraction = 0.15
    on_leak: Literal["refuse", "drop"] = "refuse"

    @model_validator(mode="after")
    def _leaves_train(self) -> Self:
        _check_fractions(self.test, self.dev)
        return self


class ColumnSplit(Frozen):
    strategy: Literal["column"]
    dev: Fraction = 0.15
    seed: int = 13
    on_leak: Literal["refuse", "drop"] = "refuse"


class TargetSplit(Frozen):
    """A test split of what is labelled with one target, a topic or a named text, which training leaves out."""

    strategy: Literal["leave_target_out"]
    target: Annotated[str, Field(min_length=1, coerce_numbers_to_str=True)]
    dev: Fraction = 0.15
    seed: int = 13


SplitConfig = Annotated[GroupSplit | TimeSplit | ColumnSplit | TargetSplit, Field(discriminator="strategy")]
