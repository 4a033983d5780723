"""Read unlabelled articles or passages, and choose which of their passages to label next."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, groupby, islice
from pathlib import Path
from typing import NamedTuple, Self

from labels.check import read_passages
from labels.errors import DemarcheError, Problem, Problems
from labels.files import read_jsonl
from labels.gold.adjudication import Target
from labels.passages import Passage
from models.choosing import SHARES, Candidate, Labelled, Reason, Score, Scorer, Shortlist, choose
from models.language import is_other_language, languages_of_article
from models.saved import check_seal, has_encoder
from tagging.in_batches import in_batches
from tagging.jobs import Item, PreparedArticle, PreparedPiece, Tagging
from tagging.processes import TIME_LIMIT, Workers, cores, spread
from tagging.readers import ArticleColumns, Unreadable, list_articles, nothing_read
from tagging.rows import Names

_AT_ONCE = 512
"""Passages of a file that are scored together."""


class ScoredPassage(NamedTuple):
    """A passage that may be labelled, with its scores."""

    passage: Passage
    scores: list[Score]


class ScoredArticle(NamedTuple):
    """The passages of an article that may be labelled, and the number of those that already are."""

    passages: list[ScoredPassage]
    labelled: int


@dataclass
class Suggestion:
    """The passages to label, in random order, and the numbers of those they were chosen from and of labelled ones."""

    chosen: list[Candidate] = field(default_factory=list)
    read: int = 0
    labelled: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    """Remarks on how tables of articles were read."""


@dataclass(frozen=True)
class Scoring:
    """Cut articles into passages as `demarche tag` does, and score those that the model reads and nobody labelled."""

    tagging: Tagging
    scorer: Scorer

    @classmethod
    def load(cls, folder: Path, *, labelled: Sequence[Path], has_targets: bool) -> Self:
        """Load the model. Raises DemarcheError if it cannot tag articles such as these."""
        tagging = Tagging.load(folder, names=Names("", "", None), with_articles=False, has_targets=has_targets)
        known = [passage for path in labelled for passage in read_passages(path)]
        return cls(tagging, Scorer(tagging.tagger, Labelled(known, tagging.tagger)))

    def prepare(self, item: Item) -> Iterator[PreparedArticle | Unreadable]:
        return self.tagging.prepare(item)

    def finish(
        self, prepared: Sequence[Sequence[PreparedArticle | Unreadable]]
    ) -> list[list[ScoredArticle | Unreadable]]:
        articles = [part for parts in prepared for part in parts if isinstance(part, PreparedArticle)]
        scored = iter(self._score(articles))
        return [[part if isinstance(part, Unreadable) else next(scored) for part in parts] for parts in prepared]

    def _score(self, articles: Sequence[PreparedArticle]) -> Iterator[ScoredArticle]:
        """Yield each article with its scores; the model reads the passages of all of them at once."""
        readable = [[piece for piece in article.pieces if piece.skipped_as is None] for article in articles]
        new = [[piece for piece in pieces if not self.scorer.labelled.has(piece.piece.passage)] for pieces in readable]
        together = [piece for pieces in new for piece in pieces]
        scores = iter(
            self.scorer.scores([piece.piece.passage for piece in together], [piece.target for piece in together])
        )
        for pieces, of_article in zip(readable, new, strict=True):
            scored = [ScoredPassage(_with_target(piece), next(scores)) for piece in of_article]
            yield ScoredArticle(scored, len(pieces) - len(of_article))


def _with_target(piece: PreparedPiece) -> Passage:
    """Return the passage with the target that annotators are asked about, if its article has one."""
    passage = piece.piece.passage
    return passage if piece.target is None else passage.model_copy(update={"meta": {"target": piece.target.text}})


def suggest_from_articles(
    inputs: Sequence[Path],
    folder: Path,
    n: int,
    *,
    columns: ArticleColumns,
    labelled: Sequence[Path] = (),
    out: Path | None = None,
    shares: Mapping[Reason, float] = SHARES,
    time_limit: float = TIME_LIMIT,
    seed: int,
) -> Suggestion:
    """Choose n passages of articles to label. `labelled` are files of passages that are left out.

    `out`, which is written later, is not read. Raises DemarcheError if nothing can be read.
    """
    check_seal(folder)
    load = partial(Scoring.load, folder.absolute(), labelled=labelled, has_targets=columns.target is not None)
    workers = Workers(1 if has_encoder(folder) else cores(), time_limit)
    suggestion, shortlist = Suggestion(), Shortlist(n, seed=seed)
    count = 0
    items = list_articles(inputs, columns, written=[out] if out else [], notes=suggestion.notes)
    with contextlib.closing(in_batches(partial(spread, load, workers=workers), items)) as batches:
        for part in (result for worked in chain.from_iterable(batches) for result in worked.results):
            if isinstance(part, Unreadable):
                suggestion.unreadable.append(part)
                continue
            count += 1
            suggestion.labelled += part.labelled
            for passage, scores in part.passages:
                shortlist.add(passage, scores)
    if not count:
        raise nothing_read(suggestion.unreadable)
    return _choose(shortlist, suggestion, shares)


def suggest_from_passages(
    files: Sequence[Path],
    folder: Path,
    n: int,
    *,
    target: str | None = None,
    labelled: Sequence[Path] = (),
    shares: Mapping[Reason, float] = SHARES,
    seed: int,
) -> Suggestion:
    """Choose n of the passages in files to label; `target` is the field of `meta` with the target of the stance.

    Raises BadInput with every line that is not a passage.
    """
    check_seal(folder)
    scorer = Scoring.load(folder, labelled=labelled, has_targets=target is not None).scorer
    suggestion, shortlist = Suggestion(), Shortlist(n, seed=seed)
    problems = Problems()
    new = _new_passages(files, scorer, suggestion, problems)
    while batch := list(islice(new, _AT_ONCE)):
        targets = [_target(passage, target) for passage in batch]
        for passage, scores in zip(batch, scorer.scores(batch, targets), strict=True):
            shortlist.add(passage, scores)
    problems.raise_any()
    return _choose(shortlist, suggestion, shares)


def _target(passage: Passage, field: str | None) -> Target | None:
    target = passage.meta.get(field) if field is not None else None
    return None if target is None or not str(target).strip() else Target(None, str(target))


def _new_passages(
    files: Sequence[Path], scorer: Scorer, suggestion: Suggestion, problems: Problems
) -> Iterator[Passage]:
    """Yield the passages that are not labelled and in a language of the model; count those that are labelled."""
    languages = scorer.tagger.settings.languages
    passages = (passage for file in dict.fromkeys(files) for _, passage in read_jsonl(file, Passage, problems))
    for _, of_article in groupby(passages, key=lambda passage: passage.article):
        together = list(of_article)
        _, each = languages_of_article([passage.text for passage in together], languages)
        for passage, language in zip(together, each, strict=True):
            if scorer.labelled.has(passage):
                suggestion.labelled += 1
            elif not is_other_language(language, languages):
                yield passage


def _choose(shortlist: Shortlist, suggestion: Suggestion, shares: Mapping[Reason, float]) -> Suggestion:
    if not shortlist.passages:
        raise DemarcheError(
            f"no passage to label: {suggestion.labelled} are labelled already, and the model reads no other; "
            "name articles that nobody labelled"
        )
    suggestion.read = shortlist.passages
    suggestion.chosen = shortlist.shuffled(choose(shortlist, shares=shares))
    return suggestion


def to_annotate(candidate: Candidate) -> Passage:
    """Return the passage with its reason in `meta`, which says nothing of the label."""
    meta = {**candidate.passage.meta, "reason": candidate.score.reason}
    return candidate.passage.model_copy(update={"meta": meta})
