"""What an annotator marks in a passage, one click at a time, and the labels that this makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeVar, get_args

from labels.codebook import STANCES, Codebook
from labels.errors import DemarcheError, quoted_list, suggest_value
from labels.passages import Annotation, Label

Kind = Literal["topic", "stance", "holder", "evidence"]
SpanKind = Literal["evidence", "holder"]
SPAN_KINDS: tuple[SpanKind, ...] = get_args(SpanKind)
_SEPARATOR = ": "
_Mark = TypeVar("_Mark")


class Mark(NamedTuple):
    """One mark on a topic: the topic itself, a stance or a holder as `value`, or a span of evidence."""

    topic: str
    kind: Kind
    value: str = ""
    span: tuple[int, int] | None = None


def marks_of(annotation: Annotation, lost: Counter[str]) -> list[Mark] | None:
    """Return the marks of a reading, and count in `lost` what cannot be marked in a tool.

    None if the reading has labels but none of a topic: without them, it would say that the passage has none of the
    topics.
    """
    marks: list[Mark] = []
    topics: set[str] = set()
    lost["doubts and notes"] += annotation.doubt or annotation.note is not None
    # The topic's own label comes first: one with a target must not hide its stance.
    for label in sorted(annotation.labels, key=lambda label: label.target is not None):
        if label.topic is None:
            lost["labels of a target without a topic"] += 1
            continue
        if label.topic not in topics:
            topics.add(label.topic)
            marks.append(Mark(label.topic, "topic"))
        if label.target is not None:
            lost["targets of a label's own, with their stances"] += 1
            continue
        lost["shares of a stance"] += label.shares is not None
        marks += _details(label, lost)
    return marks if topics or not annotation.labels else None


def _details(label: Label, lost: Counter[str]) -> list[Mark]:
    assert label.topic is not None
    details = [Mark(label.topic, "stance", label.stance)] if label.stance else []
    if label.holder is not None and label.holder.strip():
        holder = label.holder.strip()
        lost["white space around a holder"] += holder != label.holder
        details.append(Mark(label.topic, "holder", holder))
    else:
        lost["empty holders"] += label.holder is not None
    return details + ([Mark(label.topic, "evidence", span=label.evidence)] if label.evidence else [])


def labels_of(marks: Iterable[Mark], left_out: Counter[str]) -> tuple[Label, ...]:
    """Return the labels that marks make, in the order of their topics.

    A label has one holder and one evidence span: the first is kept, and the others are counted in `left_out`, as are
    marks on a topic that was not chosen. Raises DemarcheError for two stances toward one topic.
    """
    fields: dict[str, dict[str, object]] = {}
    marks = list(marks)
    for mark in marks:
        if mark.kind == "topic":
            fields.setdefault(mark.topic, {"topic": mark.topic})
    for mark in marks:
        if mark.kind == "topic":
            continue
        if mark.topic not in fields:
            left_out[f"{_PLURALS[mark.kind]} of a topic that was not chosen"] += 1
            continue
        value = mark.span if mark.kind == "evidence" else mark.value
        kept = fields[mark.topic].setdefault(mark.kind, value)
        if kept != value:
            if mark.kind == "stance":
                raise DemarcheError(f"has two stances toward {mark.topic!r}, {kept} and {value}; keep one")
            left_out[f"further {_PLURALS[mark.kind]} of a label (the first is kept)"] += 1
    return tuple(Label.model_validate(each) for each in fields.values())


_PLURALS: dict[Kind, str] = {"topic": "topics", "stance": "stances", "holder": "holders", "evidence": "evidence spans"}


class Names:
    """The names that tools without room for a structure give to marks: `tea: favor`, `evidence: tea`.

    Raises DemarcheError if two marks have one name, as those of the topics `tea` and `tea: favor` would.
    """

    def __init__(self, codebook: Codebook) -> None:
        self._codebook = codebook
        self._classes = self._unique(
            (name, mark)
            for topic in codebook.topic_ids
            for name, mark in ((topic, (topic, None)), *((f"{topic}{_SEPARATOR}{s}", (topic, s)) for s in STANCES))
        )
        self._spans = self._unique(
            (f"{kind}{_SEPARATOR}{topic}", (topic, kind)) for topic in codebook.topic_ids for kind in SPAN_KINDS
        )

    @staticmethod
    def _unique(pairs: Iterable[tuple[str, _Mark]]) -> dict[str, _Mark]:
        pairs = list(pairs)
        repeated = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
        if repeated:
            raise DemarcheError(f"the codebook gives one name to two labels ({quoted_list(repeated)}); rename a topic")
        return dict(pairs)

    @property
    def classes(self) -> Sequence[str]:
        """The names of the topics, alone (the stance cannot be told) and with each stance."""
        return list(self._classes)

    @property
    def spans(self) -> Sequence[str]:
        return list(self._spans)

    def classes_of(self, marks: Sequence[Mark]) -> list[str]:
        """Return the name of each topic, with its stance if it has one."""
        stances = {mark.topic: mark.value for mark in marks if mark.kind == "stance"}
        return [self.class_of(mark.topic, stances.get(mark.topic)) for mark in marks if mark.kind == "topic"]

    def spans_of(self, marks: Sequence[Mark], text: str, lost: Counter[str]) -> list[tuple[int, int, str]]:
        """Return (start, end, name) of evidence and of holders; those that the text does not name are counted as lost."""
        spans = []
        for mark in marks:
            if mark.kind == "evidence" and mark.span is not None:
                spans.append((*mark.span, self.span_of("evidence", mark.topic)))
            elif mark.kind == "holder":
                start = text.find(mark.value)
                if start < 0:
                    lost["holders that the text does not name in these words"] += 1
                else:
                    spans.append((start, start + len(mark.value), self.span_of("holder", mark.topic)))
        return spans

    def apart(self, spans: Sequence[tuple[int, int, str]], lost: Counter[str]) -> list[tuple[int, int, str]]:
        """Return the spans without those that overlap an earlier one, evidence first, and count those as lost."""
        kept: list[tuple[int, int, str]] = []
        for start, end, name in sorted(spans, key=lambda span: not span[2].startswith("evidence")):
            if any(start < other_end and other_start < end for other_start, other_end, _ in kept):
                lost["spans that overlap another"] += 1
            else:
                kept.append((start, end, name))
        return kept

    def class_of(self, topic: str, stance: str | None) -> str:
        return f"{topic}{_SEPARATOR}{stance}" if stance else topic

    def span_of(self, kind: SpanKind, topic: str) -> str:
        return f"{kind}{_SEPARATOR}{topic}"

    def marks_of_class(self, name: str) -> list[Mark]:
        """Return the topic, and its stance if there is one. Raises DemarcheError for another name."""
        topic, stance = self._look_up(self._classes, name)
        return [Mark(topic, "topic"), *([Mark(topic, "stance", stance)] if stance else [])]

    def marks_of_topic(self, name: str) -> list[Mark]:
        """Return the topic. Raises DemarcheError if the codebook has none of this name."""
        if name not in self._codebook.topic_ids:
            raise DemarcheError(
                f"topic {name!r:.200} is not in codebook {self._codebook.reference}"
                f"{suggest_value(name, self._codebook.topic_ids)}"
            )
        return [Mark(name, "topic")]

    def mark_of_span(self, name: str, span: tuple[int, int], text: str) -> Mark:
        """Return the evidence or the holder in a span. Raises DemarcheError for another name."""
        topic, kind = self._look_up(self._spans, name)
        return span_mark(kind, topic, span, text)

    def _look_up(self, known: Mapping[str, _Mark], name: str) -> _Mark:
        if name not in known:
            raise DemarcheError(
                f"label {name!r:.200} is not one of codebook {self._codebook.reference}{suggest_value(name, known)}"
            )
        return known[name]


def span_mark(kind: SpanKind, topic: str, span: tuple[int, int], text: str) -> Mark:
    """Return the mark of a span in a text: a holder is the words in it. Raises DemarcheError unless it is within it."""
    if not all(type(place) is int for place in span) or not 0 <= span[0] < span[1] <= len(text):
        raise DemarcheError(f"{kind} {list(span)} is outside the passage of {len(text)} characters")
    if kind == "holder":
        return Mark(topic, kind, text[slice(*span)].strip() or text[slice(*span)])
    return Mark(topic, kind, span=span)
