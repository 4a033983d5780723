"""`make bench-news DATA=FOLDER`: evaluate families on real news, as `demarche tag` tags it.

    python -m benchmarks.news FOLDER [--choose] [--curve] [--parts] [CONFIG…]

FOLDER/news holds passages and the annotations of two readers; what they differ on is not scored. Each passage is tagged
as an article of one paragraph, so that what the tagger does not read counts as missed. The passages are halved by the
hash of their article. Choices are made on one half (`--choose`), and the scores to report come from the other.

Each config is trained on its own data (`corpus`), on real passages (`real`) and on both. Models that learn from real
passages are cross-validated: to score `report`, they learn from `choose` and the other folds of `report`; to score
`choose`, from the other folds of `choose` alone. The learning curve (`--curve`) adds a number of real passages to the
corpus, drawn anew for each fold. The first config is also trained on the corpus without each of its parts (`--parts`).

FOLDER/pages holds web pages of general news. Those whose id ends in an odd digit are tagged from their HTML, to measure
how often a model finds topics where there are none. A model is trained again only if its config, data or code changes.
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench import BUILD, digest
from benchmarks.news_scores import Gold, Measured, Tagged, measure, read_gold
from demarche.printing import table
from labels.codebook import STANCES
from labels.errors import DemarcheError, Problems
from labels.files import Frozen, read_jsonl, write_jsonl
from labels.gold.adjudication import Example
from labels.passages import Article
from labels.splits.split import hash_fraction
from models.examples import NoCallback
from models.tagger import Tagger
from tagging.batch import tag_batch
from tagging.readers import ArticleColumns
from training.config import read_config
from training.fit import baselines, fit
from training.prepare import Prepared, prepare

CONFIGS = [f"configs/{name}.yaml" for name in ("linear", "embedding", "encoder", "average", "joint")]
CURVE = ["configs/linear.yaml", "configs/embedding.yaml"]
OPTIONS = ("--choose", "--curve", "--parts")
SIZES = (0, 25, 50, 100, 200, 400, None)
FOLDS = 5
DEV = 0.15
SEED = 13
RULES = "rules"


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


Result = tuple[str, str, Outcome, Measured]
"""A config, what it was trained on, the outcome and its scores."""


@dataclass(frozen=True)
class Bench:
    """The data to evaluate on, and the half of the passages that is scored."""

    data: Path
    gold: Gold
    side: str

    @property
    def rows(self) -> list[int]:
        return [row for row, example in enumerate(self.gold.examples) if side_of(example) == self.side]

    @property
    def pages(self) -> list[Path]:
        """The pages (ID.html.gz) whose id ends in an odd hexadecimal digit."""
        return [
            p for p in sorted((self.data / "pages" / "html").iterdir()) if int(p.name.partition(".")[0][-1], 16) % 2
        ]

    def folds(self) -> Iterator[tuple[list[Example], list[int]]]:
        """Yield the real passages to learn from, and the rows to score with that model."""
        examples, scored = self.gold.examples, self.rows
        pool = range(len(examples)) if self.side == "report" else scored
        for fold in range(FOLDS):
            held_out = {
                row for row in scored if int(hash_fraction(examples[row].passage.article, SEED) * FOLDS) == fold
            }
            yield [examples[row] for row in pool if row not in held_out], sorted(held_out)


def side_of(example: Example) -> str:
    """Return the half that a passage belongs to, `choose` or `report`."""
    return "report" if int(sha256(example.passage.article.encode()).hexdigest(), 16) % 2 else "choose"


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
    config = read_config(path)
    prepared = prepare(config)
    data = config.data
    files = (path, data.codebook, *data.passages, *data.annotations)
    news = [bench.data / "news" / f"{name}.jsonl.gz" for name in ("passages", "annotations")]
    learned = (corpus, rules, without, sorted(example.passage.id for example in real))
    learns = sha256(repr(learned).encode()).hexdigest()[:12]
    folder = BUILD / "news" / f"{path.stem}-{learns}-{digest(*files, *news, *sorted(Path('tagging').rglob('*.py')))}"
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
        tag_batch([articles], tagger, out, model="bench", columns=ArticleColumns())
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
    return [
        Tagged(
            passage=passage.id,
            tags={topic: stance for topic, (_, stance) in tags[passage.id].items()},
            probabilities=tuple(map(float, probabilities[row])),
            stances=stances[row],
        )
        for row, passage in enumerate(passages)
    ]


def _tag_pages(tagger: Tagger, pages: Sequence[Path]) -> list[PageTag]:
    """Tag pages from their HTML; a passage without tags is a row without a topic."""
    with tempfile.TemporaryDirectory() as folder:
        unpacked = Path(folder) / "pages"
        unpacked.mkdir()
        for page in pages:
            (unpacked / page.stem).write_bytes(gzip.decompress(page.read_bytes()))
        out = Path(folder) / "tags.jsonl"
        tag_batch([unpacked], tagger, out, model="bench", columns=ArticleColumns())
        rows = list(_rows(out))
    return [
        PageTag(
            page=row["article"],
            topic=row["topic"] if row["assigned"] else "",
            probability=row["topic_probability"] or 0.0,
            text=row["text"],
        )
        for row in rows
        if row["status"] not in ("boilerplate", "other_language")
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


def outcomes(bench: Bench, paths: Sequence[str]) -> Iterator[tuple[str, str, Outcome]]:
    """Yield the config, what it learned from, and the outcome; first the rules, which know the codebook's keywords."""
    yield RULES, "corpus", outcome(bench, Path(paths[0]), corpus=True, rules=True)
    for path in map(Path, paths):
        yield path.stem, "corpus", outcome(bench, path, corpus=True)
        yield path.stem, "real", both(bench, path, corpus=False)
        yield path.stem, "corpus + real", both(bench, path, corpus=True)


def parts(bench: Bench, path: Path) -> Iterator[tuple[str, str, Outcome]]:
    """Yield the outcome of a config that learns from its corpus, and from the corpus without each part in turn."""
    yield path.stem, "corpus", outcome(bench, path, corpus=True)
    for part in sorted({part_of(example) for example in prepare(read_config(path)).examples} - {""}):
        yield path.stem, f"corpus without {part}", outcome(bench, path, corpus=True, without=part)


def main(arguments: Sequence[str]) -> int:
    names = [argument for argument in arguments if argument not in OPTIONS]
    if not names:
        print(__doc__, file=sys.stderr)
        return 2
    data, paths = Path(names[0]), names[1:] or CONFIGS
    try:
        codebook = read_config(paths[0]).data.codebook
        gold = read_gold(codebook, *(data / "news" / f"{name}.jsonl.gz" for name in ("passages", "annotations")))
        bench = Bench(data, gold, "choose" if "--choose" in arguments else "report")
        scored = gold.take(bench.rows)
        print(f"{len(scored.examples)} passages ({bench.side}), {len(bench.pages)} pages\n")
        _print(_measured(scored, outcomes(bench, paths)))
        if "--curve" in arguments:
            _print_curve(bench, scored, [path for path in paths if path in CURVE] or paths)
        if "--parts" in arguments:
            _print_scores(_measured(scored, parts(bench, Path(paths[0]))), title="The corpus without each of its parts")
    except DemarcheError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _measured(scored: Gold, results: Iterable[tuple[str, str, Outcome]]) -> list[Result]:
    return [(name, learned, result, measure(scored, result.news)) for name, learned, result in results]


def _print_scores(results: Sequence[Result], *, title: str) -> None:
    table(
        ("config", "trained on", *results[0][3].metrics, "pages tagged"),
        [
            (name, learned, *(str(score) for score in measured.metrics.values()), f"{result.tagged / result.read:.1%}")
            for name, learned, result, measured in results
        ],
        title=title,
    )


def _print(results: Sequence[Result]) -> None:
    _print_scores(results, title="On real news")
    table(
        ("config", "trained on", *(f"{topic} ({count})" for topic, (count, _, _) in results[0][3].topics.items())),
        [
            (name, learned, *(f"{precision.value:.2f} / {recall.value:.2f}" for _, precision, recall in measured.topics.values()))
            for name, learned, _, measured in results
        ],
        title="Precision / recall of each topic",
    )  # fmt: skip
    table(
        ("config", "trained on", *(f"{stance} as" for stance in STANCES)),
        [
            (name, learned, *(" ".join(map(str, row)) for row in measured.confusion))
            for name, learned, _, measured in results
        ],
        title="Stance where the topic is right: gold as favor, against, neutral",
    )
    for name, learned, result, _ in results:
        rows = [(t.page, t.topic, f"{t.probability:.2f}", t.text[:80]) for t in result.tags]
        if learned != "real" and rows:
            table(("page", "topic", "probability", "text"), rows, title=f"Tags on general news: {name}, {learned}")


def _print_curve(bench: Bench, scored: Gold, paths: Sequence[str]) -> None:
    rows = []
    for path in map(Path, paths):
        for size in SIZES if bench.side == "report" else (0, 25, 50, 100, 200, None):
            measured = measure(scored, curve(bench, path, size))
            rows.append((path.stem, "all" if size is None else str(size), *map(str, measured.metrics.values())))
    table(("config", "real passages", *measured.metrics), rows, title="Real passages on top of the corpus")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
