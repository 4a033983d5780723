"""Compare tracked runs: bootstrap the differences of their test predictions, test them, draw them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labels.errors import DemarcheError, one_line
from labels.files import atomic_write, check_output
from training.comparison.contenders import Contender
from training.evaluation.compare import FEWEST_PASSAGES, Difference, compare_seeds, in_order
from training.evaluation.metrics import FEWEST_ARTICLES, HEADLINES, metrics_by_name
from training.evaluation.results import STANCE_BY_TOPIC
from training.evaluation.significance import holm, p_values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FORMATS = (".png", ".svg", ".pdf")
_BY_TOPIC = ("topics/f1/", STANCE_BY_TOPIC)
_AT = {"topics/micro_f1": "topics", "stance/macro_f1": "stance", "joint/micro_f1": "topics and stance together"}
_ALPHA = 0.05
TEST = "the test split"


@dataclass(frozen=True)
class Tested:
    """A difference and its p-value, corrected if it is one of several topics; NaN if the runs have several seeds."""

    difference: Difference
    p: float
    corrected: bool = False

    @property
    def clear(self) -> bool:
        """Whether the interval excludes zero and the p-value, if there is one, is below 0.05.

        If all gold of a class is in one article, every draw has the same difference, and only the p-value shows it.
        """
        return self.difference.clear and not self.p >= _ALPHA

    @property
    def verdict(self) -> str:
        """The difference in a word or two."""
        of, interval = self.difference, self.difference.difference
        if of.passages < FEWEST_PASSAGES:
            return "too few passages to tell"
        if of.articles < FEWEST_ARTICLES:
            return "too few articles to tell"
        if not interval.has_bounds:
            return "too few gold cases to tell"
        if self.clear:
            return "better" if interval.value > 0 else "worse"
        return "the same" if interval.low == interval.high == 0 else "no clear difference"


@dataclass(frozen=True)
class Compared:
    """A run beside the reference run: the metrics asked for (the headlines), and those of each topic."""

    contender: Contender
    metrics: list[Tested]
    topics: list[Tested]
    notes: list[str]


@dataclass(frozen=True)
class Comparison:
    """Runs beside a reference run; `on` says on which passages."""

    on: str
    reference: Contender
    compared: list[Compared]
    seed: int

    def sentences(self) -> list[str]:
        """Return a verdict on each run, in a sentence."""
        runs = [self.reference, *(each.contender for each in self.compared)]
        # Names alone read best, if they tell the runs apart.
        has_names = len({each.run.name for each in runs}) == len(runs)
        reference, *others = [one_line(each.run.name) if has_names else each.title for each in runs]
        return [sentence(name, reference, each.metrics) for name, each in zip(others, self.compared, strict=True)]


def compare_contenders(
    contenders: Sequence[Contender], *, on: str, metrics: Sequence[str] | None = None, seed: int
) -> Comparison:
    """Compare every run with the first one, by metrics or, if none are named, by the headlines and by topic."""
    reference, *others = contenders
    if not others:
        raise DemarcheError("give at least two runs; `demarche runs list` lists them")
    return Comparison(on, reference, [_compare(reference, other, metrics, seed=seed) for other in others], seed)


def _compare(first: Contender, second: Contender, metrics: Sequence[str] | None, *, seed: int) -> Compared:
    runs = first.predictions, in_order(second.predictions, like=first.predictions[0])
    by_topic = [] if metrics else _names_by_topic(first, second, seed=seed)
    names = [*(metrics or HEADLINES), *by_topic]
    differences = compare_seeds(*runs, metrics=names, seed=seed)
    with_seeds = max(map(len, runs)) > 1
    shared = [each.metric for each in differences]
    p = {} if with_seeds else p_values(runs[0][0], runs[1][0], shared, seed=seed)
    corrected = holm({name: p[name] for name in by_topic if name in p})
    tested = [
        Tested(each, corrected.get(each.metric, p.get(each.metric, math.nan)), each.metric in corrected)
        for each in differences
    ]
    return Compared(
        second,
        [each for each in tested if each.difference.metric not in by_topic],
        [each for each in tested if each.difference.metric in by_topic],
        list(_notes(first, second)) if with_seeds else [],
    )


def _names_by_topic(first: Contender, second: Contender, *, seed: int) -> list[str]:
    one, other = (metrics_by_name(contender.predictions[0], seed=seed) for contender in (first, second))
    return [name for kind in _BY_TOPIC for name in one if name.startswith(kind) and name in other]


def _notes(first: Contender, second: Contender) -> Iterable[str]:
    for each in (first, second):
        count = len(each.predictions)
        if count == 1:
            yield (
                f"{each.title} was trained with one seed: the interval leaves out the variance of its training "
                "(`demarche train CONFIG --seeds 3` measures it)"
            )
        else:
            yield f"{each.title}: mean of {count} seeds; the interval covers articles and seeds, and there is no p-value"


def sentence(run: str, reference: str, metrics: Sequence[Tested]) -> str:
    """Return a plain sentence on how a run compares with the reference run."""
    parts: list[str] = []
    for word in ("better", "worse"):
        of_word = [each for each in metrics if each.verdict == word]
        if of_word:
            subject = "" if parts else f"{run} is "
            than = "" if parts else f" than {reference}"
            parts.append(f"{subject}{word}{than} at {_join(map(_measured, of_word))}")
    said = " and ".join(parts)
    for word in ("no clear difference", "the same"):
        of_word = [each for each in metrics if each.verdict == word]
        if of_word:
            between = "" if said else f" between {run} and {reference}"
            said += (
                f"{'; ' if said else ''}{word}{between} at {_join(_plain(each.difference.metric) for each in of_word)}"
            )
    few = [each for each in metrics if each.verdict.startswith("too few")]
    if few:
        about = "" if said else f" whether {run} differs from {reference}"
        reasons = {each.verdict: None for each in few}
        at = _join(_plain(each.difference.metric) for each in few)
        said += f"{'; ' if said else ''}{_join(reasons)}{about} at {at}"
    if not said.startswith(run):
        said = said[0].upper() + said[1:]
    return f"{said}."


def _measured(tested: Tested) -> str:
    value, low, high = tested.difference.difference
    return f"{_plain(tested.difference.metric)} ({value:+.3f}, 95 % interval {low:+.3f} to {high:+.3f})"


def _plain(metric: str) -> str:
    return _AT.get(metric, metric)


def _join(parts: Iterable[str]) -> str:
    *before, last = parts
    return f"{', '.join(before)} and {last}" if before else last


def check_plot_output(out: Path) -> None:
    """Raise DemarcheError if a plot cannot be written to `out`."""
    if out.suffix.lower() not in _FORMATS:
        raise DemarcheError(f"{out}: not a format for plots; use .png, .svg or .pdf")
    check_output(out)


def figure(comparison: Comparison) -> Figure:
    """Draw the differences with their intervals."""
    from training.evaluation.plots import differences

    rows = [
        (each.contender.title, tested.difference, tested.clear)
        for each in comparison.compared
        for tested in (*each.metrics, *each.topics)
        if tested.difference.difference.has_bounds
    ]
    return differences(rows, reference=comparison.reference.title)


def draw(comparison: Comparison, out: Path) -> None:
    """Draw the differences to a .png, .svg or .pdf file."""
    with atomic_write(out) as part:
        figure(comparison).savefig(part, dpi=150, format=out.suffix[1:].lower())
