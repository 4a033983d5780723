"""Evaluate taggers: on the splits and sets of a config, and on any other labelled passages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from labels.check import LabelledData, read_labelled
from labels.errors import DemarcheError
from labels.gold.adjudication import Example
from labels.gold.readers import adjudicate_gold
from labels.splits.split import Split
from labels.wording import counted
from models.tagger import Tagger
from training.evaluation.ceiling import Ceiling, ceiling
from training.evaluation.counterfactuals.answers import (
    CounterfactualScores,
    counterfactuals_of,
    evaluate_counterfactuals,
)
from training.evaluation.counterfactuals.rules import read_rules
from training.evaluation.metrics import Scores, evaluate
from training.evaluation.predictions import Prediction, predict
from training.prepare import Prepared, without_gold
from training.reporter import Reporter
from training.split_config import TargetSplit
from training.tracking import registry


def evaluation_sets(prepared: Prepared) -> Iterator[tuple[str, list[Example], list[str]]]:
    """Yield test and the sets of `evaluation`: the name, the examples, and the split of each in its predictions."""
    test = prepared.examples_in("test")
    yield "test", test, _splits(prepared, test)
    for name, each in prepared.evaluation.items():
        yield name, each.examples, [name] * len(each.examples)


def evaluate_beside(
    tagger: Tagger, others: Mapping[str, Tagger], examples: Sequence[Example], splits: Sequence[str], *, seed: int
) -> tuple[Scores, dict[str, Scores], list[Prediction]]:
    """Return a tagger's scores on examples, those of the others (the baselines), and the tagger's predictions."""
    predictions = predict(tagger, examples, splits)
    of_baselines = {name: evaluate(predict(each, examples, splits), seed=seed) for name, each in others.items()}
    return evaluate(predictions, seed=seed), of_baselines, predictions


def ceiling_on(tagger: Tagger, prepared: Prepared, name: str, predictions: Sequence[Prediction]) -> Ceiling | None:
    """Return the annotator ceiling on test or on a set of `evaluation`, from the tagger's predictions of it."""
    config = prepared.config
    if name != "test":
        each = prepared.evaluation[name]
        return ceiling(tagger, predictions, each.examples, each.data.annotations, seed=config.seed)
    target = config.split.target if isinstance(config.split, TargetSplit) else None
    examples, annotations = prepared.examples_in("test"), prepared.data.annotations
    return ceiling(tagger, predictions, examples, annotations, target=target, seed=config.seed)


def predict_split(tagger: Tagger, prepared: Prepared, name: str) -> list[Prediction]:
    """Return a tagger's predictions for `train`, `dev`, `test` (all test splits) or one test split."""
    examples = prepared.examples_in(name)
    return predict(tagger, examples, _splits(prepared, examples))


def _splits(prepared: Prepared, examples: Sequence[Example]) -> list[str]:
    return [prepared.split.places[example.passage.id].split or "" for example in examples]


def evaluate_test_splits(predictions: Sequence[Prediction], split: Split, *, seed: int) -> dict[str, Scores]:
    """Evaluate each test split separately if the data has several.

    A split named `test` is left out: that name refers to all test splits together.
    """
    if len(split.test_splits) < 2:
        return {}
    return {
        name: evaluate([prediction for prediction in predictions if prediction.split == name], seed=seed)
        for name in split.test_splits
        if name != "test"
    }


class ModelScores(NamedTuple):
    """The scores of a saved model on labelled passages, its predictions, and what annotators reach there."""

    scores: Scores
    predictions: list[Prediction]
    ceiling: Ceiling | None


def evaluate_model(
    model: str,
    passages: Path,
    annotations: Sequence[Path],
    *,
    codebook: Path | None = None,
    seed: int,
    reporter: Reporter,
) -> ModelScores:
    """Evaluate a saved tagger on new gold, with the metrics of a training run.

    `model` is a URI or a folder. Warns if the model was trained on passages with the same ids.
    """
    tagger, data, examples = _read_labelled(model, passages, annotations, codebook, reporter)
    predictions = predict(tagger, examples, ["test"] * len(examples))
    of_annotators = ceiling(tagger, predictions, examples, data.annotations, seed=seed)
    return ModelScores(evaluate(predictions, seed=seed), predictions, of_annotators)


def evaluate_model_on_counterfactuals(
    model: str,
    passages: Path,
    annotations: Sequence[Path],
    *,
    codebook: Path | None = None,
    rules: Path | None = None,
    seed: int,
    reporter: Reporter,
) -> CounterfactualScores:
    """Evaluate a saved tagger on counterfactuals of labelled passages, made with `rules` or those of Demarche."""
    words = read_rules(rules)
    tagger, data, examples = _read_labelled(model, passages, annotations, codebook, reporter)
    made = counterfactuals_of(tagger.codebook, examples, data.annotations, rules=words, seed=seed)
    return evaluate_counterfactuals(tagger, made, seed=seed)


def _read_labelled(
    model: str, passages: Path, annotations: Sequence[Path], codebook: Path | None, reporter: Reporter
) -> tuple[Tagger, LabelledData, list[Example]]:
    """Load a tagger and labelled passages to evaluate it on; warn of what may make the metrics wrong."""
    folder = registry.fetch(model).folder
    tagger = Tagger.load(folder)
    data = read_labelled(codebook or folder / "codebook.yaml", [passages], annotations)
    for problem in data.warnings:
        reporter.warn(str(problem))
    examples = adjudicate_gold(data, where=", ".join(map(str, annotations)))
    if tagger.reader.reads_topics:
        for warning in without_gold(examples, tagger.codebook):
            reporter.warn(warning)
    if tagger.settings.run and model.startswith(("models:", "runs:")):
        warn_of_training_passages(tagger.settings.run, examples, reporter)
    return tagger, data, examples


def warn_of_training_passages(
    run: str, examples: Sequence[Example], reporter: Reporter, *, model: str = "the model"
) -> None:
    """Warn if the model of a run was trained on passages with the ids of these examples."""
    try:
        trained_on = registry.trained_on(run)
    except DemarcheError as error:
        reporter.warn(f"{error}; it is unknown whether {model} was trained on these passages")
        return
    count = sum(example.passage.id in trained_on for example in examples)
    if count:
        reporter.warn(
            f"{count} of the {counted(len(examples), 'passage')} {'has' if count == 1 else 'have'} the id of a passage that {model} was trained on; "
            "if they are the same passages, the metrics are too high"
        )
