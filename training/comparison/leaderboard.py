"""Rank the finished runs that were tested on the same passages, with ties."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labels.errors import DemarcheError, suggest
from training.comparison.contenders import Contender, fetch
from training.evaluation.compare import compare_seeds, gold_conflicts
from training.evaluation.metrics import HEADLINES
from training.evaluation.seeds import SeedsMetric, evaluate_seeds
from training.reporter import Reporter
from training.tracking import runs as tracking

_PREFERRED = ("joint/micro_f1", "topics/micro_f1", "stance/macro_f1")
"""What runs are ranked by, if nothing else is asked for: the first of these that any run of the board has."""


@dataclass(frozen=True)
class Place:
    """A run on a board: its rank, whether others share it, its headline metrics, and the metric that ranks it.

    Runs share a rank if none of them is clearly worse than the best of them (paired bootstrap by article).
    """

    contender: Contender
    rank: int
    tied: bool
    headlines: dict[str, SeedsMetric]
    score: SeedsMetric


@dataclass(frozen=True)
class Board:
    """The runs tested on the same passages, ranked by a metric; `unranked` are those that do not have it.

    `test` is the digest of the newest run's test data.
    """

    test: str
    passages: int
    articles: int
    metric: str
    places: list[Place]
    unranked: list[Contender]


def leaderboards(
    runs: Sequence[tracking.Summary], *, metric: str | None = None, seed: int, reporter: Reporter
) -> list[Board]:
    """Return a board for each test set that finished runs were tested on, that of the newest run first.

    `runs` are newest first. Runs without predictions on test, such as those of learning curves, are left out.
    """
    groups: list[list[Contender]] = []
    for run in runs:
        if run.status != "FINISHED" or "test" not in run.datasets:
            continue
        try:
            contender = fetch(run)
        except DemarcheError as error:
            reporter.warn(f"left out: {error}")
            continue
        # Not by the digest: it changes if a definition in the codebook is reworded, and does not if another rule decides.
        group = next((group for group in groups if _has_same_gold(contender, group)), None)
        if group is None:
            groups.append([contender])
        else:
            group.append(contender)
    boards = [_board(group, metric, seed=seed) for group in groups]
    if metric is not None and not any(board.places for board in boards):
        known = {name for group in groups for name in evaluate_seeds(group[0].predictions, seed=seed)}
        raise DemarcheError(f"no run has the metric {metric!r}{suggest(metric, known)}")
    return boards


def _has_same_gold(contender: Contender, group: Sequence[Contender]) -> bool:
    """Return whether a run was tested on the passages and the gold of a group.

    A run of stance has no gold of topics, and the reverse, so a run of each task speaks for the group.
    """
    tested = [each.predictions[0] for each in group]
    with_topics = next((each for each in tested if any(p.topics for p in each)), tested[0])
    with_stances = next((each for each in tested if any(p.stances for p in each)), tested[0])
    to_check = [with_topics] if with_stances is with_topics else [with_topics, with_stances]
    return not any(gold_conflicts(each, contender.predictions[0]) for each in to_check)


def _board(group: Sequence[Contender], metric: str | None, *, seed: int) -> Board:
    metrics = [evaluate_seeds(contender.predictions, seed=seed) for contender in group]
    by = metric or next((name for name in _PREFERRED if any(name in each for each in metrics)), _PREFERRED[0])
    ranked = [(contender, each) for contender, each in zip(group, metrics, strict=True) if by in each]
    ranked.sort(key=lambda pair: -pair[1][by].value)
    places = [
        Place(contender, rank, tied, {name: each[name] for name in HEADLINES if name in each}, each[by])
        for (contender, each), (rank, tied) in zip(ranked, _ranks([c for c, _ in ranked], by, seed=seed), strict=True)
    ]
    passages = group[0].predictions[0]
    return Board(
        test=group[0].run.datasets["test"],
        passages=len(passages),
        articles=len({passage.group for passage in passages}),
        metric=by,
        places=places,
        unranked=[contender for contender, each in zip(group, metrics, strict=True) if by not in each],
    )


def _ranks(ranked: Sequence[Contender], metric: str, *, seed: int) -> Iterator[tuple[int, bool]]:
    """Yield the rank of each contender, best first, and whether others share it."""
    start = 0
    while start < len(ranked):
        end = start + 1
        while end < len(ranked) and not _clearly_worse(ranked[end], ranked[start], metric, seed=seed):
            end += 1
        yield from [(start + 1, end - start > 1)] * (end - start)
        start = end


def _clearly_worse(one: Contender, best: Contender, metric: str, *, seed: int) -> bool:
    (difference,) = compare_seeds(best.predictions, one.predictions, metrics=[metric], seed=seed)
    return difference.clear and difference.difference.value < 0
