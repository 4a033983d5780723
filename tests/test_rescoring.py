"""Decisions in bfloat16 are those of fp32, since what rounding might decide is scored again."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from labels.gold.adjudication import Target
from labels.passages import Passage
from models.calibration import Platt, StanceCalibration, TopicCalibration
from models.encoders.device import Device
from models.reader import OnePass, TwoStage
from models.rescoring import SAMPLE
from models.tagger import Tag, Tagger, TaggerSettings
from tests.conftest import BOOK, make_articles
from tests.families import WITH_ENCODER, JointTask, fitted

BF16 = Device("cpu", bf16=True)
FAMILIES = sorted(WITH_ENCODER)
TARGETS = [Target(None, "drinking more tea"), Target(None, "carrying umbrellas"), None]


@cache
def passages() -> list[Passage]:
    return make_articles(65, seed=5)[1]


@cache
def reader(name: str) -> Any:
    if name == "joint":
        joint = fitted("topics", name, brief=True)
        assert isinstance(joint, JointTask)
        return OnePass(joint.joint)
    stance = None if name == "similarity" else fitted("stance", name, brief=True)
    return TwoStage(fitted("topics", name, brief=True), stance)


def compute_in(device: Device, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the fitted classifiers of a family compute in the precision of the device."""
    of_name = reader(name)
    if name == "joint":
        monkeypatch.setattr(of_name.joint, "_vectors", {})
    for classifier in [of_name.joint] if name == "joint" else [of_name.topic_model, of_name.stance_model]:
        if classifier is None:
            continue
        of_classifier = getattr(classifier, "classifier", classifier)
        [holder] = [
            attribute for attribute in ("vectors", "entailment", "encoder") if hasattr(of_classifier, attribute)
        ]
        monkeypatch.setattr(getattr(of_classifier, holder), "device", device)
        if holder == "vectors":
            monkeypatch.setattr(of_classifier.vectors, "_cache", None)
            monkeypatch.setattr(of_classifier.vectors, "_recent", {})


def tagger(name: str) -> Tagger:
    """Return a tagger with thresholds where most probabilities are, so that rounding has something to decide."""
    raw = reader(name).topics([passage.text for passage in passages()])
    settings = TaggerSettings(
        input=("text",),
        review=0.1,
        topic_calibration=TopicCalibration(
            curves=(Platt(slope=2.0), Platt(bias=0.5)), thresholds=tuple(np.median(raw, axis=0))
        ),
        stance_calibration=StanceCalibration(slope=1.5, biases=(0.1, 0.0, -0.1), weights=(1.2, 0.8, 1.0))
        if reader(name).reads_stance
        else None,
    )
    return Tagger(BOOK, reader(name), settings)


def decisions(tags: list[list[Tag]]) -> list[set[tuple[Any, ...]]]:
    return [
        {(tag.topic, tag.assigned, tag.review, tag.stance, tag.stances and int(np.argmax(tag.stances))) for tag in of}
        for of in tags
    ]


def tag(tagger: Tagger) -> list[list[Tag]]:
    """Tag in several batches, as `demarche tag` does."""
    targets = [TARGETS[number % 3] for number in range(len(passages()))]
    tags: list[list[Tag]] = []
    for start in range(0, len(passages()), 50):
        rows = slice(start, start + 50)
        tags += tagger.tag(passages()[rows], targets[rows])
    return tags


@pytest.mark.parametrize("name", FAMILIES)
def test_bfloat16_decides_as_fp32_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    in_fp32 = decisions(tag(tagger(name)))
    in_bf16 = tagger(name)
    compute_in(BF16, name, monkeypatch)
    assert decisions(tag(in_bf16)) == in_fp32
    assert in_bf16.rescoring.topics.largest > 1e-5
    assert in_bf16.rescoring.scored_again < in_bf16.rescoring.scored


def test_a_threshold_between_the_two_precisions_is_decided_as_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [passage.text for passage in passages()]
    in_fp32 = reader("encoder").topics(texts)[:, 0]
    compute_in(BF16, "encoder", monkeypatch)
    rounded = reader("encoder").topics(texts)[:, 0]
    row = SAMPLE + int(np.abs(rounded - in_fp32)[SAMPLE:].argmax())
    between = (in_fp32[row] + rounded[row]) / 2
    calibration = TopicCalibration(curves=(Platt(), Platt()), thresholds=(between, 0.5))
    settings = TaggerSettings(input=("text",), review=0.1, topic_calibration=calibration, stance_calibration=None)
    of_tagger = Tagger(BOOK, TwoStage(reader("encoder").topic_model, None), settings)
    tags = of_tagger.tag(passages())
    assert np.array_equal([any(tag.topic == "tea" and tag.assigned for tag in of) for of in tags], in_fp32 >= between)
    assert not np.array_equal(rounded >= between, in_fp32 >= between)
