"""The tagger: passages in, topics and stances with calibrated probabilities out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from safetensors import SafetensorError

from labels.codebook import STANCES, Codebook, Stance, read_codebook, write_codebook
from labels.errors import DemarcheError, one_line
from labels.files import Frozen
from labels.gold.adjudication import Target
from labels.passages import Passage
from models import saved
from models.calibration import StanceCalibration, TopicCalibration
from models.examples import BoolArray, Field, FloatArray, query, render
from models.reader import Reader, load_reader

if TYPE_CHECKING:
    pass


class Tag(NamedTuple):
    """What the tagger says of a passage and one topic, or of a passage and a target it was given."""

    topic: str
    topic_probability: float | None
    assigned: bool
    review: bool
    stance: Stance | None
    stances: tuple[float, float, float] | None

    @property
    def stance_probability(self) -> float | None:
        return None if self.stances is None or self.stance is None else self.stances[STANCES.index(self.stance)]


class TaggerSettings(Frozen):
    """What a tagger keeps beside its models.

    `languages` are those of the texts it learnt from (ISO 639-1). Empty: not known, every language is tagged.
    """

    input: tuple[Field, ...]
    review: float
    topic_calibration: TopicCalibration | None
    stance_calibration: StanceCalibration | None
    run: str | None = None
    # Models saved before languages were kept do not have the field.
    languages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tagger:
    """A reader with its calibration, thresholds and codebook.

    `settings.review` is half the width of the band of probabilities around a topic's threshold in
    which a person should look; toward 0 and 1 it ends half way.
    """

    codebook: Codebook
    reader: Reader
    settings: TaggerSettings

    def tag(self, passages: Sequence[Passage], targets: Sequence[Target | None] | None = None) -> list[list[Tag]]:
        """Tags of each passage: topics at or near their threshold, most probable first, then the target given."""
        tags: list[list[Tag]] = [[] for _ in passages]
        if passages and self.reader.reads_topics:
            _, tags = self.read_topics(passages)
        if targets is not None and self.reader.reads_stance:
            self._tag_targets(passages, targets, tags)
        return tags

    def read_topics(self, passages: Sequence[Passage]) -> tuple[FloatArray, list[list[Tag]]]:
        """Calibrated probabilities (n, topics), and each passage's tags at or near the thresholds."""
        calibration = self.settings.topic_calibration
        if calibration is None:
            raise DemarcheError("this model reads no topics; it was trained for stance alone")
        thresholds = np.array(calibration.thresholds)
        # Near a threshold of 0.1, a band of 0.1 would take in every passage: at most half way to 0 or 1.
        below = thresholds - np.minimum(self.settings.review, thresholds / 2)
        above = thresholds + np.minimum(self.settings.review, (1 - thresholds) / 2)

        def wanted(raw: FloatArray) -> BoolArray:
            return np.asarray(calibration.probabilities(raw) >= below)

        targets = [topic.proposition for topic in self.codebook.topics]
        texts = [render(passage, self.settings.input)[0] for passage in passages]
        reading = self.reader.read(texts, targets, wanted)
        calibrated = calibration.probabilities(reading.topics)
        at, topic = np.nonzero(calibrated >= below)
        asked = reading.stances[at, topic]
        known = self.reader.reads_stance and len(at) > 0
        stances, decided = self._decided(asked) if known else (asked, [None] * len(at))
        tags: list[list[Tag]] = [[] for _ in passages]
        for row, (passage, column) in enumerate(zip(at, topic, strict=True)):
            probability = float(calibrated[passage, column])
            tags[passage].append(
                Tag(
                    topic=self.codebook.topics[column].id,
                    topic_probability=probability,
                    assigned=bool(probability >= thresholds[column]),
                    review=bool(below[column] <= probability < above[column]) and self.settings.review > 0,
                    stance=decided[row],
                    stances=_three(stances[row]) if known else None,
                )
            )
        for found in tags:
            found.sort(key=lambda tag: -(tag.topic_probability or 0))
        return calibrated, tags

    def stances(self, asked: Sequence[tuple[Passage, Target]]) -> tuple[FloatArray, list[Stance]]:
        """Calibrated probabilities (n, 3) and decisions, whether or not the topics are found."""
        if not asked:
            return np.zeros((0, 3)), []
        queries = [query(passage, target, self.codebook, self.settings.input) for passage, target in asked]
        return self._decided(self.reader.stances(queries))

    def _decided(self, raw: FloatArray) -> tuple[FloatArray, list[Stance]]:
        calibration = self.settings.stance_calibration or StanceCalibration()
        calibrated = calibration.probabilities(raw)
        return calibrated, [STANCES[position] for position in calibration.decide(calibrated)]

    def _tag_targets(
        self, passages: Sequence[Passage], targets: Sequence[Target | None], tags: list[list[Tag]]
    ) -> None:
        asked = [
            (position, passage, target)
            for position, (passage, target) in enumerate(zip(passages, targets, strict=True))
            if target is not None
        ]
        stances, decided = self.stances([(passage, target) for _, passage, target in asked])
        for row, (position, _, target) in enumerate(asked):
            tags[position].append(
                Tag(target.topic or target.text or "", None, True, False, decided[row], _three(stances[row]))
            )

    def save(self, folder: Path) -> str:
        """Writes the model folder, sealed; gives its digest."""
        folder.mkdir(parents=True, exist_ok=True)
        write_codebook(folder / "codebook.yaml", self.codebook)
        (folder / "tagger.json").write_text(self.settings.model_dump_json(indent=1), encoding="utf-8")
        self.reader.save(folder)
        return saved.seal(folder)

    @staticmethod
    def settings_of(folder: Path) -> TaggerSettings:
        """Of a saved tagger, without its models."""
        return TaggerSettings.model_validate_json((folder / "tagger.json").read_bytes())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises DemarcheError unless the folder is a whole, unchanged model."""
        saved.check_seal(folder)
        try:
            settings = cls.settings_of(folder)
            return cls(read_codebook(folder / "codebook.yaml"), load_reader(folder), settings)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            # Unchanged since it was saved, so saved by something else: its parts are not those of this version.
            what = one_line(str(error).partition("\n")[0])
            raise DemarcheError(f"{folder}: not a model that this version can read ({what}); train it again") from None


def _three(row: FloatArray) -> tuple[float, float, float]:
    return float(row[0]), float(row[1]), float(row[2])
