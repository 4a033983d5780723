"""A classifier of texts or queries: a linear head on the token states of an encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import log_softmax
from sklearn.metrics import average_precision_score, f1_score
from torch.nn import functional

from models.encoders import windows
from models.encoders.device import Device
from models.encoders.finetune import SCORE
from models.encoders.forward import Forward
from models.encoders.settings import FinetuneSettings
from models.encoders.tuned import Batch, Pool, TunedEncoder, pool_windows
from models.encoders.windows import Window
from models.examples import Examples as ExamplesOf
from models.examples import FloatArray, Input, TrainingCallback

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Evaluate = Callable[[FloatArray, FloatArray], dict[str, float]]


class LinearHead(torch.nn.Module):
    """A linear head on the mean token state and, if it reads targets, on the mean over the marked target."""

    def __init__(self, encoder: Any, outputs: int, *, sees_target: bool, dropout: float = 0.0):
        super().__init__()
        self.encoder = encoder
        self.sees_target = sees_target
        self.dropout = torch.nn.Dropout(dropout)
        self.head = torch.nn.Linear(encoder.config.hidden_size * (2 if sees_target else 1), outputs)
        torch.nn.init.normal_(self.head.weight, std=0.02)
        torch.nn.init.zeros_(self.head.bias)
        self.states = Forward(encoder)

    def forward(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return logits (windows, outputs)."""
        mask, marked = batch["attention_mask"], batch["marked"]
        states = self.states(batch)
        pooled = [windows.masked_mean(states, mask)]
        if self.sees_target:
            # If the text does not name the target, use the mean of the whole text instead.
            is_marked = marked.sum(dim=1, keepdim=True) > 0
            pooled.append(windows.masked_mean(states, torch.where(is_marked, marked, mask.float())))
        logits: torch.Tensor = self.head(self.dropout(torch.cat(pooled, dim=-1)))
        return logits


class Classifier:
    """A fine-tuned encoder that returns `outputs` logits per text, or per query if it reads targets."""

    def __init__(
        self, settings: FinetuneSettings, device: Device | None, *, outputs: int, sees_target: bool, pool: Pool
    ):
        self.outputs = outputs
        self.sees_target = sees_target
        self.pool: Pool = pool
        self.encoder = TunedEncoder(settings, device, self._build)

    def _build(self, encoder: Any, dropout: float) -> LinearHead:
        return LinearHead(encoder, self.outputs, sees_target=self.sees_target, dropout=dropout)

    def fit(
        self,
        name: str,
        train: ExamplesOf[Input],
        dev: ExamplesOf[Input],
        *,
        loss: Loss,
        evaluate: Evaluate,
        learns: bool,
        seed: int,
        initial: Path | None,
        callback: TrainingCallback,
    ) -> None:
        """Load the pretrained encoder or the earlier model, and fine-tune it if `learns`."""
        self.encoder.start(initial, seed=seed)
        if not learns:
            return
        y = torch.tensor(train.y, dtype=torch.float32)

        def pooled_loss(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
            return loss(pool_windows(logits, batch["owner"], len(batch["y"]), self.pool), batch["y"])

        self.encoder.fit(
            name,
            self._windows(train.inputs),
            len(train),
            batch=lambda rows: {"y": y[list(rows)]},
            loss=pooled_loss,
            evaluate=(lambda: evaluate(self.logits(dev.inputs), dev.y)) if len(dev) else None,
            seed=seed,
            key=[train.inputs, dev.inputs],
            arrays=[train.y, dev.y],
            callback=callback,
        )

    def logits(self, inputs: Sequence[Any]) -> FloatArray:
        """Return logits (n, outputs), before the sigmoid or softmax."""
        input_windows = self._windows(inputs)
        logits = np.zeros((len(input_windows), self.outputs))
        net = self.encoder.net.eval()
        with self.encoder.device.inference():
            for rows in windows.length_sorted_batches(input_windows, tokens=self.encoder.device.tokens_at_once):
                logits[rows] = net(self.encoder.tensors([input_windows[row] for row in rows])).float().cpu().numpy()
        pool = windows.max_by_row if self.pool == "amax" else windows.mean_by_row
        return pool(logits, input_windows, rows=len(inputs))

    def _windows(self, inputs: Sequence[Any]) -> list[Window]:
        return self.encoder.query_windows(inputs) if self.sees_target else self.encoder.text_windows(inputs)


def topic_loss(y: FloatArray) -> Loss:
    """Return the binary cross-entropy, with larger weights for the positives of rare topics."""
    positive = np.clip(y.sum(axis=0), 1, None)
    weights = torch.tensor(np.sqrt(np.clip((len(y) - positive) / positive, 1, None)), dtype=torch.float32)

    def loss(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.binary_cross_entropy_with_logits(logits, y, pos_weight=weights.to(logits.device))

    return loss


def stance_loss(y: FloatArray) -> Loss:
    """Return the cross-entropy, with larger weights for rare stances."""
    weights = torch.tensor(np.sqrt(len(y) / (3 * np.clip(y.sum(axis=0), 1, None))), dtype=torch.float32)

    def loss(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(logits, y, weight=weights.to(logits.device))

    return loss


def topic_metrics(logits: FloatArray, y: FloatArray) -> dict[str, float]:
    """Return the dev loss and mean average precision, which is the score if some topic has both labels."""
    loss = float((np.logaddexp(0, logits) - y * logits).mean())
    mixed = [topic for topic in range(y.shape[1]) if 0 < (y[:, topic] > 0.5).sum() < len(y)]
    if not mixed:
        return {"dev/loss": loss, SCORE: -loss}
    score = float(np.mean([average_precision_score(y[:, topic] > 0.5, logits[:, topic]) for topic in mixed]))
    return {"dev/loss": loss, "dev/map": score, SCORE: score}


def stance_metrics(logits: FloatArray, y: FloatArray) -> dict[str, float]:
    """Return the dev loss and macro-F1, which is the score."""
    loss = float(-(y * log_softmax(logits, axis=1)).sum(axis=1).mean())
    score = float(f1_score(y.argmax(axis=1), logits.argmax(axis=1), average="macro"))
    return {"dev/loss": loss, "dev/macro_f1": score, SCORE: score}
