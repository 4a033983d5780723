"""Tagging a batch of articles, as a stream."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from labels.errors import DemarcheError
from labels.files import jsonl_writer
from labels.gold.adjudication import Target
from models.language import is_other_language, languages_of_article
from models.tagger import Tagger
from tagging.processes import Processes, spread
from tagging.readers import Columns, Read, Unreadable, nothing_read, read_articles
from tagging.rows import BOILERPLATE, OTHER_LANGUAGE, Row, check_tags_output, rows_of, writing
from tagging.segmentation import Piece, segment

ARTICLES_AT_ONCE = 64


@dataclass
class Summary:
    """What became of a batch. `topics`: topic → stance → passages assigned.

    `passages` were read by the model. Of `other_languages`, language → passages, in `other_articles`, it knows nothing.
    """

    articles: int = 0
    passages: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    topics: dict[str, Counter[str]] = field(default_factory=dict)
    other_languages: Counter[str] = field(default_factory=Counter)
    other_articles: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)


def tag_batch(
    inputs: Sequence[Path],
    tagger: Tagger,
    out: Path,
    *,
    model: str,
    columns: Columns,
    articles_out: Path | None = None,
    processes: Processes | None = None,
) -> Summary:
    """Tags every article in the inputs into `out`, which appears when it is whole.

    `articles_out` keeps the articles as read: the text that offsets count in.
    """
    check_tags_output(out)
    if not tagger.reader.reads_topics and columns.target is None:
        raise DemarcheError("this model reads stance alone; name the column of its target with --target")
    written = [out, *([articles_out] if articles_out else [])]
    if len({path.resolve() for path in written}) < len(written):
        raise DemarcheError(f"{out}: tags and articles cannot go to the same file; name another --articles-out")
    summary = Summary()
    keeping = jsonl_writer(articles_out) if articles_out else contextlib.nullcontext()
    with writing(out) as write, keeping as keep:

        def readable() -> Iterator[list[Read]]:
            for batch in _batches(read_articles(inputs, columns, written=written), ARTICLES_AT_ONCE):
                summary.unreadable += [item for item in batch if isinstance(item, Unreadable)]
                read = [item for item in batch if isinstance(item, Read)]
                summary.articles += len(read)
                if keep is not None:
                    keep(item.article for item in read)
                yield read

        work = partial(tag_articles, model=model)
        with contextlib.closing(spread(work, readable(), tagger, processes)) as found:
            for rows in found:
                write(rows)
                _count(rows, summary)
        if not summary.articles:
            raise nothing_read(summary.unreadable)
    return summary


class Found(NamedTuple):
    """A piece of an article, its language, the target asked after, and the status of one that the model does not read."""

    piece: Piece
    language: str | None
    target: Target | None
    unread: str | None


def tag_articles(tagger: Tagger, read: Sequence[Read], *, model: str) -> list[Row]:
    """The rows of some articles, in order."""
    found = [one for item in read for one in _pieces(item, tagger.settings.languages)]
    body = [position for position, one in enumerate(found) if one.unread is None]
    asked = [found[position].target for position in body]
    tags = tagger.tag([found[position].piece.passage for position in body], asked if any(asked) else None)
    of = dict(zip(body, tags, strict=True))
    return [
        row
        for position, one in enumerate(found)
        for row in rows_of(
            one.piece.passage,
            of.get(position, []),
            unread=one.unread,
            language=one.language,
            model=model,
            codebook=tagger.codebook.reference,
            run=tagger.settings.run,
        )
    ]


def _pieces(read: Read, learnt: Sequence[str]) -> list[Found]:
    """The pieces of an article; which of them the model does not read, as it learnt these languages."""
    pieces = segment(read.article)
    whole, languages = languages_of_article([piece.passage.text for piece in pieces], learnt)

    def unread(piece: Piece, language: str | None) -> str | None:
        # What furniture looks like was learnt from English pages: it says nothing of an article in another language.
        if is_other_language(language, learnt) and (piece.boilerplate is None or is_other_language(whole, learnt)):
            return OTHER_LANGUAGE
        return BOILERPLATE if piece.boilerplate else None

    return [
        Found(piece, language, _target(piece, read.target), unread(piece, language))
        for piece, language in zip(pieces, languages, strict=True)
    ]


def _count(rows: Sequence[Row], summary: Summary) -> None:
    others = [row for row in rows if row["status"] == OTHER_LANGUAGE]
    summary.other_languages.update(row["language"] for row in others if row["language"])
    summary.other_articles += len({row["article"] for row in others})
    summary.passages += len({row["passage"] for row in rows if row["status"] not in (BOILERPLATE, OTHER_LANGUAGE)})
    for row in rows:
        summary.statuses[row["status"]] += 1
        if row["assigned"] and row["topic"]:
            summary.topics.setdefault(row["topic"], Counter())[row["stance"] or "no stance"] += 1


def _target(piece: Piece, target: str | None) -> Target | None:
    """The target, and its place in the passage where it is named there once."""
    if target is None or piece.boilerplate is not None:
        return None
    start = piece.passage.text.find(target)
    once = start >= 0 and piece.passage.text.count(target) == 1
    return Target(None, target, (start, start + len(target)) if once else None)


def _batches(items: Iterable[Read | Unreadable], size: int) -> Iterator[list[Read | Unreadable]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
