"""The gate that a version passes to replace the champion: how both do on the same passages, and what speaks against it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from labels.errors import DemarcheError
from labels.gold.adjudication import Example
from labels.splits.split import read_split
from labels.wording import counted
from labels.yaml_text import read_yaml
from training.comparison.afresh import answer_afresh, predict_afresh
from training.config import COUNTERFACTUALS, Tracking, read_config
from training.evaluation.compare import FEWEST_PASSAGES, Difference, compare, gold_conflicts
from training.evaluation.counterfactuals.answers import check_enough, compare_counterfactuals, counterfactuals_of
from training.evaluation.metrics import FEWEST_ARTICLES, HEADLINES, metrics_by_name
from training.evaluation.predictions import Prediction, read_predictions
from training.prepare import Prepared, prepare
from training.reporter import Reporter
from training.tracking import runs as tracking
from training.tracking.aliases import Version

_SEED = 13
"""The seed of the bootstrap, which nobody may choose until a version passes."""
_CONFIG = "config.yaml"


@dataclass(frozen=True)
class ComparedSet:
    """A set that two versions were compared on: their differences, the digest of its labels, and what speaks against.

    `left_out` counts the passages that one of the versions may have learned from.
    """

    name: str
    digest: str
    differences: list[Difference]
    objections: list[str]
    left_out: int


class _Run:
    """The run of a version: what it predicted, and what it was trained and tested on."""

    def __init__(self, version: Version) -> None:
        if version.run is None:
            raise DemarcheError(f"{version}: was not registered by `demarche train`, so nothing is known of its tests")
        self.version, self.id = version, version.run

    def predictions(self, name: str) -> list[Prediction]:
        return read_predictions(tracking.fetch_artifact(self.id, tracking.predictions_of(name)))

    def digest(self, name: str) -> str:
        return tracking.dataset_digests(self.id).get(name, "")

    def learned(self) -> tuple[set[str], set[str]]:
        """Return the passages, and the articles or groups, that the model and those it started from learned from."""
        passages, groups, runs = set[str](), set[str](), [self.id]
        for run in runs:
            places = read_split(tracking.fetch_artifact(run, tracking.SPLIT)).values()
            used = [place for place in places if place.split in ("train", "dev")]
            passages |= {place.passage for place in used}
            groups |= {place.group for place in used}
            runs += tracking.run_tags(run).get(tracking.INIT, "").split()
        return passages, groups


def rules_of(version: Version) -> Tracking:
    """Return the section `tracking` of the config that a version was trained with: its gate and margin."""
    config = read_yaml(tracking.fetch_artifact(_Run(version).id, _CONFIG))
    section = config.get("tracking", {}) if isinstance(config, dict) else {}
    return Tracking.model_validate({key: section[key] for key in ("gate", "margin") if key in section})


def data_of(version: Version) -> Callable[[], Prepared]:
    """Return a function that reads the data of a version's config again, when it is first needed."""

    @functools.cache
    def read() -> Prepared:
        try:
            return prepare(read_config(tracking.fetch_artifact(_Run(version).id, _CONFIG)))
        except DemarcheError as error:
            raise DemarcheError(
                f"{version}: the versions have to be tested afresh on the same passages, and the data of its config cannot "
                "be read again; run the command in the folder that it was trained in:",
                *error.args,
            ) from None

    return read


def compare_on_gate(
    holder: Version, candidate: Version, rules: Tracking, data: Callable[[], Prepared], *, reporter: Reporter
) -> list[ComparedSet]:
    """Compare two versions on each set of the gate. Raises DemarcheError if they cannot be compared."""
    sides = []
    for name in dict.fromkeys(rules.gate):
        if name == COUNTERFACTUALS:
            sides.append(_on_counterfactuals(_Run(holder), _Run(candidate), rules.margin, data(), reporter=reporter))
            continue
        pair = _predict_both(_Run(holder), _Run(candidate), name, data, reporter=reporter)
        _check_topics(holder, candidate, pair)
        differences, objections = weigh(pair.holder, pair.candidate, margin=rules.margin)
        objections = [f"{name}: {each}" for each in objections]
        sides.append(ComparedSet(name, pair.digest, differences, objections, pair.left_out))
    return sides


def _on_counterfactuals(
    holder: _Run, candidate: _Run, margin: float, prepared: Prepared, *, reporter: Reporter
) -> ComparedSet:
    """Compare both on counterfactuals of the test passages that neither learned from; too few are an objection."""
    examples = prepared.examples_in("test")
    unseen = _unseen(examples, [holder, candidate])
    made = counterfactuals_of(prepared.data.codebook, unseen, prepared.data.annotations, seed=_SEED)
    compared = ComparedSet(COUNTERFACTUALS, prepared.digest("test"), [], [], len(examples) - len(unseen))
    try:
        check_enough(made)
    except DemarcheError as error:
        return replace(compared, objections=[str(error)])
    uris = [holder.version.uri, candidate.version.uri]
    try:
        theirs, ours = answer_afresh(uris, made, seed=_SEED, reporter=reporter)
    except DemarcheError as error:
        raise DemarcheError(f"{COUNTERFACTUALS}: {error}") from None
    difference = compare_counterfactuals(theirs, ours, seed=_SEED)
    objection = _objection(difference, margin)
    objections = [f"{COUNTERFACTUALS}: {difference.metric}: {objection}"] if objection else []
    return replace(compared, differences=[difference], objections=objections)


@dataclass(frozen=True)
class _Pair:
    """The predictions of two versions on the same passages."""

    holder: list[Prediction]
    candidate: list[Prediction]
    digest: str
    left_out: int = 0


def _predict_both(
    holder: _Run, candidate: _Run, name: str, data: Callable[[], Prepared], *, reporter: Reporter
) -> _Pair:
    """Return the predictions of both on a set: those of their runs if they are on the same gold, and new ones if not."""
    ours = candidate.predictions(name)
    ids = {prediction.passage for prediction in ours}
    # The holder may have been tested on more: of a growing data set, say.
    theirs = [prediction for prediction in _predictions_if_any(holder, name) if prediction.passage in ids]
    if not gold_conflicts(theirs, ours):
        return _Pair(theirs, ours, candidate.digest(name))
    prepared = data()
    examples = prepared.examples_in("test") if name == "test" else prepared.evaluation[name].examples
    digest = prepared.digest("test") if name == "test" else prepared.evaluation[name].data.digest()
    unchanged = digest == candidate.digest(name)
    evaluated = [holder] if unchanged else [holder, candidate]
    unseen, trained = _unseen(examples, evaluated), " or ".join(str(run.version) for run in evaluated)
    if not unseen:
        raise DemarcheError(f"{name}: {trained} was trained on all its passages, or on others of their articles")
    left_out = len(examples) - len(unseen)
    if left_out:
        reporter.log(
            f"{name}: {counted(left_out, 'passage')} of {len(examples)} left out, because {trained} was trained on them "
            "or on others of their articles"
        )
    if unchanged:
        ids = {example.passage.id for example in unseen}
        ours = [prediction for prediction in ours if prediction.passage in ids]
        (afresh,) = predict_afresh([holder.version.uri], unseen, reporter=reporter)
    else:
        reporter.log(f"{name}: has changed since {candidate.version} was tested on it")
        afresh, ours = predict_afresh([holder.version.uri, candidate.version.uri], unseen, reporter=reporter)
    return _Pair(afresh, ours, digest, left_out)


def _predictions_if_any(run: _Run, name: str) -> list[Prediction]:
    try:
        return run.predictions(name)
    except DemarcheError:
        # It was not tested on this set, or its predictions were deleted: it can be tested now.
        return []


def _unseen(examples: Sequence[Example], runs: Sequence[_Run]) -> list[Example]:
    """Return the examples that share no article with what the runs learned from."""
    for run in runs:
        passages, groups = run.learned()
        examples = [e for e in examples if e.passage.id not in passages and e.passage.group_id not in groups]
    return list(examples)


def _check_topics(holder: Version, candidate: Version, pair: _Pair) -> None:
    theirs, ours = (set(predictions[0].topics) for predictions in (pair.holder, pair.candidate))
    if theirs and ours and theirs != ours:
        only = ", ".join(sorted(theirs ^ ours))
        raise DemarcheError(
            f"{candidate} and {holder} do not find the same topics: {only} only one of them; their metrics cannot be compared"
        )


def weigh(
    holder: Sequence[Prediction], candidate: Sequence[Prediction], *, margin: float
) -> tuple[list[Difference], list[str]]:
    """Compare the headline metrics of two versions, and say of each why the candidate may lose more than the margin."""
    differences = compare(holder, candidate, seed=_SEED)
    lost = metrics_by_name(holder, seed=_SEED).keys() - {difference.metric for difference in differences}
    objections = [
        f"{name}: it does not have this metric, which the present one has" for name in HEADLINES if name in lost
    ]
    for difference in differences:
        objection = _objection(difference, margin)
        if objection:
            objections.append(f"{difference.metric}: {objection}")
    return differences, objections


def _objection(difference: Difference, margin: float) -> str | None:
    value, low, high = difference.difference
    if difference.passages < FEWEST_PASSAGES or difference.articles < FEWEST_ARTICLES:
        return (
            f"{counted(difference.passages, 'passage')} of {counted(difference.articles, 'article')} are too few to tell; "
            f"at least {FEWEST_PASSAGES} of {FEWEST_ARTICLES} are needed"
        )
    if not difference.difference.has_bounds:
        return "too few gold cases to tell; label more"
    if low > -margin:
        return None
    objection = f"{value:+.3f} [{low:+.3f}, {high:+.3f}] may be a loss of more than {margin:g}"
    if value - low > margin > 0 and high >= 0:
        times = math.ceil(((value - low) / margin) ** 2)
        objection += f"; the set is too small: an equal version would need about {times} times as many passages to pass"
    return objection
