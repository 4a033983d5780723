"""The zero-shot family: entailment by an encoder trained on natural-language inference (Yin et al. 2019).

Each label is worded as a hypothesis, and the encoder scores whether the text entails it. Nothing is trained here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import AfterValidator
from scipy.special import expit, logsumexp, softmax

from labels.codebook import Codebook
from labels.errors import DemarcheError
from models.encoders import files, loading, windows
from models.encoders.device import Device, select_device
from models.encoders.forward import Forward
from models.encoders.settings import EncoderSettings
from models.encoders.windows import Window
from models.examples import FloatArray, Query, StanceExamples, TopicExamples, TrainingCallback
from models.families.protocol import SETTINGS_FILE, FamilySettings, FitContext, SavedFitted, write_settings
from models.saved import ENCODER
from models.saved_parts import read_json

_MAX_CHARACTERS = 2_000_000  # tokenized at a time: texts times topics are many
Pool = Callable[..., FloatArray]


def _must_contain(place: str) -> AfterValidator:
    def check(wording: str) -> str:
        if place not in wording:
            raise ValueError(f"{wording!r} has no placeholder {place}; add it where the {place.strip('{}')} goes")
        return wording

    return AfterValidator(check)


TargetHypothesis = Annotated[str, _must_contain("{target}")]


class ZeroShotTopicsSettings(EncoderSettings, FamilySettings):
    """The hypothesis that a passage is about the topic; {topic} is replaced by the topic's name and definition."""

    finds_unseen_topics: ClassVar[bool] = True
    needs_entailment: ClassVar[bool] = True
    kind: Literal["zero_shot"]
    hypothesis: Annotated[str, _must_contain("{topic}")] = "This text is about {topic}."


class ZeroShotStanceSettings(EncoderSettings, FamilySettings):
    """The hypotheses that a passage is in favor of, and against, the target."""

    needs_entailment: ClassVar[bool] = True
    kind: Literal["zero_shot"]
    favor: TargetHypothesis = "This text is in favor of {target}."
    against: TargetHypothesis = "This text is against {target}."


class _SavedTopics(SavedFitted[ZeroShotTopicsSettings]):
    hypotheses: tuple[str, ...]


_SavedStance = SavedFitted[ZeroShotStanceSettings]


class Entailment:
    """An encoder with its classification head for natural-language inference."""

    def __init__(self, folder: Path, settings: EncoderSettings, device: Device, *, name: str = ""):
        self.entailed = files.entailment(folder, name)
        self.tokenizer, self.encoder = loading.load(folder, name, head=True)
        if not 0 <= self.entailed < self.encoder.config.num_labels:
            raise DemarcheError(f"encoder {name or folder}: its label for entailment has no output; fetch it again")
        self.device = device
        self.encoder.to(device.name)
        self._forward = Forward(self.encoder, "logits")
        self._forward.freeze(device)
        self._length = loading.window_length(self.tokenizer, self.encoder, settings.max_length)

    @classmethod
    def of_encoder(cls, settings: EncoderSettings, device: Device) -> Self:
        return cls(files.locate(settings.encoder), settings, device, name=settings.encoder)

    def log_odds(self, pairs: Sequence[Query], *, pool: Pool) -> FloatArray:
        """Return (pairs,): the log-odds that the text entails the hypothesis, which is the pair's `target`.

        The odds are of entailment against both neutral and contradiction, since an unrelated text leaves a hypothesis
        open.
        """
        parts = [self._log_odds(pairs[part], pool) for part in _parts(pairs)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _log_odds(self, pairs: Sequence[Query], pool: Pool) -> FloatArray:
        # A hypothesis with a definition in it may take up to half of a window.
        max_target = self._length // 2
        pair_windows = windows.window_queries(self.tokenizer, pairs, length=self._length, max_target=max_target)
        logits = np.zeros((len(pair_windows), self.encoder.config.num_labels))
        with self.device.inference():
            for rows in windows.length_sorted_batches(pair_windows, tokens=self.device.tokens_at_once):
                logits[rows] = self._logits([pair_windows[row] for row in rows])
        others = logsumexp(np.delete(logits, self.entailed, axis=1), axis=1)
        return pool((logits[:, self.entailed] - others)[:, None], pair_windows, rows=len(pairs))[:, 0]

    def _logits(self, pair_windows: Sequence[Window]) -> FloatArray:
        inputs = windows.model_inputs(pair_windows, self.tokenizer, self.encoder)
        inputs = {name: tensor.to(self.device.name) for name, tensor in inputs.items()}
        return np.asarray(self._forward(inputs).float().cpu().numpy(), dtype=np.float64)

    def save(self, folder: Path) -> None:
        loading.save(self.tokenizer, self.encoder, folder / ENCODER)


class ZeroShotTopics:
    """Scores each topic's hypothesis; for a long text, by the window that entails it most."""

    cross_fit = False

    def __init__(self, settings: ZeroShotTopicsSettings, entailment: Entailment, hypotheses: Sequence[str]):
        self.settings = settings
        self.entailment = entailment
        self.hypotheses = list(hypotheses)

    @property
    def rounds(self) -> bool:
        return self.entailment.device.bf16

    @classmethod
    def factory(cls, settings: ZeroShotTopicsSettings, context: FitContext) -> Callable[[], Self]:
        model = cls.of(context.codebook, settings, context.device())
        return lambda: model

    @classmethod
    def of(cls, codebook: Codebook, settings: ZeroShotTopicsSettings, device: Device) -> Self:
        hypotheses = [settings.hypothesis.replace("{topic}", topic.description) for topic in codebook.topics]
        return cls(settings, Entailment.of_encoder(settings, device), hypotheses)

    def fit(self, train: TopicExamples, dev: TopicExamples, *, callback: TrainingCallback) -> Self:
        return self

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        pairs = [Query(text, hypothesis) for text in texts for hypothesis in self.hypotheses]
        odds = self.entailment.log_odds(pairs, pool=windows.max_by_row)
        return np.asarray(expit(odds)).reshape(len(texts), len(self.hypotheses))

    def save(self, folder: Path) -> None:
        _save(_SavedTopics, self, folder, hypotheses=self.hypotheses)

    @classmethod
    def load(cls, folder: Path) -> Self:
        saved = read_json(folder / SETTINGS_FILE, _SavedTopics)
        return cls(saved.settings, _load(folder, saved), saved.hypotheses)


class ZeroShotStance:
    """Weighs two hypotheses: that the text is in favor of the target, and that it is against it.

    The two hypotheses are mutually exclusive: of the four combinations of yes and no, both-yes is dropped. What remains
    is favor with its odds, against with its odds, and neutral with 1. An encoder that rarely finds entailment therefore
    predicts neutral too often, which calibration corrects. For a long text, log-odds are averaged over its windows.
    """

    cross_fit = False

    def __init__(self, settings: ZeroShotStanceSettings, entailment: Entailment):
        self.settings = settings
        self.entailment = entailment

    @property
    def rounds(self) -> bool:
        return self.entailment.device.bf16

    @classmethod
    def factory(cls, settings: ZeroShotStanceSettings, context: FitContext) -> Callable[[], Self]:
        model = cls.of(settings, context.device())
        return lambda: model

    @classmethod
    def of(cls, settings: ZeroShotStanceSettings, device: Device) -> Self:
        return cls(settings, Entailment.of_encoder(settings, device))

    def fit(self, train: StanceExamples, dev: StanceExamples, *, callback: TrainingCallback) -> Self:
        return self

    def predict_proba(self, queries: Sequence[Query]) -> FloatArray:
        wordings = (self.settings.favor, self.settings.against)
        # The target is not marked in the text: these encoders were trained without marks.
        pairs = [
            Query(query.text, wording.replace("{target}", query.target)) for query in queries for wording in wordings
        ]
        odds = self.entailment.log_odds(pairs, pool=windows.mean_by_row).reshape(len(queries), 2)
        return np.asarray(softmax(np.column_stack([odds, np.zeros(len(queries))]), axis=1))

    def save(self, folder: Path) -> None:
        _save(_SavedStance, self, folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        saved = read_json(folder / SETTINGS_FILE, _SavedStance)
        return cls(saved.settings, _load(folder, saved))


def _parts(pairs: Sequence[Query]) -> Iterator[slice]:
    sizes = np.cumsum([len(pair.text) + len(pair.target) for pair in pairs])
    ends = [0, *(np.flatnonzero(np.diff(sizes // _MAX_CHARACTERS)) + 1), len(pairs)]
    return (slice(start, end) for start, end in itertools.pairwise(ends) if end > start)


def _save(saved: type[SavedFitted[Any]], model: ZeroShotTopics | ZeroShotStance, folder: Path, **more: Any) -> None:
    precision = model.entailment.device.precision
    write_settings(folder, saved(kind="zero_shot", settings=model.settings, precision=precision, **more))
    model.entailment.save(folder)


def _load(folder: Path, saved: SavedFitted[Any]) -> Entailment:
    return Entailment(folder / ENCODER, saved.settings, select_device(precision=saved.precision))
