"""A saved model as a folder of plain files, sealed by digests."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from labels.errors import DemarcheError

MANIFEST = "manifest.json"
FORMAT = 1
ENCODER = "encoder"
"""The folder, within that of a family, in which a pretrained or fine-tuned encoder stands."""


def seal(folder: Path) -> str:
    """Writes the manifest of every file's sha256; gives the manifest's own."""
    files = {path.relative_to(folder).as_posix(): _digest(path) for path in _files(folder)}
    manifest = json.dumps({"demarche_model": FORMAT, "files": files}, indent=1)
    (folder / MANIFEST).write_text(manifest, encoding="utf-8")
    return model_digest(folder)


def model_digest(folder: Path) -> str:
    """Return the sha256 of the manifest, and with it of the whole model. Raises DemarcheError where there is none."""
    try:
        return _digest(folder / MANIFEST)
    except FileNotFoundError:
        raise DemarcheError(f"{folder}: not a Demarche model (it has no {MANIFEST})") from None


def check_seal(folder: Path) -> None:
    """Raises DemarcheError unless every file is there, unchanged, and no other beside them."""
    path = folder / MANIFEST
    if not folder.is_dir():
        raise DemarcheError(f"{folder}: no such model folder; give a folder, models:/NAME@ALIAS or runs:/RUN/MODEL")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version, files = manifest["demarche_model"], dict(manifest["files"])
    except FileNotFoundError:
        raise DemarcheError(f"{folder}: not a Demarche model (it has no {MANIFEST})") from None
    except (ValueError, KeyError, TypeError, RecursionError, OSError):
        raise DemarcheError(f"{path}: not a Demarche manifest; give the folder of a Demarche model") from None
    if version != FORMAT:
        raise DemarcheError(f"{folder}: model format {version}, this version reads {FORMAT}; train the model again")
    there = {found.relative_to(folder).as_posix() for found in _files(folder)}
    for name in sorted(files.keys() | there):
        if name not in there:
            raise DemarcheError(f"{folder / name}: missing from the model; fetch the model again")
        if name not in files:
            raise DemarcheError(f"{folder / name}: is no part of the model; fetch the model again")
        if _digest(folder / name) != files[name]:
            raise DemarcheError(f"{folder / name}: changed since the model was saved; fetch the model again")


def has_encoder(folder: Path) -> bool:
    """Whether the model needs torch, which takes all cores by itself."""
    return any(folder.rglob(f"{ENCODER}/config.json"))


def _files(folder: Path) -> list[Path]:
    """All but the manifest. A link to a folder counts as a file that nobody sealed: what it leads to is not looked at."""
    found = (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    return sorted(path for path in found if path != folder / MANIFEST)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
