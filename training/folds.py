"""Cross-validation: train on all folds of the articles but one, in turn, and evaluate the predictions of all together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean, stdev
from typing import Any

import numpy as np

from labels.errors import DemarcheError
from labels.passages import Passage
from labels.splits.duplicates import connected_groups, duplicate_pairs
from labels.splits.split import Place, Split, hash_fraction
from labels.wording import counted
from training.config import Config
from training.evaluate import predict_split
from training.evaluation.metrics import Scores, evaluate
from training.evaluation.predictions import Prediction, errors
from training.fit import baselines
from training.prepare import Prepared, check_gold, prepare
from training.record import log_inputs, log_scores, log_tables
from training.report.describe import REPORT, OnSets, report
from training.report.findings import Findings, find
from training.reporter import NoReporter, Reporter
from training.run import fit_and_evaluate
from training.split_config import TargetSplit
from training.tracking import runs as tracking
from training.tracking.callback import RunCallback
from training.tracking.registry import trained_on
from training.tracking.run import Run
from training.tracking.store import check_store, tracking_uri


@dataclass(frozen=True)
class Fold:
    """A fold with the predictions and the scores of the model that was trained on the other folds."""

    name: str
    articles: int
    predictions: Sequence[Prediction]
    baselines: Mapping[str, Sequence[Prediction]]
    scores: Scores


@dataclass(frozen=True)
class CrossValidated:
    """The result of a cross-validation; `scores`, `baselines` and `findings` are of the predictions of all folds."""

    run: str
    run_name: str
    experiment: str
    folds: list[Fold]
    scores: Scores
    baselines: dict[str, Scores]
    findings: Findings

    def rows(self) -> list[dict[str, Any]]:
        """Return the headline metrics of each fold as rows of a table."""
        return [
            {"fold": fold.name, "passages": len(fold.predictions), "articles": fold.articles}
            | {name: round(value, 4) for name, value in _headlines(fold.scores).items()}
            for fold in self.folds
        ]

    def spread(self) -> list[str]:
        """Return a sentence for each headline metric: its mean and its standard deviation over the folds that have it."""
        sentences = []
        for name in self.scores.headlines():
            values = [headlines[name] for fold in self.folds if name in (headlines := _headlines(fold.scores))]
            if len(values) > 1:
                sentences.append(
                    f"{name}: mean {mean(values):.3f} over the folds, standard deviation {stdev(values):.3f}"
                )
        return sentences


def cross_validate(config: Config, count: int, *, reporter: Reporter) -> CrossValidated:
    """Predict every passage by a model that was trained on the other folds. No model is kept or registered.

    The sets of `evaluation` are left out. Raises DemarcheError if the config leaves a target out, if there are fewer
    articles than folds, or if a fold leaves too few labels to train on or to evaluate.
    """
    if isinstance(config.split, TargetSplit):
        raise DemarcheError(
            "--folds divides the articles, and split.strategy leave_target_out divides by target; use split={strategy: group}"
        )
    check_store(tracking_uri())
    parts = _divide(config.model_copy(update={"search": None, "evaluation": {}}), count)
    for problem in parts[0].data.warnings:
        reporter.warn(str(problem))
    for sentence in parts[0].agreements:
        reporter.log(sentence)
    if alone := len(parts[0].read_by_models):
        reporter.log(f"{counted(alone, 'passage')} with labels by language models alone: tested in no fold")
    with tracking.start_run(config.tracking.experiment, f"{config.name} {count} folds") as run:
        folds = [_fold(f"{number}/{count}", part, run.id, reporter) for number, part in enumerate(parts, start=1)]
        return _pool(run, parts[0], folds)


def split_into_folds(passages: Sequence[Passage], count: int, *, dev: float, seed: int) -> list[Split]:
    """Return a split for each fold, with that fold in test, and about `dev` of all articles, from the others, in dev.

    Articles of one group stay together, as do articles that contain near-duplicates of each other. The folds have about
    the same number of articles, whatever their order.
    """
    from sklearn.model_selection import GroupKFold

    connected = connected_groups(passages, duplicate_pairs(passages))
    heads = [connected[passage.group_id][0] for passage in passages]
    if len(set(heads)) < count:
        raise DemarcheError(
            f"--folds {count}: the data has only {counted(len(set(heads)), 'article')} to divide (near-duplicates and members "
            "of a group count as one); use fewer folds"
        )
    # Of the articles that are not in test.
    share = dev * count / (count - 1)
    is_dev = [hash_fraction(head, seed + 1) < share for head in heads]
    splits = []
    for _, test in GroupKFold(count, shuffle=True, random_state=seed).split(heads, groups=heads):
        in_test = set(np.asarray(test).tolist())
        names = ["test" if n in in_test else "dev" if is_dev[n] else "train" for n in range(len(passages))]
        places = zip(passages, names, strict=True)
        splits.append(Split({p.id: Place(passage=p.id, group=p.group_id, split=name) for p, name in places}))
    return splits


def check_initial(prepared: Prepared) -> None:
    """Raise DemarcheError if a model that training starts from was trained on passages that are in test in some fold."""
    learned = set[str]().union(*(trained_on(run) for run in prepared.initial_runs))
    if any(example.passage.id in learned for example in prepared.examples):
        raise DemarcheError("init: was trained on passages that are in test here; start from a run on other data")


def _divide(config: Config, count: int) -> list[Prepared]:
    """Prepare the data of a config once for each fold, and check every fold before any work."""
    seed = getattr(config.split, "seed", config.seed)
    splits: list[Split] = []

    def first(passages: Sequence[Passage]) -> Split:
        splits.extend(split_into_folds(passages, count, dev=config.split.dev, seed=seed))
        return splits[0]

    prepared = prepare(config, divide=first)
    check_initial(prepared)
    parts = [replace(prepared, split=split, options=("--folds", str(count))) for split in splits]
    for number, part in enumerate(parts, start=1):
        try:
            check_gold(part)
        except DemarcheError as error:
            raise DemarcheError(f"fold {number}/{count}: {error}; or use fewer folds") from None
    return parts


def _fold(name: str, part: Prepared, parent: str, reporter: Reporter) -> Fold:
    config = part.config
    with tracking.start_run(config.tracking.experiment, f"{config.name} fold {name}", parent=parent) as run:
        run.tags({tracking.FOLD: name})
        callback = RunCallback(run, reporter)
        # One line per fold is enough: the warnings of the folds would repeat each other.
        evaluated = fit_and_evaluate(run, part, callback, NoReporter())
        callback.done()
    others = baselines(config, part.data.codebook, part.examples_in("train"), part.examples_in("dev"))
    predictions = evaluated.predictions["test"]
    headlines = ", ".join(f"{key} {value:.3f}" for key, value in _headlines(evaluated.test).items())
    reporter.log(f"fold {name}: {counted(len(predictions), 'passage')}, {headlines}")
    return Fold(
        name=name,
        articles=len({prediction.group for prediction in predictions}),
        predictions=predictions,
        baselines={baseline: predict_split(tagger, part, "test") for baseline, tagger in others.items()},
        scores=evaluated.test,
    )


def _pool(run: Run, part: Prepared, folds: list[Fold]) -> CrossValidated:
    """Evaluate the predictions of all folds together, and log them to the parent run as those of one test split."""
    config = part.config
    places = {id: place.model_copy(update={"split": "test"}) for id, place in part.split.places.items()}
    whole = replace(part, split=Split(places))
    predictions = [prediction for fold in folds for prediction in fold.predictions]
    scores = evaluate(predictions, seed=config.seed)
    of_baselines = {
        name: evaluate([each for fold in folds for each in fold.baselines[name]], seed=config.seed)
        for name in folds[0].baselines
    }
    by_passage = {prediction.passage: prediction for prediction in predictions}
    in_order = [by_passage[example.passage.id] for example in whole.examples_in("test")]
    on_sets = OnSets({"test": scores}, {"test": of_baselines}, {}, {"test": in_order})
    result = CrossValidated(
        run=run.id,
        run_name=run.name,
        experiment=config.tracking.experiment,
        folds=folds,
        scores=scores,
        baselines=of_baselines,
        findings=find(whole, on_sets, test="all folds"),
    )
    log_inputs(run, whole)
    log_scores(run, on_sets.scores, on_sets.baselines, {}, on_sets.predictions)
    wrong = errors(in_order, whole.examples_in("test"))
    log_tables(run, scores, wrong, result.findings)
    run.table(result.rows(), "folds.json")
    run.tags({tracking.FOLDS: str(len(folds))})
    sentences = [*result.spread(), *result.findings.all_sentences()]
    run.text(report(whole, on_sets, wrong, findings=sentences, warnings=[]), REPORT)
    lines = [f"{name}: {score}" for name, score in scores.headlines().items()]
    kept = f"Cross-validated in {len(folds)} folds; no model was kept. [report]({run.page(REPORT)})"
    run.describe("\n".join([*(f"- {line}" for line in lines), "", kept]))
    return result


def _headlines(scores: Scores) -> dict[str, float]:
    return {name: score.value for name, score in scores.headlines().items()}
