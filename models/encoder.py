"""The encoder family: a pretrained transformer, fine-tuned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sklearn.metrics import average_precision_score, f1_score
from torch.nn import functional

from models import encoders, windows
from models.encoders import Machine
from models.examples import FloatArray, Query, StanceExamples, TopicExamples, Watch
from models.families import read_settings, write_settings
from models.finetune import SCORE, Task, finetune, in_parts, train_key
from models.saved import ENCODER
from models.settings import EncoderStanceSettings, EncoderTopicsSettings, Finetuned
from models.windows import Window

_HEAD = "head.safetensors"
_MOST_WINDOWS = 8  # of one text in training, for the time's sake; when a text is read none is left out
_NEVER = -30.0  # log-odds of what nobody was seen to say

Pool = Literal["mean", "amax"]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Judge = Callable[[FloatArray, FloatArray], dict[str, float]]


class Classifier(torch.nn.Module):
    """A linear head on the mean of an encoder's token states, beside the mean of the marked ones if it sees a target."""

    def __init__(self, encoder: Any, outputs: int, *, sees_target: bool, dropout: float = 0.0):
        super().__init__()
        self.encoder = encoder
        self.sees_target = sees_target
        self.dropout = torch.nn.Dropout(dropout)
        self.head = torch.nn.Linear(encoder.config.hidden_size * (2 if sees_target else 1), outputs)
        torch.nn.init.normal_(self.head.weight, std=0.02)
        torch.nn.init.zeros_(self.head.bias)
        self._inputs = encoders.takes(encoder, ("input_ids", "attention_mask", "token_type_ids"))

    def forward(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """(windows, outputs)"""
        mask, marked = batch["attention_mask"], batch["marked"]
        states = self.encoder(**{name: batch[name] for name in self._inputs}).last_hidden_state
        seen = [encoders.mean(states, mask)]
        if self.sees_target:
            # Where the target has no place in the text, the whole stands for it.
            there = marked.sum(dim=1, keepdim=True) > 0
            seen.append(encoders.mean(states, torch.where(there, marked, mask.float())))
        found: torch.Tensor = self.head(self.dropout(torch.cat(seen, dim=-1)))
        return found


class _Encoder:
    """What topics and stance are the same in."""

    def __init__(self, core: Core, *, seed: int, start: Path | None):
        self.core = core
        self.seed = seed
        self.start = start

    @property
    def cross_fit(self) -> bool:
        return self.core.settings.cross_fit

    def _save(self, folder: Path, **learnt: Any) -> None:
        settings, precision = self.core.settings.model_dump(mode="json"), self.core.machine.precision
        write_settings(folder, "encoder", settings=settings, precision=precision, **learnt)
        self.core.save(folder)


class EncoderTopics(_Encoder):
    """Log-odds of each topic; of a long text, those of the window where the topic is plainest."""

    def __init__(
        self,
        settings: EncoderTopicsSettings,
        *,
        machine: Machine | None = None,
        seed: int = 0,
        start: Path | None = None,
    ):
        super().__init__(Core(settings, machine, outputs=0, sees_target=False, pool="amax"), seed=seed, start=start)
        self.constant: list[float | None] = []

    def fit(self, train: TopicExamples, dev: TopicExamples, *, watch: Watch) -> Self:
        self.constant = [float(share[0]) if np.ptp(share) == 0 else None for share in train.y.T]
        self.core.outputs = train.y.shape[1]
        positive = np.clip(train.y.sum(axis=0), 1, None)
        weights = torch.tensor(np.sqrt(np.clip((len(train) - positive) / positive, 1, None)), dtype=torch.float32)

        def loss(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return functional.binary_cross_entropy_with_logits(logits, y, pos_weight=weights.to(logits.device))

        self.core.fit(
            "topics", (train.texts, train.y), (dev.texts, dev.y), loss=loss, judge=_judge_topics, seed=self.seed,
            watch=watch, learns=None in self.constant, start=self.start,
        )  # fmt: skip
        return self

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        found = 1 / (1 + np.exp(-self.core.read(texts)))
        for topic, share in enumerate(self.constant):
            if share is not None:
                # All examples said the same: there is nothing to tell apart.
                found[:, topic] = share
        return found

    def save(self, folder: Path) -> None:
        self._save(folder, constant=self.constant)

    @classmethod
    def load(cls, folder: Path) -> Self:
        saved = read_settings(folder)
        machine = encoders.machine(precision=saved["precision"])
        model = cls(EncoderTopicsSettings.model_validate(saved["settings"]), machine=machine)
        model.constant = saved["constant"]
        model.core.outputs = len(model.constant)
        model.core.load(folder)
        return model


class EncoderStance(_Encoder):
    """Passage and target side by side; of a long passage, the mean over its windows."""

    def __init__(
        self,
        settings: EncoderStanceSettings,
        *,
        machine: Machine | None = None,
        seed: int = 0,
        start: Path | None = None,
    ):
        super().__init__(Core(settings, machine, outputs=3, sees_target=True, pool="mean"), seed=seed, start=start)
        self.given = [True, True, True]

    def fit(self, train: StanceExamples, dev: StanceExamples, *, watch: Watch) -> Self:
        shares = train.y.sum(axis=0)
        self.given = (shares > 0).tolist()
        weights = torch.tensor(np.sqrt(len(train) / (3 * np.clip(shares, 1, None))), dtype=torch.float32)

        def loss(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return functional.cross_entropy(logits, y, weight=weights.to(logits.device))

        self.core.fit(
            "stance", (train.queries, train.y), (dev.queries, dev.y), loss=loss, judge=_judge_stance, seed=self.seed,
            watch=watch, learns=sum(self.given) > 1, start=self.start,
        )  # fmt: skip
        return self

    def predict_proba(self, queries: Sequence[Query]) -> FloatArray:
        logits = np.where(self.given, self.core.read(queries), _NEVER)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True, initial=_NEVER))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    def save(self, folder: Path) -> None:
        self._save(folder, given=self.given)

    @classmethod
    def load(cls, folder: Path) -> Self:
        saved = read_settings(folder)
        machine = encoders.machine(precision=saved["precision"])
        model = cls(EncoderStanceSettings.model_validate(saved["settings"]), machine=machine)
        model.given = saved["given"]
        model.core.load(folder)
        return model


class Core:
    """Tokenizer and classifier on a machine: what the topics and the stance of the family share."""

    def __init__(self, settings: Finetuned, machine: Machine | None, *, outputs: int, sees_target: bool, pool: Pool):
        self.settings = settings
        self.machine = machine or encoders.machine()
        self.outputs = outputs
        self.sees_target = sees_target
        self.pool: Pool = pool
        self._tokenizer: Any = None
        self._net: Any = None

    def fit(
        self,
        name: str,
        train: tuple[Sequence[str] | Sequence[Query], FloatArray],
        dev: tuple[Sequence[str] | Sequence[Query], FloatArray],
        *,
        loss: Loss,
        judge: Judge,
        seed: int,
        watch: Watch,
        learns: bool,
        start: Path | None,
    ) -> None:
        folder = encoders.locate(self.settings.encoder) if start is None else start / ENCODER
        self._tokenizer, encoder = encoders.load(folder, self.settings.encoder)
        self._new_net(encoder, dropout=self.settings.dropout, seed=seed)
        if start is not None:
            self._take_head(start)
        if not learns:
            return
        found = windows.by_row(self._windows(train[0]), len(train[0]), most=_MOST_WINDOWS)
        y, pad = torch.tensor(train[1], dtype=torch.float32), self._tokenizer.pad_token_id

        def batch(rows: Sequence[int]) -> dict[str, Any]:
            tensors = windows.padded([window for row in rows for window in found[row]], pad)
            owner = torch.tensor([place for place, row in enumerate(rows) for _ in found[row]])
            return {"batch": tensors, "owner": owner, "y": y[list(rows)]}

        def batch_loss(net: Any, given: dict[str, Any]) -> torch.Tensor:
            logits = in_parts(net, given["batch"]).float()
            return loss(_pooled(logits, given["owner"], len(given["y"]), self.pool), given["y"])

        task = Task(
            name=name,
            sizes=[sum(len(window.ids) for window in few) for few in found],
            batch=batch,
            loss=batch_loss,
            judge=(lambda: judge(self.read(dev[0]), dev[1])) if len(dev[0]) else None,
        )
        key = train_key(
            name, self.settings.model_dump(mode="json"), encoders.digest(folder), str(self.machine), seed,
            list(train[0]), list(dev[0]), arrays=[train[1], dev[1]],
        )  # fmt: skip
        finetune(self._net, task, self.settings, machine=self.machine, seed=seed, key=key, watch=watch)

    def _take_head(self, start: Path) -> None:
        """Of another number of outputs a head is of no use: then only the encoder is taken over."""
        head = load_file(start / _HEAD)
        if head["weight"].shape == self._net.head.weight.shape:
            self._net.head.load_state_dict(head)

    def read(self, asked: Sequence[str] | Sequence[Query]) -> FloatArray:
        """(n, outputs), before a sigmoid or softmax."""
        found = self._windows(asked)
        logits = np.zeros((len(found), self.outputs))
        self._net.eval()
        with self.machine.reading():
            for rows in windows.batches(found):
                batch = windows.padded([found[row] for row in rows], self._tokenizer.pad_token_id)
                batch = {name: tensor.to(self.machine.device) for name, tensor in batch.items()}
                logits[rows] = self._net(batch).float().cpu().numpy()
        pool = windows.max_of_rows if self.pool == "amax" else windows.mean_of_rows
        return pool(logits, found, rows=len(asked))

    def save(self, folder: Path) -> None:
        encoders.save(self._tokenizer, self._net.encoder, folder / ENCODER)
        save_file(self._net.head.state_dict(), folder / _HEAD)

    def load(self, folder: Path) -> None:
        self._tokenizer, encoder = encoders.load(folder / ENCODER)
        self._new_net(encoder, dropout=0.0, seed=0)
        self._net.head.load_state_dict(load_file(folder / _HEAD))

    def _new_net(self, encoder: Any, *, dropout: float, seed: int) -> None:
        with encoders.seeded(seed):
            net = Classifier(encoder, self.outputs, sees_target=self.sees_target, dropout=dropout)
        self._net = net.to(self.machine.device)
        self._length = encoders.longest(self._tokenizer, encoder, self.settings.max_length)

    def _windows(self, asked: Sequence[Any]) -> list[Window]:
        cut = windows.of_queries if self.sees_target else windows.of_texts
        return cut(self._tokenizer, asked, length=self._length) if len(asked) else []


def _pooled(logits: torch.Tensor, owner: torch.Tensor, rows: int, how: Pool) -> torch.Tensor:
    """(windows, k) → (rows, k)"""
    if len(logits) == rows:
        return logits
    index = owner.unsqueeze(-1).expand_as(logits)
    return logits.new_zeros(rows, logits.shape[1]).scatter_reduce(0, index, logits, reduce=how, include_self=False)


def _judge_topics(logits: FloatArray, y: FloatArray) -> dict[str, float]:
    loss = float((np.logaddexp(0, logits) - y * logits).mean())
    there = [topic for topic in range(y.shape[1]) if 0 < (y[:, topic] > 0.5).sum() < len(y)]
    if not there:
        return {"dev/loss": loss, SCORE: -loss}
    score = float(np.mean([average_precision_score(y[:, topic] > 0.5, logits[:, topic]) for topic in there]))
    return {"dev/loss": loss, "dev/map": score, SCORE: score}


def _judge_stance(logits: FloatArray, y: FloatArray) -> dict[str, float]:
    log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    score = float(f1_score(y.argmax(axis=1), logits.argmax(axis=1), average="macro"))
    return {"dev/loss": float(-(y * log_p).sum(axis=1).mean()), "dev/macro_f1": score, SCORE: score}
