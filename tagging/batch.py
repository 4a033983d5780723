"""Tag a batch of articles, streaming from the input files to an output file."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from labels.errors import DemarcheError, Problem
from labels.files import check_jsonl_output, jsonl_writer
from models.saved import check_seal, has_encoder
from models.tagger import Tagger
from tagging.in_batches import in_batches
from tagging.jobs import TaggedArticle, Tagging
from tagging.processes import TIME_LIMIT, Workers, cores
from tagging.readers import ArticleColumns, Unreadable, check_inputs, list_articles, nothing_read
from tagging.rows import BOILERPLATE, OTHER_LANGUAGE, TAGGED, Row, check_tags_output, tags_writer


@dataclass
class Summary:
    """Counts of the articles, passages and tags of a batch.

    `passages` counts what the model read. `candidates` counts the topics for review that are not assigned: just below a
    threshold, or of an unfamiliar passage. `topics` maps topic → stance → passages assigned. `other_languages` maps
    language → passages that the model did not read because it was not trained on their language; they are in
    `other_articles` articles.
    """

    training_languages: Sequence[str] = ()
    articles: int = 0
    passages: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    candidates: int = 0
    topics: dict[str, Counter[str]] = field(default_factory=dict)
    other_languages: Counter[str] = field(default_factory=Counter)
    other_articles: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    """Remarks on how tables of articles were read."""

    @property
    def assigned(self) -> int:
        """The number of tags that are assigned, for review or not."""
        return sum(stances.total() for stances in self.topics.values())

    @property
    def assigned_for_review(self) -> int:
        """The number of assigned tags that are just above a threshold."""
        return self.assigned - self.statuses[TAGGED]

    def add(self, articles: Sequence[TaggedArticle]) -> None:
        """Add the rows of some articles to the counts."""
        rows = [row for article in articles for row in article.rows]
        self.articles += len(articles)
        self.candidates += sum(len(article.candidates) for article in articles)
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


@dataclass(frozen=True)
class Outputs:
    """The files of a batch: the tags, the topics that are candidates, and the articles as they were read.

    The text of the articles is what the offsets of the passages refer to. With `for_spreadsheet`, no cell of a CSV file
    is a formula.
    """

    tags: Path
    candidates: Path | None = None
    articles: Path | None = None
    for_spreadsheet: bool = False

    @property
    def paths(self) -> list[Path]:
        return [path for path in (self.tags, self.candidates, self.articles) if path is not None]

    def check(self) -> None:
        """Raise DemarcheError if a file cannot be written, before any work is done."""
        for path in (self.tags, self.candidates):
            if path is not None:
                check_tags_output(path, for_spreadsheet=self.for_spreadsheet)
        if self.articles is not None:
            check_jsonl_output(self.articles)
        if len({path.resolve() for path in self.paths}) < len(self.paths):
            raise DemarcheError(f"{self.tags}: --out, --candidates-out and --articles-out must be different files")


def tag_files(
    inputs: Sequence[Path],
    folder: Path,
    outputs: Outputs,
    *,
    model: str,
    columns: ArticleColumns,
    jobs: int | None = None,
    time_limit: float = TIME_LIMIT,
) -> Summary:
    """Tag every article in the inputs with the model in `folder`; the outputs appear when they are complete.

    `jobs` is the number of processes; by default one for each core, or a single one for a model with an encoder, which
    uses all cores by itself. An article for which a process takes more than `time_limit` seconds, or dies, counts as
    unreadable.
    """
    check_inputs(inputs)
    outputs.check()
    for path in outputs.paths:
        if folder.resolve() in path.resolve().parents:
            raise DemarcheError(f"{path}: is in the model's folder, which must not change; name another file")
    check_seal(folder)
    load = partial(
        Tagging.load,
        folder.absolute(),
        model=model,
        with_articles=outputs.articles is not None,
        has_targets=columns.target is not None,
    )
    workers = Workers(jobs or (1 if has_encoder(folder) else cores()), time_limit)
    summary = Summary()
    items = list_articles(inputs, columns, written=outputs.paths, notes=summary.notes)
    with _writer(outputs) as write, contextlib.closing(in_batches(load, items, workers)) as batches:
        for batch in batches:
            tagged = [article for article in batch if not isinstance(article, Unreadable)]
            summary.unreadable += [article for article in batch if isinstance(article, Unreadable)]
            summary.add(tagged)
            write(tagged)
        if not summary.articles:
            raise nothing_read(summary.unreadable)
    summary.training_languages = Tagger.settings_of(folder).languages
    return summary


@contextlib.contextmanager
def _writer(outputs: Outputs) -> Iterator[Callable[[Sequence[TaggedArticle]], None]]:
    """Open the outputs and return a function that writes articles to them; they appear when the block ends."""
    with contextlib.ExitStack() as stack:

        def open_tags(path: Path) -> Callable[[Iterable[Row]], object]:
            return stack.enter_context(tags_writer(path, for_spreadsheet=outputs.for_spreadsheet))

        write_rows = open_tags(outputs.tags)
        write_candidates = open_tags(outputs.candidates) if outputs.candidates else None
        write_articles = stack.enter_context(jsonl_writer(outputs.articles)) if outputs.articles else None

        def write(articles: Sequence[TaggedArticle]) -> None:
            write_rows(row for article in articles for row in article.rows)
            if write_candidates is not None:
                write_candidates(row for article in articles for row in article.candidates)
            if write_articles is not None:
                write_articles(article.article for article in articles if article.article is not None)

        yield write
