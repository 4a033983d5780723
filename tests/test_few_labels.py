"""Families for few labels or none: setfit, similarity and zero_shot."""

from __future__ import annotations

import string
from itertools import islice
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labels.codebook import Codebook, Topic
from labels.errors import DemarcheError
from models.encoders import windows
from models.encoders.contrastive import pairs
from models.encoders.files import entailment
from models.encoders.vectors import Vectors
from models.examples import (
    FloatArray,
    NoCallback,
    Query,
)
from models.families import zero_shot
from models.families.setfit import SetfitTopics, SetfitTopicsSettings
from models.families.similarity import SimilarityTopics, SimilarityTopicsSettings
from models.families.zero_shot import ZeroShotStance, ZeroShotStanceSettings, ZeroShotTopics, ZeroShotTopicsSettings
from tests.conftest import BOOK, CPU, tiny_encoder, tiny_nli
from tests.families import (
    assert_are_probabilities,
    encoder_settings,
    examples_of,
    setfit_settings,
    vectors,
    zero_shot_settings,
)


def test_a_codebook_of_200_topics_needs_no_labels() -> None:
    texts = ["a or b", "the town council", "tea " * 60]
    for model in (
        ZeroShotTopics.of(many_topics(), ZeroShotTopicsSettings(**zero_shot_settings()), CPU),
        SimilarityTopics.of(many_topics(), SimilarityTopicsSettings(**encoder_settings(kind="similarity")), vectors()),
    ):
        probabilities = model.predict_proba(texts)
        assert probabilities.shape == (3, 200)
        assert len(np.unique(probabilities[0])) > 100


def many_topics() -> Codebook:
    letters = string.ascii_lowercase
    topics = tuple(
        Topic(id=f"{one}{two}", definition=f"{two} or {one}") for one in letters[:20] for two in letters[:10]
    )
    return Codebook(id="many", version="1.0.0", topics=topics)


def test_a_hypothesis_contains_the_definition_if_the_topic_has_one() -> None:
    topics = (Topic(id="tea", name="tea", definition="the drink,\n and its trade"), Topic(id="rain"))
    book = Codebook(id="two", version="1.0.0", topics=topics)
    model = ZeroShotTopics.of(book, ZeroShotTopicsSettings(**zero_shot_settings(hypothesis="On {topic}!")), CPU)
    assert model.hypotheses == ["On tea: the drink, and its trade!", "On rain!"]


class FixedOdds:
    """Returns fixed log-odds."""

    def __init__(self, *odds: float):
        self.odds = odds

    def log_odds(self, pairs: Any, *, pool: Any) -> FloatArray:
        return np.tile(self.odds, len(pairs) // len(self.odds))


@pytest.mark.parametrize(("odds", "most_probable"), [((3, -3), 0), ((-3, 3), 1), ((-3, -3), 2)])
def test_the_stance_is_that_of_the_entailed_hypothesis_or_else_neutral(odds: Any, most_probable: int) -> None:
    model = ZeroShotStance(ZeroShotStanceSettings(**zero_shot_settings()), FixedOdds(*odds))  # type: ignore[arg-type]
    probabilities = model.predict_proba([Query("a", "b"), Query("c", "d")])
    assert_are_probabilities(probabilities, "stance", rows=2)
    assert probabilities.argmax(axis=1).tolist() == [most_probable] * 2


def test_an_encoder_keeps_the_pooler_that_its_head_needs() -> None:
    settings = ZeroShotTopicsSettings(**zero_shot_settings(encoder=str(tiny_nli("deberta-v2"))))
    assert_are_probabilities(ZeroShotTopics.of(BOOK, settings, CPU).predict_proba(["tea"]), "topics", rows=1)


@pytest.mark.parametrize("labels", [("entailment", "not_entailment"), ("NEUTRAL", "CONTRADICTION", "Entailment")])
def test_entailment_is_found_by_its_label(labels: tuple[str, ...]) -> None:
    assert labels[entailment(tiny_nli(labels=labels))].lower() == "entailment"


@pytest.mark.parametrize(
    "config",
    ["{", "[]", '{"id2label": 3}', '{"id2label": {"a": "entailment"}}', '{"id2label": {"0": "entailment"}}', "{}"],
)
def test_an_encoder_without_a_label_for_entailment_is_an_error(config: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(config, encoding="utf-8")
    with pytest.raises(DemarcheError, match=r"encoder nli: (no label for entailment|cannot be read)"):
        entailment(tmp_path, "nli")


def test_the_windows_of_a_query_do_not_depend_on_the_batch() -> None:
    tokenizer = vectors().tokenizer
    queries = [Query("tea rain " * 40, target) for target in ("tea", "the quiet houses near the old market", "")]
    together = windows.window_queries(tokenizer, queries, length=32)
    alone = [windows.window_queries(tokenizer, [query], length=32) for query in queries]
    assert [window.ids for window in together] == [window.ids for few in alone for window in few]


def test_pairs_are_as_similar_as_their_labels_and_half_of_them_dissimilar() -> None:
    y = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 0, 0], [0, 0, 0]], dtype=float)
    drawn = list(pairs(y, each=40, rng=np.random.default_rng(1)))
    similarity = {(row, other): value for row, other, value in drawn}
    assert all(row != other for row, other in similarity)
    assert similarity[0, 1] == 0.5
    assert similarity[2, 3] == 1
    assert similarity[0, 2] == 0
    assert similarity[4, 5] == 0
    is_similar = [value > 0 for row, _, value in drawn if row in (2, 3)]
    assert sum(is_similar) == len(is_similar) / 2


def test_half_of_the_pairs_are_similar_wherever_they_are_cut_off() -> None:
    y = np.eye(3)[np.arange(600) % 3]
    for most in (40, 500, 1700):
        is_similar = [value == 1 for *_, value in islice(pairs(y, each=20, rng=np.random.default_rng(1)), most)]
        assert sum(is_similar) == most / 2


def test_training_on_pairs_does_not_change_the_original_encoder() -> None:
    base = vectors()
    before = base.of(["teapot kettle"])
    model = SetfitTopics(SetfitTopicsSettings(**setfit_settings(steps=3)), base, seed=1)
    model.fit(examples_of("topics"), examples_of("topics").take(np.arange(0)), callback=NoCallback())
    np.testing.assert_array_equal(
        Vectors.of_encoder(str(tiny_encoder()), CPU, max_length=16).of(["teapot kettle"]), before
    )
    np.testing.assert_array_equal(base._encode(["teapot kettle"]), before)
    assert (model.vectors.of(["teapot kettle"]) != before).any()


@given(st.lists(st.integers(0, 50), max_size=30))
def test_the_parts_of_a_long_list_of_pairs_leave_none_out(sizes: list[int]) -> None:
    with mock.patch.object(zero_shot, "_MAX_CHARACTERS", 40):
        parts = list(zero_shot._parts([Query("x" * size, "") for size in sizes]))
    assert [row for part in parts for row in range(len(sizes))[part]] == list(range(len(sizes)))
    # A text is never cut, whatever its size; those after it add up to less than the limit.
    assert all(sum(sizes[part][1:]) < 40 for part in parts)
