"""What a worker process does with articles: read their files and cut them into passages, and perhaps tag these."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import NamedTuple, Self

from labels.errors import DemarcheError
from labels.gold.adjudication import Target
from labels.passages import Article, Passage
from models.cleaning import find_span
from models.explanation import explain
from models.language import is_other_language, languages_of_article
from models.tagger import Tagger
from tagging.readers import ArticleFile, ReadArticle, Unreadable, read_file
from tagging.rows import BOILERPLATE, METADATA, OTHER_LANGUAGE, Names, Row, rows_of
from tagging.segmentation import Piece, segment

Item = ReadArticle | ArticleFile


class CutArticle(NamedTuple):
    """An article as read, and its passages without boilerplate."""

    article: Article
    passages: list[Passage]


class Cutting:
    """Cut articles into passages; the result of an item holds each of its articles."""

    def prepare(self, item: Item) -> Iterator[CutArticle | Unreadable]:
        for read in _read(item):
            if isinstance(read, Unreadable):
                yield read
                continue
            pieces = segment(read.article)
            yield CutArticle(read.article, [piece.passage for piece in pieces if piece.boilerplate is None])

    def finish(self, prepared: Sequence[Sequence[CutArticle | Unreadable]]) -> list[list[CutArticle | Unreadable]]:
        return [list(parts) for parts in prepared]


class PreparedPiece(NamedTuple):
    """A piece of an article, its language, and the target that its stance is toward.

    `skipped_as` is the status of a piece that the model does not read, otherwise None.
    """

    piece: Piece
    language: str | None
    target: Target | None
    skipped_as: str | None


class PreparedArticle(NamedTuple):
    """An article that is ready for the model."""

    read: ReadArticle
    pieces: list[PreparedPiece]


class TaggedArticle(NamedTuple):
    """The rows of an article, those of topics that are candidates, and the article as read if it is wanted.

    `digest` is that of its text, as `digest_of_text` returns it.
    """

    id: str
    digest: bytes
    metadata: dict[str, str | None]
    rows: list[Row]
    candidates: list[Row]
    article: Article | None

    @classmethod
    def of(cls, read: ReadArticle, rows: list[Row], candidates: list[Row], *, with_article: bool) -> Self:
        article = read.article
        metadata = {name: getattr(article, name) for name in METADATA}
        return cls(article.id, digest_of_text(read), metadata, rows, candidates, article if with_article else None)


@dataclass(frozen=True)
class Tagging:
    """Tag the passages of articles; the result of an item holds each of its articles.

    `names` are those in the rows. `with_articles`: the results hold the articles as well. `explains`: the rows tell which
    words weighed most.
    """

    tagger: Tagger
    names: Names
    with_articles: bool
    explains: bool = False

    @classmethod
    def load(
        cls, folder: Path, *, names: Names, with_articles: bool, has_targets: bool, explains: bool = False
    ) -> Self:
        """Load the model. Raises DemarcheError if it cannot tag articles such as these."""
        tagger = Tagger.load(folder)
        if not tagger.reader.reads_topics and not has_targets:
            raise DemarcheError("this model predicts stance alone; name the column of the targets with --target")
        return cls(tagger, names, with_articles, explains)

    def prepare(self, item: Item) -> Iterator[PreparedArticle | Unreadable]:
        for read in _read(item):
            if isinstance(read, Unreadable):
                yield read
            else:
                yield PreparedArticle(read, _prepare(read, self.tagger.settings.languages))

    def finish(
        self, prepared: Sequence[Sequence[PreparedArticle | Unreadable]]
    ) -> list[list[TaggedArticle | Unreadable]]:
        articles = [part for parts in prepared for part in parts if isinstance(part, PreparedArticle)]
        tagged = iter(self._tag(articles))
        return [[part if isinstance(part, Unreadable) else next(tagged) for part in parts] for parts in prepared]

    def _tag(self, articles: Sequence[PreparedArticle]) -> Iterator[TaggedArticle]:
        """Yield the rows of each article; the model reads all of their passages at once."""
        read = [piece for article in articles for piece in article.pieces if piece.skipped_as is None]
        targets = [piece.target for piece in read]
        passages = [piece.piece.passage for piece in read]
        tags_of_passages = self.tagger.tag(passages, targets if any(targets) else None)
        tags = iter(tags_of_passages)
        explanations = iter(explain(self.tagger, passages, tags_of_passages) if self.explains else repeat(None))
        for article in articles:
            of_pieces = [
                rows_of(
                    piece.piece.passage,
                    next(tags) if piece.skipped_as is None else [],
                    skipped_as=piece.skipped_as,
                    language=piece.language,
                    names=self.names,
                    explanations=next(explanations) if piece.skipped_as is None else None,
                )
                for piece in article.pieces
            ]
            yield TaggedArticle.of(
                article.read,
                [row for rows in of_pieces for row in rows.tags],
                [row for rows in of_pieces for row in rows.candidates],
                with_article=self.with_articles,
            )


def digest_of_text(read: ReadArticle) -> bytes:
    """Return a digest that articles with the same text and target share, whatever their white space."""
    text = " ".join(read.article.text.split())
    return hashlib.blake2b(f"{read.target or ''}\0{text}".encode(), digest_size=16).digest()


def _read(item: Item) -> Iterator[ReadArticle | Unreadable]:
    if isinstance(item, ArticleFile):
        yield from read_file(item)
    else:
        yield item


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
    return Target(None, target, find_span(piece.passage.text, target))
