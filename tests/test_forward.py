"""The forward pass of loaded models: compiled by OpenVINO it is that of PyTorch, and no text is read twice."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

from models.encoders import loading, windows
from models.encoders.compiled import Compiled
from models.encoders.device import Device, exact, is_exact
from models.encoders.forward import Forward
from models.encoders.vectors import Vectors
from models.families.embedding import EmbeddingStance, EmbeddingTopics
from models.reader import TwoStage
from tests.conftest import CPU, tiny_encoder, tiny_nli
from tests.families import fitted

TEXTS = ["The council praises the teapot", "tea", "umbrella " * 20, "A long street on monday"]
BF16 = Device("cpu", bf16=True)


@pytest.mark.parametrize("output", ["last_hidden_state", "logits"])
def test_a_compiled_model_has_the_output_of_pytorch(output: str) -> None:
    pytest.importorskip("openvino")
    has_head = output == "logits"
    tokenizer, model = loading.load(tiny_nli() if has_head else tiny_encoder(), head=has_head)
    batch = windows.model_inputs(windows.window_texts(tokenizer, TEXTS, length=24), tokenizer, model)
    forward = Forward(model, "logits" if has_head else "last_hidden_state")
    forward.freeze(BF16)
    with BF16.inference():
        compiled = forward(batch)
    with exact(), BF16.inference():
        in_fp32 = forward(batch)
    assert isinstance(forward._compiled, Compiled)
    is_token = slice(None) if has_head else batch["attention_mask"] == 1
    # A processor with bfloat16 rounds to three digits.
    torch.testing.assert_close(compiled[is_token].float(), in_fp32[is_token], rtol=0.05, atol=0.05)
    with CPU.inference():
        expected = getattr(model(**batch), output)
    torch.testing.assert_close(in_fp32[is_token], expected[is_token])


def test_openvino_reports_to_nobody() -> None:
    from openvino.tools.ovc import convert_impl

    assert convert_impl.tm.__name__.endswith("telemetry_stub")


def test_a_model_that_is_still_trained_is_not_compiled() -> None:
    _, model = loading.load(tiny_encoder())
    forward = Forward(model)
    batch = {name: torch.ones(1, 8, dtype=torch.long) for name in loading.accepted_inputs(model)}
    with BF16.inference():
        before = forward(batch)
        model.get_input_embeddings().weight.data *= 2
        assert not torch.allclose(forward(batch), before)


def test_exact_computes_in_fp32() -> None:
    vectors = Vectors(*loading.load(tiny_encoder()), BF16, max_length=32)
    in_fp32 = Vectors(*loading.load(tiny_encoder()), CPU, max_length=32).of(TEXTS)
    rounded = vectors.of(TEXTS)
    with exact():
        assert is_exact()
        np.testing.assert_allclose(vectors.of(TEXTS), in_fp32, atol=1e-6)
    assert not is_exact()
    assert np.abs(rounded - in_fp32).max() > 1e-5
    np.testing.assert_array_equal(vectors.of(TEXTS), rounded)


def test_stance_reads_no_text_again_that_topics_were_read_of(tmp_path: Path) -> None:
    fitted("topics", "embedding", brief=True).save(tmp_path / "topics")
    fitted("stance", "embedding", brief=True).save(tmp_path / "stance")
    loaded = TwoStage.load(tmp_path)
    assert isinstance(loaded.topic_model, EmbeddingTopics)
    assert isinstance(loaded.stance_model, EmbeddingStance)
    assert loaded.topic_model.vectors is loaded.stance_model.vectors
    with mock.patch.object(Vectors, "_encode", autospec=True, side_effect=Vectors._encode) as encode:
        loaded.read(TEXTS, ["drinking more tea", "carrying umbrellas"], lambda raw: raw >= 0)
    encoded = [text for call in encode.call_args_list for text in call.args[1]]
    assert sorted(encoded) == sorted([*TEXTS, "drinking more tea", "carrying umbrellas"])
