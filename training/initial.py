"""The earlier models that fine-tuning starts from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from labels.errors import DemarcheError
from models.encoders.settings import FinetuneSettings
from models.families.catalog import encoder_settings
from models.families.protocol import SETTINGS_FILE, read_kind
from training.config import Config


def initial_models(config: Config) -> Mapping[str, Path]:
    """Fetch and verify each earlier model once, and return each value of `init` → the folder of its tagger.

    Raises DemarcheError if a model is missing, or has no model of the task and kind that starts from it.
    """
    folders: dict[str, Path] = {}
    for task, settings in inits(config):
        assert settings.init is not None
        if settings.init not in folders:
            folders[settings.init] = _fetch(settings.init)
        _check_kind(folders[settings.init], task, settings)
    return folders


def inits(config: Config) -> list[tuple[str, FinetuneSettings]]:
    """Return the task and settings of each family in the config that starts from an earlier model."""
    return [
        (task, settings)
        for task, family in config.families.items()
        for settings in encoder_settings(family)
        if isinstance(settings, FinetuneSettings) and settings.init
    ]


def _fetch(uri: str) -> Path:
    from models.tagger import Tagger
    from training.tracking.registry import fetch

    folder = fetch(uri).folder
    Tagger.load(folder)
    return folder


def _check_kind(tagger: Path, task: str, settings: FinetuneSettings) -> None:
    wanted = settings.kind  # type: ignore[attr-defined]
    exists = (tagger / task / SETTINGS_FILE).is_file()
    kind = read_kind(tagger / task) if exists else None
    if kind != wanted:
        has = f"its {task} model is of kind {kind!r}" if exists else f"it has no {task} model"
        raise DemarcheError(f"{task}.init: {settings.init}: {has}; start from a model of kind {wanted!r}")
