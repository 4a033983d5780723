"""The joint reader: topics and the stance toward each from one pass over the passage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file
from sklearn.metrics import average_precision_score, f1_score
from torch.nn import functional

from labels.codebook import Codebook
from models import encoders, windows
from models.encoders import Machine
from models.examples import FloatArray, JointExamples, Query, Watch
from models.families import read_settings, write_settings
from models.finetune import SCORE, Task, finetune, in_parts, train_key
from models.saved import ENCODER
from models.settings import JointSettings
from models.windows import Window

_HEAD = "head.safetensors"
_MOST_WINDOWS = 8  # of one text in training, for the time's sake; when a text is read none is left out
_MOST_TOPICS = 16  # whose descriptions are learnt from in one step, for the time's sake
_DESCRIPTION = 128  # tokens of a description that are read
_TOPICS_AT_ONCE = 64
_QUERIES_AT_ONCE = 256
_NEVER = -30.0  # log-odds of what nobody was seen to say


class Described(NamedTuple):
    """A topic as the reader knows it: `text` is encoded; `target` is what queries about its stance name."""

    text: str
    target: str


class LabelAttention(torch.nn.Module):
    """Token states of passages and vectors of labels → presence and three stances of each label in each passage.

    Each label attends to the passage's tokens by itself (as in CAML, Mullenbach et al. 2018), with a query made from
    its description, so that a label without a single example has one too.
    """

    def __init__(self, width: int, dropout: float):
        super().__init__()
        self.query = torch.nn.Linear(width, width)
        self.key = torch.nn.Linear(width, width)
        # A sentence encoder already lays what is alike side by side: attention begins with what it knows.
        for projection in (self.query, self.key):
            torch.nn.init.eye_(projection.weight)
            torch.nn.init.zeros_(projection.bias)
        self.join = torch.nn.Sequential(
            torch.nn.Linear(4 * width, width), torch.nn.GELU(), torch.nn.Dropout(dropout), torch.nn.Linear(width, 4)
        )

    def forward(self, states: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """(windows, tokens, width), (windows, tokens), (labels, width) → (windows, labels, 4)"""
        scores = self.key(states) @ self.query(labels).T / states.shape[-1] ** 0.5
        weights = scores.masked_fill(mask.unsqueeze(-1) == 0, -torch.inf).softmax(dim=1)
        seen = functional.normalize((weights.transpose(1, 2) @ states).float(), dim=-1)
        whole = functional.normalize(encoders.mean(states, mask), dim=-1).unsqueeze(1).expand_as(seen)
        label = functional.normalize(labels.float(), dim=-1).unsqueeze(0).expand_as(seen)
        # Of unit length each, they have numbers of the same size; products are what tells one label from another.
        found: torch.Tensor = self.join(
            torch.cat([seen, label, seen * label, whole * label], dim=-1) * states.shape[-1] ** 0.5
        )
        return found


class _Net(torch.nn.Module):
    def __init__(self, encoder: Any, dropout: float):
        super().__init__()
        self.encoder = encoder
        self.head = LabelAttention(encoder.config.hidden_size, dropout)
        self._inputs = encoders.takes(encoder, ("input_ids", "attention_mask", "token_type_ids"))

    def states(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        found: torch.Tensor = self.encoder(**{name: batch[name] for name in self._inputs}).last_hidden_state
        return found

    def vectors(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        found: torch.Tensor = encoders.mean(self.states(batch), batch["attention_mask"])
        return found

    def forward(self, batch: Mapping[str, torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        return self.head(self.states(batch), batch["attention_mask"], labels)


class Joint:
    """Reads topics and stances at once; a topic's description is encoded once, however many passages follow.

    A topic without an example in training is left out of what is learnt: it is scored by its description alone.
    """

    def __init__(
        self,
        settings: JointSettings,
        topics: Sequence[Described],
        *,
        machine: Machine | None = None,
        seed: int = 0,
        start: Path | None = None,
    ):
        self.settings = settings
        self.topics_known = list(topics)
        self.machine = machine or encoders.machine()
        self.seed = seed
        self.start = start
        self.given = [True, True, True]
        self._tokenizer: Any = None
        self._net: Any = None
        self._vectors: dict[str, torch.Tensor] = {}

    @property
    def cross_fit(self) -> bool:
        return self.settings.cross_fit

    def fit(self, train: JointExamples, dev: JointExamples, *, watch: Watch) -> Self:
        folder = self.begin()
        self.given = (np.nansum(train.y[:, :, 1:], axis=(0, 1)) > 0).tolist()
        key = train_key(
            "joint", self.settings.model_dump(mode="json"), encoders.digest(folder), str(self.machine), self.seed,
            self.topics_known, train.texts, dev.texts, arrays=[train.y, dev.y],
        )  # fmt: skip
        if not (train.y[:, :, 0] > 0).any():
            return self  # all topics are known by their descriptions alone
        task = self._task(train, dev)
        finetune(self._net, task, self.settings, machine=self.machine, seed=self.seed, key=key, watch=watch)
        self._vectors = {}
        return self

    def begin(self) -> Path:
        """Takes up the encoder with a head that knows nothing yet, or the earlier model; gives its folder."""
        folder = encoders.locate(self.settings.encoder) if self.start is None else self.start / ENCODER
        self._tokenizer, encoder = encoders.load(folder, self.settings.encoder)
        self._new_net(encoder, dropout=self.settings.dropout)
        if self.start is not None:
            self._net.head.load_state_dict(load_file(self.start / _HEAD))
        return folder

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        """(n, topics, 4): presence, and favor, against and neutral, which add up to 1."""
        return self._probabilities(self._logits(texts, [topic.text for topic in self.topics_known]))

    def stances(self, queries: Sequence[Query]) -> FloatArray:
        """(n, 3), also toward targets that are no topic of the codebook."""
        if not queries:
            return np.zeros((0, 3))
        # Every text is read for every target that is asked about beside it: of open targets a few at a time.
        parts = [queries[start : start + _QUERIES_AT_ONCE] for start in range(0, len(queries), _QUERIES_AT_ONCE)]
        return np.concatenate([self._stances(part) for part in parts])

    def _stances(self, queries: Sequence[Query]) -> FloatArray:
        known = {topic.target: topic.text for topic in reversed(self.topics_known)}
        asked = [known.get(query.target, query.target) for query in queries]
        labels, texts = list(dict.fromkeys(asked)), list(dict.fromkeys(query.text for query in queries))
        found = self._probabilities(self._logits(texts, labels))[:, :, 1:]
        return found[[texts.index(query.text) for query in queries], [labels.index(label) for label in asked]]

    def save(self, folder: Path) -> None:
        write_settings(
            folder, "joint", settings=self.settings.model_dump(mode="json"), precision=self.machine.precision,
            topics=self.topics_known, given=self.given,
        )  # fmt: skip
        encoders.save(self._tokenizer, self._net.encoder, folder / ENCODER)
        save_file(self._net.head.state_dict(), folder / _HEAD)

    @classmethod
    def load(cls, folder: Path) -> Self:
        saved = read_settings(folder)
        topics = [Described(*pair) for pair in saved["topics"]]
        machine = encoders.machine(precision=saved["precision"])
        model = cls(JointSettings.model_validate(saved["settings"]), topics, machine=machine)
        model.given = saved["given"]
        model._tokenizer, encoder = encoders.load(folder / ENCODER)
        model._new_net(encoder, dropout=0.0)
        model._net.head.load_state_dict(load_file(folder / _HEAD))
        return model

    def _new_net(self, encoder: Any, *, dropout: float) -> None:
        with encoders.seeded(self.seed):
            net = _Net(encoder, dropout)
        self._net = net.to(self.machine.device)
        self._length = encoders.longest(self._tokenizer, encoder, self.settings.max_length)

    def _windows(self, texts: Sequence[str]) -> list[Window]:
        return windows.of_texts(self._tokenizer, texts, length=self._length) if texts else []

    def _task(self, train: JointExamples, dev: JointExamples) -> Task:
        found = windows.by_row(self._windows(train.texts), len(train), most=_MOST_WINDOWS)
        length = min(self._length, _DESCRIPTION)
        described = [windows.of_texts(self._tokenizer, [topic.text], length=length)[0] for topic in self.topics_known]
        learnt = np.flatnonzero(train.y[:, :, 0].sum(axis=0) > 0)
        y, pad = torch.tensor(train.y, dtype=torch.float32), self._tokenizer.pad_token_id

        def batch(rows: Sequence[int]) -> dict[str, Any]:
            columns, weight = self._columns(train.y[list(rows), :, 0], learnt)
            return {
                "batch": windows.padded([window for row in rows for window in found[row]], pad),
                "labels": windows.padded([described[column] for column in columns], pad),
                "owner": torch.tensor([place for place, row in enumerate(rows) for _ in found[row]]),
                "y": y[list(rows)][:, columns],
                "weight": torch.tensor(weight, dtype=torch.float32),
            }

        def loss(net: Any, given: dict[str, Any]) -> torch.Tensor:
            logits = in_parts(net, given["batch"], net.vectors(given["labels"])).float()
            return _loss(_pooled(logits, given["owner"], len(given["y"])), given["y"], given["weight"])

        def judge() -> dict[str, float]:
            self._vectors = {}
            return _judge(self._logits(dev.texts, [topic.text for topic in self.topics_known]), dev.y, learnt)

        sizes = [sum(len(window.ids) for window in few) for few in found]
        return Task("joint", sizes, batch, loss, judge if len(dev) else None)

    def _columns(self, presence: FloatArray, learnt: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.intp], FloatArray]:
        """The topics of one step, drawn anew each time: of those that its passages have, and of the others.

        The second array weighs them, for those drawn stand for all of their sort.
        """
        if len(learnt) <= _MOST_TOPICS:
            return learnt, np.ones(len(learnt))
        drawn = learnt[torch.randperm(len(learnt)).numpy()]
        there = presence[:, drawn].sum(axis=0) > 0
        present, others = drawn[there], drawn[~there]
        # However many are present, some of the others teach that topics are rare.
        most = min(len(present), max(_MOST_TOPICS // 2, _MOST_TOPICS - len(others)))
        parts = [(present, present[:most]), (others, others[: _MOST_TOPICS - most])]
        weights = [np.full(len(part), len(of) / max(1, len(part))) for of, part in parts]
        return np.concatenate([part for _, part in parts]), np.concatenate(weights)

    def _logits(self, texts: Sequence[str], labels: Sequence[str]) -> FloatArray:
        """(texts, labels, 4)"""
        found = self._windows(texts)
        flat = np.zeros((len(found), len(labels), 4))
        self._net.eval()
        with self.machine.reading():
            vectors = self._label_vectors(labels)
            for rows in windows.batches(found):
                batch = self._on_machine([found[row] for row in rows])
                states = self._net.states(batch)
                for start in range(0, len(labels), _TOPICS_AT_ONCE):
                    some = slice(start, start + _TOPICS_AT_ONCE)
                    flat[rows, some] = self._net.head(states, batch["attention_mask"], vectors[some]).float().cpu()
        presence = windows.max_of_rows(flat[:, :, 0], found, rows=len(texts))
        stances = windows.mean_of_rows(flat[:, :, 1:].reshape(len(found), len(labels) * 3), found, rows=len(texts))
        return np.concatenate([presence[:, :, None], stances.reshape(len(texts), len(labels), 3)], axis=2)

    def _label_vectors(self, labels: Sequence[str]) -> torch.Tensor:
        length = min(self._length, _DESCRIPTION)
        for label in labels:
            if label not in self._vectors:
                window = windows.of_texts(self._tokenizer, [label], length=length)[:1]
                self._vectors[label] = self._net.vectors(self._on_machine(window))[0]
        return torch.stack([self._vectors[label] for label in labels])

    def _on_machine(self, found: Sequence[Window]) -> dict[str, torch.Tensor]:
        batch = windows.padded(found, self._tokenizer.pad_token_id)
        return {name: tensor.to(self.machine.device) for name, tensor in batch.items()}

    def _probabilities(self, logits: FloatArray) -> FloatArray:
        stances = np.where(self.given, logits[:, :, 1:], _NEVER)
        odds = np.exp(stances - stances.max(axis=2, keepdims=True, initial=_NEVER))
        presence = 1 / (1 + np.exp(-logits[:, :, :1]))
        return np.concatenate([presence, odds / odds.sum(axis=2, keepdims=True)], axis=2)


def describe(codebook: Codebook) -> list[Described]:
    """What the codebook says of each topic: name, definition and target."""
    return [
        Described(". ".join(filter(None, (topic.label, topic.definition, topic.target))), topic.proposition)
        for topic in codebook.topics
    ]


def _pooled(logits: torch.Tensor, owner: torch.Tensor, rows: int) -> torch.Tensor:
    """(windows, labels, 4) → (rows, labels, 4): the plainest window for presence, the mean for stance."""
    if len(logits) == rows:
        return logits
    index = owner[:, None, None].expand_as(logits)
    empty = logits.new_zeros(rows, *logits.shape[1:])
    most = empty.scatter_reduce(0, index, logits, reduce="amax", include_self=False)
    mean = empty.scatter_reduce(0, index, logits, reduce="mean", include_self=False)
    return torch.cat([most[..., :1], mean[..., 1:]], dim=-1)


def _loss(logits: torch.Tensor, y: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Of presence over all topics, and of stance where there is one."""
    each = functional.binary_cross_entropy_with_logits(logits[..., 0], y[..., 0], reduction="none")
    presence = (each.mean(dim=0) * weight).sum() / weight.sum()
    told = ~torch.isnan(y[..., 1])
    if not told.any():
        return presence
    return presence + functional.cross_entropy(logits[..., 1:][told], y[..., 1:][told])


def _judge(logits: FloatArray, y: FloatArray, learnt: npt.NDArray[np.intp]) -> dict[str, float]:
    z, share = logits[:, learnt, 0], y[:, learnt, 0]
    figures = {"dev/loss": float((np.logaddexp(0, z) - share * z).mean())}
    scores = []
    hits = y[:, :, 0] > 0.5
    there = [topic for topic in learnt if 0 < hits[:, topic].sum() < len(y)]
    if there:
        each = [average_precision_score(hits[:, topic], logits[:, topic, 0]) for topic in there]
        figures["dev/map"] = float(np.mean(each))
        scores.append(figures["dev/map"])
    told = ~np.isnan(y[:, :, 1])
    if told.any():
        gold, z = y[told][:, 1:], logits[told][:, 1:]
        figures["dev/loss"] += float(-(gold * (z - np.logaddexp.reduce(z, axis=1, keepdims=True))).sum(axis=1).mean())
        figures["dev/macro_f1"] = float(f1_score(gold.argmax(axis=1), z.argmax(axis=1), average="macro"))
        scores.append(figures["dev/macro_f1"])
    return figures | {SCORE: float(np.mean(scores)) if scores else -figures["dev/loss"]}
