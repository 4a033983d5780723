"""Contrastive training: an encoder learns to bring examples with the same labels together and to keep others apart."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import datasets
import numpy as np
import transformers
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.modules import InputModule
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss
from sentence_transformers.sentence_transformer.modules import Pooling

from models.encoders import loading, windows
from models.encoders.device import seeded
from models.encoders.settings import ContrastiveSettings
from models.encoders.vectors import Vectors
from models.encoders.windows import Window
from models.examples import FloatArray, Query, TrainingCallback


def train_on_pairs(
    vectors: Vectors,
    inputs: Sequence[str] | Sequence[Query],
    y: FloatArray,
    settings: ContrastiveSettings,
    *,
    name: str,
    seed: int,
    callback: TrainingCallback,
) -> Vectors:
    """Vectors of a copy of the encoder, trained until those of like examples are near and of others far.

    Raises DemarcheError where memory runs out.
    """
    new = Vectors(vectors.tokenizer, copy.deepcopy(vectors.encoder), vectors.device, max_length=settings.max_length)
    most = settings.steps * settings.batch_size
    found = list(islice(pairs(y, each=settings.pairs, rng=np.random.default_rng(seed)), most))
    if len({similarity for *_, similarity in found}) < 2:
        return new  # nothing to tell apart
    with seeded(seed), tempfile.TemporaryDirectory(prefix="demarche-") as folder:
        model = SentenceTransformer(
            modules=[_Encoder(new, inputs), Pooling(new.width, "mean")],
            device=new.device.name,
            local_files_only=True,
        )
        first, second, similarity = zip(*found, strict=True)
        trainer = _Trainer(
            model=model,
            args=_arguments(folder, settings, new, seed=seed),
            train_dataset=datasets.Dataset.from_dict({"first": first, "second": second, "score": similarity}),
            loss=CosineSimilarityLoss(model),
            callbacks=[_ReportProgress(name, callback)],
        )
        trainer.remove_callback(transformers.PrinterCallback)
        with new.device.enough_memory(name, "lower max_length or batch_size"):
            trainer.train()
    return new


def pairs(y: FloatArray, *, each: int, rng: np.random.Generator) -> Iterator[tuple[int, int, float]]:
    """(row, row, how alike in [0, 1]): for each row in turn a like one and an unlike one, `each` in all at most.

    Alike is the share of the labels of both that they have in common (Ruzicka): 1 for the same labels, 0 for none in
    common, as two of three topics in between. Rows without any label have nothing in common: they are about all sorts.
    """
    for _ in range(-(-each // 2)):
        for row in rng.permutation(len(y)):
            together = np.minimum(y[row], y).sum(axis=1) / np.maximum(y[row], y).sum(axis=1).clip(1e-12)
            # However soon the pairs are cut off, as many are alike as are not.
            for chances in (together.copy(), 1 - together):
                chances[row] = 0.0
                if chances.any():
                    other = int(rng.choice(len(y), p=chances / chances.sum()))
                    yield int(row), other, float(together[other])


class _Encoder(InputModule):
    """Examples by their rows → states of the tokens of their first window."""

    def __init__(self, vectors: Vectors, inputs: Sequence[str] | Sequence[Query]):
        super().__init__()
        self.encoder = vectors.encoder
        self.tokenizer = vectors.tokenizer
        self._first: dict[int, Window] = {}
        for window in vectors.windows(inputs):
            self._first.setdefault(window.row, window)

    def preprocess(self, inputs: Sequence[int], prompt: str | None = None, **_: Any) -> dict[str, Any]:
        return windows.model_inputs([self._first[row] for row in inputs], self.tokenizer, self.encoder)

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        known = loading.accepted_inputs(self.encoder, ("input_ids", "attention_mask", "token_type_ids"))
        states = self.encoder(**{name: features[name] for name in known}).last_hidden_state
        return features | {"token_embeddings": states}

    def save(self, *_: Any, **__: Any) -> None:
        raise AssertionError("saved by Vectors")


class _Trainer(SentenceTransformerTrainer):
    def add_model_card_callback(self, *_: Any) -> None:
        """The encoder is published nowhere by itself."""


class _ReportProgress(transformers.TrainerCallback):
    """Tells the watch."""

    def __init__(self, name: str, callback: TrainingCallback):
        self.name, self.callback = name, callback

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.callback.step(self.name, done=state.global_step, total=state.max_steps)

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, float], **_: Any) -> None:
        if "loss" in logs:
            self.callback.epoch(self.name, round(state.epoch), {"loss": logs["loss"]})


def _arguments(
    folder: str, settings: ContrastiveSettings, vectors: Vectors, *, seed: int
) -> SentenceTransformerTrainingArguments:
    return SentenceTransformerTrainingArguments(
        output_dir=folder,
        num_train_epochs=1,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        warmup_steps=0.1,
        optim="adamw_torch_fused",
        use_cpu=vectors.device.name == "cpu",
        bf16=vectors.device.bf16,
        seed=seed,
        save_strategy="no",
        logging_strategy="epoch",
        disable_tqdm=True,
        report_to=[],
    )
