"""Ask a tagger the questions of counterfactuals, and count the answers that cannot both be right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from labels.bootstrap import Groups, Interval, interval
from labels.codebook import Codebook, Stance
from labels.errors import DemarcheError
from labels.files import Frozen
from labels.gold.adjudication import Example
from labels.passages import Annotation, Passage
from labels.wording import counted
from models.examples import BoolArray, FloatArray
from models.tagger import Tagger
from training.evaluation.compare import FEWEST_PASSAGES, Difference
from training.evaluation.counterfactuals.make import KINDS, Counterfactual, Counterfactuals, Kind, Maker, holders
from training.evaluation.counterfactuals.rules import Rules, read_english, read_rules
from training.evaluation.metrics import FEWEST_ARTICLES, Metric
from training.evaluation.scores import Score

Task = Literal["topic", "stance"]
TASKS: tuple[Task, ...] = ("topic", "stance")
CONSISTENCY = "counterfactuals/consistency"


class Answer(Frozen):
    """A tagger's answer to a question; None where the tagger or the question has no topics, or no stances."""

    assigned: bool | None = None
    stance: Stance | None = None


class Answered(Frozen):
    """A counterfactual with the answers to both questions, as written to a file: `target` is what was asked for."""

    kind: Kind
    must_stay: bool
    passage: str
    group: str
    target: str
    text: str
    before: Answer
    changed_target: str
    changed_text: str
    after: Answer

    def consistent(self, task: Task) -> bool | None:
        """Return whether the answers can both be right; None if the task was not asked."""
        if task == "topic":
            one, other = self.before.assigned, self.after.assigned
            return None if one is None or other is None else one == other
        if self.before.stance is None:
            return None
        return (self.before.stance == self.after.stance) == self.must_stay


@dataclass(frozen=True)
class KindScore:
    """Of the counterfactuals of a kind, the share whose answers cannot both be right, with its interval by article."""

    kind: Kind
    must_stay: bool
    task: Task
    pairs: int
    articles: int
    wrong: Interval

    @property
    def is_enough(self) -> bool:
        """Whether there are enough pairs for a verdict."""
        return _is_enough(self.pairs, self.articles)


@dataclass(frozen=True)
class CounterfactualScores:
    """The scores of a tagger on counterfactuals.

    `metrics` are shares of pairs whose answers can both be right, so that more is better: one for each kind and task
    (`counterfactuals/actor_masked/stance`), and the mean of those with enough pairs (`counterfactuals/consistency`).
    """

    answered: list[Answered]
    kinds: list[KindScore]
    metrics: dict[str, Metric]
    left_out: dict[Kind, dict[str, int]]


def counterfactuals_of(
    codebook: Codebook,
    examples: Sequence[Example],
    annotations: Sequence[Annotation],
    *,
    rules: Rules | None = None,
    seed: int,
) -> Counterfactuals:
    """Make the counterfactuals of labelled passages; `rules` default to those that come with Demarche."""
    maker = Maker(codebook, rules or read_rules(), read_english(), seed=seed)
    return maker.make(examples, holders(annotations))


def counterfactual_metrics(
    tagger: Tagger,
    examples: Sequence[Example],
    annotations: Sequence[Annotation],
    *,
    rules: Rules | None = None,
    seed: int,
) -> dict[str, Metric]:
    """Return the metrics of a tagger on the counterfactuals of labelled passages.

    The pairs and their order depend on the labels, the codebook and the seed, not on the model: the metrics of two
    models can be compared with a paired bootstrap.
    """
    made = counterfactuals_of(tagger.codebook, examples, annotations, rules=rules, seed=seed)
    return evaluate_counterfactuals(tagger, made, seed=seed).metrics


def evaluate_counterfactuals(tagger: Tagger, counterfactuals: Counterfactuals, *, seed: int) -> CounterfactualScores:
    """Ask a tagger for the tags of both passages of each pair. Raises DemarcheError if there are no pairs to ask for."""
    answered = answer(tagger, counterfactuals.pairs) if counterfactuals.pairs else []
    asked = {(pair.kind, task) for pair in answered for task in TASKS if pair.consistent(task) is not None}
    if not asked:
        raise _no_pairs(counterfactuals)
    groups = Groups([pair.group for pair in answered])
    metrics: dict[str, Metric] = {}
    kinds: list[KindScore] = []
    for kind in KINDS:
        for task in TASKS:
            if (kind, task) not in asked:
                continue
            consistent = [pair.consistent(task) if pair.kind == kind else None for pair in answered]
            metric = Metric(_share(groups, consistent), groups, seed=seed)
            metrics[_metric(kind, task)] = metric
            of_kind = [pair for pair, each in zip(answered, consistent, strict=True) if each is not None]
            articles = len({pair.group for pair in of_kind})
            kinds.append(
                KindScore(
                    kind=kind,
                    must_stay=of_kind[0].must_stay,
                    task=task,
                    pairs=len(of_kind),
                    articles=articles,
                    wrong=_wrong(metric, sum(each is False for each in consistent), len(of_kind), articles),
                )
            )
    each = [metrics[_metric(kind.kind, kind.task)].score for kind in kinds if kind.is_enough]
    if each:
        metrics[CONSISTENCY] = Metric(lambda w: _mean([score(w) for score in each]), groups, seed=seed)
    return CounterfactualScores(
        answered, kinds, metrics, {kind: dict(reasons) for kind, reasons in counterfactuals.left_out.items()}
    )


def compare_counterfactuals(one: CounterfactualScores, other: CounterfactualScores, *, seed: int) -> Difference:
    """Compare two taggers on the same counterfactuals by a paired bootstrap over articles; positive if `other` is better.

    Raises DemarcheError if there are too few counterfactuals to tell, or the taggers answer different questions.
    """
    if [(kind.kind, kind.task) for kind in one.kinds] != [(kind.kind, kind.task) for kind in other.kinds]:
        raise DemarcheError("counterfactuals: one model predicts topics or stance, and the other does not")
    if not any(kind.is_enough for kind in one.kinds):
        raise _too_few(max(kind.pairs for kind in one.kinds))
    before, after = one.metrics[CONSISTENCY], other.metrics[CONSISTENCY]
    difference = interval(lambda w: after.score(w) - before.score(w), before.groups, seed=seed)
    passages = len({pair.passage for pair in one.answered})
    return Difference(CONSISTENCY, before.value, after.value, difference, passages, before.groups.count)


def check_enough(counterfactuals: Counterfactuals) -> None:
    """Raise DemarcheError if there are too few pairs of every kind for a comparison of taggers, before any is asked."""
    if not counterfactuals.pairs:
        raise _no_pairs(counterfactuals)
    kinds = [counterfactuals.of(kind) for kind in KINDS]
    if not any(_is_enough(len(pairs), len({pair.before.passage.group_id for pair in pairs})) for pairs in kinds):
        raise _too_few(max(map(len, kinds)))


def _is_enough(pairs: int, articles: int) -> bool:
    return pairs >= FEWEST_PASSAGES and articles >= FEWEST_ARTICLES


def _too_few(most: int) -> DemarcheError:
    return DemarcheError(
        f"counterfactuals: at most {counted(most, 'pair')} of a kind; at least {FEWEST_PASSAGES} of "
        f"{FEWEST_ARTICLES} articles are needed"
    )


def _no_pairs(counterfactuals: Counterfactuals) -> DemarcheError:
    why = "; ".join(describe_left_out(counterfactuals.left_out)) or "the gold has no stances"
    return DemarcheError(f"no counterfactuals can be made of these passages: {why}")


def describe_left_out(left_out: Mapping[Kind, Mapping[str, int]]) -> list[str]:
    """Return for each kind how many labelled stances no pair was made of, and the most frequent reason."""
    lines = []
    for kind, reasons in left_out.items():
        if reasons:
            most = max(reasons, key=lambda reason: reasons[reason])
            lines.append(f"{kind}: {counted(sum(reasons.values()), 'stance')} left out, {reasons[most]} because {most}")
    return lines


def answer(tagger: Tagger, pairs: Sequence[Counterfactual]) -> list[Answered]:
    """Ask a tagger for the topic and the stance of both questions of each pair; topics only where the tags must stay."""
    questions = [question for pair in pairs for question in (pair.before, pair.after)]
    stances: Sequence[Stance | None] = [None] * len(questions)
    if tagger.reader.reads_stance:
        _, stances = tagger.stances(questions)
    assigned: list[bool | None] = [None] * len(questions)
    if tagger.reader.reads_topics:
        asked = [
            number
            for number, question in enumerate(questions)
            if pairs[number // 2].must_stay and question.target.topic is not None
        ]
        tags = _topics(tagger, [questions[number].passage for number in asked])
        for number, found in zip(asked, tags, strict=True):
            assigned[number] = questions[number].target.topic in found
    answers = [Answer(assigned=a, stance=s) for a, s in zip(assigned, stances, strict=True)]
    return [
        Answered(
            kind=pair.kind,
            must_stay=pair.must_stay,
            passage=pair.before.passage.id,
            group=pair.before.passage.group_id,
            target=pair.before.target.topic or pair.before.target.text or "",
            text=pair.before.passage.text,
            before=answers[2 * number],
            changed_target=pair.after.target.topic or pair.after.target.text or "",
            changed_text=pair.after.passage.text,
            after=answers[2 * number + 1],
        )
        for number, pair in enumerate(pairs)
    ]


def _topics(tagger: Tagger, passages: Sequence[Passage]) -> list[set[str]]:
    """Return the topics assigned to each passage; equal passages are read once."""
    rows = {(passage.title, passage.text): passage for passage in passages}
    _, read = tagger.read_topics(list(rows.values()))
    found = {key: {tag.topic for tag in tags if tag.assigned} for key, tags in zip(rows, read, strict=True)}
    return [found[passage.title, passage.text] for passage in passages]


def _metric(kind: Kind, task: Task) -> str:
    return f"counterfactuals/{kind.replace(' ', '_')}/{task}"


def _share(groups: Groups, consistent: Sequence[bool | None]) -> Score:
    """Return the share of the pairs that are consistent as a score, NaN in draws without such pairs."""
    asked: BoolArray = np.array([each is not None for each in consistent])
    right, count = groups.sums(np.array([each is True for each in consistent])), groups.sums(asked)

    def score(w: FloatArray) -> FloatArray:
        shares: FloatArray = np.full(len(w), np.nan)
        np.divide(w @ right, w @ count, out=shares, where=w @ count > 0)
        return shares

    return score


def _wrong(metric: Metric, wrong: int, pairs: int, articles: int) -> Interval:
    """Return the share of wrong pairs with its bootstrap interval, or Wilson's where that one would be too narrow."""
    right = metric.interval
    if _is_enough(pairs, articles) and 0 < wrong < pairs and right.has_bounds:
        return Interval(1 - right.value, 1 - right.high, 1 - right.low)
    return wilson(wrong, pairs, articles)


def wilson(wrong: int, pairs: int, articles: int) -> Interval:
    """Return the share of wrong pairs with the score interval of Wilson (1927), which needs no variation among them.

    It counts articles, not pairs, because the pairs of an article are alike.
    """
    from scipy.stats import binomtest

    # The same share of the articles need not be a whole number.
    least, most = wrong * articles // pairs, -(-wrong * articles // pairs)
    low, high = (binomtest(count, articles).proportion_ci(method="wilson") for count in (least, most))
    return Interval(wrong / pairs, float(low.low), float(high.high))


def _mean(shares: Sequence[FloatArray]) -> FloatArray:
    """Return the mean of the kinds and tasks in each draw, or NaN if one of them was not drawn."""
    return np.asarray(np.mean(shares, axis=0))
