"""The joint family: topics and the stance toward each from one pass over the passage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_softmax, softmax

from labels.codebook import Codebook
from models.cleaning import clean
from models.encoders import windows
from models.encoders.device import Device, is_exact, select_device
from models.encoders.settings import FinetuneSettings
from models.encoders.windows import Window
from models.examples import FloatArray, JointExamples, Query, TrainingCallback
from models.families.protocol import SETTINGS_FILE, FamilySettings, SavedFitted, write_settings
from models.families.regression import NEVER
from models.saved_parts import read_json

if TYPE_CHECKING:
    import torch

_MAX_TOPICS = 16  # whose descriptions are trained on in one step, to save time
_MAX_DESCRIPTION = 128  # tokens of a description that are read
_LABELS_AT_ONCE = 64
_QUERIES_AT_ONCE = 256


class JointSettings(FinetuneSettings, FamilySettings):
    """One encoder that reads topics and stances in a single pass, each topic by its description."""

    kind: Literal["joint"] = "joint"


class Described(NamedTuple):
    """A topic as the joint reader uses it: `text` is encoded, and `target` is the target of queries for its stance."""

    text: str
    target: str


class _Saved(SavedFitted[JointSettings]):
    topics: tuple[Described, ...]
    present: tuple[bool, bool, bool]


class Joint:
    """Reads topics and stances at once; a topic's description is encoded once for all passages.

    A topic without a training example is left out of training and scored by its description alone.
    """

    def __init__(
        self,
        settings: JointSettings,
        topics: Sequence[Described],
        *,
        device: Device | None = None,
        seed: int = 0,
        initial: Path | None = None,
    ):
        from models.encoders.label_attention import LabelAttentionNet
        from models.encoders.tuned import TunedEncoder

        self.settings = settings
        self.known_topics = list(topics)
        self.encoder = TunedEncoder(settings, device, LabelAttentionNet)
        self.seed = seed
        self.initial = initial
        self.present = [True, True, True]
        """Which stances have a training example."""
        self._vectors: dict[tuple[str, bool], torch.Tensor] = {}
        """The vectors of labels, in fp32 or in the precision of the device."""

    @property
    def cross_fit(self) -> bool:
        return self.settings.cross_fit

    @property
    def rounds(self) -> bool:
        return self.encoder.device.bf16

    def fit(self, train: JointExamples, dev: JointExamples, *, callback: TrainingCallback) -> Self:
        self.start()
        self.present = (np.nansum(train.y[:, :, 1:], axis=(0, 1)) > 0).tolist()
        trained = np.flatnonzero(train.y[:, :, 0].sum(axis=0) > 0)
        if len(trained):
            self._finetune(train, dev, trained, callback)
            self._vectors = {}
        return self

    def start(self) -> None:
        """Load the pretrained encoder with a new head, or the earlier model."""
        self.encoder.start(self.initial, seed=self.seed)

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        """Return probabilities (n, topics, 4): presence, and favor, against and neutral, which sum to 1."""
        return self._probabilities(self._logits(texts, [topic.text for topic in self.known_topics]))

    def stances(self, queries: Sequence[Query]) -> FloatArray:
        """Return stance probabilities (n, 3), also for targets that are not topics of the codebook."""
        if not queries:
            return np.zeros((0, 3))
        # Every text in a part is scored for every target in it, so parts with open targets are kept small.
        parts = [queries[start : start + _QUERIES_AT_ONCE] for start in range(0, len(queries), _QUERIES_AT_ONCE)]
        return np.concatenate([self._stances(part) for part in parts])

    def _stances(self, queries: Sequence[Query]) -> FloatArray:
        text_of_target = {topic.target: topic.text for topic in reversed(self.known_topics)}
        label_of_query = [text_of_target.get(query.target, query.target) for query in queries]
        labels = list(dict.fromkeys(label_of_query))
        texts = list(dict.fromkeys(query.text for query in queries))
        stances = self._probabilities(self._logits(texts, labels))[:, :, 1:]
        return stances[
            [texts.index(query.text) for query in queries], [labels.index(label) for label in label_of_query]
        ]

    def save(self, folder: Path) -> None:
        favor, against, neutral = self.present
        saved = _Saved(
            kind="joint", settings=self.settings, precision=self.encoder.device.precision,
            topics=tuple(self.known_topics), present=(favor, against, neutral),
        )  # fmt: skip
        write_settings(folder, saved)
        self.encoder.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        saved = read_json(folder / SETTINGS_FILE, _Saved)
        model = cls(saved.settings, saved.topics, device=select_device(precision=saved.precision))
        model.present = list(saved.present)
        model.encoder.load(folder)
        return model

    def _finetune(
        self, train: JointExamples, dev: JointExamples, trained: npt.NDArray[np.intp], callback: TrainingCallback
    ) -> None:
        """Fine-tune on the descriptions of the topics at the positions `trained`."""
        import torch

        from models.encoders.label_attention import joint_loss, pool_labels

        described = [self._description(topic.text) for topic in self.known_topics]
        y = torch.tensor(train.y, dtype=torch.float32)

        def make_batch(rows: Sequence[int]) -> dict[str, Any]:
            columns, weight = self._draw_topics(train.y[list(rows), :, 0], trained)
            return {
                "labels": self.encoder.pad([described[column] for column in columns]),
                "y": y[list(rows)][:, columns],
                "weight": torch.tensor(weight, dtype=torch.float32),
            }

        def loss(logits: torch.Tensor, batch: dict[str, Any]) -> torch.Tensor:
            return joint_loss(pool_labels(logits, batch["owner"], len(batch["y"])), batch["y"], batch["weight"])

        def evaluate() -> dict[str, float]:
            self._vectors = {}
            return _metrics(self._logits(dev.inputs, [topic.text for topic in self.known_topics]), dev.y, trained)

        self.encoder.fit(
            "joint",
            self.encoder.text_windows(train.inputs),
            len(train),
            batch=make_batch,
            inputs=lambda net, batch: [net.vectors(batch["labels"])],
            loss=loss,
            evaluate=evaluate if len(dev) else None,
            seed=self.seed,
            key=[self.known_topics, train.inputs, dev.inputs],
            arrays=[train.y, dev.y],
            callback=callback,
        )

    def _draw_topics(
        self, presence: FloatArray, trained: npt.NDArray[np.intp]
    ) -> tuple[npt.NDArray[np.intp], FloatArray]:
        """Draw the topics of one step: some that its passages have, and some that they do not have.

        Return their positions and weights; a drawn topic also represents those of its kind that were not drawn.
        """
        import torch

        if len(trained) <= _MAX_TOPICS:
            return trained, np.ones(len(trained))
        drawn = trained[torch.randperm(len(trained)).numpy()]
        is_present = presence[:, drawn].sum(axis=0) > 0
        present, absent = drawn[is_present], drawn[~is_present]
        # Always draw some absent topics, so that the model learns that topics are rare.
        kept = min(len(present), max(_MAX_TOPICS // 2, _MAX_TOPICS - len(absent)))
        parts = [(present, present[:kept]), (absent, absent[: _MAX_TOPICS - kept])]
        weights = [np.full(len(part), len(kind) / max(1, len(part))) for kind, part in parts]
        return np.concatenate([part for _, part in parts]), np.concatenate(weights)

    def _logits(self, texts: Sequence[str], labels: Sequence[str]) -> FloatArray:
        """Return logits (texts, labels, 4)."""
        text_windows = self.encoder.text_windows(texts)
        logits = np.zeros((len(text_windows), len(labels), 4))
        net = self.encoder.net.eval()
        with self.encoder.device.inference():
            vectors = self._label_vectors(labels)
            for rows in windows.length_sorted_batches(text_windows, tokens=self.encoder.device.tokens_at_once):
                batch = self.encoder.tensors([text_windows[row] for row in rows])
                states = net.states(batch)
                for start in range(0, len(labels), _LABELS_AT_ONCE):
                    part = slice(start, start + _LABELS_AT_ONCE)
                    logits[rows, part] = net.head(states, batch["attention_mask"], vectors[part]).float().cpu()
        presence = windows.max_by_row(logits[:, :, 0], text_windows, rows=len(texts))
        stances = logits[:, :, 1:].reshape(len(text_windows), len(labels) * 3)
        stances = windows.mean_by_row(stances, text_windows, rows=len(texts))
        return np.concatenate([presence[:, :, None], stances.reshape(len(texts), len(labels), 3)], axis=2)

    def _label_vectors(self, labels: Sequence[str]) -> torch.Tensor:
        import torch

        for label in labels:
            if (label, is_exact()) not in self._vectors:
                tensors = self.encoder.tensors([self._description(label)])
                self._vectors[label, is_exact()] = self.encoder.net.vectors(tensors)[0]
        return torch.stack([self._vectors[label, is_exact()] for label in labels])

    def _description(self, label: str) -> Window:
        return self.encoder.text_windows([label], length=min(self.encoder.length, _MAX_DESCRIPTION))[0]

    def _probabilities(self, logits: FloatArray) -> FloatArray:
        stances = softmax(np.where(self.present, logits[:, :, 1:], NEVER), axis=2)
        return np.concatenate([expit(logits[:, :, :1]), stances], axis=2)


def describe(codebook: Codebook) -> list[Described]:
    """Return the codebook's description of each topic: name, definition and target."""
    return [
        Described(". ".join(filter(None, (topic.label, topic.definition, topic.target))), clean(topic.proposition))
        for topic in codebook.topics
    ]


def _metrics(logits: FloatArray, y: FloatArray, trained: npt.NDArray[np.intp]) -> dict[str, float]:
    """Return dev metrics; the score is the mean of mean average precision and macro-F1, or the one that is defined."""
    from sklearn.metrics import average_precision_score, f1_score

    from models.encoders.finetune import SCORE

    z, presence = logits[:, trained, 0], y[:, trained, 0]
    metrics = {"dev/loss": float((np.logaddexp(0, z) - presence * z).mean())}
    scores = []
    gold = y[:, :, 0] > 0.5
    mixed = [topic for topic in trained if 0 < gold[:, topic].sum() < len(y)]
    if mixed:
        precisions = [average_precision_score(gold[:, topic], logits[:, topic, 0]) for topic in mixed]
        metrics["dev/map"] = float(np.mean(precisions))
        scores.append(metrics["dev/map"])
    has_stance = ~np.isnan(y[:, :, 1])
    if has_stance.any():
        stances, z = y[has_stance][:, 1:], logits[has_stance][:, 1:]
        metrics["dev/loss"] += float(-(stances * log_softmax(z, axis=1)).sum(axis=1).mean())
        metrics["dev/macro_f1"] = float(f1_score(stances.argmax(axis=1), z.argmax(axis=1), average="macro"))
        scores.append(metrics["dev/macro_f1"])
    return metrics | {SCORE: float(np.mean(scores)) if scores else -metrics["dev/loss"]}
