"""Read, adjudicate and split the data of a config, and check everything before any work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from labels.check import LabelledData, read_labelled
from labels.codebook import Codebook
from labels.errors import DemarcheError
from labels.gold.adjudication import Example, adjudicate
from labels.gold.readers import check_compared, read_agreements, read_by_models_alone
from labels.passages import Passage
from labels.splits.leave_target_out import only_target, split_by_target
from labels.splits.split import Split, read_split
from labels.splits.strategies import split_by_column, split_by_group, split_by_time
from labels.wording import counted
from models.families.catalog import encoder_settings, finds_unseen_topics
from models.families.protocol import FamilySettings
from training.config import Config
from training.evaluation.attributes import check_meta
from training.evaluation_sets import LabelledSet, check_not_learned, read_evaluation_sets
from training.initial import initial_models, inits
from training.split_config import ColumnSplit, GroupSplit, TargetSplit, TimeSplit


@dataclass(frozen=True)
class Prepared:
    """The data of a config, adjudicated, split and checked: everything that a fit needs."""

    config: Config
    data: LabelledData
    examples: list[Example]
    split: Split
    initial_models: Mapping[str, Path] = field(default_factory=dict)
    """The earlier models that training starts from: each value of `init` → the folder of its tagger."""
    initial_runs: tuple[str, ...] = ()
    """The runs of those models."""
    evaluation: Mapping[str, LabelledSet] = field(default_factory=dict)
    """The sets that the config is also evaluated on."""
    options: tuple[str, ...] = ()
    """The options of `demarche train` that made this split of the data, such as `--learning-curve 5`."""
    read_by_models: frozenset[str] = frozenset()
    """The passages that language models alone have read. They are in no split but train: their labels are no gold."""
    agreements: tuple[str, ...] = ()
    """How far each of those models agrees with people, in a sentence."""

    def examples_in(self, name: str) -> list[Example]:
        examples = self.split.select(self.examples, name)
        if name == "train" or not self.read_by_models:
            return examples
        return [example for example in examples if example.passage.id not in self.read_by_models]

    def digest(self, name: str) -> str:
        """Return a digest that changes with any text or label of a split."""
        ids = {example.passage.id for example in self.examples_in(name)}
        return replace(
            self.data,
            passages=[passage for passage in self.data.passages if passage.id in ids],
            annotations=[annotation for annotation in self.data.annotations if annotation.passage in ids],
        ).digest()


def prepare(config: Config, *, divide: Callable[[Sequence[Passage]], Split] | None = None) -> Prepared:
    """Read, adjudicate and split the data of a config. Raises BadInput or DemarcheError for user errors.

    `divide` splits the labelled passages in place of the config's `split`.
    """
    check_encoders(config)
    data = read_labelled(config.data.codebook, config.data.passages, config.data.annotations)
    if config.reads_topics and not data.codebook.topics:
        raise DemarcheError(f"{config.data.codebook}: has no topics to train; remove `topics:` from the config")
    check_meta(config.slices, data.passages)
    readers = read_agreements(config.data.readers) if config.data.readers else {}
    agreements = check_compared(data.annotations, readers)
    examples = adjudicate(data.passages, data.annotations, by=config.data.adjudication)
    passages = [example.passage for example in examples]
    split = make_split(config, passages, examples) if divide is None else divide(passages)
    if isinstance(config.split, TargetSplit):
        _check_unseen(config, data.codebook, config.split.target)
        examples = only_target(examples, config.split.target, split)
    prepared = Prepared(
        config,
        data,
        examples,
        split,
        initial_models(config),
        evaluation=read_evaluation_sets(config),
        read_by_models=read_by_models_alone(data.annotations),
        agreements=tuple(agreements),
    )
    for name, key in (("train", "dev"), ("test", "test")):
        if not prepared.examples_in(name):
            raise DemarcheError(
                f"split: {name} is empty ({len(examples)} labelled passages in all: {split.sizes()}); "
                f"change split.{key} or split.seed, or label more articles"
            )
    check_gold(prepared)
    for name, each in prepared.evaluation.items():
        _check_labels(f"evaluation.{name}:", each.examples, config)
    learned = [example.passage for name in ("train", "dev") for example in prepared.examples_in(name)]
    check_not_learned(prepared.evaluation, learned)
    return replace(prepared, initial_runs=_check_initial(prepared))


def without_people(prepared: Prepared) -> list[str]:
    """Return a sentence on the passages of dev and test that language models alone have read."""
    split = prepared.split
    count = sum(
        len(split.select(prepared.examples, name)) - len(prepared.examples_in(name)) for name in ("dev", "test")
    )
    if not count:
        return []
    have = "has" if count == 1 else "have"
    return [
        f"{counted(count, 'passage')} of dev and test {have} labels by language models alone, which are no gold: left out"
    ]


def check_encoders(config: Config) -> None:
    """Raise DemarcheError if the device or an encoder is not available, or if an encoder does not suit its family."""
    settings = [each for family in config.families.values() for each in encoder_settings(family)]
    if not settings:
        return
    from models.encoders.device import select_device
    from models.encoders.files import entailment, locate

    select_device(config.device, config.precision)
    for each in settings:
        folder = locate(each.encoder)
        if isinstance(each, FamilySettings) and each.needs_entailment:
            entailment(folder, each.encoder)


def _check_initial(prepared: Prepared) -> tuple[str, ...]:
    """Return the runs of the earlier models.

    Raises DemarcheError if test, dev or a set of `evaluation` has passages that they were trained on.
    """
    pairs = {(task, settings.init or "") for task, settings in inits(prepared.config)}
    runs = [_check_init(prepared, init, task) for task, init in sorted(pairs)]
    return tuple(sorted({run for run in runs if run}))


def _check_init(prepared: Prepared, init: str, task: str) -> str | None:
    from models.families.protocol import SETTINGS_FILE
    from models.saved_parts import read_plain
    from models.tagger import Tagger
    from training.tracking.registry import trained_on

    tagger = prepared.initial_models[init]
    run = Tagger.settings_of(tagger).run
    if not run:
        return None
    # Without cross-fitting, the earlier model used dev only to choose its epoch.
    whole = read_plain(tagger / task / SETTINGS_FILE, dict[str, Any])["settings"]["cross_fit"]
    learned = trained_on(run)
    change = "start from one without cross_fit" if whole else "keep its split (split.from)"
    places = [
        ("test", prepared.examples_in("test"), learned, change),
        ("dev", prepared.examples_in("dev"), learned if whole else trained_on(run, ("train",)), change),
    ]
    for name, each in prepared.evaluation.items():
        places.append((f"evaluation.{name}", each.examples, learned, "remove them from the set"))
    for name, examples, ids, cure in places:
        overlap = sum(example.passage.id in ids for example in examples)
        if overlap:
            raise DemarcheError(
                f"{task}.init: {init} was trained on {overlap} of the passages (by id) that are in {name} here; {cure}, "
                "or start from a run on other data"
            )
    return run


def _check_unseen(config: Config, codebook: Codebook, target: str) -> None:
    """Raise DemarcheError if the config's topics cannot find a topic without training examples."""
    topics = config.topics
    if topics is not None and target in codebook.topic_ids and not finds_unseen_topics(topics):
        raise DemarcheError(
            f"split.target: {topics.kind} topics cannot find {target!r} without training examples; "
            "train stance alone (topics=null)"
        )


def check_gold(prepared: Prepared) -> None:
    """Raise DemarcheError if train or test lacks gold labels for what the config trains."""
    config = prepared.config
    articles = {example.passage.group_id for example in prepared.examples_in("train")}
    if len(articles) < 2:
        raise DemarcheError("split: train has only one article; calibration needs at least two")
    for name in ("train", "test", *prepared.split.test_splits):
        _check_labels(f"split: {name}", prepared.examples_in(name), config)


def _check_labels(where: str, examples: Sequence[Example], config: Config) -> None:
    """Raise DemarcheError, which begins with `where`, if examples lack gold labels for what the config trains."""
    if config.reads_stance and not any(any(example.stances.values()) for example in examples):
        raise DemarcheError(f"{where} has no stances; remove `stance:` from the config, or label some")
    if config.reads_topics and all(example.tied_topics for example in examples):
        raise DemarcheError(f"{where} has a tied topic in every passage; adjudicate some")


def make_split(config: Config, passages: Sequence[Passage], examples: Sequence[Example]) -> Split:
    match config.split:
        case GroupSplit() as split:
            earlier = read_split(split.from_) if split.from_ else None
            strata = _strata(examples) if split.stratify else None
            return split_by_group(
                passages,
                test=split.test,
                dev=split.dev,
                seed=split.seed,
                strata=strata,
                earlier=earlier,
                on_leak=split.on_leak,
            )
        case TimeSplit() as split:
            return split_by_time(passages, field=split.by, test=split.test, dev=split.dev, on_leak=split.on_leak)
        case ColumnSplit() as split:
            return split_by_column(passages, dev=split.dev, seed=split.seed, on_leak=split.on_leak)
        case TargetSplit() as split:
            return split_by_target(examples, target=split.target, dev=split.dev, seed=split.seed)


def _strata(examples: Sequence[Example]) -> dict[str, str]:
    """Return group → its rarest topic."""
    counts: dict[str, int] = {}
    for example in examples:
        for topic in example.topics:
            counts[topic] = counts.get(topic, 0) + 1
    strata: dict[str, str] = {}
    for example in examples:
        found = [*example.topics, *([strata[example.passage.group_id]] if strata.get(example.passage.group_id) else [])]
        strata[example.passage.group_id] = min(found, key=lambda topic: (counts[topic], topic), default="")
    return strata


def without_gold(examples: Sequence[Example], codebook: Codebook) -> list[str]:
    """Return a warning that names the topics without gold examples, which have no metrics of their own."""
    present = {topic for example in examples for topic, holds in example.topics.items() if holds}
    missing = [topic for topic in codebook.topic_ids if topic not in present]
    names = ", ".join(missing[:12]) + (", …" if len(missing) > 12 else "")
    return [f"no gold examples of: {names}; how well they are found is not measured"] if missing else []
