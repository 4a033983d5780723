"""What the tags file holds: one row a passage and topic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypedDict

from labels.errors import DemarcheError
from labels.files import check_output
from labels.passages import Passage
from labels.tables.writers import table_writer
from models.tagger import Tag


class Row(TypedDict):
    """The columns, in order. The three stances are probabilities; empty where none was read.

    `language` is an ISO 639-1 code; empty where it cannot be told.
    """

    article: str
    passage: str
    start: int
    end: int
    text: str
    language: str | None
    topic: str | None
    topic_probability: float | None
    assigned: bool
    stance: str | None
    stance_probability: float | None
    favor: float | None
    against: float | None
    neutral: float | None
    status: str
    model: str
    codebook: str
    run: str | None


COLUMNS = tuple(Row.__annotations__)
TAGGED, REVIEW, NO_TOPIC = "tagged", "review", "no_topic"
BOILERPLATE, OTHER_LANGUAGE = "boilerplate", "other_language"
"""What was not read by the model."""


def rows_of(
    passage: Passage,
    tags: list[Tag],
    *,
    unread: str | None,
    language: str | None,
    model: str,
    codebook: str,
    run: str | None,
) -> list[Row]:
    """A row a tag; one row without a topic where there is none, or where `unread` is the status."""

    def row(tag: Tag | None, status: str) -> Row:
        favor, against, neutral = map(_rounded, (tag.stances if tag and tag.stances else None) or (None, None, None))
        return Row(
            article=passage.article,
            passage=passage.id,
            start=passage.start,
            end=passage.end,
            text=passage.text,
            language=language,
            topic=tag.topic if tag else None,
            topic_probability=_rounded(tag.topic_probability) if tag else None,
            assigned=tag.assigned if tag else False,
            stance=tag.stance if tag else None,
            stance_probability=_rounded(tag.stance_probability) if tag else None,
            favor=favor,
            against=against,
            neutral=neutral,
            status=status,
            model=model,
            codebook=codebook,
            run=run,
        )

    if unread is not None:
        return [row(None, unread)]
    if not tags:
        return [row(None, NO_TOPIC)]
    return [row(tag, REVIEW if tag.review else TAGGED) for tag in tags]


def _rounded(probability: float | None) -> float | None:
    """Six digits: more would be noise, and hard to read in a table."""
    return None if probability is None else round(probability, 6)


Write = Callable[[Sequence[Row]], object]


SUFFIXES = (".parquet", ".jsonl", ".csv")


def check_tags_output(path: Path) -> None:
    """Raises DemarcheError before any work where nothing could be written in the end."""
    if path.suffix not in SUFFIXES:
        raise DemarcheError(f"{path}: tags go to a file ending in {', '.join(SUFFIXES)}")
    check_output(path)


def writing(path: Path) -> AbstractContextManager[Write]:
    """Takes rows a batch at a time. Nothing is left behind, and an older file stays, if the block raises."""
    kinds: dict[str, type] = {"start": int, "end": int, "assigned": bool}
    numbers = ("topic_probability", "stance_probability", "favor", "against", "neutral")
    kinds |= dict.fromkeys(numbers, float)
    return table_writer(path, {name: kinds.get(name, str) for name in COLUMNS})
