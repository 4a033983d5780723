"""A saved model: a folder of plain files with a manifest of their digests."""

from __future__ import annotations

import hashlib
from pathlib import Path

from labels.errors import DemarcheError, one_line
from labels.files import Frozen
from models.saved_parts import BadPart, read_json

MANIFEST = "manifest.json"
FORMAT = 1
ENCODER = "encoder"
"""The subfolder of a family's folder that holds its pretrained or fine-tuned encoder."""


class _Manifest(Frozen):
    """The manifest: the version of the model format, and the sha256 of each file by its path."""

    demarche_model: int
    files: dict[str, str]


def seal(folder: Path) -> str:
    """Write the manifest, with the sha256 of every file, and return the manifest's own sha256."""
    files = {path.relative_to(folder).as_posix(): _digest(path) for path in _files(folder)}
    manifest = _Manifest(demarche_model=FORMAT, files=files)
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    return model_digest(folder)


def model_digest(folder: Path) -> str:
    """Return the sha256 of the manifest, which identifies the whole model. Raises DemarcheError without a manifest."""
    try:
        return _digest(folder / MANIFEST)
    except FileNotFoundError:
        raise _no_manifest(folder) from None


def check_seal(folder: Path) -> None:
    """Raise DemarcheError unless the folder holds exactly the files of its manifest, unchanged."""
    path = folder / MANIFEST
    if not folder.is_dir():
        raise DemarcheError(f"{folder}: no such model folder; give a folder, models:/NAME@ALIAS or runs:/RUN/MODEL")
    if not path.is_file():
        raise _no_manifest(folder)
    try:
        manifest = read_json(path, _Manifest)
    except BadPart:
        raise DemarcheError(f"{path}: not a Demarche manifest; give the folder of a Demarche model") from None
    version, digests = manifest.demarche_model, manifest.files
    if version != FORMAT:
        raise DemarcheError(f"{folder}: model format {version}, this version reads {FORMAT}; train the model again")
    present = {file.relative_to(folder).as_posix() for file in _files(folder)}
    for name in sorted(digests.keys() | present):
        # The names in a manifest may be anything.
        where = f"{folder}/{one_line(name)}"
        if name not in present:
            raise DemarcheError(f"{where}: missing from the model; fetch the model again")
        if name not in digests:
            raise DemarcheError(f"{where}: not part of the model; fetch the model again")
        if _digest(folder / name) != digests[name]:
            raise DemarcheError(f"{where}: changed since the model was saved; fetch the model again")


def has_encoder(folder: Path) -> bool:
    """Return whether the model has an encoder, and so needs torch, which uses all cores by itself."""
    return any(folder.rglob(f"{ENCODER}/config.json"))


def _no_manifest(folder: Path) -> DemarcheError:
    return DemarcheError(f"{folder}: not a Demarche model (it has no {MANIFEST})")


def _files(folder: Path) -> list[Path]:
    """Return all files except the manifest. A link to a folder counts as an unlisted file and is not followed."""
    files = (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    return sorted(path for path in files if path != folder / MANIFEST)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
