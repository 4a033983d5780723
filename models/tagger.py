"""The tagger assigns topics and stances, with calibrated probabilities, to passages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field as Limits

from labels.codebook import STANCES, Codebook, Stance, read_codebook, write_codebook
from labels.errors import DemarcheError, one_line
from labels.files import Frozen
from labels.gold.adjudication import Target
from labels.passages import Passage
from models import saved
from models.calibration import StanceCalibration, TopicCalibration
from models.cleaning import CLEANING, clean
from models.confusion import Confusion
from models.drift import Reference
from models.examples import BoolArray, Field, FloatArray, query, render
from models.familiarity import Familiarity, count_words
from models.reader import Reader, Reading, load_reader
from models.rescoring import Decide, Rescoring, Rows
from models.saved_parts import BadPart, Fraction, read_json

_SETTINGS = "tagger.json"
_CODEBOOK = "codebook.yaml"
_REFERENCE = "reference.safetensors"


class Tag(NamedTuple):
    """The tagger's result for a passage and a topic, or for a passage and the target named for it."""

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
    """The settings that a tagger saves with its models.

    `languages` are the languages of the training texts (ISO 639-1). If it is empty, they are unknown, and texts in any
    language are tagged. Without `familiarity`, all texts are taken to be like the training texts. `cleaning` names the
    rules by which the texts were cleaned. `text_share` is the fraction of a topic's threshold that the probability of
    the topic must reach without the title. `run` is the run that trained the model, and `data` the digest of the labelled
    data, which is the run's tag `demarche.data`. `confusion` has the errors on test, by which
    shares are corrected.
    """

    input: tuple[Field, ...]
    review: Annotated[float, Limits(ge=0, le=1)]
    topic_calibration: TopicCalibration | None
    stance_calibration: StanceCalibration | None
    run: str | None = None
    # Models saved by older versions do not have these fields.
    data: str | None = None
    languages: tuple[str, ...] = ()
    familiarity: Familiarity | None = None
    cleaning: str = CLEANING
    # Models saved by older versions do not have this field: the title alone may decide.
    text_share: Fraction = 0.0
    # Models saved by older versions do not have this field: nothing corrects their shares.
    confusion: Confusion | None = None


FEWEST_WORDS = 5
"""Of a passage with fewer words, such as the greeting of a letter, its title alone would decide."""


@dataclass(frozen=True)
class Tagger:
    """A reader with its calibration, thresholds and codebook.

    A topic needs review if its probability is within `settings.review` of its threshold, and not more than halfway from
    the threshold to 0 or 1. No topic is assigned to a passage that is unlike the training texts, or for which only the
    title speaks; those that would be assigned to it need review. `rescoring` gives a reader that computes in bfloat16
    the decisions of fp32. `reference` is what articles are compared with to notice drift; models
    saved by older versions have none.
    """

    codebook: Codebook
    reader: Reader
    settings: TaggerSettings
    reference: Reference | None = None
    rescoring: Rescoring = field(default_factory=Rescoring, compare=False, repr=False)

    def tag(self, passages: Sequence[Passage], targets: Sequence[Target | None] | None = None) -> list[list[Tag]]:
        """Return the tags of each passage: topics at or near their threshold, most probable first, then its target."""
        tags: list[list[Tag]] = [[] for _ in passages]
        if passages and self.reader.reads_topics:
            _, tags = self.read_topics(passages)
        if targets is not None and self.reader.reads_stance:
            self._tag_targets(passages, targets, tags)
        return tags

    def read_topics(self, passages: Sequence[Passage]) -> tuple[FloatArray, list[list[Tag]]]:
        """Return calibrated probabilities (n, topics), and the tags of each passage at or near the thresholds."""
        calibration = self.settings.topic_calibration
        if calibration is None:
            raise DemarcheError("this model does not predict topics; it was trained on stance only")
        thresholds = np.array(calibration.thresholds)
        # With a threshold of 0.1, a full band of 0.1 would include every improbable topic.
        lower = thresholds - np.minimum(self.settings.review, thresholds / 2)
        upper = thresholds + np.minimum(self.settings.review, (1 - thresholds) / 2)

        def needs_stance(raw: FloatArray) -> BoolArray:
            return np.asarray(calibration.probabilities(raw) >= lower)

        def levels(raw: FloatArray) -> npt.NDArray[np.intp]:
            probabilities = calibration.probabilities(raw)
            return np.asarray(
                (probabilities >= lower).astype(np.intp) + (probabilities >= thresholds) + (probabilities >= upper)
            )

        targets = [clean(topic.proposition) for topic in self.codebook.topics]
        texts = [render(passage, self.settings.input)[0] for passage in passages]
        reading = self._settled(
            lambda rows: self.reader.read([texts[row] for row in rows], targets, needs_stance), len(texts), levels
        )
        probabilities = calibration.probabilities(reading.topics)
        rows, columns = np.nonzero(probabilities >= lower)
        has_stance = self.reader.reads_stance and len(rows) > 0
        if has_stance:
            stances, decisions = self._decide(reading.stances[rows, columns])
        assigned = probabilities >= thresholds
        left_to_review = self._left_to_review(passages, assigned)
        tags: list[list[Tag]] = [[] for _ in passages]
        for number, (row, column) in enumerate(zip(rows, columns, strict=True)):
            probability = float(probabilities[row, column])
            is_near = bool(lower[column] <= probability < upper[column]) and self.settings.review > 0
            tags[row].append(
                Tag(
                    topic=self.codebook.topics[column].id,
                    topic_probability=probability,
                    assigned=bool(assigned[row, column] and not left_to_review[row, column]),
                    review=is_near or bool(left_to_review[row, column]),
                    stance=decisions[number] if has_stance else None,
                    stances=_triple(stances[number]) if has_stance else None,
                )
            )
        for tags_of_passage in tags:
            tags_of_passage.sort(key=lambda tag: -(tag.topic_probability or 0))
        return probabilities, tags

    def _left_to_review(self, passages: Sequence[Passage], assigned: BoolArray) -> BoolArray:
        """Return (n, topics): whether the passage is too unlike the training texts, or its text does not show the topic.

        `assigned` (n, topics) are the topics that reach their threshold.
        """
        familiarity = self.settings.familiarity
        unfamiliar = familiarity.unfamiliar(p.text for p in passages) if familiarity else [False] * len(passages)
        left = np.tile(np.array(unfamiliar, dtype=bool)[:, None], assigned.shape[1])
        if "title" in self.settings.input:
            titled = [row for row, passage in enumerate(passages) if passage.title]
            few_words = [row for row in titled if count_words(passages[row].text) < FEWEST_WORDS]
            left[few_words] = True
            # Most passages have no topic, and need no second reading.
            rows = [row for row in titled if (assigned[row] & ~left[row]).any()]
            left[rows] |= assigned[rows] & ~self._shown_by_text([passages[row] for row in rows])
        return left

    def _shown_by_text(self, passages: Sequence[Passage]) -> BoolArray:
        """Return (n, topics): whether the topic is probable enough without the title."""
        calibration, share = self.settings.topic_calibration, self.settings.text_share
        if calibration is None or share == 0 or not passages:
            return np.ones((len(passages), len(self.codebook.topics)), dtype=bool)
        fields = [field for field in self.settings.input if field != "title"]
        texts = [render(passage, fields)[0] for passage in passages]

        def are_shown(raw: FloatArray) -> BoolArray:
            return np.asarray(calibration.probabilities(raw) >= share * np.array(calibration.thresholds))

        def read(rows: Rows) -> Reading:
            return Reading.of_topics(self.reader.topics([texts[row] for row in rows]))

        return are_shown(self._settled(read, len(texts), are_shown).topics)

    def stances(self, pairs: Sequence[tuple[Passage, Target]]) -> tuple[FloatArray, list[Stance]]:
        """Return calibrated probabilities (n, 3) and decisions, whether or not the passages have the topics."""
        if not pairs:
            return np.zeros((0, 3)), []
        queries = [query(passage, target, self.codebook, self.settings.input) for passage, target in pairs]

        def read(rows: Rows) -> Reading:
            return Reading.of_stances(self.reader.stances([queries[row] for row in rows]))

        return self._decide(self._settled(read, len(queries)).stances[:, 0])

    def _settled(self, read: Callable[[Rows], Reading], n: int, topics: Decide | None = None) -> Reading:
        """Return what `read` returns for n inputs, with the decisions of fp32; `topics` decides on raw probabilities."""
        reading = read(np.arange(n))
        if not self.reader.rounds:
            return reading

        def stances(raw: FloatArray) -> npt.NDArray[np.intp]:
            calibration = self.settings.stance_calibration or StanceCalibration()
            calibrated = calibration.probabilities(raw)
            return np.column_stack([calibration.decide(calibrated), calibrated.argmax(axis=1)])

        return self.rescoring.settle(reading, read, topics or (lambda raw: np.zeros_like(raw)), stances)

    def _decide(self, raw: FloatArray) -> tuple[FloatArray, list[Stance]]:
        calibration = self.settings.stance_calibration or StanceCalibration()
        calibrated = calibration.probabilities(raw)
        return calibrated, [STANCES[position] for position in calibration.decide(calibrated)]

    def _tag_targets(
        self, passages: Sequence[Passage], targets: Sequence[Target | None], tags: list[list[Tag]]
    ) -> None:
        """Append the tag of its target to the tags of each passage that has one."""
        pairs = zip(passages, targets, strict=True)
        with_target = [(row, passage, target) for row, (passage, target) in enumerate(pairs) if target is not None]
        stances, decisions = self.stances([(passage, target) for _, passage, target in with_target])
        for (row, _, target), probabilities, decision in zip(with_target, stances, decisions, strict=True):
            tags[row].append(
                Tag(
                    topic=target.topic or target.text or "",
                    topic_probability=None,
                    assigned=True,
                    review=False,
                    stance=decision,
                    stances=_triple(probabilities),
                )
            )

    def save(self, folder: Path) -> str:
        """Write the model folder with its manifest, and return its digest."""
        folder.mkdir(parents=True, exist_ok=True)
        write_codebook(folder / _CODEBOOK, self.codebook)
        (folder / _SETTINGS).write_text(self.settings.model_dump_json(indent=1), encoding="utf-8")
        if self.reference is not None:
            self.reference.save(folder / _REFERENCE)
        self.reader.save(folder)
        return saved.seal(folder)

    @staticmethod
    def settings_of(folder: Path) -> TaggerSettings:
        """Read the settings of a saved tagger without loading its models.

        Raises DemarcheError if it was trained on texts cleaned in another way than this version cleans them.
        """
        settings = read_json(folder / _SETTINGS, TaggerSettings)
        cleaning = settings.cleaning if "cleaning" in settings.model_fields_set else "none"
        if cleaning != CLEANING:
            raise DemarcheError(
                f"{folder}: trained on texts cleaned by other rules ({cleaning}; this version has {CLEANING}); "
                "train it again"
            )
        return settings

    @staticmethod
    def reference_of(folder: Path) -> Reference | None:
        """Read the reference of a saved tagger, or None if it has none. Raises BadPart."""
        path = folder / _REFERENCE
        return Reference.load(path) if path.exists() else None

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load a saved tagger. Raises DemarcheError unless the folder is a complete, unchanged model whose parts fit."""
        saved.check_seal(folder)
        try:
            settings = cls.settings_of(folder)
            codebook, reference = read_codebook(folder / _CODEBOOK), cls.reference_of(folder)
            tagger = cls(codebook, load_reader(folder), settings, reference)
            tagger._check(folder / _SETTINGS)
        except BadPart as error:
            # The files match the manifest, so they are whole, but another version or another program wrote them.
            part = error.path.relative_to(folder).as_posix()
            raise DemarcheError(
                f"{folder}: not a model that this version can read ({one_line(f'{part}: {error.reason}')}); train it again"
            ) from None
        return tagger

    def _check(self, path: Path) -> None:
        """Raise BadPart unless models, calibration and codebook fit each other; `path` is the file of the settings."""
        calibration, stance = self.settings.topic_calibration, self.settings.stance_calibration
        if self.reader.reads_topics != (calibration is not None) or self.reader.reads_stance != (stance is not None):
            raise BadPart(path, "a model and its calibration belong together, and one of them is missing")
        if calibration is None:
            return
        # A classifier returns an array of its shape for no texts at all.
        sizes = {len(self.codebook.topics), len(calibration.curves), self.reader.topics([]).shape[1]}
        if len(sizes) > 1:
            raise BadPart(path, "codebook, calibration and topic model have different numbers of topics")


def _triple(row: FloatArray) -> tuple[float, float, float]:
    favor, against, neutral = map(float, row)
    return favor, against, neutral
