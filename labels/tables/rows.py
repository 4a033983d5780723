"""One row of a table: its passage, and the labels of each annotator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from labels.codebook import Codebook
from labels.errors import DemarcheError
from labels.passages import GOLD, Label, Passage, place_in_list
from labels.tables.cells import (
    is_blank,
    join_paragraphs,
    parse_container,
    parse_integer,
    parse_yes_no,
    split_values,
    to_scalar,
    word,
)
from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.vocabulary import Vocabulary

Row = Mapping[str, Any]


class RowReader:
    """Reads the passage and the labels of each row. Errors do not name the line: the caller adds it."""

    def __init__(self, columns: TableColumns, options: ImportOptions, codebook: Codebook | None):
        self.columns = columns
        self.options = options
        self.vocabulary = Vocabulary(options, codebook)
        self._first_line: dict[str, int] = {}

    def passage(self, line: int, row: Row) -> Passage:
        """Return the row's passage.

        Without a column of ids, the line number is the id; with a row per annotator, it is the first line that has
        the same text.
        """
        columns = self.columns
        text = join_paragraphs(row.get(columns.text))
        if not isinstance(text, str) or not text.strip():
            raise DemarcheError(f"column {columns.text!r} is empty or not text; every row needs a text")
        if columns.annotator and not columns.id:
            line = self._first_line.setdefault(text, line)
        id = _text(row, columns.id) or f"{line}"
        return Passage(
            id=id,
            article=_text(row, columns.article) or id,
            text=text,
            start=0,
            end=len(text),
            title=_text(row, columns.title),
            source=_text(row, columns.source),
            published=_text(row, columns.date),
            url=_text(row, columns.url),
            group=_text(row, columns.group),
            split=_text(row, columns.split),
            meta={name: to_scalar(row.get(name)) for name in columns.keep},
        )

    def labels(self, row: Row, text: str) -> Iterator[tuple[str, list[Label]]]:
        """Yield (annotator, labels) for each annotation in the row.

        If the votes and gold are stances, the row's target and topics apply to each of them.
        """
        columns = self.columns
        target, topics = self._target(row, text), self._topics(row)
        votes = [*self._votes(row), *([(GOLD, row.get(columns.gold))] if columns.gold else [])]
        votes = [(name, parse_container(vote)) for name, vote in votes if not is_blank(vote)]
        stance_votes = any(self._is_stance_vote(vote, target) for _, vote in votes)
        if columns.stance or (columns.topics and not stance_votes):
            stance = self.vocabulary.stance(row.get(columns.stance)) if columns.stance else None
            labels = self._make_labels(topics, target, stance)
            # An empty annotation means "none of the topics", which a row without target and stance does not mean.
            if labels or (columns.topics and not self._is_unlabelled(row)):
                yield _text(row, columns.annotator) or self.options.annotator, labels
        for name, vote in votes:
            yield name, self._vote_labels(vote, topics, target)

    def _is_unlabelled(self, row: Row) -> bool:
        """Return whether the row names neither an annotator nor topics, in a table with a column of annotators."""
        columns = self.columns
        names = [columns.annotator, *columns.topics] if columns.annotator else []
        return bool(names) and all(is_blank(row.get(name)) for name in names if name)

    def _target(self, row: Row, text: str) -> dict[str, Any] | None:
        """Return the `target` and `target_span` of the row's label, or None if the row has no target."""
        columns = self.columns
        target = row.get(columns.target) if columns.target else self.options.target
        if is_blank(target):
            return None
        target = str(target)
        start_cell = row.get(columns.target_start) if columns.target_start else None
        if columns.target_start is None or is_blank(start_cell):
            return {"target": target}
        start = parse_integer(columns.target_start, start_cell)
        end = parse_integer(columns.target_end, row.get(columns.target_end)) if columns.target_end else None
        end = start + len(target) if end is None else end
        if text[start:end] != target:
            raise DemarcheError(
                f"{columns.target_start} {start} and end {end} select {text[start:end]!r} in the text, "
                f"not the target {target!r}; offsets count Unicode code points, end not included"
            )
        return {"target": target, "target_span": (start, end)}

    def _topics(self, row: Row) -> dict[str, str | None]:
        """Return {topic: stance}; the stance is None unless the cell is a mapping."""
        columns = self.columns.topics
        if not columns:
            return {}
        cell = parse_container(row.get(columns[0]))
        if len(columns) > 1 or self.vocabulary.is_yes_no_column(columns[0], cell):
            return self._translate_topics(dict.fromkeys(name for name in columns if parse_yes_no(name, row.get(name))))
        if isinstance(cell, dict):
            return self._translate_mapping(cell)
        return self._translate_topics(dict.fromkeys(self._topic_values(cell)))

    def _translate_mapping(self, cell: Mapping[str, Any]) -> dict[str, str | None]:
        """Return {topic: stance} of a cell that is a mapping."""
        # Parquet gives every mapping in a column the same keys, with nulls.
        stances = {name: self.vocabulary.stance(stance) for name, stance in cell.items() if not is_blank(stance)}
        return self._translate_topics(stances)

    def _translate_topics(self, stances: Mapping[Any, str | None]) -> dict[str, str | None]:
        """Replace each value by the topic that it names, and leave out those to be ignored."""
        return {topic: stance for value, stance in stances.items() if (topic := self.vocabulary.topic(value))}

    def _topic_values(self, cell: Any) -> list[Any]:
        values = [value for value in split_values(cell, self.options.separator) if not is_blank(value)]
        for value in values:
            if isinstance(value, list | tuple | dict):
                raise DemarcheError(f"{value!r} is not a topic; text is expected")
        return values

    def _votes(self, row: Row) -> list[tuple[str, Any]]:
        """Return (annotator, vote) for each vote, from one list of votes or from a column per annotator."""
        columns = self.columns.votes
        if len(columns) == 1:
            votes = split_values(row.get(columns[0]), self.options.separator)
            return [(place_in_list(columns[0], number), vote) for number, vote in enumerate(votes, start=1)]
        return [(name, row.get(name)) for name in columns]

    def _is_stance_vote(self, vote: Any, target: dict[str, Any] | None) -> bool:
        if isinstance(vote, list | dict):
            return False
        return target is not None or self.vocabulary.is_stance_vote(vote)

    def _vote_labels(self, vote: Any, topics: Mapping[str, str | None], target: dict[str, Any] | None) -> list[Label]:
        """Return the labels of a vote: a stance toward the target or the row's topics, {topic: stance}, or topics."""
        if isinstance(vote, dict):
            return self._make_labels(self._translate_mapping(vote), None, None)
        if self._is_stance_vote(vote, target):
            return self._make_labels(topics, target, self.vocabulary.stance(vote))
        return self._make_labels(self._translate_topics(dict.fromkeys(self._topic_values(vote))), None, None)

    @staticmethod
    def _make_labels(
        topics: Mapping[str, str | None], target: dict[str, Any] | None, stance: str | None
    ) -> list[Label]:
        """Make the labels of one annotation. With a target, the stance is toward the target and not the topics."""
        if target is None and stance is not None and not topics:
            raise DemarcheError(f"the stance {stance!r} has no target; name --target or --topics")
        shared = None if target is not None else stance
        labels = [Label.model_validate({"topic": topic, "stance": shared or own}) for topic, own in topics.items()]
        return labels if target is None else [*labels, Label.model_validate({**target, "stance": stance})]


def _text(row: Row, column: str | None) -> str | None:
    """Return the cell as text, or None if it is blank or the table has no such column."""
    return (word(row.get(column)) if column else None) or None
