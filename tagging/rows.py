"""The rows of a tags file: one for each passage and topic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, TypedDict

from labels.errors import DemarcheError
from labels.files import check_output
from labels.passages import Passage
from labels.table_files.spreadsheet import check_for_spreadsheet
from labels.tables.writers import table_writer
from models.tagger import Tag


class Row(TypedDict):
    """The columns of a tags file, in order.

    `favor`, `against` and `neutral` are probabilities, None if the model predicted no stance. `language` is an
    ISO 639-1 code, None if the language could not be detected. `stance_is_likeliest`: whether the stance, which is chosen
    by weighted probabilities, is also the most probable one. `title` to `url` are those of the article.
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
    stance_is_likeliest: bool | None
    title: str | None
    source: str | None
    published: str | None
    url: str | None


COLUMNS = tuple(Row.__annotations__)
_KINDS: dict[str, type] = (
    dict.fromkeys(COLUMNS, str)
    | {"start": int, "end": int, "assigned": bool, "stance_is_likeliest": bool}
    | dict.fromkeys(("topic_probability", "stance_probability", "favor", "against", "neutral"), float)
)
SUFFIXES = (".parquet", ".jsonl", ".csv")

TAGGED, REVIEW, NO_TOPIC = "tagged", "review", "no_topic"
"""The status of a row whose passage the model read. A passage without a topic is for review if it has a candidate."""
BOILERPLATE, OTHER_LANGUAGE = "boilerplate", "other_language"
"""The status of a row whose passage the model did not read."""


class Rows(NamedTuple):
    """The rows of a passage: `tags` has one for each topic assigned, or a single one without a topic.

    `candidates` has one for each topic that is for review and not assigned.
    """

    tags: list[Row]
    candidates: list[Row]


def rows_of(
    passage: Passage,
    tags: Sequence[Tag],
    *,
    skipped_as: str | None,
    language: str | None,
    model: str,
    codebook: str,
    run: str | None,
) -> Rows:
    """Return the rows of a passage. `skipped_as` is the status of a passage that the model did not read."""

    def row(tag: Tag | None, status: str) -> Row:
        favor, against, neutral = map(_round, (tag.stances if tag and tag.stances else None) or (None, None, None))
        return Row(
            article=passage.article,
            passage=passage.id,
            start=passage.start,
            end=passage.end,
            text=passage.text,
            language=language,
            topic=tag.topic if tag else None,
            topic_probability=_round(tag.topic_probability) if tag else None,
            assigned=tag.assigned if tag else False,
            stance=tag.stance if tag else None,
            stance_probability=_round(tag.stance_probability) if tag else None,
            favor=favor,
            against=against,
            neutral=neutral,
            status=status,
            model=model,
            codebook=codebook,
            run=run,
            stance_is_likeliest=tag.stance_probability == max(tag.stances) if tag and tag.stances else None,
            title=passage.title,
            source=passage.source,
            published=passage.published,
            url=passage.url,
        )

    assigned = [row(tag, REVIEW if tag.review else TAGGED) for tag in tags if tag.assigned]
    candidates = [row(tag, REVIEW) for tag in tags if not tag.assigned]
    without_topic = row(None, skipped_as or (REVIEW if candidates else NO_TOPIC))
    return Rows(assigned or [without_topic], candidates)


def _round(probability: float | None) -> float | None:
    """Round to six digits: more would be noise, and hard to read in a table."""
    return None if probability is None else round(probability, 6)


def check_tags_output(path: Path, *, for_spreadsheet: bool = False) -> None:
    """Raise a DemarcheError if tags cannot be written to the path, before any work is done."""
    if path.suffix not in SUFFIXES:
        raise DemarcheError(f"{path}: not a tags file; name a file that ends in {', '.join(SUFFIXES)}")
    if for_spreadsheet:
        check_for_spreadsheet(path)
    check_output(path)


def tags_writer(
    path: Path, *, for_spreadsheet: bool = False
) -> AbstractContextManager[Callable[[Iterable[Row]], object]]:
    """Open a tags file and return a function that writes rows to it, a batch at a time.

    If the block raises, nothing is left behind and an existing file is kept.
    """
    return table_writer(path, _KINDS, for_spreadsheet=for_spreadsheet)
