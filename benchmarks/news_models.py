"""Train configs for bench-news, and tag its passages and pages with the models."""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench import BUILD, digest
from benchmarks.news_scores import Gold, Tagged
from labels.errors import DemarcheError, Problems
from labels.files import Frozen, read_jsonl, write_jsonl
from labels.gold.adjudication import Example
from labels.passages import Article
from labels.splits.split import hash_fraction
from models.examples import NoCallback
from models.tagger import Tagger
from tagging.batch import tag_files
from tagging.outputs import Outputs
from tagging.readers import ArticleColumns
from tagging.rows import BOILERPLATE, OTHER_LANGUAGE
from training.config import read_config
from training.fit import baselines, fit
from training.prepare import Prepared, prepare

CHOOSE, REPORT = "choose", "report"
FOLDS = 5
DEV = 0.15
SEED = 13
RULES = "rules"
TITLES = 5
"""Each passage without a topic is also tagged under this many titles of passages that have one."""


class PageTag(Frozen):
    """A tag on a page of general news."""

    page: str
    topic: str
    probability: float
    text: str


@dataclass(frozen=True)
class Outcome:
    """What one model says of the news; of the pages: passages read, passages tagged, and the tags."""

    news: dict[str, Tagged]
    read: int
    tagged: int
    tags: list[PageTag]


@dataclass(frozen=True)
class Bench:
    """The data to evaluate on, the half of the passages that is scored, and the seed of the training.

    `gold` was read from the files `news`.
    """

    data: Path
    news: Sequence[Path]
    gold: Gold
    side: str
    seed: int

    @property
    def rows(self) -> list[int]:
        return [row for row, example in enumerate(self.gold.examples) if side_of(example) == self.side]

    @property
    def pages(self) -> list[Path]:
        """The pages (ID.html.gz) whose id ends in an odd hexadecimal digit."""
        pages = sorted((self.data / "pages" / "html").glob("*.html.gz"))
        return [page for page in pages if int(page.name.partition(".")[0][-1], 16) % 2]

    def folds(self) -> Iterator[tuple[list[Example], list[int]]]:
        """Yield the real passages to learn from, and the rows to score with that model."""
        examples, scored = self.gold.examples, self.rows
        pool = range(len(examples)) if self.side == REPORT else scored
        for fold in range(FOLDS):
            held_out = {
                row for row in scored if int(hash_fraction(examples[row].passage.article, SEED) * FOLDS) == fold
            }
            yield [examples[row] for row in pool if row not in held_out], sorted(held_out)


def side_of(example: Example) -> str:
    """Return the half that a passage belongs to, `choose` or `report`."""
    return REPORT if int(sha256(example.passage.article.encode()).hexdigest(), 16) % 2 else CHOOSE


def part_of(example: Example) -> str:
    """Return the part of the corpus that a passage belongs to."""
    return str(example.passage.meta.get("part", ""))


def outcome(
    bench: Bench,
    path: Path,
    *,
    corpus: bool,
    real: Sequence[Example] = (),
    rules: bool = False,
    without: str | None = None,
) -> Outcome:
    """Train a config on its own data, on real passages or on both, and tag news and pages with the model.

    `without` names the part of the corpus that the model does not learn from.
    """
    config = read_config(path, [f"seed={bench.seed}"])
    if not (config.reads_topics and config.reads_stance):
        raise DemarcheError(f"{path}: bench-news needs a config with topics and stance")
    prepared = prepare(config)
    data = config.data
    files = (path, data.codebook, *data.passages, *data.annotations)
    code = sorted(file for room in ("labels", "models", "tagging", "training") for file in Path(room).rglob("*.py"))
    learned = (bench.seed, corpus, rules, without, sorted(example.passage.id for example in real))
    learns = sha256(repr(learned).encode()).hexdigest()[:12]
    folder = BUILD / "news" / f"{path.stem}-{learns}-{digest(*files, *bench.news, *bench.pages, *code)}"
    if not (folder / "pages.jsonl").exists():
        start = time.perf_counter()
        train, dev = _examples(prepared, corpus=corpus, real=real, without=without)
        tagger = (
            baselines(config, prepared.data.codebook, train, dev)[RULES]
            if rules
            else fit(config, prepared.data.codebook, train, dev, callback=NoCallback()).tagger
        )
        write_jsonl(folder / "news.jsonl", _tag_news(tagger, bench.gold))
        write_jsonl(folder / "pages.jsonl", _tag_pages(tagger, bench.pages))
        print(f"{path.stem}: {len(train)} + {len(dev)} passages, {time.perf_counter() - start:.0f} s", file=sys.stderr)
    problems = Problems()
    tagged = {result.passage: result for _, result in read_jsonl(folder / "news.jsonl", Tagged, problems)}
    pages = [tag for _, tag in read_jsonl(folder / "pages.jsonl", PageTag, problems)]
    problems.raise_any()
    assigned = [tag for tag in pages if tag.topic]
    return Outcome(tagged, len({(t.page, t.text) for t in pages}), len({(t.page, t.text) for t in assigned}), assigned)


def _examples(
    prepared: Prepared, *, corpus: bool, real: Sequence[Example], without: str | None
) -> tuple[list[Example], list[Example]]:
    train, dev = (
        [e for e in prepared.examples_in(split) if corpus and (without is None or part_of(e) != without)]
        for split in ("train", "dev")
    )
    is_dev = [hash_fraction(example.passage.article, SEED + 1) < DEV for example in real]
    train = train + [example for example, held in zip(real, is_dev, strict=True) if not held]
    return train, dev + [example for example, held in zip(real, is_dev, strict=True) if held]


def _tag_news(tagger: Tagger, gold: Gold) -> list[Tagged]:
    """Tag each passage as an article, through the same code as `demarche tag`."""
    passages = [example.passage for example in gold.examples]
    tags: dict[str, dict[str, tuple[float, str]]] = {passage.id: {} for passage in passages}
    with tempfile.TemporaryDirectory() as folder:
        articles, out = Path(folder) / "articles.jsonl", Path(folder) / "tags.jsonl"
        write_jsonl(articles, [Article(id=p.id, text=p.text, title=p.title, published=p.published) for p in passages])
        tagger.save(Path(folder) / "model")
        tag_files([articles], Path(folder) / "model", Outputs(out), model="bench", columns=ArticleColumns())
        for row in _rows(out):
            if row["assigned"]:
                found = (row["topic_probability"], row["stance"])
                # A long paragraph is tagged in parts: the surest part decides.
                tags[row["article"]][row["topic"]] = max(found, tags[row["article"]].get(row["topic"], found))
    probabilities, _ = tagger.read_topics(passages)
    pairs = [(row, target) for row, example in enumerate(gold.examples) for target in example.stances]
    _, decided = tagger.stances([(passages[row], target) for row, target in pairs])
    stances: list[dict[str, str]] = [{} for _ in passages]
    for (row, target), stance in zip(pairs, decided, strict=True):
        stances[row][target.topic or ""] = stance
    shares = under_other_titles(tagger, gold)
    return [
        Tagged(
            passage=passage.id,
            tags={topic: stance for topic, (_, stance) in tags[passage.id].items()},
            probabilities=tuple(map(float, probabilities[row])),
            stances=stances[row],
            under_other_titles=shares.get(row),
        )
        for row, passage in enumerate(passages)
    ]


def under_other_titles(tagger: Tagger, gold: Gold) -> dict[int, float]:
    """Return for each row without a topic the fraction of titles of passages with a topic under which it gets one."""
    passages = [example.passage for example in gold.examples]
    rng = np.random.default_rng(SEED)
    fractions: dict[int, float] = {}
    for side in (CHOOSE, REPORT):
        rows = [row for row, example in enumerate(gold.examples) if side_of(example) == side]
        titles = sorted({passages[row].title or "" for row in rows if (gold.topics[row] == 1).any()} - {""})
        for row in rows:
            if titles and not gold.topics[row].any():
                drawn = rng.choice(titles, min(TITLES, len(titles)), replace=False)
                tags = tagger.tag([passages[row].model_copy(update={"title": str(title)}) for title in drawn])
                fractions[row] = float(np.mean([any(tag.assigned for tag in each) for each in tags]))
    return fractions


def _tag_pages(tagger: Tagger, pages: Sequence[Path]) -> list[PageTag]:
    """Tag pages from their HTML; a passage without tags is a row without a topic."""
    with tempfile.TemporaryDirectory() as folder:
        unpacked = Path(folder) / "pages"
        unpacked.mkdir()
        for page in pages:
            (unpacked / page.stem).write_bytes(gzip.decompress(page.read_bytes()))
        out = Path(folder) / "tags.jsonl"
        tagger.save(Path(folder) / "model")
        tag_files([unpacked], Path(folder) / "model", Outputs(out), model="bench", columns=ArticleColumns())
        rows = list(_rows(out))
    return [
        PageTag(
            page=row["article"],
            topic=row["topic"] if row["assigned"] else "",
            probability=row["topic_probability"] or 0.0,
            text=row["text"],
        )
        for row in rows
        if row["status"] not in (BOILERPLATE, OTHER_LANGUAGE)
    ]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="\n") as lines:
        yield from map(json.loads, lines)


def both(bench: Bench, path: Path, *, corpus: bool) -> Outcome:
    """Return the cross-validated outcome of a config that learns from real passages; the pages are those of the first fold."""
    outcomes = [(outcome(bench, path, corpus=corpus, real=real), rows) for real, rows in bench.folds()]
    ids = [example.passage.id for example in bench.gold.examples]
    news = {ids[row]: result.news[ids[row]] for result, rows in outcomes for row in rows}
    return replace(outcomes[0][0], news=news)


def curve(bench: Bench, path: Path, size: int | None) -> dict[str, Tagged]:
    """Return the tags of a config that learns from its corpus and `size` real passages, drawn anew for each fold."""
    news: dict[str, Tagged] = {}
    for fold, (real, rows) in enumerate(bench.folds()):
        drawn = real
        if size is not None:
            order = np.random.default_rng(SEED + fold).permutation(len(real))
            drawn = [real[position] for position in order[:size]]
        result = outcome(bench, path, corpus=True, real=drawn)
        ids = [bench.gold.examples[row].passage.id for row in rows]
        news |= {id: result.news[id] for id in ids}
    return news
