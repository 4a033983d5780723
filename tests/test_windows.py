"""Long texts in windows, many windows in batches: nothing is lost, and every batch fits into memory."""

from __future__ import annotations

from collections.abc import Callable
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from labels.errors import DemarcheError
from models.encoders import loading, windows
from models.encoders.classifier import LinearHead
from models.encoders.finetune import forward_in_parts
from models.encoders.windows import Window
from models.examples import Query
from tests.conftest import CPU, tiny_encoder


@given(st.lists(st.integers(1, 9_000), max_size=300), st.sampled_from([1024, 16_384]))
def test_each_window_is_in_one_batch_and_no_batch_is_too_large(sizes: list[int], tokens: int) -> None:
    batches = list(windows.length_sorted_batches([Window(0, [1] * size, [], []) for size in sizes], tokens=tokens))
    assert sorted(np.concatenate([[], *batches])) == list(range(len(sizes)))
    for rows in batches:
        assert 1 <= len(rows) <= windows.BATCH
        width = max(sizes[row] for row in rows)
        assert len(rows) == 1 or len(rows) * width * max(width, 256) <= windows.CELLS
        assert len(rows) == 1 or len(rows) * windows.padded(width) <= tokens


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_step_in_parts_has_the_same_gradients(dropout: float) -> None:
    tokenizer, encoder = loading.load(tiny_encoder())
    net = LinearHead(encoder, 3, sees_target=True, dropout=dropout).train()
    queries = [Query("teapot kettle " * count, "drinking more tea", (0, 6)) for count in (1, 5, 30, 30, 30)]
    batch = windows.pad(windows.window_queries(tokenizer, queries, length=32), tokenizer.pad_token_id)

    def gradients(forward: Callable[[], torch.Tensor]) -> list[torch.Tensor]:
        net.zero_grad()
        torch.manual_seed(1)
        forward().square().sum().backward()
        return [parameter.grad.clone() for parameter in net.parameters() if parameter.grad is not None]

    def forward_by_twos() -> torch.Tensor:
        parts = [{name: tensor[start : start + 2] for name, tensor in batch.items()} for start in range(0, rows, 2)]
        return torch.cat([net(part) for part in parts])

    rows, width = batch["input_ids"].shape
    assert rows > 3
    expected = gradients(forward_by_twos)
    with mock.patch.object(windows, "CELLS", 2 * width * 256):
        actual = gradients(lambda: forward_in_parts(net, batch))
    assert len(expected) > 10
    for one, other in zip(actual, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_too_little_memory_is_a_one_line_error() -> None:
    with pytest.raises(DemarcheError, match="reading: out of memory on cpu; free some memory"), CPU.inference():
        torch.empty(2**60, dtype=torch.uint8)


def test_an_error_that_is_not_about_memory_is_raised_unchanged() -> None:
    with pytest.raises(RuntimeError, match="shapes"), CPU.inference():
        torch.ones(2, 3) @ torch.ones(2, 3)
