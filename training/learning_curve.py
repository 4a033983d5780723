"""How figures grow with the labels: the same config on growing shares of the articles that it learns from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from labels.errors import DemarcheError
from labels.splits.split import hash_fraction
from training.config import Config
from training.evaluation import plots as figures
from training.evaluation.compare import Difference, compare
from training.evaluation.metrics import HEADLINES, Scores
from training.evaluation.predictions import Prediction
from training.prepare import Prepared, check_gold
from training.run import Say, fit_and_evaluate, ready
from training.tracking import runs as tracking
from training.tracking.callback import Progress, RunCallback


@dataclass(frozen=True)
class Point:
    """One share: the labelled passages that it used (of train's share and all of dev), and the figures on test."""

    name: str
    passages: int
    articles: int
    scores: Scores
    predictions: list[Prediction]


@dataclass(frozen=True)
class Curve:
    """`names` are the headlines; a sentence for each says what the last share brought."""

    run: str
    run_name: str
    names: list[str]
    points: list[Point]
    sentences: list[str]


def learning_curve(config: Config, shares: int, *, overrides: Sequence[str], progress: Progress, say: Say) -> Curve:
    """Trains on 1/n, 2/n … n/n of train, each judged on the same test side; no model is kept."""
    config = config.model_copy(update={"search": None})
    prepared = ready(config, say=say)
    parts = [(f"{number}/{shares}", part_of(prepared, number, shares)) for number in range(1, shares + 1)]
    for name, part in parts:
        _check(name, part)
    with tracking.tracked(config.tracking.experiment, f"{config.name} learning curve") as run:
        points = [_point(name, part, run.id, overrides, progress, say) for name, part in parts]
        names = [name for name in HEADLINES if name in points[-1].scores.metrics]
        sentences = list(_brought(*points[-2:], seed=config.seed))
        drawn = {name: [(point.passages, point.scores.metrics[name].interval) for point in points] for name in names}
        run.figure(figures.learning_curve(drawn), "figures/learning_curve.png")
        run.metrics({f"learning_curve/{name}": points[-1].scores.metrics[name].value for name in names})
        run.tags({"demarche.overrides": " ".join(overrides), "demarche.data": prepared.data.digest()})
        run.describe(
            "\n\n".join([f"**{config.name}** on {shares} growing shares of its training articles.", *sentences])
        )
    return Curve(run.id, run.name, names, points, sentences)


def part_of(prepared: Prepared, number: int, shares: int) -> Prepared:
    """Articles are in or out by a hash of their own, so that a larger share holds the smaller ones.

    The hash is not the one that splits: among the articles of train that one has only the upper part.
    """

    def kept(unit: str) -> bool:
        return hash_fraction(f"learning curve:{unit}", prepared.config.seed) < number / shares

    places = {
        id: place.model_copy(update={"split": None}) if place.split == "train" and not kept(place.group) else place
        for id, place in prepared.split.places.items()
    }
    return replace(prepared, split=replace(prepared.split, places=places))


def _check(name: str, part: Prepared) -> None:
    try:
        check_gold(part)
    except DemarcheError as error:
        raise DemarcheError(f"share {name} of train is too small to learn from ({error}); take fewer shares") from None


def _point(name: str, part: Prepared, parent: str, overrides: Sequence[str], progress: Progress, say: Say) -> Point:
    config = part.config
    with tracking.tracked(config.tracking.experiment, f"{config.name} {name}", parent=parent) as run:
        run.tags({tracking.SHARE: name})
        callback = RunCallback(run, progress)
        evaluated = fit_and_evaluate(run, part, callback, overrides=overrides, say=lambda text: None)
        callback.done()
    used = [example.passage for side in ("train", "dev") for example in part.examples_in(side)]
    headlines = ", ".join(f"{key} {figure.value:.3f}" for key, figure in evaluated.test.headlines().items())
    say(f"{name}: {len(used)} passages, {headlines}")
    return Point(name, len(used), len({passage.group_id for passage in used}), evaluated.test, evaluated.predictions)


def _brought(before: Point, last: Point, *, seed: int) -> Iterator[str]:
    """A paired bootstrap of the last two shares by article, in words."""
    more = last.passages - before.passages
    for found in compare(before.predictions, last.predictions, metrics=HEADLINES, seed=seed):
        low, high = found.difference.low, found.difference.high
        yield (
            f"{found.metric}: the last {more} passages brought {found.difference.value:+.3f} [{low:+.3f}, {high:+.3f}]; "
            + prospect(found)
        )


def prospect(found: Difference) -> str:
    """What as many labels again may bring: where a curve flattens, no more than the last ones may have brought."""
    value, low, high = found.difference
    if low == high == 0:
        return "nothing changed that this test side can show."
    if value < 0 and found.clear:
        return "it fell: look at the labels that came last before adding more of their kind."
    told = "it was still rising" if found.clear else "that cannot be told from nothing"
    return f"{told}, and if the curve goes on flattening, as many again bring at most about {max(high, 0):+.3f}."
