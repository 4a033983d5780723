"""Pictures of a run draw whatever a codebook names its topics."""

from __future__ import annotations

import io

from tests.test_evaluation import predicted
from training.evaluation import plots as figures
from training.evaluation.metrics import topic_results


def test_dollar_signs_in_the_name_of_a_topic_make_no_formula() -> None:
    results = topic_results([predicted("p", {"US$ and A$_^": (True, 0.9)})])
    assert results is not None
    figure = figures.precision_recall(results)
    figure.savefig(io.BytesIO(), format="png")
    (legend,) = [axis.get_legend() for axis in figure.axes]
    assert legend is not None
    assert legend.get_texts()[0].get_text() == r"US\$ and A\$_^ (1)"
