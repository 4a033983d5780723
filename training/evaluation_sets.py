"""The sets of `evaluation` in a config: labelled passages that a model is evaluated on and never learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labels.check import LabelledData, read_labelled
from labels.errors import DemarcheError
from labels.gold.adjudication import Example
from labels.gold.readers import adjudicate_gold
from labels.passages import Passage
from labels.splits.duplicates import near_duplicates
from training.config import Config

_SHOWN = 20
"""Maximum number of passages that an error lists."""


@dataclass(frozen=True)
class LabelledSet:
    """A labelled data set, and the examples that its annotations were adjudicated into."""

    data: LabelledData
    examples: list[Example]


def read_evaluation_sets(config: Config) -> dict[str, LabelledSet]:
    """Read and adjudicate the sets of `evaluation`. Raises BadInput with every mistake in the files of a set."""
    sets = {}
    for name, files in config.evaluation.items():
        data = read_labelled(config.data.codebook, files.passages, files.annotations)
        examples = adjudicate_gold(data, where=f"evaluation.{name}", by=config.data.adjudication)
        sets[name] = LabelledSet(data, examples)
    return sets


def check_not_learned(sets: Mapping[str, LabelledSet], learned: Sequence[Passage]) -> None:
    """Raise DemarcheError if a set has passages of `learned`, others of their articles, or near-duplicates of them."""
    labelled = [(name, example.passage) for name, each in sets.items() for example in each.examples]
    nearly = _nearly([passage for _, passage in labelled], learned)
    ids = {passage.id for passage in learned}
    articles = {passage.article for passage in learned}
    groups = {passage.group_id for passage in learned}
    leaks: dict[str, list[str]] = {}
    for position, (name, passage) in enumerate(labelled):
        if passage.id in ids:
            reason = "the same id"
        elif passage.article in articles:
            reason = f"article {passage.article!r}"
        elif passage.group_id in groups:
            reason = f"group {passage.group_id!r}"
        elif position in nearly:
            reason = f"nearly {nearly[position].id!r}"
        else:
            continue
        leaks.setdefault(name, []).append(f"{passage.id!r} ({reason})")
    if leaks:
        raise DemarcheError(*(_describe(name, found) for name, found in leaks.items()))


def _nearly(passages: Sequence[Passage], learned: Sequence[Passage]) -> dict[int, Passage]:
    """Return the position of each near-duplicate of a learned passage → that passage."""
    if not passages:
        return {}
    nearly: dict[int, Passage] = {}
    count = len(learned)
    for first, second, similarity in near_duplicates([passage.text for passage in [*learned, *passages]]):
        if second < count:
            continue
        if first < count:
            nearly.setdefault(second - count, learned[first])
        elif similarity == 1 and first - count in nearly:
            # Of equal texts, only the first is paired with others; the pairs come in the order of their first texts.
            nearly.setdefault(second - count, nearly[first - count])
    return nearly


def _describe(name: str, leaks: Sequence[str]) -> str:
    listed = ", ".join(leaks[:_SHOWN]) + (", …" if len(leaks) > _SHOWN else "")
    passages, them = ("1 passage is", "it") if len(leaks) == 1 else (f"{len(leaks)} passages are", "them")
    return (
        f"evaluation.{name}: {passages} in train or dev, or in an article of theirs, or nearly the same as a passage "
        f"there: {listed}; remove {them} from the set or from the training data"
    )
