"""Language models as readers: how far they agree with people, and where their labels may be used."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from labels.bootstrap import Interval
from labels.check import LabelledData
from labels.errors import DemarcheError, Problems, quoted_list
from labels.files import Frozen, read_jsonl
from labels.gold.adjudication import Example, Method, adjudicate, target_of
from labels.gold.agreement import Item, alpha, assigned_topics, masi, nominal
from labels.passages import Annotation, is_model, of_people
from labels.wording import counted

FEWEST_COMPARED = 100
"""Passages on which a language model must be compared with people before it may train.

With 100 passages, the 95 % interval of a share of agreement reaches at most 10 points to either side.
"""


class ReaderAgreement(Frozen):
    """How far a language model agrees with the decisions of people, as a line of the file that `agreement` writes.

    `passages` were read by both. `topics` and `stance` are Krippendorff's alpha with its 95 % interval, None where it is
    undefined.
    """

    annotator: str
    codebook: str
    passages: int
    topics: tuple[float | None, float | None, float | None]
    stance: tuple[float | None, float | None, float | None]

    def interval(self, what: str) -> Interval:
        """Return the alpha of `topics` or `stance`, with NaN where it is undefined."""
        return Interval(*(math.nan if each is None else each for each in getattr(self, what)))


def compare_with_people(data: LabelledData, *, seed: int) -> list[ReaderAgreement]:
    """Compare each language model with the labels that people decided on, without those that are tied."""
    people = {each.passage.id: each for each in adjudicate(data.passages, of_people(data.annotations))}
    by_reader: dict[str, list[Annotation]] = {}
    for annotation in data.annotations:
        if is_model(annotation.annotator):
            by_reader.setdefault(annotation.annotator, []).append(annotation)
    return [
        _compare(reader, [(each, people[each.passage]) for each in readings if each.passage in people], seed=seed)
        for reader, readings in sorted(by_reader.items())
    ]


def _compare(reader: str, pairs: Sequence[tuple[Annotation, Example]], *, seed: int) -> ReaderAgreement:
    topics = [
        Item(gold.passage.group_id, {reader: assigned_topics(reading), "people": frozenset(gold.topics)})
        for reading, gold in pairs
        if not gold.tied_topics
    ]
    stances = [
        Item(gold.passage.group_id, {reader: label.stance, "people": stance})
        for reading, gold in pairs
        for label in reading.labels
        if label.stance is not None and (stance := gold.stances.get(target_of(label))) is not None
    ]
    return ReaderAgreement(
        annotator=reader,
        codebook=pairs[0][0].codebook if pairs else "",
        passages=len(pairs),
        topics=_plain(alpha(topics, masi, seed=seed)),
        stance=_plain(alpha(stances, nominal, seed=seed)),
    )


def _plain(score: Interval) -> tuple[float | None, float | None, float | None]:
    value, low, high = (None if math.isnan(each) else round(each, 4) for each in score)
    return value, low, high


def read_agreements(path: Path) -> dict[str, ReaderAgreement]:
    """Read the file of `demarche labels agreement --out` as annotator → agreement. Raises BadInput with every mistake."""
    problems = Problems()
    found = {}
    for line, agreement in read_jsonl(path, ReaderAgreement, problems):
        if agreement.annotator in found:
            problems.add(path, line, f"{agreement.annotator!r} occurs twice; keep one line")
        found[agreement.annotator] = agreement
    problems.raise_any()
    return found


def check_compared(annotations: Iterable[Annotation], known: Mapping[str, ReaderAgreement]) -> list[str]:
    """Return a sentence on each language model whose labels are used, for the user to weigh.

    Raises DemarcheError if one was not compared with people on enough passages.
    """
    readers = sorted({each.annotator for each in annotations if is_model(each.annotator)})
    few = [name for name in readers if name not in known or known[name].passages < FEWEST_COMPARED]
    if few:
        counts = ", ".join(f"{name} on {known[name].passages if name in known else 'none'}" for name in few)
        raise DemarcheError(
            f"labels by a language model ({counts}) train only after a comparison with people on at least "
            f"{FEWEST_COMPARED} passages: run `demarche labels agreement CODEBOOK PASSAGES ANNOTATIONS… --out "
            "agreement.jsonl` with the annotations of both, and name that file in data.readers"
        )
    return [describe(known[name]) for name in readers]


def describe(agreement: ReaderAgreement) -> str:
    """Return a sentence on how far a language model agrees with people."""
    parts = []
    for what in ("topics", "stance"):
        value, low, _ = agreement.interval(what)
        interval = "" if math.isnan(low) else f" (the interval starts at {low:.2f})"
        parts.append(f"{what} alpha {'undefined' if math.isnan(value) else f'{value:.2f}'}{interval}")
    return (
        f"{agreement.annotator}: agreement with people on {counted(agreement.passages, 'passage')}: {', '.join(parts)}"
    )


def read_by_models_alone(annotations: Sequence[Annotation]) -> frozenset[str]:
    """Return the ids of the passages that language models have read, and nobody else."""
    people = {annotation.passage for annotation in of_people(annotations)}
    return frozenset(annotation.passage for annotation in annotations if annotation.passage not in people)


def adjudicate_gold(data: LabelledData, *, where: str, by: Method = "majority") -> list[Example]:
    """Adjudicate labels that models are evaluated on.

    Raises DemarcheError, which begins with `where`, if a passage has labels by language models alone.
    """
    alone = read_by_models_alone(data.annotations)
    if alone:
        has, read = ("has", "it") if len(alone) == 1 else ("have", "them")
        raise DemarcheError(
            f"{where}: {counted(len(alone), 'passage')} {has} labels by language models alone "
            f"({quoted_list(sorted(alone))}), which are no gold to evaluate on; have people read {read}, or leave out "
            "the models' annotations"
        )
    return adjudicate(data.passages, data.annotations, by=by)
