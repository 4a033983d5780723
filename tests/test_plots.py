"""Plots of a run, with any names of topics."""

from __future__ import annotations

import io

from tests.test_evaluation import predicted
from training.evaluation.metrics import topic_results
from training.evaluation.plots import precision_recall


def test_dollar_signs_in_a_topic_name_are_drawn_literally() -> None:
    results = topic_results([predicted("p", {"US$ and A$_^": (True, 0.9)})])
    assert results is not None
    figure = precision_recall(results)
    figure.savefig(io.BytesIO(), format="png")
    (legend,) = [axis.get_legend() for axis in figure.axes]
    assert legend is not None
    assert legend.get_texts()[0].get_text() == r"US\$ and A\$_^ (1)"
