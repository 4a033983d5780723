"""Long texts in windows, many windows in batches: nothing is lost, and nothing is larger than memory."""

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


@given(st.lists(st.integers(1, 9_000), max_size=300))
def test_each_window_is_read_once_and_a_batch_holds_no_more_tokens_than_it_may(sizes: list[int]) -> None:
    found = list(windows.length_sorted_batches([Window(0, [1] * size, [], []) for size in sizes]))
    assert sorted(np.concatenate([[], *found])) == list(range(len(sizes)))
    for rows in found:
        assert 1 <= len(rows) <= windows.BATCH
        width = max(sizes[row] for row in rows)
        assert len(rows) == 1 or len(rows) * width * max(width, 256) <= windows.CELLS


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_step_that_is_taken_in_parts_learns_the_same(dropout: float) -> None:
    tokenizer, encoder = loading.load(tiny_encoder())
    net = LinearHead(encoder, 3, sees_target=True, dropout=dropout).train()
    queries = [Query("teapot kettle " * count, "drinking more tea", (0, 6)) for count in (1, 5, 30, 30, 30)]
    batch = windows.pad(windows.window_queries(tokenizer, queries, length=32), tokenizer.pad_token_id)

    def gradients(read: Callable[[], torch.Tensor]) -> list[torch.Tensor]:
        net.zero_grad()
        torch.manual_seed(1)
        read().square().sum().backward()
        return [parameter.grad.clone() for parameter in net.parameters() if parameter.grad is not None]

    def by_hand() -> torch.Tensor:
        few = [{name: tensor[start : start + 2] for name, tensor in batch.items()} for start in range(0, rows, 2)]
        return torch.cat([net(part) for part in few])

    rows, width = batch["input_ids"].shape
    assert rows > 3
    expected = gradients(by_hand)
    with mock.patch.object(windows, "CELLS", 2 * width * 256):
        found = gradients(lambda: forward_in_parts(net, batch))
    assert len(expected) > 10
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(one, other)


def test_too_little_memory_is_one_clear_line() -> None:
    with pytest.raises(DemarcheError, match="reading: out of memory on cpu; free some memory"), CPU.inference():
        torch.empty(2**60, dtype=torch.uint8)


def test_a_mistake_that_is_not_about_memory_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="shapes"), CPU.inference():
        torch.ones(2, 3) @ torch.ones(2, 3)
