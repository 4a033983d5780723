"""The search space of a sweep: the config must accept each end of each dimension as an override."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labels.errors import BadInput, DemarcheError, Problem
from labels.yaml_text import BadYaml, parse_yaml
from training.config import Config, Dimension, read_config
from training.prepare import check_encoders


@dataclass(frozen=True)
class Axis:
    """One dimension of the search; `whole` is true if the config accepts only whole numbers."""

    key: str
    dimension: Dimension
    whole: bool


def override(key: str, value: Any) -> str:
    """Return `key=value` as the command line accepts it, with lists without spaces."""
    return f"{key}={value if _is_plain(value) else json.dumps(value, ensure_ascii=False, separators=(',', ':'))}"


def _is_plain(value: Any) -> bool:
    """Return whether the value is text that YAML reads as itself."""
    try:
        return isinstance(value, str) and bool(parse_yaml(value) == value)
    except BadYaml:
        return False


def axes(path: Path, config: Config) -> list[Axis]:
    """Return the dimensions of the search of the config read from `path`, sorted by key.

    Raises BadInput if the config does not accept an end of a dimension, or one of its choices.
    """
    if config.search is None:
        raise DemarcheError(
            f"{path}: search: missing; give a metric and the values to try: "
            "search: {metric: topics/map, space: {topics.c: {low: 1, high: 100, log: true}}}"
        )
    space = sorted(config.search.space.items())
    problems = [
        Problem(str(path), None, f"search.space.{key}: {what}")
        for key, dimension in space
        for what in _problems(path, config, key, dimension)
    ]
    if problems:
        raise BadInput(problems)
    return [Axis(key, dimension, _is_whole(path, config, key, dimension)) for key, dimension in space]


def _problems(path: Path, config: Config, key: str, dimension: Dimension) -> Iterator[str]:
    """Yield what is wrong with each value that the config does not accept or that trials may not vary."""
    for value in dimension.choices or (dimension.low, dimension.high):
        try:
            trial = read_config(path, [*config.overrides, override(key, value)])
            check_encoders(trial)
        except BadInput as error:
            yield f"{json.dumps(value)} is not accepted ({error.problems[0].what})"
        except DemarcheError as error:
            yield f"{json.dumps(value)} is not accepted ({error})"
        else:
            if _fixed(trial) != _fixed(config):
                yield "must be the same for all trials; vary the model instead: topics, stance, input, thresholds"
                return


def _fixed(config: Config) -> tuple[object, ...]:
    """Return what all trials must share for their scores to be comparable; `data.votes` may differ between trials."""
    data = config.data.model_copy(update={"votes": "majority"})
    return config.name, config.description, data, config.split, config.seed, config.search, config.tracking


def _is_whole(path: Path, config: Config, key: str, dimension: Dimension) -> bool:
    """Return whether to try only whole numbers, which bounds such as `low: 1, high: 1000` alone do not decide."""
    numbers = (dimension.low, dimension.high, dimension.step)
    if dimension.low is None or not all(isinstance(number, int | None) for number in numbers):
        return False
    if dimension.step is not None:
        return True
    try:
        read_config(path, [*config.overrides, override(key, dimension.low + 0.5)])
    except BadInput:
        return True
    return False
