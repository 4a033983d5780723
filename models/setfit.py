"""The setfit family: an encoder tuned on pairs of examples, for few labels (Tunstall et al. 2022).

First the encoder learns to bring examples with the same labels together and to keep others apart; a few examples make
many pairs. Then a logistic regression is fitted on its vectors.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Self

import datasets
import numpy as np
import numpy.typing as npt
import transformers
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.modules import InputModule
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss
from sentence_transformers.sentence_transformer.modules import Pooling

from models import encoders, windows
from models.embedding import StanceOnVectors, TopicsOnVectors, fit_head, fit_heads
from models.examples import FloatArray, Query, StanceExamples, TopicExamples, Watch
from models.settings import Setfit, SetfitStanceSettings, SetfitTopicsSettings
from models.vectors import Vectors
from models.windows import Window


class SetfitTopics(TopicsOnVectors):
    """Texts are alike as far as their topics are the same."""

    Settings = SetfitTopicsSettings

    def __init__(self, settings: SetfitTopicsSettings, vectors: Vectors, *, seed: int = 0):
        super().__init__(settings, vectors)
        self.seed = seed

    @property
    def cross_fit(self) -> bool:
        return bool(self.settings.cross_fit)

    def fit(self, train: TopicExamples, dev: TopicExamples, *, watch: Watch) -> Self:
        self.vectors = tuned(
            self.vectors, train.texts, train.y, self.settings, name="topics", seed=self.seed, watch=watch
        )
        self.coefficients, self.intercepts = fit_heads(self.vectors.of(train.texts), train.y, c=self.settings.c)
        return self


class SetfitStance(StanceOnVectors):
    """Text and target are read side by side; two such are alike where the stance is the same, whatever the target."""

    Settings = SetfitStanceSettings

    def __init__(self, settings: SetfitStanceSettings, vectors: Vectors, *, seed: int = 0):
        super().__init__(settings, vectors)
        self.seed = seed

    @property
    def cross_fit(self) -> bool:
        return bool(self.settings.cross_fit)

    def fit(self, train: StanceExamples, dev: StanceExamples, *, watch: Watch) -> Self:
        self.vectors = tuned(
            self.vectors, train.queries, train.y, self.settings, name="stance", seed=self.seed, watch=watch
        )
        self.coefficients, self.intercepts = fit_head(self.features(train.queries), train.y, c=self.settings.c)
        return self

    def features(self, queries: Sequence[Query]) -> npt.NDArray[np.float32]:
        return self.vectors.of_queries(queries)


def tuned(
    vectors: Vectors,
    asked: Sequence[str] | Sequence[Query],
    y: FloatArray,
    settings: Setfit,
    *,
    name: str,
    seed: int,
    watch: Watch,
) -> Vectors:
    """Vectors of a copy of the encoder, trained until those of like examples are near and of others far.

    Raises DemarcheError where memory runs out.
    """
    new = Vectors(vectors.tokenizer, copy.deepcopy(vectors.encoder), vectors.machine, max_length=settings.max_length)
    most = settings.steps * settings.batch_size
    found = list(islice(pairs(y, each=settings.pairs, rng=np.random.default_rng(seed)), most))
    if len({likeness for *_, likeness in found}) < 2:
        return new  # nothing to tell apart
    with encoders.seeded(seed), tempfile.TemporaryDirectory(prefix="demarche-") as folder:
        model = SentenceTransformer(
            modules=[_Encoder(new, asked), Pooling(new.width, "mean")],
            device=new.machine.device,
            local_files_only=True,
        )
        first, second, likeness = zip(*found, strict=True)
        trainer = _Trainer(
            model=model,
            args=_arguments(folder, settings, new, seed=seed),
            train_dataset=datasets.Dataset.from_dict({"first": first, "second": second, "score": likeness}),
            loss=CosineSimilarityLoss(model),
            callbacks=[_Told(name, watch)],
        )
        trainer.remove_callback(transformers.PrinterCallback)
        with new.machine.enough_memory(name, "lower max_length or batch_size"):
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

    def __init__(self, vectors: Vectors, asked: Sequence[str] | Sequence[Query]):
        super().__init__()
        self.encoder = vectors.encoder
        self.tokenizer = vectors.tokenizer
        self._first: dict[int, Window] = {}
        for window in vectors.windows(asked):
            self._first.setdefault(window.row, window)

    def preprocess(self, inputs: Sequence[int], prompt: str | None = None, **_: Any) -> dict[str, Any]:
        return windows.inputs([self._first[row] for row in inputs], self.tokenizer, self.encoder)

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        known = encoders.takes(self.encoder, ("input_ids", "attention_mask", "token_type_ids"))
        states = self.encoder(**{name: features[name] for name in known}).last_hidden_state
        return features | {"token_embeddings": states}

    def save(self, *_: Any, **__: Any) -> None:
        raise AssertionError("saved by Vectors")


class _Trainer(SentenceTransformerTrainer):
    def add_model_card_callback(self, *_: Any) -> None:
        """The encoder is published nowhere by itself."""


class _Told(transformers.TrainerCallback):
    """Tells the watch."""

    def __init__(self, name: str, watch: Watch):
        self.name, self.watch = name, watch

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.watch.step(self.name, done=state.global_step, total=state.max_steps)

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, float], **_: Any) -> None:
        if "loss" in logs:
            self.watch.epoch(self.name, round(state.epoch), {"loss": logs["loss"]})


def _arguments(folder: str, settings: Setfit, vectors: Vectors, *, seed: int) -> SentenceTransformerTrainingArguments:
    return SentenceTransformerTrainingArguments(
        output_dir=folder,
        num_train_epochs=1,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        warmup_steps=0.1,
        optim="adamw_torch_fused",
        use_cpu=vectors.machine.device == "cpu",
        bf16=vectors.machine.bf16,
        seed=seed,
        save_strategy="no",
        logging_strategy="epoch",
        disable_tqdm=True,
        report_to=[],
    )
