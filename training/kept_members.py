"""The finished members of an average, kept until the run ends: a run that is started again does not fit them again."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.encoders.settings import EncoderSettings, FinetuneSettings
from models.examples import Examples, TrainingCallback
from models.families.protocol import FamilySettings, FitContext
from models.families.regression import save_arrays
from models.saved import model_digest
from models.saved_parts import Array, BadPart, read_arrays
from training.out_of_fold import OutOfFold

_RAW = "raw.safetensors"
_MODEL, _TRAIN_MODEL = "model", "train_model"


def fit_or_load(
    fit: Callable[[], OutOfFold[Any]],
    load: Callable[[Path], Any],
    *,
    task: str,
    settings: FamilySettings,
    context: FitContext,
    train: Examples[Any],
    dev: Examples[Any],
    callback: TrainingCallback,
) -> OutOfFold[Any]:
    """Return what `fit` returns, or what an earlier run that was interrupted kept of the same fit."""
    # A saved model is loaded on the fastest device, which may not be the one that the config names.
    if context.device_name != "auto":
        return fit()
    folder = callback.checkpoints(_key(task, settings, context, train, dev))
    if folder is None:
        return fit()
    kept = folder / "member"
    if kept.is_dir():
        try:
            return _read(kept, load, train + dev)
        except BadPart:
            # A machine that went down may have written some files by half.
            shutil.rmtree(kept)
    member = fit()
    _write(member, folder, kept)
    return member


def _write(member: OutOfFold[Any], folder: Path, kept: Path) -> None:
    """Save a member; the folder appears under its name when it is whole."""
    part = folder / "part"
    shutil.rmtree(part, ignore_errors=True)
    member.model.save(part / _MODEL)
    if member.train_model is not None and member.train_model is not member.model:
        member.train_model.save(part / _TRAIN_MODEL)
    save_arrays(part / _RAW, {"raw": member.raw})
    part.rename(kept)


def _read(kept: Path, load: Callable[[Path], Any], both: Examples[Any]) -> OutOfFold[Any]:
    """Load a member. Its rows are train and dev if it was cross-fitted, and otherwise dev, which comes last."""
    raw = read_arrays(kept / _RAW, {"raw": Array("F64", ("rows", both.y.shape[1]))})["raw"]
    model = load(kept / _MODEL)
    if (kept / _TRAIN_MODEL).is_dir():
        train_model = load(kept / _TRAIN_MODEL)
    else:
        train_model = None if len(raw) == len(both) else model
    return OutOfFold(raw, both.y[len(both) - len(raw) :], model, train_model)


def _key(task: str, settings: FamilySettings, context: FitContext, train: Examples[Any], dev: Examples[Any]) -> str:
    """Return a key that changes with anything that the fit depends on."""
    parts = [
        task,
        settings.model_dump(mode="json"),
        context.codebook.model_dump(mode="json"),
        context.seed,
        context.precision,
        [(split.inputs, split.groups) for split in (train, dev)],
    ]
    if isinstance(settings, EncoderSettings):
        from models.encoders.files import digest, locate

        parts.append(digest(locate(settings.encoder)))
    if isinstance(settings, FinetuneSettings) and settings.init:
        parts.append(model_digest(context.initial_models[settings.init]))
    hash_ = hashlib.sha256(
        json.dumps(parts, ensure_ascii=False, default=lambda query: vars(query)).encode("utf-8", "surrogatepass")
    )
    for split in (train, dev):
        hash_.update(split.y.tobytes())
    return f"member-{hash_.hexdigest()[:24]}"
