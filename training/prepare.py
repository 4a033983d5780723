"""From a config to examples on their sides: all that a fit needs, checked before any work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labels.adjudication import Example, adjudicate
from labels.check import Labelled, read_labelled
from labels.codebook import Codebook
from labels.errors import DemarcheError
from labels.leave_target_out import by_target, only_target
from labels.passages import Passage
from labels.splits import Split, by_column, by_group, by_time, read_split
from models.settings import (
    EncoderStanceSettings,
    EncoderTopicsSettings,
    Finetuned,
    JointSettings,
    ZeroShotStanceSettings,
    ZeroShotTopicsSettings,
    encoded,
    finds_unseen,
)
from training.config import ColumnSplit, Config, GroupSplit, TargetSplit, TimeSplit


@dataclass(frozen=True)
class Prepared:
    """Labels read, adjudicated and split: all that a fit needs, checked before any work."""

    config: Config
    data: Labelled
    examples: list[Example]
    split: Split
    inits: tuple[str, ...] = ()
    """The runs of the models that training starts from."""

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


def prepare(config: Config) -> Prepared:
    """Reads and splits the data of a config. Raises BadInput and DemarcheError for every user's mistake."""
    check_encoders(config)
    data = read_labelled(config.data.codebook, config.data.passages, config.data.annotations)
    if config.reads_topics and not data.codebook.topics:
        raise DemarcheError(f"{config.data.codebook}: has no topics to train; take `topics:` out of the config")
    examples = adjudicate(data.passages, data.annotations, by=config.data.adjudication)
    split = make_split(config, [example.passage for example in examples], examples)
    if isinstance(config.split, TargetSplit):
        _check_unseen(config, data.codebook, config.split.target)
        examples = only_target(examples, config.split.target, split)
    prepared = Prepared(config, data, examples, split)
    for side, key in (("train", "dev"), ("test", "test")):
        if not prepared.side(side):
            raise DemarcheError(
                f"split: the {side} side is empty ({len(examples)} labelled passages in all: {split.sizes()}); "
                f"change split.{key} or split.seed, or label more articles"
            )
    check_gold(prepared)
    return replace(prepared, inits=_check_earlier(prepared))


def check_encoders(config: Config) -> None:
    """Raises DemarcheError where an encoder or the device asked for is not there, or an encoder cannot do its work."""
    parts = {"topics": config.topics, "stance": config.stance, "joint": config.joint}
    found = [(part, each) for part, settings in parts.items() for each in encoded(settings)]
    if found:
        from models.encoders import entailment, locate, machine

        machine(config.device, config.precision)
        for part, each in found:
            folder = locate(each.encoder)
            if isinstance(each, EncoderTopicsSettings | EncoderStanceSettings | JointSettings):
                earlier(each, part)
            if isinstance(each, ZeroShotTopicsSettings | ZeroShotStanceSettings):
                entailment(folder, each.encoder)


def earlier(settings: EncoderTopicsSettings | EncoderStanceSettings | JointSettings, part: str) -> Path | None:
    """The folder of the earlier model that training starts from: `part` of what `init` names. Raises DemarcheError."""
    if settings.init is None:
        return None
    from models.families import SETTINGS, read_settings
    from models.saved import check_seal
    from training.registry import fetch

    tagger = fetch(settings.init).folder
    check_seal(tagger)
    there = (tagger / part / SETTINGS).is_file()
    kind = read_settings(tagger / part)["kind"] if there else None
    if kind != settings.kind:
        has = f"its {part} model is of kind {kind!r}" if there else f"it has no {part} model"
        raise DemarcheError(f"{part}.init: {settings.init}: {has}; start from one of kind {settings.kind!r}")
    return tagger / part


def _check_earlier(prepared: Prepared) -> tuple[str, ...]:
    """The runs of earlier models. What they learnt from can neither judge nor calibrate what starts from them."""
    config = prepared.config
    parts = {"topics": config.topics, "stance": config.stance, "joint": config.joint}
    inits = {
        (part, each.init)
        for part, settings in parts.items()
        for each in encoded(settings)
        if isinstance(each, Finetuned) and each.init
    }
    runs = [_check_init(prepared, init, part) for part, init in sorted(inits)]
    return tuple(sorted({run for run in runs if run}))


def _check_init(prepared: Prepared, init: str, part: str) -> str | None:
    from models.families import read_settings
    from models.tagger import Tagger
    from training.registry import fetch, learnt

    tagger = fetch(init).folder
    run = Tagger.settings_of(tagger).run
    if not run:
        return None
    # Unless it was cross-fitted, dev only chose its epoch.
    whole = read_settings(tagger / part)["settings"]["cross_fit"]
    known = {"test": learnt(run), "dev": learnt(run, ("train", "dev") if whole else ("train",))}
    for side, ids in known.items():
        met = sum(example.passage.id in ids for example in prepared.side(side))
        if met:
            cure = "start from one without cross_fit" if whole else "keep its split (split.from)"
            raise DemarcheError(
                f"{part}.init: {init}: learnt from {met} of the passages (by their ids) that are {side} here; {cure}, or "
                "start from a run on other data"
            )
    return run


def _check_unseen(config: Config, codebook: Codebook, target: str) -> None:
    """A held-out topic has no example to learn from."""
    topics = config.topics
    if topics is not None and target in codebook.topic_ids and not finds_unseen(topics):
        raise DemarcheError(
            f"split.target: {topics.kind} topics cannot find {target!r} without having learnt it; "
            "train stance alone (topics=null)"
        )


def check_gold(prepared: Prepared) -> None:
    """Every side that is learnt from or judged needs gold for what the config trains."""
    config = prepared.config
    articles = {example.passage.unit for example in prepared.side("train")}
    if len(articles) < 2:
        raise DemarcheError("split: the train side has one article; at least two are needed to calibrate on")
    for side in ("train", "test", *prepared.split.test_sides):
        examples = prepared.side(side)
        if config.reads_stance and not any(any(example.stances.values()) for example in examples):
            raise DemarcheError(
                f"split: the {side} side has no stances; take `stance:` out of the config, or label some"
            )
        if config.reads_topics and all(example.tied_topics for example in examples):
            raise DemarcheError(f"split: every passage of the {side} side has a tied topic; adjudicate some")


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
        case TargetSplit() as split:
            return by_target(examples, target=split.target, dev=split.dev, seed=split.seed)


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


def without_gold(examples: Sequence[Example], codebook: Codebook) -> list[str]:
    """Topics of which the figures can say nothing."""
    there = {topic for example in examples for topic, holds in example.topics.items() if holds}
    missing = [topic for topic in codebook.topic_ids if topic not in there]
    named = ", ".join(missing[:12]) + (", …" if len(missing) > 12 else "")
    return [f"no examples to judge on of: {named}; their figures say nothing"] if missing else []
