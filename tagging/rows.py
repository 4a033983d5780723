"""The rows of a tags file: one for each passage and topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, NotRequired, TypedDict, cast

from labels.passages import Passage
from models.explanation import Explanation
from models.tagger import Tag


class Row(TypedDict):
    """The columns of a tags file, in order.

    `favor`, `against` and `neutral` are probabilities, None if the model predicted no stance. `language` is an
    ISO 639-1 code, None if the language could not be detected. `stance_is_likeliest`: whether the stance, which is chosen
    by weighted probabilities, is also the most probable one. `title` to `url` are those of the
    article. `copy_of` is the article with the tags if this one has the same text; its only row has no passage.
    """

    article: str
    passage: str | None
    start: int | None
    end: int | None
    text: str | None
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
    copy_of: str | None
    topic_words: NotRequired[str | None]
    stance_words: NotRequired[str | None]


EXPLANATION = ("topic_words", "stance_words")
"""Further columns with `--explain`: the words that weighed most for the topic and for the stance."""
COLUMNS = tuple(name for name in Row.__annotations__ if name not in EXPLANATION)
TYPES: dict[str, type] = (
    dict.fromkeys(COLUMNS, str)
    | {"start": int, "end": int, "assigned": bool, "stance_is_likeliest": bool}
    | dict.fromkeys(("topic_probability", "stance_probability", "favor", "against", "neutral"), float)
)

TAGGED, REVIEW, NO_TOPIC = "tagged", "review", "no_topic"
"""The status of a row whose passage the model read. A passage without a topic is for review if it has a candidate."""
READ = (TAGGED, REVIEW, NO_TOPIC)
BOILERPLATE, OTHER_LANGUAGE = "boilerplate", "other_language"
"""The status of a row whose passage the model did not read."""
COPY = "copy"
"""The status of the only row of an article that has the text of another."""


class Names(NamedTuple):
    """What every row says of the model: its name, its codebook, and the run that trained it."""

    model: str
    codebook: str
    run: str | None


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
    names: Names,
    explanations: Sequence[Explanation] | None = None,
) -> Rows:
    """Return the rows of a passage. `skipped_as` is the status of a passage that the model did not read.

    `explanations` are those of the tags.
    """

    def row(place: int | None, status: str) -> Row:
        tag = None if place is None else tags[place]
        favor, against, neutral = map(_round, (tag.stances if tag and tag.stances else None) or (None, None, None))
        made = Row(
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
            model=names.model,
            codebook=names.codebook,
            run=names.run,
            stance_is_likeliest=tag.stance_probability == max(tag.stances) if tag and tag.stances else None,
            title=passage.title,
            source=passage.source,
            published=passage.published,
            url=passage.url,
            copy_of=None,
        )
        if explanations is not None and place is not None:
            made["topic_words"], made["stance_words"] = explanations[place]
        return made

    assigned = [row(place, REVIEW if tag.review else TAGGED) for place, tag in enumerate(tags) if tag.assigned]
    candidates = [row(place, REVIEW) for place, tag in enumerate(tags) if not tag.assigned]
    without_topic = row(None, skipped_as or (REVIEW if candidates else NO_TOPIC))
    return Rows(assigned or [without_topic], candidates)


METADATA = ("title", "source", "published", "url")
"""The columns that describe the article."""


def row_of_copy(id: str, of: str, metadata: Mapping[str, str | None], names: Names) -> Row:
    """Return the row of an article that has the text of another, with the id `of`."""
    known = {"article": id, "assigned": False, "status": COPY, "copy_of": of, **names._asdict(), **metadata}
    return cast(Row, dict.fromkeys(COLUMNS) | known)


def _round(probability: float | None) -> float | None:
    """Round to six digits: more would be noise, and hard to read in a table."""
    return None if probability is None else round(probability, 6)
