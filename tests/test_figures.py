"""Pictures of a run draw whatever a codebook names its topics."""

from __future__ import annotations

import io

from tests.test_judging import predicted
from training import figures
from training.judging import topic_verdicts


def test_dollar_signs_in_the_name_of_a_topic_make_no_formula() -> None:
    verdicts = topic_verdicts([predicted("p", {"US$ and A$_^": (True, 0.9)})])
    assert verdicts is not None
    figure = figures.precision_recall(verdicts)
    figure.savefig(io.BytesIO(), format="png")
    (legend,) = [axis.get_legend() for axis in figure.axes]
    assert legend is not None
    assert legend.get_texts()[0].get_text() == r"US\$ and A\$_^ (1)"
