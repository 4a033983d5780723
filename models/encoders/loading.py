"""Load and save pretrained encoders.

Weights are read only from safetensors, and code in an encoder's folder is never run.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labels.errors import DemarcheError, one_line

_DROPOUTS = ("attention_probs_dropout_prob", "attention_dropout", "hidden_dropout_prob", "dropout")
_MOST_LAYERS = 1000
_SHORTEST = 16  # tokens of a window: a shorter one has no room for text beside a target
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def load(folder: Path, name: str = "", *, head: bool = False) -> tuple[Any, Any]:
    """Return the tokenizer and the model, with the classification head it was saved with if `head` is true.

    Attention is computed without dropout: on a CPU, drawing the masks took longer than all matrix products together.
    Raises DemarcheError if the files are damaged, have an unknown architecture, or are not those of an encoder.
    """
    transformers = _quiet_transformers()
    auto_model = transformers.AutoModelForSequenceClassification if head else transformers.AutoModel
    local = {"trust_remote_code": False, "local_files_only": True}
    try:
        config = transformers.AutoConfig.from_pretrained(folder, **local)
        for rate in _DROPOUTS:
            if hasattr(config, rate):
                setattr(config, rate, 0.0)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, use_fast=True, **local)
        if (layers := getattr(config, "num_hidden_layers", 0)) > _MOST_LAYERS:
            raise ValueError(f"{layers} layers")
        model, report = auto_model.from_pretrained(
            folder,
            config=config,
            output_loading_info=True,
            use_safetensors=True,
            dtype="float32",
            attn_implementation=None,  # the fastest that the architecture has
            **local,
        )
    except Exception as error:
        # Broken files make the libraries raise all kinds of errors.
        reason = one_line(str(error).strip().partition("\n")[0])
        raise DemarcheError(f"encoder {name or folder}: cannot be read ({reason}); fetch it again") from error
    tokenizer.init_kwargs.pop("local_files_only", None)  # or it would be saved with the tokenizer
    # A pooler is left from pretraining; only a classification head reads it.
    missing = [key for key in report["missing_keys"] if head or not key.startswith("pooler.")]
    if problem := _find_problem(tokenizer, config) or _find_damage(tokenizer, model, missing):
        raise DemarcheError(f"encoder {name or folder}: {problem}")
    if not head and getattr(model, "pooler", None) is not None:
        model.pooler = None
    return tokenizer, model.eval()


@contextlib.contextmanager
def trainable_attention(encoder: Any) -> Iterator[None]:
    """Compute attention without fused kernels within the block, unless there is a GPU.

    On a CPU, the backward pass of the kernels took longer than all matrix products together.
    """
    import torch

    fused = encoder.config._attn_implementation
    if not torch.cuda.is_available():
        encoder.set_attn_implementation("eager")
    try:
        yield
    finally:
        encoder.set_attn_implementation(fused)


def save(tokenizer: Any, model: Any, folder: Path) -> None:
    """Save tokenizer and model so that `load` reads them."""
    # Otherwise the tokenizer would also save the truncation of its last call.
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


def window_length(tokenizer: Any, model: Any, max_length: int) -> int:
    """Return the number of tokens in a window: `max_length`, or the encoder's maximum if that is less."""
    positions = getattr(model.config, "max_position_embeddings", None) or max_length
    if model.config.model_type in {"roberta", "xlm-roberta", "camembert", "mpnet"}:
        positions -= 2  # they count positions from two
    return int(min(max_length, positions, tokenizer.model_max_length))


def accepted_inputs(encoder: Any) -> list[str]:
    """Return the names of the inputs that the encoder accepts; not every encoder has token types."""
    parameters = inspect.signature(encoder.forward).parameters
    return [name for name in _INPUTS if name in parameters]


def _quiet_transformers() -> Any:
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _find_problem(tokenizer: Any, config: Any) -> str | None:
    """Return why the model cannot be used as an encoder, or None if it can."""
    if config.is_encoder_decoder:
        return f"{config.model_type} is an encoder-decoder; give an encoder, such as BERT or DeBERTa"
    if not hasattr(config, "hidden_size"):
        return f"{config.model_type} is not a text encoder; give one, such as BERT or DeBERTa"
    if not tokenizer.is_fast:
        return "its tokenizer has no offsets; it needs a tokenizer.json"
    if tokenizer.pad_token_id is None:
        return "its tokenizer has no pad token, which batches of texts need; set one and save it"
    if not tokenizer.num_special_tokens_to_add():
        return "its tokenizer adds no special tokens ([CLS], <s>); give an encoder, such as BERT or DeBERTa"
    return None


def _find_damage(tokenizer: Any, model: Any, missing: list[str]) -> str | None:
    """Return what would fail, or give random results, as texts are read; None if nothing would."""
    import torch

    if missing:
        return f"has no weights for {one_line(missing[0])} ({len(missing)} such); save it again with save_pretrained"
    if not all(bool(torch.isfinite(weights).all()) for weights in model.parameters()):
        return "has weights that are not finite; fetch it again"
    if max(tokenizer.get_vocab().values(), default=0) >= model.get_input_embeddings().num_embeddings:
        return "its tokenizer has more tokens than the model; give the tokenizer that it was trained with"
    limits = (tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", None) or _SHORTEST + 2)
    if not all(isinstance(limit, int) and limit >= _SHORTEST for limit in limits):
        return f"reads fewer than {_SHORTEST} tokens at a time; give an encoder for longer texts"
    try:
        inputs = tokenizer("a", "b", return_tensors="pt", return_token_type_ids=True)
        with torch.inference_mode():
            states = model(**{name: inputs[name] for name in accepted_inputs(model)})[0]
    except Exception as error:
        # A setting of the wrong type or size only shows in use, as any kind of error.
        return f"cannot be used ({one_line(str(error).strip().partition(chr(10))[0])}); fetch it again"
    return None if bool(torch.isfinite(states).all()) else "does not return finite numbers; fetch it again"
