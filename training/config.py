"""Training configs: one YAML file per experiment, fully checked before any work."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from labels.config_paths import config_context
from labels.errors import BadInput, DemarcheError, Problem, explain, suggest
from labels.files import Frozen
from labels.gold.adjudication import Method
from labels.project import with_project_data
from labels.splits.split import is_test_split
from labels.yaml_text import read_yaml
from models.encoders.device import DeviceName, Precision
from models.examples import Field as InputField
from models.examples import Votes
from models.families.catalog import StanceSettings, TopicsSettings
from models.families.joint import JointSettings
from models.families.protocol import FamilySettings
from training.data_files import DataFile, DataFiles
from training.overrides import merge, parse_overrides
from training.split_config import GroupSplit, SplitConfig

COUNTERFACTUALS = "counterfactuals"
"""The name in `tracking.gate` of the pairs of passages that are made of test by rule."""

Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Data(Frozen):
    """The files of a labelled data set, one or more of passages, and how several annotations of a passage become one.

    `votes: soft` trains on the proportions of the annotators' votes instead of the decided labels. `readers` is the
    file of `demarche labels agreement --out`, required if language models are among the annotators.
    """

    codebook: DataFile
    passages: DataFiles
    annotations: DataFiles
    adjudication: Method = "majority"
    votes: Votes = "majority"
    readers: DataFile | None = None


class EvaluationSet(Frozen):
    """Labelled passages, with the codebook of the training data, that models are evaluated on and never learn from."""

    passages: DataFiles
    annotations: DataFiles


class Dimension(Frozen):
    """The values that a sweep tries for one key: numbers from `low` to `high`, or one of the `choices`."""

    low: int | float | None = None
    high: int | float | None = None
    step: Annotated[int | float | None, Field(gt=0)] = None
    log: bool = False
    choices: Annotated[tuple[Any, ...] | None, Field(min_length=2)] = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        numbers = (self.low, self.high, self.step)
        if self.choices is not None:
            if any(number is not None for number in numbers) or self.log:
                raise ValueError("choices cannot be combined with low, high, step or log; remove one or the other")
        elif self.low is None or self.high is None:
            raise ValueError("nothing to try; give low and high, or choices")
        elif not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"low {self.low} must be below high {self.high}")
        elif self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log needs low above 0, and no step")
        elif self.step is not None and self.step > self.high - self.low:
            raise ValueError(f"step {self.step} is larger than the range")
        return self


class Search(Frozen):
    """The values that `demarche sweep` tries, by dotted key, and the dev metric that it maximises."""

    metric: str
    space: Annotated[dict[str, Dimension], Field(min_length=1)]


class Tracking(Frozen):
    """The MLflow experiment of the run, and the registered model (`register`) to add its model to, if any.

    `plots`: whether the run's page has plots, which take seconds. A version replaces the champion if no headline
    metric on any set of `gate` can be worse by more than `margin`; on `counterfactuals`, the metric is the mean
    consistency.
    """

    experiment: Annotated[str, Field(min_length=1, max_length=250, coerce_numbers_to_str=True)] = "demarche"
    register_: Annotated[str | None, Field(alias="register", max_length=250, pattern=r"^[^/:\s]+$")] = None
    plots: bool = True
    gate: Annotated[tuple[str, ...], Field(min_length=1)] = ("test",)
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.02


class Thresholds(Frozen):
    """How each topic's threshold is chosen: for the best F1, or the lowest that reaches `precision`.

    `text` is the fraction of the threshold that a passage with a title must reach without it. `stance` says which stance
    is chosen: the likeliest, or by weighted probabilities, for the best macro-F1.
    """

    precision: Annotated[float | None, Field(gt=0, le=1)] = None
    text: Annotated[float, Field(ge=0, le=1)] = 0.1
    stance: Literal["macro_f1", "likeliest"] = "macro_f1"


class Config(Frozen):
    """The config of one experiment."""

    # `name=2024` on the command line is a name too.
    name: Annotated[str, Field(min_length=1, coerce_numbers_to_str=True)]
    description: str = ""
    data: Data
    input: Annotated[tuple[InputField, ...], Field(min_length=1)] = ("title", "text")
    split: SplitConfig = GroupSplit()
    # `evaluation=null` on the command line takes the sets of a config out.
    evaluation: Annotated[dict[str, EvaluationSet], BeforeValidator(lambda sets: {} if sets is None else sets)] = {}
    topics: TopicsSettings | None = None
    stance: StanceSettings | None = None
    joint: JointSettings | None = None
    thresholds: Thresholds = Thresholds()
    review: Annotated[float, Field(ge=0, lt=0.5)] = 0.1
    slices: tuple[Annotated[str, Field(pattern=r"^meta\.\S")], ...] = ()
    seed: Seed = 13
    device: DeviceName = "auto"
    precision: Precision = "auto"
    search: Search | None = None
    tracking: Tracking = Tracking()
    _overrides: tuple[str, ...] = PrivateAttr(default=())
    _file: Path | None = PrivateAttr(default=None)

    @property
    def overrides(self) -> tuple[str, ...]:
        """The `key=value` overrides that the config was read with."""
        return self._overrides

    @property
    def file(self) -> Path | None:
        """The file that the config was read from."""
        return self._file

    def with_seed(self, seed: int) -> Self:
        """Return the config with another seed, as an override."""
        config = self.model_copy(update={"seed": seed})
        config._overrides = (*(each for each in self._overrides if not each.startswith("seed=")), f"seed={seed}")
        return config

    def __eq__(self, other: object) -> bool:
        """Compare the settings alone: the same config may be read with or without overrides."""
        return isinstance(other, Config) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    @model_validator(mode="before")
    @classmethod
    def _default_strategy(cls, plain: Any) -> Any:
        # A discriminator cannot have a default.
        if isinstance(plain, dict) and isinstance(plain.get("split"), dict):
            return {**plain, "split": {"strategy": "group", **plain["split"]}}
        return plain

    @model_validator(mode="after")
    def _has_a_model(self) -> Self:
        if self.topics is None and self.stance is None and self.joint is None:
            raise ValueError("neither topics nor stance, nor joint; give at least one model to train")
        if self.joint is not None and not (self.topics is None and self.stance is None):
            raise ValueError("joint covers both topics and stance; remove `topics:` and `stance:`")
        if "text" not in self.input:
            raise ValueError("input must include text")
        return self

    @model_validator(mode="after")
    def _gate_is_evaluated(self) -> Self:
        known = ["test", COUNTERFACTUALS, *self.evaluation]
        for name in self.tracking.gate:
            if name not in known:
                raise ValueError(
                    f"tracking.gate: {name!r} is neither test, {COUNTERFACTUALS} nor a set of `evaluation:`"
                    f"{suggest(name, known)}"
                )
        if COUNTERFACTUALS in self.tracking.gate and not self.reads_stance:
            raise ValueError(f"tracking.gate: {COUNTERFACTUALS} are made of stances, and no stance is trained")
        return self

    @field_validator("evaluation")
    @classmethod
    def _names_sets(cls, sets: dict[str, EvaluationSet]) -> dict[str, EvaluationSet]:
        for name in sets:
            # Metrics, predictions and data sets are logged by this name, beside those of the splits.
            if (
                name in ("train", "dev", COUNTERFACTUALS)
                or is_test_split(name)
                or not re.fullmatch(r"[A-Za-z][\w-]*", name)
            ):
                raise ValueError(
                    f"{name!r} cannot name a set; use letters, digits, _ and -, and neither train, dev nor a name that "
                    f"starts with test: those are splits; {COUNTERFACTUALS} are made of test"
                )
        return sets

    @property
    def families(self) -> dict[str, FamilySettings]:
        """The family settings of each task that the config trains."""
        tasks = {"topics": self.topics, "stance": self.stance, "joint": self.joint}
        return {task: settings for task, settings in tasks.items() if settings is not None}

    @property
    def reads_topics(self) -> bool:
        return self.topics is not None or self.joint is not None

    @property
    def reads_stance(self) -> bool:
        return self.stance is not None or self.joint is not None


def read_config(path: Path | str, overrides: Sequence[str] = ()) -> Config:
    """Read a config and merge `a.b=c` overrides into it. Raises BadInput with every mistake at once.

    Paths are relative to the config's folder if they exist there, and otherwise to the working folder. Files of `data`
    that the config does not name are those of the project in the working folder.
    """
    path = Path(path)
    plain = read_yaml(path)
    if not isinstance(plain, dict | None):
        raise BadInput([Problem(str(path), None, "not a mapping; name, data, topics … are expected")])
    try:
        plain = with_project_data(_merge(plain or {}, parse_overrides(overrides)))
    except DemarcheError as error:
        raise DemarcheError(f"{path}: {error}") from None
    try:
        validated = Config.model_validate(plain, context=config_context(path))
    except ValidationError as error:
        raise BadInput(_problems(path, error)) from None
    validated._overrides = tuple(overrides)
    validated._file = path
    return validated


def _merge(plain: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Merge overrides into a config; an override that changes the kind of a section drops the section's old keys."""
    for section, (tag, default) in _TAGS.items():
        new, old = changes.get(section), plain.get(section)
        if isinstance(new, dict) and isinstance(old, dict) and new.get(tag) not in (None, old.get(tag, default)):
            plain = plain | {section: {}}
    return merge(plain, changes)


def _problems(path: Path, error: ValidationError) -> list[Problem]:
    problems = []
    for what, mistake in zip(explain(error), error.errors(include_url=False), strict=True):
        if mistake["type"] == "extra_forbidden":
            *where, key = (str(part) for part in mistake["loc"])
            known = _fields(Config, where)
            field = ".".join([*_path(where), key])
            what = f"{field}: unknown key{suggest(key, known)}"
        elif mistake["type"] == "union_tag_invalid":
            context = mistake["ctx"]
            tags = [tag.strip(" '") for tag in context["expected_tags"].split(",")]
            field = ".".join(str(part) for part in mistake["loc"])
            word = context["discriminator"].strip("'")
            what = f"{field}.{word}: {context['tag']!r} is unknown{suggest(context['tag'], tags)}"
        elif mistake["type"] == "union_tag_not_found":
            field = ".".join(str(part) for part in mistake["loc"])
            what = f"{field}.{mistake['ctx']['discriminator'].strip(chr(39))}: missing"
        else:
            field = ".".join(str(part) for part in mistake["loc"])
            what = ".".join(_path([str(part) for part in mistake["loc"]])) + what.removeprefix(field)
        problems.append(Problem(str(path), None, what))
    return problems


def _members(union: Any) -> dict[str, type[BaseModel]]:
    """Return tag → member of a discriminated union, nested unions included."""
    if isinstance(union, type) and issubclass(union, BaseModel):
        tag = union.model_fields.get("kind") or union.model_fields["strategy"]
        return dict.fromkeys(get_args(tag.annotation), union)
    return {name: member for part in get_args(union) for name, member in _members(part).items()}


_TAGS = {"split": ("strategy", "group"), "topics": ("kind", None), "stance": ("kind", None)}
_UNIONS = {"split": _members(SplitConfig), "topics": _members(TopicsSettings), "stance": _members(StanceSettings)}


def _is_tag(where: Sequence[str], place: int) -> bool:
    """Return whether a part of pydantic's location names a union member (`topics.average.of.0.linear.c`), not a key."""
    known = _UNIONS.get(where[0], {})
    return where[place] in known and (place == 1 or (place > 1 and where[place - 1].isdigit()))


def _path(where: Sequence[str]) -> list[str]:
    return [part for place, part in enumerate(where) if not _is_tag(where, place)]


def _fields(model: type[BaseModel], where: Sequence[str]) -> list[str]:
    """Return the keys known at pydantic's location in the config."""
    current: type[BaseModel] = model
    for place, part in enumerate(where):
        if _is_tag(where, place):
            current = _UNIONS[where[0]][part]
        elif part in current.model_fields:
            current = _model_in(current.model_fields[part].annotation) or current
    return [field.alias or name for name, field in current.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation is, or that it holds: `Search | None`, `dict[str, EvaluationSet]`."""
    parts = (annotation, *get_args(annotation))
    return next((part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)), None)
