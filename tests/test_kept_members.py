"""An average that is started again loads the members that it has finished, and ends as if it had not been interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.families.average import AverageSettings
from models.families.catalog import AverageStanceSettings, AverageTopicsSettings
from models.families.protocol import FitContext
from tests.conftest import BOOK
from tests.families import encoder_settings, examples_of
from training.cross_fit import fit_stance, fit_topics
from training.out_of_fold import OutOfFold

WORDS = {"kind": "linear", "ngrams": {"chars": None}}


class Interrupted(Exception):
    """Stands for a kill."""


class Keeping:
    """A callback that keeps checkpoints, records which members are fitted, and may stop at one of them."""

    def __init__(self, folder: Path, *, stop_at: str = ""):
        self.folder = folder
        self.stop_at = stop_at
        self.fitted: set[str] = set()

    def step(self, what: str, *, done: int, total: int) -> None:
        member = what.split("/")[1]
        if member == self.stop_at and done:
            raise Interrupted
        self.fitted.add(member)

    def epoch(self, what: str, number: int, metrics: Mapping[str, float]) -> None: ...

    def checkpoints(self, key: str) -> Path | None:
        (self.folder / key).mkdir(parents=True, exist_ok=True)
        return self.folder / key


def fit(task: str, callback: Keeping, *, c: float = 2.0, labels: int = 0) -> OutOfFold[Any]:
    examples = examples_of(task)
    y = examples.y.copy()
    y[:labels] = y[:labels, ::-1]
    examples = replace(examples, y=y)
    rows = np.arange(len(examples))
    train, dev = examples.take(rows[rows % 4 > 0]), examples.take(rows[rows % 4 == 0])
    context = FitContext(codebook=BOOK, examples=train + dev, seed=3)
    members = [WORDS | {"c": c}, encoder_settings(kind="embedding"), WORDS | {"c": 9.0}]
    settings: AverageSettings[Any]
    if task == "topics":
        settings = AverageTopicsSettings.model_validate({"kind": "average", "of": members})
        return fit_topics(settings, context, train, dev, callback=callback)
    settings = AverageStanceSettings.model_validate({"kind": "average", "of": members})
    return fit_stance(settings, context, train, dev, callback=callback)


@pytest.mark.parametrize("task", ["topics", "stance"])
def test_an_average_started_again_fits_only_the_members_that_are_left(task: str, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        fit(task, Keeping(tmp_path / "kept", stop_at="member_3"))
    again = Keeping(tmp_path / "kept")
    resumed = fit(task, again)
    assert again.fitted == {"member_3"}
    whole = fit(task, Keeping(tmp_path / "other"))
    inputs = examples_of(task, seed=2).inputs
    np.testing.assert_array_equal(resumed.raw, whole.raw)
    np.testing.assert_array_equal(resumed.y, whole.y)
    np.testing.assert_array_equal(resumed.model.predict_proba(inputs), whole.model.predict_proba(inputs))
    assert resumed.train_model is not None
    assert whole.train_model is not None
    np.testing.assert_array_equal(resumed.train_model.predict_proba(inputs), whole.train_model.predict_proba(inputs))


def test_a_member_is_fitted_again_if_its_settings_or_labels_change(tmp_path: Path) -> None:
    fit("topics", Keeping(tmp_path))
    other_settings, other_labels = Keeping(tmp_path), Keeping(tmp_path)
    fit("topics", other_settings, c=3.0)
    fit("topics", other_labels, labels=5)
    assert other_settings.fitted == {"member_1"}
    assert other_labels.fitted == {"member_1", "member_2", "member_3"}


def test_a_member_that_was_written_by_half_is_fitted_again(tmp_path: Path) -> None:
    fit("topics", Keeping(tmp_path))
    for file in tmp_path.glob("*/member/model/weights.safetensors"):
        file.write_bytes(b"")
    again = Keeping(tmp_path)
    fit("topics", again)
    assert again.fitted == {"member_1", "member_2", "member_3"}
