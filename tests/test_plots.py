"""Plots of a run, with any number and any names of topics."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence

import pytest
from matplotlib.figure import Figure

from labels.codebook import STANCES
from tests.test_evaluation import predicted
from training.evaluation import plots
from training.evaluation.ceiling import Ceiling
from training.evaluation.metrics import evaluate
from training.evaluation.predictions import Prediction
from training.evaluation.reliability import topic_reliability
from training.evaluation.results import StanceResults, TopicResults, stance_results, topic_results

ODD = "US$ and A$_^"


def world(topics: Sequence[str], passages: int) -> list[Prediction]:
    rng = random.Random(1)
    return [
        predicted(
            f"p{n}",
            {topic: (n == 0 or rng.random() < 0.5, rng.random()) for topic in topics},
            {topic: (rng.choice(STANCES), rng.choice(STANCES)) for topic in topics},
        )
        for n in range(passages)
    ]


def results(predictions: list[Prediction]) -> tuple[TopicResults, StanceResults]:
    topics, stance = topic_results(predictions), stance_results(predictions)
    assert topics is not None
    assert stance is not None
    return topics, stance


def drawn(figure: Figure | None) -> list[str]:
    """Draw a figure, and return the titles of its panels."""
    assert figure is not None
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    return panels_of(figure)


def panels_of(figure: Figure | None) -> list[str]:
    """Return the titles of a figure's panels that are shown."""
    assert figure is not None
    return [axis.get_title() for axis in figure.axes if axis.axison and axis.get_title()]


def test_dollar_signs_in_a_topic_name_are_drawn_literally() -> None:
    topics, stance = results(world([ODD, "tea"], 3))
    assert drawn(plots.precision_recall(topics))[0].startswith(r"US\$ and A\$_^ (")
    assert any(title.startswith(r"US\$ and A\$_^ (") for title in drawn(plots.confusion(stance)))
    assert r"US\$ and A\$_^" in drawn(plots.threshold_curves(topics, {ODD: 0.3, "tea": 0.5}))[0]


@pytest.mark.parametrize("count", [1, 2, 25])
def test_each_topic_has_a_panel_up_to_a_number_that_can_be_read(count: int) -> None:
    names = [f"topic {n} with a name that is far too long for the title of a panel" for n in range(count)]
    topics, stance = results(world(names, 3))
    panels = drawn(plots.precision_recall(topics))
    assert len(panels) == min(count, 24)
    # One figure of so many panels takes seconds to draw.
    titles = drawn if count < 24 else panels_of
    assert all(len(line) < 36 for title in panels for line in title.splitlines())
    assert len(titles(plots.confusion(stance))) == {1: 1, 2: 3, 25: 24}[count]
    figure = plots.threshold_curves(topics, dict.fromkeys(names, 0.4))
    assert len(titles(figure)) == min(count, 24)
    assert figure.get_suptitle().endswith("of 25") == (count == 25)


def test_the_threshold_in_use_and_the_best_f1_can_be_read_off_the_curves() -> None:
    topics = topic_results([predicted("a", {"tea": (True, 0.7)}), predicted("b", {"tea": (False, 0.4)})])
    assert topics is not None
    (axis,) = plots.threshold_curves(topics, {"tea": 0.55}).axes
    lines = {line.get_label(): line for line in axis.get_lines()}
    assert list(lines["threshold in use"].get_xdata()) == [0.55, 0.55]
    f1 = dict(zip(*(list(data) for data in lines["F1"].get_data()), strict=True))
    assert f1 == pytest.approx({0.4: 2 / 3, 0.7: 1.0})


def test_f1_by_topic_shows_baselines_and_annotators_beside_the_run() -> None:
    scores = evaluate(world(["tea", "rain"], 6), seed=1)
    others = evaluate(world(["tea", "rain"], 4), seed=1)
    options = {"prefix": "topics/f1/", "total": "topics/micro_f1", "title": "F1"}
    figure = plots.f1_by_topic(scores, {"rules": others}, Ceiling(others, scores, 4, 8), **options)
    assert figure is not None
    drawn(figure)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "this run, 95 % interval",
        "rules",
        "annotator against the others, 95 % interval",
    ]
    rows = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert rows[0] == "topics/micro_f1"
    assert set(rows[1:]) == {"tea", "rain"}


def test_without_topics_there_is_no_f1_by_topic() -> None:
    scores = evaluate([predicted("a", {}, {"": ("favor", "favor")})], seed=1)
    assert plots.f1_by_topic(scores, {}, None, prefix="topics/f1/", total="topics/micro_f1", title="F1") is None


def test_one_passage_has_a_reliability_diagram() -> None:
    topics = topic_results([predicted("a", {"tea": (True, 0.7)})])
    assert topics is not None
    assert drawn(plots.reliability({"topics": topic_reliability(topics)})) == ["topics: ECE 0.300, Brier 0.090"]


def test_keys_whose_shortened_names_are_the_same_have_bars_of_their_own() -> None:
    figure = plots.importance({"x" * 60 + "a": 0.7, "x" * 60 + "b": 0.3}, metric="f1")
    drawn(figure)
    assert len(figure.axes[0].patches) == 2
