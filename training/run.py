"""Running a config from labels to a judged, tracked and registered tagger."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from labels.adjudication import Example, adjudicate
from labels.check import Labelled, read_labelled
from labels.codebook import Codebook
from labels.errors import DemarcheError
from labels.files import write_jsonl
from labels.passages import Passage
from labels.splits import Split, by_column, by_group, by_time, read_split
from models.settings import encoders_of
from models.tagger import Tagger
from training import figures, tracking
from training.config import ColumnSplit, Config, GroupSplit, TimeSplit
from training.fit import baselines, fit
from training.judging import Scores, judge, stance_verdicts, topic_verdicts
from training.predictions import Prediction, errors, predict
from training.registry import Registered, register
from training.store import reach, tracking_uri
from training.tracking import Run
from training.watch import Progress, RunWatch

Say = Callable[[str], None]


@dataclass(frozen=True)
class Prepared:
    """Labels read, adjudicated and split: all that a fit needs, checked before any work."""

    config: Config
    data: Labelled
    examples: list[Example]
    split: Split

    def side(self, name: str) -> list[Example]:
        return self.split.side(self.examples, name)

    def digest(self, name: str) -> str:
        """Changes with any text or label of the side."""
        ids = {example.passage.id for example in self.side(name)}
        return replace(
            self.data,
            passages=[passage for passage in self.data.passages if passage.id in ids],
            annotations=[annotation for annotation in self.data.annotations if annotation.passage in ids],
        ).digest()


@dataclass(frozen=True)
class Trained:
    """What a run came to."""

    run: str
    run_name: str
    experiment: str
    test: Scores
    baselines: dict[str, Scores]
    model: str
    registered: Registered | None


def prepare(config: Config) -> Prepared:
    """Reads and splits the data of a config. Raises BadInput and DemarcheError for every user's mistake."""
    _check_encoders(config)
    data = read_labelled(config.data.codebook, config.data.passages, config.data.annotations)
    if config.topics is not None and not data.codebook.topics:
        raise DemarcheError(f"{config.data.codebook}: has no topics to train; take `topics:` out of the config")
    examples = adjudicate(data.passages, data.annotations, by=config.data.adjudication)
    split = make_split(config, [example.passage for example in examples], examples)
    prepared = Prepared(config, data, examples, split)
    for side, key in (("train", "dev"), ("test", "test")):
        if not prepared.side(side):
            raise DemarcheError(
                f"split: the {side} side is empty ({len(examples)} labelled passages in all: {split.sizes()}); "
                f"change split.{key} or split.seed, or label more articles"
            )
    _check_gold(prepared)
    return prepared


def _check_encoders(config: Config) -> None:
    """Raises DemarcheError where an encoder or the device that is asked for is not there."""
    names = [*encoders_of(config.topics), *encoders_of(config.stance)]
    if names:
        from models.encoders import locate, machine

        machine(config.device, config.precision)
        for name in names:
            locate(name)


def _check_gold(prepared: Prepared) -> None:
    """Every side that is learnt from or judged needs gold for what the config trains."""
    config = prepared.config
    articles = {example.passage.unit for example in prepared.side("train")}
    if len(articles) < 2:
        raise DemarcheError("split: the train side has one article; at least two are needed to calibrate on")
    for side in ("train", "test", *prepared.split.test_sides):
        examples = prepared.side(side)
        if config.stance is not None and not any(any(example.stances.values()) for example in examples):
            raise DemarcheError(
                f"split: the {side} side has no stances; take `stance:` out of the config, or label some"
            )
        if config.topics is not None and all(example.tied_topics for example in examples):
            raise DemarcheError(f"split: every passage of the {side} side has a tied topic; adjudicate some")


def _without_gold(examples: Sequence[Example], codebook: Codebook) -> list[str]:
    """Topics of which the figures can say nothing."""
    there = {topic for example in examples for topic, holds in example.topics.items() if holds}
    missing = [topic for topic in codebook.topic_ids if topic not in there]
    named = ", ".join(missing[:12]) + (", …" if len(missing) > 12 else "")
    return [f"no examples to judge on of: {named}; their figures say nothing"] if missing else []


def make_split(config: Config, passages: Sequence[Passage], examples: Sequence[Example]) -> Split:
    match config.split:
        case GroupSplit() as split:
            earlier = read_split(split.from_) if split.from_ else None
            strata = _strata(examples) if split.stratify else None
            return by_group(
                passages,
                test=split.test,
                dev=split.dev,
                seed=split.seed,
                strata=strata,
                earlier=earlier,
                on_leak=split.on_leak,
            )
        case TimeSplit() as split:
            return by_time(passages, field=split.by, test=split.test, dev=split.dev, on_leak=split.on_leak)
        case ColumnSplit() as split:
            return by_column(passages, dev=split.dev, seed=split.seed, on_leak=split.on_leak)


def train(config: Config, *, overrides: Sequence[str], progress: Progress, say: Say) -> Trained:
    """Fits, judges and writes down one experiment; `say` is told of each step in a few words."""
    # A store that does not answer is told before the data is read, however much of it there is.
    reach(tracking_uri(), create=True)
    prepared = prepare(config)
    for problem in prepared.data.warnings:
        say(f"warning: {problem}")
    if config.topics is not None:
        for warning in _without_gold(prepared.side("test"), prepared.data.codebook):
            say(f"warning: {warning}")
    say("split: " + ", ".join(f"{name} {count}" for name, count in prepared.split.sizes().items()))
    with tracking.tracked(config.tracking.experiment, config.name) as run:
        _log_inputs(run, prepared, overrides)
        codebook = prepared.data.codebook
        train_side, dev_side, test_side = prepared.side("train"), prepared.side("dev"), prepared.side("test")
        watch = RunWatch(run, progress)
        fitted = fit(config, codebook, train_side, dev_side, watch=watch)
        for warning in fitted.warnings:
            say(f"warning: {warning}")
        tagger = replace(fitted.tagger, settings=fitted.tagger.settings.model_copy(update={"run": run.id}))
        say("judging")
        predictions = _predict(tagger, prepared, test_side)
        scores = {"test": judge(predictions, seed=config.seed)}
        scores |= _by_test_side(predictions, prepared.split, seed=config.seed)
        if fitted.dev_tagger is not None:
            scores["dev"] = judge(_predict(fitted.dev_tagger, prepared, dev_side), seed=config.seed)
        trivial = {
            name: judge(_predict(baseline, prepared, test_side), seed=config.seed)
            for name, baseline in baselines(config, codebook, train_side, dev_side).items()
        }
        _log_scores(run, scores, trivial, predictions)
        run.describe(_description(prepared, scores["test"], trivial, overrides, fitted.warnings))
        say("logging the model")
        model, registered = _log_model(run, tagger, prepared, scores["test"])
        watch.done()
    return Trained(
        run=run.id,
        run_name=run.name,
        experiment=config.tracking.experiment,
        test=scores["test"],
        baselines=trivial,
        model=model,
        registered=registered,
    )


def judge_model(
    tagger: Tagger,
    passages: Path,
    annotations: Sequence[Path],
    codebook: Path,
    *,
    learnt: Container[str] = (),
    seed: int,
    say: Say,
) -> tuple[Scores, list[Prediction]]:
    """A saved tagger on new gold, with the same figures as in training; `learnt` are ids that are not new."""
    data = read_labelled(codebook, passages, annotations)
    for problem in data.warnings:
        say(f"warning: {problem}")
    examples = adjudicate(data.passages, data.annotations)
    if tagger.reader.reads_topics:
        for warning in _without_gold(examples, tagger.codebook):
            say(f"warning: {warning}")
    known = sum(example.passage.id in learnt for example in examples)
    if known:
        say(
            f"warning: the model learnt from passages of {known} of these {len(examples)} ids; "
            "if they are the same passages, the figures are too good"
        )
    predictions = predict(tagger, examples, ["test"] * len(examples))
    return judge(predictions, seed=seed), predictions


def _strata(examples: Sequence[Example]) -> dict[str, str]:
    """Unit → its rarest topic."""
    counts: dict[str, int] = {}
    for example in examples:
        for topic in example.topics:
            counts[topic] = counts.get(topic, 0) + 1
    strata: dict[str, str] = {}
    for example in examples:
        found = [*example.topics, *([strata[example.passage.unit]] if strata.get(example.passage.unit) else [])]
        strata[example.passage.unit] = min(found, key=lambda topic: (counts[topic], topic), default="")
    return strata


def _predict(tagger: Tagger, prepared: Prepared, examples: Sequence[Example]) -> list[Prediction]:
    sides = [prepared.split.places[example.passage.id].side or "" for example in examples]
    return predict(tagger, examples, sides)


def _by_test_side(predictions: Sequence[Prediction], split: Split, *, seed: int) -> dict[str, Scores]:
    """Where the data has several test sides, each of them by itself as well.

    Not the one that is named `test`: by that name go the figures of all of them together.
    """
    if len(split.test_sides) < 2:
        return {}
    return {
        side: judge([prediction for prediction in predictions if prediction.side == side], seed=seed)
        for side in split.test_sides
        if side != "test"
    }


def _log_inputs(run: Run, prepared: Prepared, overrides: Sequence[str]) -> None:
    config = prepared.config
    plain = config.model_dump(mode="json", by_alias=True)
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
    run.text(text, "config.yaml")
    run.params(_flat(plain))
    run.tags(
        {
            "demarche.config": hashlib.sha256(text.encode()).hexdigest()[:16],
            "demarche.overrides": " ".join(overrides),
            "demarche.data": prepared.data.digest(),
            "demarche.codebook": prepared.data.codebook.reference,
            "demarche.git": tracking.git_commit() or "",
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        prepared.split.write(Path(folder) / tracking.SPLIT)
        run.file(Path(folder) / tracking.SPLIT)
    run.params({f"passages.{name}": count for name, count in prepared.split.sizes().items()})
    run.params({f"dropped_copies.{name}": count for name, count in prepared.split.dropped.items()})
    for side in ("train", "dev", "test"):
        examples = prepared.side(side)
        if examples:
            run.dataset(
                [_row(example) for example in examples],
                name=config.data.passages.stem,
                source=str(config.data.passages),
                digest=prepared.digest(side),
                context=side,
            )


def _row(example: Example) -> dict[str, str]:
    stances = {target.topic or target.text: stance for target, stance in example.stances.items()}
    return {
        "passage": example.passage.id,
        "article": example.passage.article,
        "text": example.passage.text,
        "topics": ", ".join(example.topics),
        "stances": json.dumps(stances, ensure_ascii=False),
    }


def _log_scores(
    run: Run, scores: Mapping[str, Scores], trivial: Mapping[str, Scores], predictions: Sequence[Prediction]
) -> None:
    for side, side_scores in scores.items():
        run.metrics({f"{side}/{name}": figure.value for name, figure in side_scores.metrics.items()})
        for name, figure in side_scores.headlines().items():
            run.metrics({f"{side}/{name}_low": figure.low, f"{side}/{name}_high": figure.high})
    for name, baseline in trivial.items():
        # The last slash of a name makes a section of charts in the UI: one for all baselines.
        headlines = {key.replace("/", "_"): figure.value for key, figure in baseline.headlines().items()}
        run.metrics({f"test/baseline/{name}_{key}": value for key, value in headlines.items()})
    run.table(scores["test"].classes, "classes.json")
    run.table(errors(predictions), "errors.json")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / Path(tracking.PREDICTIONS).name
        write_jsonl(file, predictions)
        run.file(file, Path(tracking.PREDICTIONS).parent.name)
    topics, stance = topic_verdicts(predictions), stance_verdicts(predictions)
    if topics is not None:
        run.figure(figures.precision_recall(topics), "figures/precision_recall.png")
    if stance is not None:
        run.figure(figures.confusion(stance), "figures/stance_confusion.png")


def _log_model(run: Run, tagger: Tagger, prepared: Prepared, scores: Scores) -> tuple[str, Registered | None]:
    with tempfile.TemporaryDirectory() as folder:
        digest = tagger.save(Path(folder) / "tagger")
        headlines = {f"test/{name}": figure.value for name, figure in scores.headlines().items()}
        model_id = run.model(Path(folder) / "tagger", metrics=headlines, digest=digest)
    run.tags({"demarche.model": digest})
    name = prepared.config.tracking.register_
    if name is None:
        return f"runs:/{run.id}/tagger", None
    description = f"{prepared.config.name}: " + ", ".join(f"{key} {value}" for key, value in scores.headlines().items())
    return f"runs:/{run.id}/tagger", register(run, model_id, name, description=description, digest=digest)


def _description(
    prepared: Prepared,
    test: Scores,
    trivial: Mapping[str, Scores],
    overrides: Sequence[str],
    warnings: Sequence[str],
) -> str:
    """Markdown that says at a glance what was trained on what, and how good it is."""
    config, codebook = prepared.config, prepared.data.codebook
    names = list(test.headlines())
    lines = [f"**{config.name}** — {config.description.strip()}" if config.description else f"**{config.name}**", ""]
    lines += ["| on test | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    lines.append("| this run | " + " | ".join(str(test.metrics[name]) for name in names) + " |")
    for name, scores in trivial.items():
        figures_ = [f"{scores.metrics[key].value:.3f}" if key in scores.metrics else "" for key in names]
        lines.append(f"| {name} | " + " | ".join(figures_) + " |")
    sizes = ", ".join(f"{count} {name}" for name, count in prepared.split.sizes().items())
    lines += ["", f"Intervals: 95 %, bootstrap over articles. Passages: {sizes}. Codebook: {codebook.reference}."]
    if overrides:
        lines.append(f"Overrides: `{' '.join(overrides)}`.")
    lines += [f"- {what}: {count} left out of the figures" for what, count in test.left_out.items()]
    lines += [f"- {warning}" for warning in warnings]
    return "\n".join(lines)


def _flat(plain: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested keys as dotted ones, as an override would name them."""
    flat: dict[str, str] = {}
    for key, value in plain.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            flat[prefix + key] = ", ".join(map(str, value))
        elif value is not None and value != "":
            flat[prefix + key] = str(value)
    return flat
