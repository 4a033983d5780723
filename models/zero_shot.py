"""The zero-shot family: what a text entails, by an encoder trained on natural-language inference (Yin et al. 2019).

A label is put into words, a hypothesis, and the encoder tells whether the text entails it. It learns nothing here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from labels.codebook import Codebook
from models import encoders, windows
from models.encoders import Machine
from models.examples import FloatArray, Query, StanceExamples, TopicExamples, Watch
from models.families import read_settings, write_settings
from models.saved import ENCODER
from models.settings import Encoded, ZeroShotStanceSettings, ZeroShotTopicsSettings
from models.windows import Window

_CHARACTERS = 2_000_000  # held as tokens at a time: texts times topics are many
Pool = Callable[..., FloatArray]


class Entailment:
    """An encoder with the head that it was trained with on natural-language inference."""

    def __init__(self, folder: Path, settings: Encoded, machine: Machine, *, name: str = ""):
        self.entailed = encoders.entailment(folder, name)
        self.tokenizer, self.encoder = encoders.load(folder, name, head=True)
        self.machine = machine
        self.encoder.to(machine.device)
        self._length = encoders.longest(self.tokenizer, self.encoder, settings.max_length)

    @classmethod
    def of_encoder(cls, settings: Encoded, machine: Machine) -> Self:
        return cls(encoders.locate(settings.encoder), settings, machine, name=settings.encoder)

    def log_odds(self, pairs: Sequence[Query], *, pool: Pool) -> FloatArray:
        """(pairs,): that the text entails the hypothesis, its `target`, against all else that the encoder may say.

        Against neutral too, not only against contradiction: a text on another matter leaves a hypothesis open.
        """
        found = [self._log_odds(pairs[some], pool) for some in _parts(pairs)]
        return np.concatenate(found) if found else np.zeros(0)

    def _log_odds(self, pairs: Sequence[Query], pool: Pool) -> FloatArray:
        # A hypothesis with a definition in it may take up to half of a window.
        found = windows.of_queries(self.tokenizer, pairs, length=self._length, target=self._length // 2)
        logits = np.zeros((len(found), self.encoder.config.num_labels))
        with self.machine.reading():
            for rows in windows.batches(found):
                logits[rows] = self._logits([found[row] for row in rows])
        others = np.logaddexp.reduce(np.delete(logits, self.entailed, axis=1), axis=1)
        return pool((logits[:, self.entailed] - others)[:, None], found, rows=len(pairs))[:, 0]

    def _logits(self, some: Sequence[Window]) -> FloatArray:
        inputs = windows.inputs(some, self.tokenizer, self.encoder)
        inputs = {name: tensor.to(self.machine.device) for name, tensor in inputs.items()}
        return np.asarray(self.encoder(**inputs).logits.float().cpu().numpy(), dtype=np.float64)

    def save(self, folder: Path) -> None:
        encoders.save(self.tokenizer, self.encoder, folder / ENCODER)


class ZeroShotTopics:
    """The odds of each topic's hypothesis; of a long text, those of the window that entails it most."""

    cross_fit = False

    def __init__(self, settings: ZeroShotTopicsSettings, entailment: Entailment, hypotheses: Sequence[str]):
        self.settings = settings
        self.entailment = entailment
        self.hypotheses = list(hypotheses)

    @classmethod
    def of(cls, codebook: Codebook, settings: ZeroShotTopicsSettings, machine: Machine) -> Self:
        hypotheses = [settings.hypothesis.replace("{topic}", topic.description) for topic in codebook.topics]
        return cls(settings, Entailment.of_encoder(settings, machine), hypotheses)

    def fit(self, train: TopicExamples, dev: TopicExamples, *, watch: Watch) -> Self:
        return self

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        pairs = [Query(text, hypothesis) for text in texts for hypothesis in self.hypotheses]
        odds = self.entailment.log_odds(pairs, pool=windows.max_of_rows)
        return np.asarray(1 / (1 + np.exp(-odds))).reshape(len(texts), len(self.hypotheses))

    def save(self, folder: Path) -> None:
        _save(self.settings, self.entailment, folder, hypotheses=self.hypotheses)

    @classmethod
    def load(cls, folder: Path) -> Self:
        saved = read_settings(folder)
        settings = ZeroShotTopicsSettings.model_validate(saved["settings"])
        return cls(settings, _load(folder, settings, saved), saved["hypotheses"])


class ZeroShotStance:
    """Two hypotheses, that the text is for the target and that it is against it; of a long text, the mean over windows.

    Each is a question of yes or no, and they exclude each other. Of the four answers to two such questions that know
    nothing of one another, both yes is struck out: what is left is favor as its odds, against as its odds, and neutral
    as 1. An encoder that finds little entailed thus says neutral too often; calibration sets that right.
    """

    cross_fit = False

    def __init__(self, settings: ZeroShotStanceSettings, entailment: Entailment):
        self.settings = settings
        self.entailment = entailment

    @classmethod
    def of(cls, settings: ZeroShotStanceSettings, machine: Machine) -> Self:
        return cls(settings, Entailment.of_encoder(settings, machine))

    def fit(self, train: StanceExamples, dev: StanceExamples, *, watch: Watch) -> Self:
        return self

    def predict_proba(self, queries: Sequence[Query]) -> FloatArray:
        wordings = (self.settings.favor, self.settings.against)
        # Where the target stands is not marked: such encoders have seen no marks.
        pairs = [
            Query(query.text, wording.replace("{target}", query.target)) for query in queries for wording in wordings
        ]
        odds = self.entailment.log_odds(pairs, pool=windows.mean_of_rows).reshape(len(queries), 2)
        three = np.exp(np.column_stack([odds, np.zeros(len(queries))]))
        return np.asarray(three / three.sum(axis=1, keepdims=True))

    def save(self, folder: Path) -> None:
        _save(self.settings, self.entailment, folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        saved = read_settings(folder)
        settings = ZeroShotStanceSettings.model_validate(saved["settings"])
        return cls(settings, _load(folder, settings, saved))


def _parts(pairs: Sequence[Query]) -> Iterator[slice]:
    sizes = np.cumsum([len(pair.text) + len(pair.target) for pair in pairs])
    ends = [0, *(np.flatnonzero(np.diff(sizes // _CHARACTERS)) + 1), len(pairs)]
    return (slice(start, end) for start, end in itertools.pairwise(ends) if end > start)


def _save(settings: Encoded, entailment: Entailment, folder: Path, **more: Any) -> None:
    plain, precision = settings.model_dump(mode="json"), entailment.machine.precision
    write_settings(folder, "zero_shot", settings=plain, precision=precision, **more)
    entailment.save(folder)


def _load(folder: Path, settings: Encoded, saved: dict[str, Any]) -> Entailment:
    return Entailment(folder / ENCODER, settings, encoders.machine(precision=saved["precision"]))
