"""Say in plain sentences how a tagger did on counterfactuals: for the terminal and the model card."""

from __future__ import annotations

from labels.wording import counted
from training.evaluation.counterfactuals.answers import CounterfactualScores, KindScore, describe_left_out
from training.evaluation.counterfactuals.make import Kind

_WHEN: dict[Kind, str] = {
    "holder swapped": "when the holder of the stance is exchanged for another actor",
    "actor masked": 'when the actors become "Country A" and the like',
    "act negated": "when the act becomes its opposite",
    "target exchanged": "when the passage is asked about a target toward which it has another stance, or none",
}


def sentence(score: KindScore) -> str:
    """Return what a score means: `14 % of stances change when …, and none should (…).`"""
    verb, demand = ("change", "none should") if score.must_stay else ("stay the same", "all should change")
    share = f"{100 * score.wrong.value:.0f} % of {'topics' if score.task == 'topic' else 'stances'}"
    return f"{share} {verb} {_WHEN[score.kind]}, and {demand} ({_of(score)})."


def _of(score: KindScore) -> str:
    pairs = counted(score.pairs, "pair") + ("" if score.is_enough else " only: too few to tell")
    return f"{pairs}; 95 % interval {100 * score.wrong.low:.0f} to {100 * score.wrong.high:.0f} %"


def card_lines(scores: CounterfactualScores) -> list[str]:
    """Return the section of a model card on counterfactuals, as lines of Markdown without a heading."""
    return [
        "Pairs of passages that differ in one thing, made by rule from labelled passages; one of two answers that cannot "
        "both be right is wrong.",
        "",
        *(f"- {sentence(score)}" for score in scores.kinds),
        *(f"- {line}." for line in describe_left_out(scores.left_out)),
    ]
