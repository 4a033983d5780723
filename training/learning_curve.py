"""Learning curves: train the same config on growing fractions of the training articles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from labels.errors import DemarcheError
from labels.splits.split import hash_fraction
from labels.wording import counted, markdown
from training.config import Config
from training.evaluation import plots
from training.evaluation.compare import Difference, compare
from training.evaluation.metrics import HEADLINES, Scores
from training.evaluation.predictions import Prediction
from training.prepare import Prepared, check_gold
from training.record import data_tags
from training.reporter import NoReporter, Reporter
from training.run import fit_and_evaluate, start
from training.tracking import runs as tracking
from training.tracking.callback import RunCallback


@dataclass(frozen=True)
class Point:
    """One point of the curve: the labelled passages used (a fraction of train and all of dev) and the scores on test."""

    name: str
    passages: int
    articles: int
    scores: Scores
    predictions: Sequence[Prediction]


@dataclass(frozen=True)
class Curve:
    """A learning curve; `names` are the headline metrics, and each has a sentence on what the last step gained."""

    run: str
    run_name: str
    experiment: str
    names: list[str]
    points: list[Point]
    sentences: list[str]


def learning_curve(config: Config, points: int, *, reporter: Reporter) -> Curve:
    """Train on 1/n, 2/n … n/n of train and evaluate each on the same test split; no model is kept."""
    config = config.model_copy(update={"search": None})
    prepared = start(config, reporter=reporter)
    parts = [(f"{number}/{points}", part_of(prepared, number, points)) for number in range(1, points + 1)]
    for name, part in parts:
        _check(name, part)
    with tracking.start_run(config.tracking.experiment, f"{config.name} learning curve") as run:
        curve = [_point(name, part, run.id, reporter) for name, part in parts]
        names = [name for name in HEADLINES if name in curve[-1].scores.metrics]
        sentences = list(_last_gain(*curve[-2:], seed=config.seed))
        lines = {name: [(point.passages, point.scores.metrics[name].interval) for point in curve] for name in names}
        run.figure(plots.learning_curve(lines), "figures/learning_curve.png")
        run.metrics({f"learning_curve/{name}": curve[-1].scores.metrics[name].value for name in names})
        run.tags({"demarche.overrides": " ".join(config.overrides), **data_tags(prepared)})
        title = f"**{markdown(config.name)}** on {points} growing fractions of its training articles."
        run.describe("\n\n".join([title, *sentences]))
    return Curve(run.id, run.name, config.tracking.experiment, names, curve, sentences)


def part_of(prepared: Prepared, number: int, points: int) -> Prepared:
    """Keep `number`/`points` of the training articles; larger fractions contain the smaller ones.

    A hash of each article decides. It differs from the hash of the split, whose values are all high in train.
    """

    def is_kept(group: str) -> bool:
        return hash_fraction(f"learning curve:{group}", prepared.config.seed) < number / points

    places = {
        id: place.model_copy(update={"split": None}) if place.split == "train" and not is_kept(place.group) else place
        for id, place in prepared.split.places.items()
    }
    options = ("--learning-curve", str(points))
    return replace(prepared, split=replace(prepared.split, places=places), options=options)


def _check(name: str, part: Prepared) -> None:
    try:
        check_gold(part)
    except DemarcheError as error:
        raise DemarcheError(f"{name} of train is too little to train on ({error}); use fewer points") from None


def _point(name: str, part: Prepared, parent: str, reporter: Reporter) -> Point:
    config = part.config
    with tracking.start_run(config.tracking.experiment, f"{config.name} {name}", parent=parent) as run:
        run.tags({tracking.SHARE: name})
        callback = RunCallback(run, reporter)
        # One line per point is enough: the warnings of the parts would repeat each other.
        evaluated = fit_and_evaluate(run, part, callback, NoReporter())
        callback.done()
    used = [example.passage for split in ("train", "dev") for example in part.examples_in(split)]
    headlines = ", ".join(f"{key} {score.value:.3f}" for key, score in evaluated.test.headlines().items())
    reporter.log(f"{name}: {counted(len(used), 'passage')}, {headlines}")
    return Point(
        name, len(used), len({passage.group_id for passage in used}), evaluated.test, evaluated.predictions["test"]
    )


def _last_gain(before: Point, last: Point, *, seed: int) -> Iterator[str]:
    """Yield a sentence per headline metric on the difference of the last two points (paired bootstrap by article)."""
    more = last.passages - before.passages
    for change in compare(before.predictions, last.predictions, metrics=HEADLINES, seed=seed):
        value, low, high = change.difference
        yield (
            f"{change.metric}: the last {more} passages changed it by {value:+.3f} [{low:+.3f}, {high:+.3f}]; "
            + forecast(change)
        )


def forecast(change: Difference) -> str:
    """Describe what another step of this size may add: if the curve flattens, at most the last gain's upper bound."""
    value, low, high = change.difference
    if low == high == 0:
        return "no difference that this test split can show."
    if value < 0 and change.clear:
        return "the score fell: check the labels of the last step before adding more like them."
    trend = "the score was still rising" if change.clear else "no clear difference"
    return (
        f"{trend}; if the curve keeps flattening, the same number of labels again adds at most about "
        f"{max(high, 0):+.3f}."
    )
