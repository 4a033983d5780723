"""Tag a batch of articles, streaming from the input files to an output file."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from labels.errors import DemarcheError, Problem
from labels.files import check_jsonl_output, jsonl_writer
from models.saved import check_seal, has_encoder
from models.tagger import Tagger
from tagging.in_batches import in_batches
from tagging.jobs import Tagging
from tagging.processes import TIME_LIMIT, Workers, cores
from tagging.readers import ArticleColumns, Unreadable, check_inputs, list_articles, nothing_read
from tagging.rows import BOILERPLATE, OTHER_LANGUAGE, REVIEW, TAGGED, Row, check_tags_output, tags_writer


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

    @property
    def unassigned_for_review(self) -> int:
        """The number of tags for review that are not assigned, such as those just below a threshold."""
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


def check_paths(inputs: Sequence[Path], out: Path, articles_out: Path | None, *, for_spreadsheet: bool = False) -> None:
    """Raise a DemarcheError if an input is missing or an output cannot be written, before any work is done."""
    check_inputs(inputs)
    check_tags_output(out, for_spreadsheet=for_spreadsheet)
    if articles_out is not None:
        check_jsonl_output(articles_out)
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
    for_spreadsheet: bool = False,
    jobs: int | None = None,
    time_limit: float = TIME_LIMIT,
) -> Summary:
    """Tag every article in the inputs with the model in `folder`, and write the rows to `out` when it is complete.

    `articles_out` receives the articles as they were read: the text that the offsets refer to. With `for_spreadsheet`,
    no cell of a CSV file is a formula. `jobs` is the number of processes; by default one for each core, or a single one
    for a model with an encoder, which uses all cores by itself. An article for which a process takes more than
    `time_limit` seconds, or dies, counts as unreadable.
    """
    check_paths(inputs, out, articles_out, for_spreadsheet=for_spreadsheet)
    outputs = [path for path in (out, articles_out) if path is not None]
    for path in outputs:
        if folder.resolve() in path.resolve().parents:
            raise DemarcheError(f"{path}: is in the model's folder, which must not change; name another file")
    check_seal(folder)
    load = partial(
        Tagging.load,
        folder.absolute(),
        model=model,
        with_articles=articles_out is not None,
        has_targets=columns.target is not None,
    )
    workers = Workers(jobs or (1 if has_encoder(folder) else cores()), time_limit)
    summary = Summary()
    items = list_articles(inputs, columns, written=outputs, notes=summary.notes)
    articles_writer = jsonl_writer(articles_out) if articles_out else contextlib.nullcontext()
    with tags_writer(out, for_spreadsheet=for_spreadsheet) as write_rows, articles_writer as write_articles:
        with contextlib.closing(in_batches(load, items, workers)) as batches:
            for batch in batches:
                tagged = [article for article in batch if not isinstance(article, Unreadable)]
                summary.articles += len(tagged)
                summary.unreadable += [article for article in batch if isinstance(article, Unreadable)]
                rows = [row for article in tagged for row in article.rows]
                summary.add(rows)
                write_rows(rows)
                if write_articles is not None:
                    write_articles(article.article for article in tagged if article.article is not None)
        if not summary.articles:
            raise nothing_read(summary.unreadable)
    summary.training_languages = Tagger.settings_of(folder).languages
    return summary
