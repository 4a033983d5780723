"""Train an encoder contrastively: vectors of examples with the same labels move together, all others apart."""

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
    """Train a copy of the encoder on pairs of examples, and return its vectors.

    Raises DemarcheError if memory runs out.
    """
    new = Vectors(vectors.tokenizer, copy.deepcopy(vectors.encoder), vectors.device, max_length=settings.max_length)
    max_pairs = settings.steps * settings.batch_size
    drawn = list(islice(pairs(y, each=settings.pairs, rng=np.random.default_rng(seed)), max_pairs))
    if len({similarity for *_, similarity in drawn}) < 2:
        return new  # all pairs are equally similar, so there is nothing to train
    with seeded(seed), tempfile.TemporaryDirectory(prefix="demarche-") as folder:
        model = SentenceTransformer(
            modules=[_Encoder(new, inputs), Pooling(new.width, "mean")],
            device=new.device.name,
            local_files_only=True,
        )
        first, second, similarity = zip(*drawn, strict=True)
        trainer = _Trainer(
            model=model,
            args=_arguments(folder, settings, new, seed=seed),
            train_dataset=datasets.Dataset.from_dict({"first": first, "second": second, "score": similarity}),
            loss=CosineSimilarityLoss(model),
            callbacks=[_ReportProgress(name, callback)],
        )
        trainer.remove_callback(transformers.PrinterCallback)
        with new.device.enough_memory(name, "lower max_length or batch_size"), loading.trainable_attention(new.encoder):
            trainer.train()
    return new


def pairs(y: FloatArray, *, each: int, rng: np.random.Generator) -> Iterator[tuple[int, int, float]]:
    """Yield (row, other row, similarity), alternating similar and dissimilar rows, at most `each` pairs per row.

    The similarity is the sum of the labels that both rows have, divided by that of the labels that either has
    (Ruzicka): 1 for the same labels, 0 for none in common, in between for two of three topics. Rows without any label
    are not similar, since they are about many different things.
    """
    for _ in range(-(-each // 2)):
        for row in rng.permutation(len(y)):
            similarity = np.minimum(y[row], y).sum(axis=1) / np.maximum(y[row], y).sum(axis=1).clip(1e-12)
            # Alternate, so that half of the pairs are similar wherever the pairs are cut off.
            for weights in (similarity.copy(), 1 - similarity):
                weights[row] = 0.0
                if weights.any():
                    other = int(rng.choice(len(y), p=weights / weights.sum()))
                    yield int(row), other, float(similarity[other])


class _Encoder(InputModule):
    """A module that returns the token states of the first window of each example, given the example's row."""

    def __init__(self, vectors: Vectors, inputs: Sequence[str] | Sequence[Query]):
        super().__init__()
        self.encoder = vectors.encoder
        self.tokenizer = vectors.tokenizer
        self._windows: list[Window] = [
            of_input[0] for of_input in windows.by_row(vectors.windows(inputs), len(inputs), most=1)
        ]

    def preprocess(self, inputs: Sequence[int], prompt: str | None = None, **_: Any) -> dict[str, Any]:
        return windows.model_inputs([self._windows[row] for row in inputs], self.tokenizer, self.encoder)

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        names = loading.accepted_inputs(self.encoder)
        states = self.encoder(**{name: features[name] for name in names}).last_hidden_state
        return features | {"token_embeddings": states}

    def save(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError("Vectors saves the encoder")


class _Trainer(SentenceTransformerTrainer):
    def add_model_card_callback(self, *_: Any) -> None:
        """Skip the model card, since the encoder is saved as part of our own model."""


class _ReportProgress(transformers.TrainerCallback):
    """Reports progress to our callback."""

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
