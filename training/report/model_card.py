"""The page of a registered model: a model card in Markdown, made from the facts of its run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from labels.bootstrap import Interval
from labels.codebook import STANCES
from labels.gold import agreement
from labels.gold.adjudication import Example
from labels.passages import DECIDERS
from labels.wording import counted, markdown
from models.tagger import Tagger
from training.evaluation.counterfactuals.answers import counterfactuals_of, evaluate_counterfactuals
from training.evaluation.counterfactuals.card import card_lines
from training.evaluation.counterfactuals.make import sample
from training.evaluation.metrics import FEWEST_ARTICLES, FEWEST_CASES, HEADLINES, Metric, Scores, metrics_by_name
from training.evaluation.slices import FEWEST_GOLD
from training.prepare import Prepared
from training.report.describe import repeat
from training.report.figures import reliabilities
from training.report.findings import Evaluated

LONGEST = 5000
"""Characters of a description that MLflow keeps."""
WHOLE_CARD = "model_card.md"
_MOST_SOURCES = 8
_MOST_NAMES = 12
_MOST_CHANGED = 200
"""Passages that counterfactuals are made of: a model reads each of them up to eight times."""


def model_card(prepared: Prepared, evaluated: Evaluated, *, run: str) -> str:
    """Return the model card of a run's tagger."""
    sections = {
        "": _summary(evaluated),
        "By topic, on test": _by_topic(prepared, evaluated),
        "What it does badly": _badly(prepared, evaluated),
        "Intended use and limits": _limits(prepared, evaluated.tagger),
        "Training data": _data(prepared),
        "By source, on test": _by_source(prepared, evaluated),
        "How to repeat it": [f"Run {run} made it.", "", repeat(prepared)],
        # Last, because its last lines are those that the page of the version can do without.
        "Counterfactuals": _counterfactuals(prepared, evaluated.tagger),
    }
    parts = []
    for title, lines in sections.items():
        text = "\n".join(lines)
        if text:
            parts.append(f"## {title}\n\n{text}" if title else text)
    return "\n\n".join(parts) + "\n"


def shortened(card: str, *, run: str) -> str:
    """Return a card as the description of a registered version: the lines that fit, and where the whole card is."""
    if len(card) <= LONGEST:
        return card
    note = f"\n\nThe whole card is {WHOLE_CARD} among the artifacts of run {run}."
    kept = card[: LONGEST - len(note)]
    return kept[: kept.rindex("\n")].rstrip() + note


def about(prepared: Prepared) -> str:
    """Return the description of a registered model: what all of its versions do."""
    codebook = prepared.data.codebook
    return (
        f"{_task(prepared)}, by codebook {markdown(codebook.reference)}. The page of each version is its model card. The "
        "version with the alias champion is the one in use."
    )


def _summary(evaluated: Evaluated) -> Iterator[str]:
    for sentences in _test_last(evaluated.findings.sentences).values():
        yield f"- {_sentence(sentences[0])}"
    names = [name for name in HEADLINES if any(name in scores.metrics for scores in evaluated.scores.values())]
    yield ""
    yield from _table_head(["on", "passages", *names])
    test = evaluated.predictions["test"]
    sizes = Counter(p.split for p in test) | {name: len(each) for name, each in evaluated.predictions.items()}
    for name, scores in ({**evaluated.test_splits, **_test_last(evaluated.scores)}).items():
        yield _row([markdown(name), str(sizes[name]), *_cells(scores, names)])
    trivial = evaluated.baselines["test"].get("majority")
    if trivial is not None:
        values = [f"{trivial.metrics[n].value:.3f}" if n in trivial.metrics else "" for n in names]
        yield _row(["the most frequent answer, on test", "", *values])
    for name, each in evaluated.ceilings.items():
        yield _row(
            [
                f"the annotators against each other, on {markdown(name)}",
                str(each.passages),
                *_cells(each.annotators, names),
            ]
        )
    yield ""
    yield "Intervals: 95 %, bootstrap over articles."
    measured = reliabilities(evaluated.predictions["test"])
    errors = [f"{task} {each.ece:.3f} (Brier score {each.brier:.3f})" for task, each in measured.items()]
    if errors:
        yield f"Expected calibration error of the probabilities on test: {', '.join(errors)}."


def _by_topic(prepared: Prepared, evaluated: Evaluated) -> Iterator[str]:
    if not prepared.config.reads_topics:
        return
    metrics = evaluated.scores["test"].metrics
    calibration = evaluated.tagger.settings.topic_calibration
    gold = {row["class"]: row["gold"] for row in evaluated.scores["test"].classes if row["task"] == "topic"}
    few: list[str] = []
    yield from _table_head(["topic", "gold", "F1", "stance, macro-F1", "threshold"])
    for place, topic in enumerate(evaluated.tagger.codebook.topic_ids):
        threshold = f"{calibration.thresholds[place]:.2f}" if calibration is not None else ""
        if not gold.get(topic):
            yield _row([markdown(topic), "0", "not measured", "", threshold])
            continue
        scores = [metrics.get(f"topics/f1/{topic}"), metrics.get(f"stance/macro_f1_by_topic/{topic}")]
        cells = ["" if each is None else _interval(each) for each in scores]
        yield _row([markdown(topic), str(gold[topic]), *cells, threshold])
        few += [topic] if any(each is not None and not each.is_enough for each in scores) else []
    if few:
        yield ""
        yield f"No intervals for {_named(few)}: fewer than {FEWEST_CASES} gold labels, or in fewer than {FEWEST_ARTICLES} articles."


def _interval(metric: Metric) -> str:
    return str(metric.interval) if metric.is_enough else f"{metric.value:.3f}"


def _badly(prepared: Prepared, evaluated: Evaluated) -> Iterator[str]:
    for sentences in _test_last(evaluated.findings.sentences).values():
        for sentence in reversed(sentences[1:]):
            yield f"- {_sentence(sentence)}"
    worst = min(
        (row for row in evaluated.scores["test"].classes if row["gold"] >= FEWEST_GOLD and row["f1"] is not None),
        key=lambda row: float(row["f1"]),
        default=None,
    )
    if worst is not None:
        yield (
            f"- Of all classes, it is worst at the {worst['task']} {markdown(worst['class'])}: F1 {worst['f1']:.2f} "
            f"({worst['gold']} gold labels on test)."
        )
    for warning in evaluated.warnings:
        yield f"- {_sentence(warning)}"


def _counterfactuals(prepared: Prepared, tagger: Tagger) -> list[str]:
    """Return how the tagger does on counterfactuals of test, or nothing if it gives no stance or there are none."""
    if not prepared.config.reads_stance:
        return []
    seed = prepared.config.seed
    test = prepared.examples_in("test")
    examples = sample(test, most=_MOST_CHANGED, seed=seed)
    made = counterfactuals_of(prepared.data.codebook, examples, prepared.data.annotations, seed=seed)
    if not made.pairs:
        return []
    whole = len(sample(test, most=len(test), seed=seed))
    part = f"a random {len(examples)} of the " if len(examples) < whole else ""
    made_of = f"Made of {part}{counted(whole, 'test passage')} with a stance."
    return [made_of, "", *card_lines(evaluate_counterfactuals(tagger, made, seed=seed))]


def _limits(prepared: Prepared, tagger: Tagger) -> Iterator[str]:
    config, codebook = prepared.config, prepared.data.codebook
    yield f"- {_task(prepared)}. It knows nothing outside its codebook."
    if config.reads_stance and config.reads_topics:
        targets = [f"{markdown(topic.id)}: {markdown(topic.proposition)}" for topic in codebook.topics[:_MOST_NAMES]]
        yield f"- Stance is toward: {'; '.join(targets)}{_more(codebook.topics)}."
    learned = _examples(prepared, "train", "dev")
    lengths = np.quantile([len(e.passage.text.split()) for e in learned], [0.025, 0.975], method="inverted_cdf")
    fields = " and ".join(config.input)
    when = _when(learned)
    yield (
        f"- It reads {fields} of a passage. 95 % of the passages that it learned from have {lengths[0]} to {lengths[1]} "
        f"words{f', and they are from {when}' if when else ''}; how good it is on other texts is not known: `demarche "
        "evaluate` measures it."
    )
    languages = tagger.settings.languages
    if languages:
        yield f"- Language of its training texts: {', '.join(languages)}. It tags no passage that is clearly in another one."
    else:
        yield "- The language of its training texts is not known, so it tags texts in any language."
    if config.reads_topics:
        yield f"- A topic within {config.review:g} of its threshold is left to review."
    if not prepared.evaluation:
        yield "- It was evaluated only on texts of the same data set as those that it learned from."


def _data(prepared: Prepared) -> Iterator[str]:
    config, data = prepared.config, prepared.data
    learned = _examples(prepared, "train", "dev")
    articles = len({example.passage.article for example in learned})
    files = ", ".join(markdown(path.name) for path in config.data.passages)
    sizes = ", ".join(f"{count} {name}" for name, count in prepared.split.sizes().items())
    yield (
        f"- {counted(len(learned), 'passage')} of {counted(articles, 'article')} from {files} (split: {sizes}); digest "
        f"`{data.digest()}`."
    )
    yield f"- Labels: {_label_counts(learned)}."
    annotators = Counter(each.annotator for each in data.annotations if each.annotator not in DECIDERS)
    deciders = Counter(each.annotator for each in data.annotations if each.annotator in DECIDERS)
    who = [f"{markdown(name)} {count}" for name, count in annotators.most_common(_MOST_NAMES)]
    decided = "".join(f"; {name} decided {counted(count, 'passage')}" for name, count in deciders.items())
    yield f"- Annotators, with the passages that they read: {', '.join(who) or 'none'}{_more(annotators)}{decided}."
    results = agreement.agreements(data, seed=config.seed)
    for sentence in agreement.in_words(results):
        yield f"- Agreement on {_sentence(sentence, capital=False)}"
    if not results:
        yield "- No passage has several annotators, so how far they would agree is not known."


def _by_source(prepared: Prepared, evaluated: Evaluated) -> Iterator[str]:
    """Yield the headline metrics on the most frequent sources that a verdict is possible on."""
    enough = {s.value for s in evaluated.findings.slices["test"] if s.attribute == "source" and s.is_enough}
    sources = {e.passage.id: e.passage.source for e in prepared.examples_in("test")}
    test = evaluated.predictions["test"]
    often = [s for s, _ in Counter(sources[p.passage] for p in test).most_common() if s in enough][:_MOST_SOURCES]
    if not often:
        return
    names = list(evaluated.scores["test"].headlines())
    yield from _table_head(["source", "passages", *names])
    for source in often:
        of_source = [p for p in test if sources[p.passage] == source]
        metrics = metrics_by_name(of_source, seed=prepared.config.seed)
        cells = [str(metrics[name].interval) if name in metrics else "" for name in names]
        yield _row([markdown(source or ""), str(len(of_source)), *cells])


def _task(prepared: Prepared) -> str:
    topics = prepared.data.codebook.topic_ids
    named = f"{counted(len(topics), 'topic')} ({_named(topics)})" if topics else "targets that a text names"
    if not prepared.config.reads_topics:
        return f"It gives the stance of a passage toward {named}"
    stance = ", and the stance toward each" if prepared.config.reads_stance else ""
    return f"It finds {named} in a passage{stance}"


def _label_counts(examples: Sequence[Example]) -> str:
    """Return the number of labels of each topic with those of its stances, then those of named targets."""
    topics = Counter(topic for e in examples for topic, holds in e.topics.items() if holds)
    stances: dict[str | None, Counter[str]] = {}
    for example in examples:
        for target, stance in example.stances.items():
            if stance is not None:
                stances.setdefault(target.topic, Counter())[stance] += 1
    parts = [
        f"{markdown(topic)} {count}{_stances(stances.get(topic))}" for topic, count in topics.most_common(_MOST_NAMES)
    ]
    named = stances.get(None)
    if named:
        parts.append(f"named targets {named.total()}{_stances(named)}")
    none = sum(not example.topics and not example.stances for example in examples)
    return "; ".join([*parts, f"no label {none}"]) + _more(topics)


def _stances(counts: Counter[str] | None) -> str:
    return f" ({', '.join(f'{stance} {counts[stance]}' for stance in STANCES)})" if counts else ""


def _when(examples: Iterable[Example]) -> str:
    dates = sorted(p[:10] for e in examples if (p := e.passage.published))
    return markdown(" to ".join(dict.fromkeys((dates[0], dates[-1])))) if dates else ""


def _examples(prepared: Prepared, *splits: str) -> list[Example]:
    return [example for split in splits for example in prepared.examples_in(split)]


def _test_last(by_set: Mapping[str, Any]) -> dict[str, Any]:
    """Put test last: how well a model does on other texts than those it was made from says more."""
    return dict(sorted(by_set.items(), key=lambda item: item[0] == "test"))


def _cells(scores: Scores, names: Sequence[str]) -> list[str]:
    headlines: dict[str, Interval] = scores.headlines()
    return [str(headlines[name]) if name in headlines else "" for name in names]


def _table_head(columns: Sequence[str]) -> list[str]:
    return [_row(columns), "|" + "---|" * len(columns)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _named(names: Sequence[str]) -> str:
    return ", ".join(map(markdown, names[:_MOST_NAMES])) + _more(names)


def _more(names: Sequence[object] | Mapping[str, object]) -> str:
    return f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""


def _sentence(text: str, *, capital: bool = True) -> str:
    """Return a message as a sentence in Markdown."""
    text = markdown(text)
    return (text[:1].upper() + text[1:] if capital else text) + "."
