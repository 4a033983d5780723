"""Show annotators what the tagger says of passages: from a tags file, or from a model."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labels.codebook import Codebook, fits
from labels.errors import DemarcheError
from labels.passages import Passage
from labels.tools.work import SuggestedTopic, Suggestion
from models.tagger import Tag
from tagging.rows import READ
from tagging.tags_files import batches_of

_COLUMNS = (
    "passage", "article", "text", "topic", "topic_probability", "assigned", "stance", "stance_probability", "status", "model",
    "codebook",
)  # fmt: skip


def suggestions_of(
    tags: Path, codebook: Codebook, passages: Sequence[Passage], lost: Counter[str]
) -> dict[str, Suggestion]:
    """Return {passage id: what its rows say}, and count in `lost` the passages without any, or with another text.

    The tags are those of the articles that the passages were cut from, or of the file of passages itself.

    Raises DemarcheError if the model that made the tags has another codebook, or tagged none of the passages.
    """
    texts = {passage.id: passage.text for passage in passages}
    rows: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    others: set[str] = set()
    for batch in batches_of(tags, _COLUMNS):
        for row in batch.to_pylist():
            # A file of passages that was tagged as articles has a passage of its own within each.
            id = row["passage"] if row["passage"] in texts else row["article"]
            if id not in texts or row["status"] not in READ:
                continue
            if fits(row["codebook"], codebook) == "other":
                raise DemarcheError(
                    f"{tags}: tags of a model with codebook {row['codebook']}, not {codebook.reference}; "
                    "tag the passages with a model of this codebook"
                )
            if row["text"] != texts[id]:
                others.add(id)
            else:
                rows[id].append(row)
    others -= rows.keys()
    if not rows:
        raise DemarcheError(f"{tags}: no row is about one of these passages; tag the same file of passages")
    lost["tagged passages with another text"] += len(others)
    lost["passages without tags"] += len(passages) - len(rows) - len(others)
    known = set(codebook.topic_ids)
    suggestions = {}
    for passage, of_passage in rows.items():
        assigned = [row for row in of_passage if row["assigned"] and row["topic"]]
        lost["tags of a topic that the codebook no longer has"] += sum(row["topic"] not in known for row in assigned)
        topics = [
            SuggestedTopic(row["topic"], row["topic_probability"], row["stance"], row["stance_probability"])
            for row in assigned
            if row["topic"] in known
        ]
        suggestions[passage] = Suggestion(of_passage[0]["model"], tuple(topics))
    return suggestions


def suggestion_of(tags: Sequence[Tag], model: str) -> Suggestion:
    """Return the topics that the tagger assigns to a passage as a suggestion."""
    return Suggestion(
        model,
        tuple(
            SuggestedTopic(tag.topic, tag.topic_probability, tag.stance, tag.stance_probability)
            for tag in tags
            if tag.assigned
        ),
    )
