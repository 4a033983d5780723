"""Tag a batch of articles, streaming from the input files to an output file."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from labels.errors import DemarcheError
from labels.files import jsonl_writer
from labels.gold.adjudication import Target
from labels.passages import Article
from models.language import is_other_language, languages_of_article
from models.saved import has_encoder
from models.tagger import Tagger
from tagging.processes import Processes, cores, spread
from tagging.readers import ArticleColumns, ReadArticle, Unreadable, check_inputs, nothing_read, read_articles
from tagging.rows import BOILERPLATE, OTHER_LANGUAGE, REVIEW, TAGGED, Row, check_tags_output, rows_of, tags_writer
from tagging.segmentation import Piece, segment

ARTICLES_AT_ONCE = 64


@dataclass
class Summary:
    """Counts of the articles, passages and tags of a batch.

    `passages` counts what the model read. `topics` maps topic → stance → passages assigned. `other_languages` maps
    language → passages that the model did not read because it was not trained on their language; they are in
    `other_articles` articles.
    """

    training_languages: Sequence[str] = ()
    articles: int = 0
    passages: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    topics: dict[str, Counter[str]] = field(default_factory=dict)
    other_languages: Counter[str] = field(default_factory=Counter)
    other_articles: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)

    @property
    def assigned(self) -> int:
        """The number of tags that are assigned, for review or not."""
        return sum(stances.total() for stances in self.topics.values())

    @property
    def assigned_for_review(self) -> int:
        """The number of assigned tags that are just above a threshold."""
        return self.assigned - self.statuses[TAGGED]

    @property
    def unassigned_for_review(self) -> int:
        """The number of tags for review that are not assigned: just below a threshold, or of an unfamiliar passage."""
        return self.statuses[REVIEW] - self.assigned_for_review

    def add(self, rows: Sequence[Row]) -> None:
        """Add the rows of some articles to the counts."""
        others = [row for row in rows if row["status"] == OTHER_LANGUAGE]
        self.other_languages.update(row["language"] for row in others if row["language"])
        self.other_articles += len({row["article"] for row in others})
        self.unreadable += [Unreadable(article, "no text but boilerplate") for article in _only_boilerplate(rows)]
        self.passages += len({row["passage"] for row in rows if row["status"] not in (BOILERPLATE, OTHER_LANGUAGE)})
        for row in rows:
            self.statuses[row["status"]] += 1
            if row["assigned"] and row["topic"]:
                self.topics.setdefault(row["topic"], Counter())[row["stance"] or "no stance"] += 1


def _only_boilerplate(rows: Sequence[Row]) -> list[str]:
    """Return the articles, in order, of which every passage is boilerplate."""
    with_text = {row["article"] for row in rows if row["status"] != BOILERPLATE}
    return [article for article in dict.fromkeys(row["article"] for row in rows) if article not in with_text]


def check_paths(inputs: Sequence[Path], out: Path, articles_out: Path | None) -> None:
    """Raise a DemarcheError if an input is missing or an output cannot be written, before any work is done."""
    check_inputs(inputs)
    check_tags_output(out)
    if articles_out is not None and articles_out.resolve() == out.resolve():
        raise DemarcheError(f"{out}: tags and articles cannot go to the same file; name another --articles-out")


def tag_files(
    inputs: Sequence[Path],
    folder: Path,
    out: Path,
    *,
    model: str,
    columns: ArticleColumns,
    articles_out: Path | None = None,
    jobs: int | None = None,
) -> Summary:
    """Tag the inputs with the model in `folder`, as `tag_batch` does.

    `jobs` is the number of processes; by default one for each core, or a single one for a model with an encoder, which
    uses all cores by itself.
    """
    for path in (out, articles_out):
        if path is not None and folder.resolve() in path.resolve().parents:
            raise DemarcheError(f"{path}: is in the model's folder, which must not change; name another file")
    tagger = Tagger.load(folder)
    processes = Processes(jobs or (1 if has_encoder(folder) else cores()), folder)
    return tag_batch(inputs, tagger, out, model=model, columns=columns, articles_out=articles_out, processes=processes)


def tag_batch(
    inputs: Sequence[Path],
    tagger: Tagger,
    out: Path,
    *,
    model: str,
    columns: ArticleColumns,
    articles_out: Path | None = None,
    processes: Processes | None = None,
) -> Summary:
    """Tag every article in the inputs and write the rows to `out`, which is created only when it is complete.

    `articles_out` receives the articles as they were read: the text that the offsets refer to.
    """
    check_paths(inputs, out, articles_out)
    if not tagger.reader.reads_topics and columns.target is None:
        raise DemarcheError("this model predicts stance alone; name the column of the targets with --target")
    outputs = [out, *([articles_out] if articles_out else [])]
    summary = Summary(tagger.settings.languages)
    articles_writer = jsonl_writer(articles_out) if articles_out else contextlib.nullcontext()
    with tags_writer(out) as write_rows, articles_writer as write_articles:
        batches = _read_batches(read_articles(inputs, columns, written=outputs), summary, write_articles)
        with contextlib.closing(spread(partial(tag_articles, model=model), batches, tagger, processes)) as tagged:
            for rows in tagged:
                write_rows(rows)
                summary.add(rows)
        if not summary.articles:
            raise nothing_read(summary.unreadable)
    return summary


def _read_batches(
    items: Iterable[ReadArticle | Unreadable],
    summary: Summary,
    write_articles: Callable[[Iterable[Article]], object] | None,
) -> Iterator[list[ReadArticle]]:
    """Yield the articles in batches; count them, and what is unreadable, in the summary."""
    iterator = iter(items)
    while batch := list(islice(iterator, ARTICLES_AT_ONCE)):
        summary.unreadable += [item for item in batch if isinstance(item, Unreadable)]
        articles = [item for item in batch if isinstance(item, ReadArticle)]
        summary.articles += len(articles)
        if write_articles is not None:
            write_articles(item.article for item in articles)
        yield articles


class PreparedPiece(NamedTuple):
    """A piece of an article, its language, and the target that its stance is toward.

    `skipped_as` is the status of a piece that the model does not read, otherwise None.
    """

    piece: Piece
    language: str | None
    target: Target | None
    skipped_as: str | None


def tag_articles(tagger: Tagger, articles: Sequence[ReadArticle], *, model: str) -> list[Row]:
    """Return the rows of some articles, in order."""
    pieces = [piece for article in articles for piece in _prepare(article, tagger.settings.languages)]
    positions = [position for position, piece in enumerate(pieces) if piece.skipped_as is None]
    passages = [pieces[position].piece.passage for position in positions]
    targets = [pieces[position].target for position in positions]
    tags = dict(zip(positions, tagger.tag(passages, targets if any(targets) else None), strict=True))
    return [
        row
        for position, piece in enumerate(pieces)
        for row in rows_of(
            piece.piece.passage,
            tags.get(position, []),
            skipped_as=piece.skipped_as,
            language=piece.language,
            model=model,
            codebook=tagger.codebook.reference,
            run=tagger.settings.run,
        )
    ]


def _prepare(read: ReadArticle, training_languages: Sequence[str]) -> list[PreparedPiece]:
    """Split an article into pieces and decide which of them a model trained on these languages reads."""
    pieces = segment(read.article)
    main_language, languages = languages_of_article([piece.passage.text for piece in pieces], training_languages)
    is_foreign_article = is_other_language(main_language, training_languages)

    def status_if_skipped(piece: Piece, language: str | None) -> str | None:
        # The boilerplate rules are written for English pages and do not apply to other languages.
        if is_other_language(language, training_languages) and (piece.boilerplate is None or is_foreign_article):
            return OTHER_LANGUAGE
        return BOILERPLATE if piece.boilerplate else None

    return [
        PreparedPiece(piece, language, _target(piece, read.target), status_if_skipped(piece, language))
        for piece, language in zip(pieces, languages, strict=True)
    ]


def _target(piece: Piece, target: str | None) -> Target | None:
    """Return the target, with its span if the passage names it exactly once."""
    if target is None or piece.boilerplate is not None:
        return None
    start = piece.passage.text.find(target)
    is_named_once = start >= 0 and piece.passage.text.count(target) == 1
    return Target(None, target, (start, start + len(target)) if is_named_once else None)
