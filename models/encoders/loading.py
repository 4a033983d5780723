"""Pretrained encoders: where their files are, what they run on, and how they are loaded.

Weights come from safetensors alone, and no code of an encoder's folder is ever run.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labels.errors import DemarcheError, one_line

_DROPOUTS = ("attention_probs_dropout_prob", "attention_dropout", "hidden_dropout_prob", "dropout")


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


def save(tokenizer: Any, model: Any, folder: Path) -> None:
    # How its last call cut texts is no property of the tokenizer.
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


def window_length(tokenizer: Any, model: Any, wanted: int) -> int:
    """Tokens of a window: as many as wanted, but no more than the encoder takes."""
    accepted_inputs = getattr(model.config, "max_position_embeddings", None) or wanted
    if model.config.model_type in {"roberta", "xlm-roberta", "camembert", "mpnet"}:
        accepted_inputs -= 2  # they count positions from two
    return int(min(wanted, accepted_inputs, tokenizer.model_max_length))


def accepted_inputs(encoder: Any, names: Sequence[str]) -> list[str]:
    """Those of the inputs that the encoder knows."""
    known = inspect.signature(encoder.forward).parameters
    return [name for name in names if name in known]


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
