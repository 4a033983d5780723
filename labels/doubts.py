"""What looks wrong in a labelled data set that has no errors: copies with different labels, an unfinished codebook."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from labels.check import LabelledData
from labels.codebook import Codebook
from labels.errors import one_line, quoted_list
from labels.gold.adjudication import Example, adjudicate
from labels.passages import Annotation, Passage
from labels.tables.cells import fold
from labels.wording import counted


def doubts(data: LabelledData) -> list[str]:
    """Return a sentence for each thing that looks wrong in the data set."""
    return [
        *_copies(data.passages, data.annotations),
        *_stances_without_target(data.codebook, data.annotations),
        *undefined_topics(data.codebook),
        *_alike_topics(data.codebook),
    ]


_NEEDED, _USEFUL = ("definition", "target"), ("include", "exclude", "keywords")


def unfinished(codebook: Codebook) -> dict[str, tuple[str, str]]:
    """Return the empty fields of each topic by its id: those that labelling needs, and those that help."""
    empty = {
        topic.id: tuple(", ".join(f for f in fields if not getattr(topic, f)) for fields in (_NEEDED, _USEFUL))
        for topic in codebook.topics
    }
    return {id: (needed, useful) for id, (needed, useful) in empty.items() if needed or useful}


def _copies(passages: Iterable[Passage], annotations: Iterable[Annotation]) -> list[str]:
    """Tell of texts that occur in several passages, and of those that have different labels there."""
    by_text: dict[str, list[Passage]] = defaultdict(list)
    for passage in passages:
        # Copies differ in quotation marks, dashes and case; a text without words is compared as it is.
        words = re.findall(r"\w+", passage.text.casefold())
        by_text[" ".join(words) or passage.text].append(passage)
    copies = {passage.id: passage for group in by_text.values() if len(group) > 1 for passage in group}
    examples = {example.passage.id: example for example in adjudicate(list(copies.values()), _of(copies, annotations))}
    labelled = [[examples[one.id] for one in group if one.id in examples] for group in by_text.values()]
    groups = [group for group in labelled if len(group) > 1 and not _have_own_targets(group)]
    different = [pair for group in groups if (pair := _first_difference(group))]
    sentences = []
    if different:
        one, other = different[0]
        sentences.append(
            f"{counted(len(different), 'text')} with different labels in several passages, first "
            f"{_quoted(one.passage.id)} ({_labels(one)}) and {_quoted(other.passage.id)} ({_labels(other)}); "
            "correct the labels, or keep one passage of each text"
        )
    if groups and 2 * len(groups) >= len(by_text):
        sentences.append(
            f"{len(groups)} of {counted(len(by_text), 'text')} in several passages each; if these are the annotators or "
            "the labels of one text, import the table again with --id or --annotator"
        )
    return sentences


def _of(passages: Iterable[str], annotations: Iterable[Annotation]) -> list[Annotation]:
    ids = set(passages)
    return [annotation for annotation in annotations if annotation.passage in ids]


def _have_own_targets(copies: Sequence[Example]) -> bool:
    """Return whether each copy has stances toward named targets of its own, as in a row per target."""
    targets = [(target.text, target.span) for example in copies for target in example.stances if target.topic is None]
    return all(example.stances and not example.topics for example in copies) and len(set(targets)) == len(targets)


def _first_difference(copies: Sequence[Example]) -> tuple[Example, Example] | None:
    """Return the first copy and the first that contradicts it, ties and unknown stances aside."""
    first = copies[0]
    return next(((first, other) for other in copies[1:] if _differ(first, other)), None)


def _differ(one: Example, other: Example) -> bool:
    ties = {*one.tied_topics, *other.tied_topics}
    if one.topics.keys() - ties != other.topics.keys() - ties:
        return True
    stances = ((one.stances[target], other.stances[target]) for target in one.stances.keys() & other.stances.keys())
    return any(mine != its for mine, its in stances if mine and its)


def _labels(example: Example) -> str:
    """Return the labels of an example in a few words."""
    stances = {target.topic or target.text: stance for target, stance in example.stances.items()}
    labels = [f"{about}: {stance}" if stance else f"{about}" for about, stance in stances.items()]
    labels += [topic for topic, holds in example.topics.items() if holds and topic not in stances]
    return one_line(", ".join(labels), longest=200) or "none of the topics"


def _stances_without_target(codebook: Codebook, annotations: Iterable[Annotation]) -> list[str]:
    """Name the topics that have stances, but no target in the codebook that the stances are toward."""
    without = {topic.id for topic in codebook.topics if not topic.target}
    counts = Counter(
        label.topic
        for annotation in annotations
        for label in annotation.labels
        if label.topic in without and label.stance and label.target is None
    )
    if not counts:
        return []
    return [
        f"codebook {codebook.reference}: no target for {quoted_list([topic for topic in counts if topic])} with "
        f"{counted(counts.total(), 'stance')}; add the proposition or policy that favor and against are about as `target`"
    ]


def undefined_topics(codebook: Codebook) -> list[str]:
    """Name the topics that have no definition yet, as in the codebook that an import makes."""
    undefined = [topic.id for topic in codebook.topics if not topic.definition]
    if not undefined:
        return []
    return [
        f"codebook {codebook.reference}: no definition of {quoted_list(undefined)}; add what belongs to the topic as "
        "`definition`, which annotators decide by and zero-shot models read"
    ]


def _alike_topics(codebook: Codebook) -> list[str]:
    """Name the topics whose ids differ only in spelling, as in the codebook of a table with Trade and trade."""
    alike: dict[str, list[str]] = defaultdict(list)
    for topic in codebook.topics:
        alike[fold(topic.id)].append(topic.id)
    several = [id for ids in alike.values() if len(ids) > 1 for id in ids]
    if not several:
        return []
    return [
        f"codebook {codebook.reference}: topics {quoted_list(several)} differ only in spelling; if they are one, join them"
    ]


def _quoted(name: str) -> str:
    return repr(one_line(name))
