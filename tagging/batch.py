"""Tagging a batch of articles, as a stream."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from labels.adjudication import Target
from labels.errors import DemarcheError
from labels.files import writing_jsonl
from models.tagger import Tagger
from tagging.readers import Columns, Read, Unreadable, nothing_read, read_articles
from tagging.rows import Row, rows_of
from tagging.segmentation import Piece, segment
from tagging.writers import Write, check_tags_out, writing

ARTICLES_AT_ONCE = 64


@dataclass
class Summary:
    """What became of a batch. `topics`: topic → stance → passages assigned."""

    articles: int = 0
    passages: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    topics: dict[str, Counter[str]] = field(default_factory=dict)
    unreadable: list[Unreadable] = field(default_factory=list)


def tag_batch(
    inputs: Sequence[Path],
    tagger: Tagger,
    out: Path,
    *,
    model: str,
    columns: Columns,
    articles_out: Path | None = None,
) -> Summary:
    """Tags every article in the inputs into `out`, which appears when it is whole.

    `articles_out` keeps the articles as read: the text that offsets count in.
    """
    check_tags_out(out)
    if not tagger.reader.reads_topics and columns.target is None:
        raise DemarcheError("this model reads stance alone; name the column of its target with --target")
    written = [out, *([articles_out] if articles_out else [])]
    if len({path.resolve() for path in written}) < len(written):
        raise DemarcheError(f"{out}: tags and articles cannot go to the same file; name another --articles-out")
    summary = Summary()
    keeping = writing_jsonl(articles_out) if articles_out else contextlib.nullcontext()
    with writing(out) as write, keeping as keep:
        for batch in _batches(read_articles(inputs, columns, written=written), ARTICLES_AT_ONCE):
            summary.unreadable += [item for item in batch if isinstance(item, Unreadable)]
            read = [item for item in batch if isinstance(item, Read)]
            if keep is not None:
                keep(item.article for item in read)
            _tag(read, tagger, write, summary, model)
        if not summary.articles:
            raise nothing_read(summary.unreadable)
    return summary


def _tag(read: Sequence[Read], tagger: Tagger, write: Write, summary: Summary, model: str) -> None:
    pieces: list[Piece] = []
    targets: list[Target | None] = []
    for article, target in read:
        found = segment(article)
        pieces += found
        targets += [_target(piece, target) for piece in found]
    body = [position for position, piece in enumerate(pieces) if piece.furniture is None]
    asked = [targets[position] for position in body]
    tags = tagger.tag([pieces[position].passage for position in body], asked if any(asked) else None)
    of = dict(zip(body, tags, strict=True))
    rows = [
        row
        for position, piece in enumerate(pieces)
        for row in rows_of(
            piece.passage,
            of.get(position, []),
            furniture=piece.furniture is not None,
            model=model,
            codebook=tagger.codebook.reference,
            run=tagger.settings.run,
        )
    ]
    write(rows)
    summary.articles += len(read)
    summary.passages += len(body)
    _count(rows, summary)


def _count(rows: Iterable[Row], summary: Summary) -> None:
    for row in rows:
        summary.statuses[row["status"]] += 1
        if row["assigned"] and row["topic"]:
            summary.topics.setdefault(row["topic"], Counter())[row["stance"] or "no stance"] += 1


def _target(piece: Piece, target: str | None) -> Target | None:
    """The target, and its place in the passage where it is named there once."""
    if target is None or piece.furniture is not None:
        return None
    start = piece.passage.text.find(target)
    once = start >= 0 and piece.passage.text.count(target) == 1
    return Target(None, target, (start, start + len(target)) if once else None)


def _batches(items: Iterable[Read | Unreadable], size: int) -> Iterator[list[Read | Unreadable]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
