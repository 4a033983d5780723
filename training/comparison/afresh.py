"""Evaluate models afresh on the same labelled passages, so that they can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from labels.check import read_labelled
from labels.errors import DemarcheError
from labels.gold.adjudication import Example
from labels.gold.readers import adjudicate_gold
from labels.wording import counted
from models.tagger import Tagger
from training.evaluate import warn_of_training_passages
from training.evaluation.counterfactuals.answers import CounterfactualScores, evaluate_counterfactuals
from training.evaluation.counterfactuals.make import Counterfactuals
from training.evaluation.predictions import Prediction, predict
from training.reporter import Reporter
from training.tracking import registry


def read_gold(
    model: str,
    passages: Sequence[Path],
    annotations: Sequence[Path],
    *,
    codebook: Path | None = None,
    reporter: Reporter,
) -> list[Example]:
    """Read and adjudicate labelled passages, with a model's own codebook if no other is given."""
    book = codebook or registry.fetch(model).folder / "codebook.yaml"
    data = read_labelled(book, passages, annotations)
    for problem in data.warnings:
        reporter.warn(str(problem))
    return adjudicate_gold(data, where=", ".join(map(str, annotations)))


def predict_afresh(models: Sequence[str], examples: Sequence[Example], *, reporter: Reporter) -> list[list[Prediction]]:
    """Return the predictions of each model on the same examples, in the models' order.

    `models` are URIs (`models:/…`, `runs:/…`) or folders. Warns of passages that a model was trained on. Raises
    DemarcheError if the models do not find the same topics: their scores could not be compared.
    """
    predictions: list[list[Prediction]] = []
    topics: dict[str, list[str]] = {}
    for model in models:
        reporter.log(f"evaluating {model} on {counted(len(examples), 'passage')}")
        # One model at a time is in memory.
        tagger = Tagger.load(registry.fetch(model).folder)
        if tagger.reader.reads_topics:
            topics[model] = sorted(tagger.codebook.topic_ids)
        if tagger.settings.run and model.startswith(("models:", "runs:")):
            warn_of_training_passages(tagger.settings.run, examples, reporter, model=model)
        predictions.append(predict(tagger, examples, ["test"] * len(examples)))
    _check_topics(topics)
    return predictions


def answer_afresh(
    models: Sequence[str], counterfactuals: Counterfactuals, *, seed: int, reporter: Reporter
) -> list[CounterfactualScores]:
    """Return the scores of each model on the same counterfactuals, in the models' order.

    Raises DemarcheError if the models do not find the same topics, if one gives no stance, or if there are no pairs.
    """
    scores: list[CounterfactualScores] = []
    topics: dict[str, list[str]] = {}
    for model in models:
        reporter.log(f"evaluating {model} on {counted(len(counterfactuals.pairs), 'counterfactual')}")
        # One model at a time is in memory.
        tagger = Tagger.load(registry.fetch(model).folder)
        if not tagger.reader.reads_stance:
            raise DemarcheError(f"{model} predicts no stance")
        topics[model] = sorted(tagger.codebook.topic_ids)
        _check_topics(topics)
        scores.append(evaluate_counterfactuals(tagger, counterfactuals, seed=seed))
    return scores


def _check_topics(topics: dict[str, list[str]]) -> None:
    (first, of_first), *others = [*topics.items()] or [("", [])]
    for model, of_model in others:
        differing = sorted(set(of_first) ^ set(of_model))
        if differing:
            raise DemarcheError(
                f"{first} and {model} do not have the same topics: {', '.join(differing)} belong to one of them only; "
                "compare models of one codebook"
            )
