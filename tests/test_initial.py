"""Fine-tuning that starts from an earlier model, and loading models without reading them twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from demarche.__main__ import app
from models import saved
from tagging import batch
from tests.conftest import alone, tiny_encoder, train
from training.tracking import registry
from training.tracking import runs as tracking


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often a model is fetched, and how often its files are verified."""
    counts = {"fetch": 0, "check_seal": 0}

    def counted(module: Any, name: str) -> None:
        function: Callable[..., Any] = getattr(module, name)

        def call(*arguments: Any, **options: Any) -> Any:
            counts[name] += 1
            return function(*arguments, **options)

        monkeypatch.setattr(module, name, call)

    counted(registry, "fetch")
    counted(saved, "check_seal")
    counted(batch, "check_seal")
    return counts


def test_an_earlier_model_is_fetched_and_verified_once(store: Path, calls: dict[str, int]) -> None:
    still = ["stance.epochs=1", "split.seed=3"]
    assert train(*alone(tiny_encoder()), *still).exit_code == 0
    (first,) = tracking.runs()
    calls |= dict.fromkeys(calls, 0)
    result = train(*alone(tiny_encoder()), *still, f"stance.init=runs:/{first.id}/tagger")
    assert result.exit_code == 0, result.output
    assert calls == {"fetch": 1, "check_seal": 1}


def test_tagging_verifies_a_registered_model_once(store: Path, calls: dict[str, int]) -> None:
    assert train().exit_code == 0
    calls |= dict.fromkeys(calls, 0)
    command = ["tag", "articles.jsonl", "--model", "models:/tiny-tagger@champion", "--out", "tags.csv"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert calls == {"fetch": 1, "check_seal": 1}
