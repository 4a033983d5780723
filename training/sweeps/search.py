"""What a sweep may try: each end of each dimension is an override that the config takes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from labels.errors import BadInput, DemarcheError, Problem
from training.config import Config, Dimension, read_config
from training.prepare import check_encoders


@dataclass(frozen=True)
class Axis:
    """One dimension; `whole` where the config takes no fractions there."""

    key: str
    dimension: Dimension
    whole: bool


def override(key: str, value: Any) -> str:
    """`key=value` as the command line takes it, lists without spaces."""
    plain = isinstance(value, str) and yaml.safe_load(value) == value
    return f"{key}={value if plain else json.dumps(value, ensure_ascii=False, separators=(',', ':'))}"


def axes(path: Path, overrides: Sequence[str], config: Config) -> list[Axis]:
    """The dimensions of the config's search, sorted. Raises BadInput where the config would not take an end of one."""
    if config.search is None:
        raise DemarcheError(
            f"{path}: search: missing; say what to try: "
            "search: {metric: topics/map, space: {topics.c: {low: 1, high: 100, log: true}}}"
        )
    space = sorted(config.search.space.items())
    problems = [
        Problem(str(path), None, f"search.space.{key}: {what}")
        for key, dimension in space
        for what in _refused(path, overrides, config, key, dimension)
    ]
    if problems:
        raise BadInput(problems)
    return [Axis(key, dimension, _whole(path, overrides, key, dimension)) for key, dimension in space]


def _refused(path: Path, overrides: Sequence[str], config: Config, key: str, dimension: Dimension) -> Iterator[str]:
    for value in dimension.choices or (dimension.low, dimension.high):
        try:
            tried = read_config(path, [*overrides, override(key, value)])
            check_encoders(tried)
        except BadInput as error:
            yield f"{json.dumps(value)} is not taken ({error.problems[0].what})"
        except DemarcheError as error:
            yield f"{json.dumps(value)} is not taken ({error})"
        else:
            if _common(tried) != _common(config):
                yield "must be the same for all trials; try what a model is made of: topics, stance, input, thresholds"
                return


def _common(config: Config) -> tuple[object, ...]:
    """What trials must share for their figures to be comparable. How votes teach is a model's own affair."""
    data = config.data.model_copy(update={"votes": "majority"})
    return config.name, config.description, data, config.split, config.seed, config.search, config.tracking


def _whole(path: Path, overrides: Sequence[str], key: str, dimension: Dimension) -> bool:
    """`low: 1, high: 1000` may be written of a key that takes fractions too."""
    numbers = (dimension.low, dimension.high, dimension.step)
    if dimension.low is None or not all(isinstance(number, int | None) for number in numbers):
        return False
    if dimension.step is not None:
        return True
    try:
        read_config(path, [*overrides, override(key, dimension.low + 0.5)])
    except BadInput:
        return True
    return False
