"""Say in plain sentences how good a tagger is, on what it is worse than elsewhere, and what a small test side means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from labels.bootstrap import Interval, interval
from labels.gold.agreement import RELIABLE
from labels.wording import counted
from training.evaluation.compare import FEWEST_PASSAGES
from training.evaluation.metrics import FEWEST_ARTICLES, Metric, Scores
from training.evaluation.predictions import Prediction
from training.evaluation.results import measured
from training.evaluation.slices import FEWEST_GOLD, Slice

GOOD, MIDDLING = RELIABLE, 0.4
"""How far a score must reach from the trivial baseline (0) to the ceiling (1); both ends of the interval are judged.

Such a share is corrected for chance, as measures of agreement are: 0.8 is what reliable labels require (Krippendorff
2004), and below 0.4 an agreement is not even moderate (Landis and Koch 1977).
"""
WIDE = 0.1
"""Width of a headline's 95 % interval from which a set is small."""
TRIVIAL = "majority"
_BASELINES = {TRIVIAL: "always giving the most frequent answer", "rules": "the codebook's keywords"}
_TASKS = {"topics": "topics/micro_f1", "stance": "stance/macro_f1"}
_PARTS = {"topics": "topics/f1/", "stance": "stance/macro_f1_by_topic/"}
_NUMBERS = "none one two three four five six seven eight nine all".split()
_MOST_SLICES = 5


def how_good(
    predictions: Sequence[Prediction],
    scores: Scores,
    baselines: Mapping[str, Scores],
    *,
    on: str,
    ceiling: Mapping[str, float] | None = None,
) -> str:
    """Return a sentence on how good a tagger is on a set, with its weakest topics.

    `ceiling` has the annotators' own score by metric, where several of them read the passages; otherwise it is 1.
    """
    parts = [
        _task(task, scores, baselines, predictions, (ceiling or {}).get(metric))
        for task, metric in _TASKS.items()
        if metric in scores.metrics
    ]
    return f"on {on}, " + ", and ".join(parts) if parts else f"on {on}, the gold has nothing to measure"


def small_set(predictions: Sequence[Prediction], scores: Scores, *, on: str) -> str | None:
    """Return a sentence on what the size of a set means if it is small, or None if it is large enough."""
    passages, articles = len(predictions), len({prediction.group for prediction in predictions})
    size = f"only {counted(passages, 'passage')} of {counted(articles, 'article')} on {on}"
    if passages < FEWEST_PASSAGES or articles < FEWEST_ARTICLES:
        return (
            f"{size}: too few for a verdict on any model, which takes {FEWEST_PASSAGES} passages of {FEWEST_ARTICLES} "
            "articles"
        )
    widths = {name: each.high - each.low for name, each in scores.headlines().items() if each.high - each.low > WIDE}
    if not widths:
        return None
    name = max(widths, key=widths.__getitem__)
    low, high = scores.metrics[name].interval[1:]
    # The width falls with the square root of the number of passages: a half takes four times as many.
    more = float(f"{3 * passages:.2g}")
    return (
        f"{size}: {name} may be anything from {low:.2f} to {high:.2f}; about {more:.0f} more labelled passages of other "
        "articles would halve that"
    )


def weak_slices(slices: Sequence[Slice], *, on: str) -> str | None:
    """Return a sentence that names the slices on which a tagger is worse than on the rest, or says that there are none.

    None if no slice is large enough to be compared.
    """
    compared = {each.name for each in slices if each.is_enough}
    worse = [each for each in slices if each.is_worse]
    if not compared:
        return None
    if not worse:
        return f"no slice of {on} is clearly worse than the rest ({len(compared)} compared)"
    by_name: dict[str, list[Slice]] = {}
    for each in worse:
        by_name.setdefault(each.name, []).append(each)
    named = [
        f"{name} ({', '.join(f'{s.metric} {s.score:.2f}, elsewhere {s.rest:.2f}' for s in its)}; "
        f"{counted(max(s.passages for s in its), 'passage')})"
        for name, its in by_name.items()
    ]
    more = [f"{len(named) - _MOST_SLICES} more in slices.json"] if len(named) > _MOST_SLICES else []
    return f"worse than on the rest of {on}: {'; '.join(named[:_MOST_SLICES] + more)}"


def share_in_words(share: float) -> str:
    """Return a share with its verb: `one of ten is`, `three of ten are`, `hardly any are`, `all are`."""
    tenths = round(10 * share)
    if share > 0 and tenths == 0:
        return "hardly any are"
    if share < 1 and tenths == 10:
        return "nearly all are"
    if tenths in (0, 10):
        return f"{_NUMBERS[tenths]} are"
    return f"{_NUMBERS[tenths]} of ten {'is' if tenths == 1 else 'are'}"


def weakest(task: str, scores: Scores, predictions: Sequence[Prediction]) -> tuple[str, Interval] | None:
    """Return the topic with the lowest F1 if that is below the F1 of all topics beyond chance."""
    whole = scores.metrics[_TASKS[task]].value
    counts = _gold_counts(task, predictions)
    parts = {
        name.removeprefix(_PARTS[task]): metric.interval
        for name, metric in scores.metrics.items()
        if name.startswith(_PARTS[task]) and counts[name.removeprefix(_PARTS[task])] >= FEWEST_GOLD
    }
    below = {topic: score for topic, score in parts.items() if score.high < whole}
    return min(below.items(), key=lambda item: item[1].value) if below else None


def _task(
    task: str,
    scores: Scores,
    baselines: Mapping[str, Scores],
    predictions: Sequence[Prediction],
    ceiling: float | None,
) -> str:
    metric, passages = scores.metrics[_TASKS[task]], measured(_TASKS[task], predictions)
    if len({passage.group for passage in passages}) < FEWEST_ARTICLES or len(passages) < FEWEST_PASSAGES:
        return f"{task} {_is_or_are(task)} on too few passages to judge"
    verdict = _verdict(_TASKS[task], metric, baselines, 1.0 if ceiling is None else ceiling)
    facts = [
        *_mistakes(task, scores),
        *([f"the annotators themselves reach {ceiling:.2f}"] if ceiling is not None else []),
    ]
    worst = weakest(task, scores, predictions)
    if worst is not None:
        facts.append(f"weakest: {worst[0]}")
    return f"{task} {_is_or_are(task)} {verdict} ({'; '.join(facts)})"


def _is_or_are(task: str) -> str:
    return "are" if task == "topics" else "is"


def _verdict(name: str, metric: Metric, baselines: Mapping[str, Scores], ceiling: float) -> str:
    unbeaten = [
        baseline
        for baseline, of_baseline in baselines.items()
        if name in of_baseline.metrics and not _gain(metric, of_baseline.metrics[name]).low > 0
    ]
    if unbeaten:
        return f"not clearly better than {_BASELINES[TRIVIAL if TRIVIAL in unbeaten else unbeaten[0]]}"
    trivial = baselines[TRIVIAL].metrics[name].value if TRIVIAL in baselines else 0.0
    ends = [_level(bound, trivial, ceiling) for bound in metric.interval[1:]]
    return " to ".join(dict.fromkeys(ends))


def _level(score: float, trivial: float, ceiling: float) -> str:
    if score >= ceiling:
        return "good"
    reach = (score - trivial) / (ceiling - trivial) if trivial < ceiling else 0.0
    return "good" if reach >= GOOD else "middling" if reach >= MIDDLING else "weak"


def _gain(metric: Metric, baseline: Metric) -> Interval:
    """Return the difference to a baseline, by a paired bootstrap."""
    return interval(lambda w: metric.score(w) - baseline.score(w), metric.groups, seed=metric.seed)


def _mistakes(task: str, scores: Scores) -> Iterator[str]:
    if task == "stance":
        yield f"{share_in_words(1 - scores.metrics['stance/accuracy'].value)} wrong"
        return
    rows = [row for row in scores.classes if row["task"] == "topic"]
    gold, predicted = sum(row["gold"] for row in rows), sum(row["predicted"] for row in rows)
    found = sum(row["gold"] * (row["recall"] or 0.0) for row in rows)
    yield f"{share_in_words(1 - found / gold)} missed"
    if predicted:
        yield f"of those assigned, {share_in_words(max(0.0, 1 - found / predicted))} wrong"


def _gold_counts(task: str, predictions: Sequence[Prediction]) -> Counter[str]:
    if task == "topics":
        return Counter(topic for p in predictions for topic, each in p.topics.items() if each.gold)
    return Counter(each.topic for p in predictions for each in p.stances if each.topic and each.gold)
