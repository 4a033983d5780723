"""Read the parts of a saved model against their declarations: JSON by a pydantic model, arrays by name, type and shape.

A seal says that a folder is unchanged since it was sealed, not who sealed it: a part that does not fit would otherwise
fail as articles are tagged, or tag them wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open

from labels.errors import DemarcheError, explain

LARGEST = 1e9
"""No number in a model is this large; the sums of larger ones would overflow."""

Model = TypeVar("Model", bound=BaseModel)
Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
Fraction = Annotated[float, Field(ge=0, le=1)]


def _must_differ(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        repeated = next(name for position, name in enumerate(names) if name in names[:position])
        raise ValueError(f"{repeated!r} occurs twice")
    return names


Names = Annotated[tuple[str, ...], AfterValidator(_must_differ)]
"""Texts that all differ, such as a vocabulary."""


class BadPart(DemarcheError):
    """A part of a saved model that is missing, damaged, or does not fit the other parts."""

    def __init__(self, path: Path, reason: str):
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class Array(NamedTuple):
    """The declaration of an array: its type in safetensors, and its shape.

    A dimension is a number, or a name for a number that is the same wherever the name occurs.
    """

    dtype: str
    shape: tuple[int | str, ...]


def read_json(path: Path, model: type[Model]) -> Model:
    """Read a JSON file as a pydantic model. Raises BadPart."""
    try:
        return model.model_validate_json(_read(path))
    except ValidationError as error:
        raise BadPart(path, explain(error)[0]) from None


def read_plain(path: Path, type_: Any) -> Any:
    """Read a JSON file as a value of any type that pydantic can check. Raises BadPart."""
    try:
        return TypeAdapter(type_).validate_json(_read(path))
    except ValidationError as error:
        raise BadPart(path, explain(error)[0]) from None


def read_arrays(path: Path, declared: Mapping[str, Array]) -> dict[str, npt.NDArray[Any]]:
    """Read a safetensors file that holds exactly the declared arrays, of finite numbers. Raises BadPart."""
    sizes: dict[str, int] = {}
    arrays = {}
    try:
        with safe_open(path, framework="np") as file:
            _check_names(path, set(file.keys()), declared)
            for name, array in declared.items():
                part = file.get_slice(name)
                if part.get_dtype() != array.dtype:
                    raise BadPart(path, f"{name} is of type {part.get_dtype()}, not {array.dtype}")
                _check_shape(path, name, part.get_shape(), array.shape, sizes)
                arrays[name] = file.get_tensor(name)
    except FileNotFoundError:
        raise BadPart(path, "missing") from None
    except SafetensorError as error:
        raise BadPart(path, f"not a safetensors file ({error})") from None
    for name, values in arrays.items():
        # A comparison with NaN is false.
        if not (np.abs(values) <= LARGEST).all():
            raise BadPart(path, f"{name} holds numbers that are not finite")
    return arrays


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise BadPart(path, "missing") from None


def _check_names(path: Path, present: set[str], declared: Iterable[str]) -> None:
    if missing := sorted(set(declared) - present):
        raise BadPart(path, f"has no array {missing[0]!r}")
    if extra := sorted(present - set(declared)):
        raise BadPart(path, f"has an array {extra[0]!r} that is no part of such a model")


def _check_shape(
    path: Path, name: str, shape: list[int], declared: tuple[int | str, ...], sizes: dict[str, int]
) -> None:
    """Compare a shape with its declaration, and remember the sizes of named dimensions."""
    fits = len(shape) == len(declared)
    for size, dimension in zip(shape, declared, strict=False):
        expected = sizes.setdefault(dimension, size) if isinstance(dimension, str) else dimension
        fits = fits and size == expected
    if not fits:
        expected_shape = [sizes.get(each, each) if isinstance(each, str) else each for each in declared]
        raise BadPart(path, f"{name} has the shape {shape}, but the rest of the model needs {expected_shape}")
