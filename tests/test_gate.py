"""What a version must pass to become champion: which sets decide, and by what margin."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.errors import BadInput
from tests.test_compare import town
from training.config import read_config
from training.promotion.gate import weigh


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "tracking.gate=[tset]",
            "tracking.gate: 'tset' is neither test, counterfactuals nor a set of `evaluation:`; did you mean 'test'",
        ),
        ("tracking.gate=[]", "tracking.gate: "),
        (
            "evaluation.counterfactuals={passages: passages.jsonl, annotations: annotations.jsonl}",
            "'counterfactuals' cannot name a set",
        ),
        ("tracking.margin=-0.1", "tracking.margin: "),
        ("tracking.margin=nan", "tracking.margin: "),
    ],
)
def test_a_gate_of_sets_that_are_not_evaluated_is_refused(workspace: Path, override: str, message: str) -> None:
    with pytest.raises(BadInput) as raised:
        read_config("config.yaml", [override])
    assert message in str(raised.value)


def test_a_gate_of_counterfactuals_needs_a_stance(workspace: Path) -> None:
    with pytest.raises(BadInput, match=r"counterfactuals are made of stances, and no stance is trained"):
        read_config("config.yaml", ["stance=null", "tracking.gate=[counterfactuals]"])


def test_a_small_test_side_says_how_many_more_passages_an_equal_version_would_need() -> None:
    one, other = (town(accuracy=0.7, seed=seed, passages=40) for seed in (3, 4))
    differences, objections = weigh(one, other, margin=0.02)
    assert not any(difference.clear for difference in differences)
    assert len(objections) == 3
    assert all("the set is too small: an equal version would need about" in objection for objection in objections)
    _, objections = weigh(one[:20], other[:20], margin=0.02)
    assert (
        objections[0] == "topics/micro_f1: 20 passages of 20 articles are too few to tell; at least 30 of 5 are needed"
    )


@given(
    first=st.integers(0, 5), second=st.integers(0, 5), margin=st.sampled_from([0.0, 0.02, 0.3]), n=st.integers(1, 60)
)  # fmt: skip
@settings(max_examples=15, deadline=None)
def test_what_passes_the_gate_is_not_worse_by_more_than_the_margin(
    first: int, second: int, margin: float, n: int
) -> None:
    """What speaks against a version names the metric, and what passes a margin also passes a wider one."""
    one, other = (town(accuracy=seed / 5, seed=seed, passages=n) for seed in (first, second))
    differences, objections = weigh(one, other, margin=margin)
    _, wider = weigh(one, other, margin=margin + 0.1)
    assert {objection.partition(":")[0] for objection in wider} <= {
        objection.partition(":")[0] for objection in objections
    }
    for difference in differences:
        if not any(objection.startswith(difference.metric) for objection in objections):
            assert difference.is_enough
            assert difference.difference.value >= difference.difference.low > -margin
