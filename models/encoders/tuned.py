"""A pretrained encoder with a head, shared by the families that fine-tune one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file

from models.encoders import files, loading, windows
from models.encoders.device import Device, seeded, select_device
from models.encoders.finetune import Task, finetune, forward_in_parts, training_key
from models.encoders.settings import FinetuneSettings
from models.encoders.windows import Window
from models.examples import Query, TrainingCallback
from models.saved import ENCODER
from models.saved_parts import Array, read_arrays

_HEAD = "head.safetensors"
_MAX_WINDOWS = 8  # of one text in training, to save time; in inference all windows are read
Pool = Literal["mean", "amax"]
Batch = dict[str, Any]


class TunedEncoder:
    """A net of `encoder` and `head` with its tokenizer, on a device.

    `build` makes the net from a pretrained encoder and a dropout rate. Call `start`, `load` or both before use.
    """

    def __init__(
        self, settings: FinetuneSettings, device: Device | None, build: Callable[[Any, float], torch.nn.Module]
    ):
        self.settings = settings
        self.device = device or select_device()
        self._build = build
        self.tokenizer: Any = None
        self.net: Any = None
        self.length = 0
        self._digest = ""

    def start(self, initial: Path | None, *, seed: int) -> None:
        """Load the pretrained encoder with a new head, or the encoder and head of the earlier model in `initial`."""
        folder = files.locate(self.settings.encoder) if initial is None else initial / ENCODER
        self._assemble(*loading.load(folder, self.settings.encoder), dropout=self.settings.dropout, seed=seed)
        self._digest = files.digest(folder)
        if initial is not None:
            head = load_file(initial / _HEAD)
            new = self.net.head.state_dict()
            # A head with a different number of outputs cannot be reused.
            if {name: head[name].shape for name in head} == {name: new[name].shape for name in new}:
                self.net.head.load_state_dict(head)

    def load(self, folder: Path) -> None:
        self._assemble(*loading.load(folder / ENCODER), dropout=0.0, seed=0)
        declared = {name: Array("F32", tuple(array.shape)) for name, array in self.net.head.state_dict().items()}
        arrays = read_arrays(folder / _HEAD, declared)
        self.net.head.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        self.net.states.freeze(self.device)

    def save(self, folder: Path) -> None:
        loading.save(self.tokenizer, self.net.encoder, folder / ENCODER)
        save_file(self.net.head.state_dict(), folder / _HEAD)

    def _assemble(self, tokenizer: Any, encoder: Any, *, dropout: float, seed: int) -> None:
        with seeded(seed):
            net = self._build(encoder, dropout)
        self.tokenizer = tokenizer
        self.net = net.to(self.device.name)
        self.length = loading.window_length(tokenizer, encoder, self.settings.max_length)

    def text_windows(self, texts: Sequence[str], *, length: int | None = None) -> list[Window]:
        return windows.window_texts(self.tokenizer, texts, length=length or self.length) if texts else []

    def query_windows(self, queries: Sequence[Query]) -> list[Window]:
        return windows.window_queries(self.tokenizer, queries, length=self.length)

    def pad(self, input_windows: Sequence[Window]) -> dict[str, torch.Tensor]:
        """Return tensors (windows, tokens) on the CPU, where training batches are built."""
        return windows.pad(input_windows, self.tokenizer.pad_token_id)

    def tensors(self, input_windows: Sequence[Window]) -> dict[str, torch.Tensor]:
        """Return tensors (windows, tokens) on the device."""
        return {name: tensor.to(self.device.name) for name, tensor in self.pad(input_windows).items()}

    def fit(
        self,
        name: str,
        input_windows: Sequence[Window],
        rows: int,
        *,
        batch: Callable[[Sequence[int]], Batch],
        inputs: Callable[[Any, Batch], Sequence[Any]] = lambda net, batch: (),
        loss: Callable[[torch.Tensor, Batch], torch.Tensor],
        evaluate: Callable[[], Mapping[str, float]] | None,
        seed: int,
        key: Sequence[Any],
        arrays: Sequence[npt.NDArray[Any]],
        callback: TrainingCallback,
    ) -> None:
        """Fine-tune the net on `rows` texts, whose windows are `input_windows`.

        `batch` returns the labels of a step from its rows, and `inputs` the net's inputs other than the windows. `loss`
        takes the logits of the windows and the batch, in which `owner` is the position of each window's text. `key` and
        `arrays` are everything that the result depends on except settings, encoder, device and seed.
        """
        by_row = windows.by_row(input_windows, rows, most=_MAX_WINDOWS)

        def make_batch(rows: Sequence[int]) -> Batch:
            owner = torch.tensor([position for position, row in enumerate(rows) for _ in by_row[row]])
            windows_of_rows = [window for row in rows for window in by_row[row]]
            return {"windows": self.pad(windows_of_rows), "owner": owner} | batch(rows)

        def batch_loss(net: Any, batch: Batch) -> torch.Tensor:
            return loss(forward_in_parts(net, batch["windows"], *inputs(net, batch)).float(), batch)

        task = Task(
            name=name,
            sizes=[sum(len(window.ids) for window in of_text) for of_text in by_row],
            batch=make_batch,
            loss=batch_loss,
            evaluate=evaluate,
        )
        settings = self.settings.model_dump(mode="json")
        full_key = training_key(name, settings, self._digest, str(self.device), seed, *key, arrays=arrays)
        with loading.trainable_attention(self.net.encoder):
            finetune(self.net, task, self.settings, device=self.device, seed=seed, key=full_key, callback=callback)


def pool_windows(logits: torch.Tensor, owner: torch.Tensor, rows: int, pool: Pool) -> torch.Tensor:
    """Return (rows, …) from (windows, …): the mean or maximum over the windows of each text."""
    if len(logits) == rows:
        return logits
    index = owner.reshape(-1, *(1,) * (logits.dim() - 1)).expand_as(logits)
    empty = logits.new_zeros(rows, *logits.shape[1:])
    return empty.scatter_reduce(0, index, logits, reduce=pool, include_self=False)
