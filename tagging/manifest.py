"""The manifest of a store of tags: what all of its tags depend on, and the versions of Demarche that wrote them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from labels.errors import DemarcheError, one_line
from labels.files import write_text

MANIFEST = "manifest.json"
DISCARDED = ".discarded"
"""The name of the manifest while the store is being removed: if that is interrupted, the next batch completes it."""
VERSION = "demarche"
"""The key of the version that made the store. Another version may add to it: it is noted, and compared with nothing."""
_UPGRADES = "upgrades"
_MARK = "demarche_tags"
"""The key of the manifest by which it is known to be ours; its value is the version of the format."""
_FORMAT = 1
_HEAD = 1000


def is_store(folder: Path) -> bool:
    """Return whether the folder holds tags."""
    path = folder / MANIFEST
    if not path.is_file():
        return (folder / DISCARDED).exists()
    with path.open("rb") as stream:
        return f'"{_MARK}"'.encode() in stream.read(_HEAD)


def outside_stores(files: Iterable[Path]) -> list[Path]:
    """Return the files that are in no store of tags, in the same order."""
    files = list(files)
    stores = {path.parent for path in files if path.name == MANIFEST and is_store(path.parent)}
    return [path for path in files if stores.isdisjoint(path.parents)]


def check_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write the settings of a new store; raise DemarcheError if those of an older one differ."""
    path = folder / MANIFEST
    if not path.exists():
        _write(folder, {_MARK: _FORMAT, **settings})
        return
    before = _read(folder)
    # An option that is left out now, and was not then, differs as well.
    options = {key: None for key in before if key.startswith("--")}
    compared: dict[str, Any] = {_MARK: _FORMAT, **options, **settings}
    compared.pop(VERSION, None)
    if differ := [key for key in compared if before.get(key) != compared[key]]:
        raise DemarcheError(
            f"{folder}: its tags were made otherwise:",
            *(f"  {key}: {_shown(before.get(key))} there, {_shown(compared[key])} now" for key in differ),
            "  go on as before, name another --out, or start again with --replace",
        )


def note_version(folder: Path, version: str | None, *, part: str) -> None:
    """Note which version of Demarche writes the parts from this one on, if another one wrote those before."""
    manifest = _read(folder)
    noted = manifest.get(_UPGRADES, [])
    upgrades = [entry for entry in noted if entry["from"] < part]
    last = upgrades[-1][VERSION] if upgrades else manifest.get(VERSION)
    if version != last:
        upgrades.append({VERSION: version, "from": part})
    if upgrades != noted:
        _write(folder, manifest | {_UPGRADES: upgrades})


def _read(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        manifest = None
    if not isinstance(manifest, dict):
        raise DemarcheError(f"{path}: damaged; --replace starts again")
    return manifest


def _write(folder: Path, manifest: Mapping[str, Any]) -> None:
    write_text(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")


def _shown(value: Any) -> str:
    return one_line(str(value))[:100]
