"""`make bench-ray`: measure how fast workers of a Ray cluster on this machine tag, beside as many processes.

    python -m benchmarks.tag_ray [--rounds N] [--jobs N] [--model FOLDER]

Both are started, and then take turns: in each round, one of them tags a few batches of generated articles while the other
one is idle. The speed of a shared machine changes from minute to minute, so rates are compared within a round only. They
count from when an engine has all its workers at work again, and leave out the start, which is shown apart: the seconds
until the first batch is done, for Ray with those in which its cluster starts. By default, the model is a linear one
trained on the starter corpus. Fails if the rows are not the same.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import count, islice
from pathlib import Path

from demarche.printing import table
from labels.passages import Article
from models.examples import NoCallback
from models.saved import has_encoder
from tagging.cluster import spread_on_ray
from tagging.in_batches import ARTICLES_AT_ONCE
from tagging.jobs import TaggedArticle, Tagging
from tagging.processes import BATCHES_BEFORE_MORE, TIME_LIMIT, Lost, Workers, spread
from tagging.readers import ReadArticle, Unreadable
from tagging.rows import Names, Row
from training.config import read_config
from training.fit import fit
from training.run import prepare

CONFIG, STARTER = Path("configs/linear.yaml"), Path("seeds/passages.jsonl")
FOLDER = Path("build/tag_ray")
PASSAGES_OF_AN_ARTICLE = 5
BATCHES = 10
"""Number of batches that are timed in each turn."""

Results = list[list[TaggedArticle | Unreadable] | Lost]
Spread = Callable[[Iterator[Sequence[ReadArticle]]], Generator[Results, None, None]]


def batches(*, seed: int = 13) -> Iterator[list[ReadArticle]]:
    """Yield batches of articles without end."""
    rng = random.Random(seed)
    texts = [json.loads(line)["text"] for line in STARTER.read_text(encoding="utf-8").splitlines()]
    articles = (
        ReadArticle(Article(id=f"a{number:06}", text="\n\n".join(rng.sample(texts, PASSAGES_OF_AN_ARTICLE))))
        for number in count()
    )
    while True:
        yield list(islice(articles, ARTICLES_AT_ONCE))


class Engine:
    """Workers that tag batches when they are asked to, and what they wrote."""

    def __init__(self, results: Generator[Results, None, None], jobs: int) -> None:
        self._results, self._ahead = results, 2 * jobs + 1
        self.rows: list[Row] = []

    def start(self) -> float:
        """Return the seconds until the first batch is done; go on until all workers are at work."""
        begun = time.perf_counter()
        self._next()
        seconds = time.perf_counter() - begun
        for _ in range(BATCHES_BEFORE_MORE + self._ahead):
            self._next()
        return seconds

    def rate(self) -> float:
        """Return the articles per second of a turn, after the batches that were done between the turns."""
        for _ in range(self._ahead):
            self._next()
        begun = time.perf_counter()
        for _ in range(BATCHES):
            self._next()
        return BATCHES * ARTICLES_AT_ONCE / (time.perf_counter() - begun)

    def _next(self) -> None:
        for result in next(self._results):
            if isinstance(result, Lost):
                raise SystemExit(f"an article was lost: {result.reason}")
            self.rows += [row for article in result if isinstance(article, TaggedArticle) for row in article.rows]


def trained() -> Path:
    """Train the linear model of the starter corpus, unless an earlier call did."""
    folder = FOLDER / "model"
    if not (folder / "manifest.json").exists():
        config = read_config(CONFIG)
        prepared = prepare(config)
        splits = prepared.examples_in("train"), prepared.examples_in("dev")
        fit(config, prepared.data.codebook, *splits, callback=NoCallback()).tagger.save(folder)
    return folder


def engines(model: Path, jobs: int) -> tuple[Spread, Spread]:
    """Return what spreads the work over processes, and over a Ray cluster on this machine."""
    load = partial(Tagging.load, names=Names("bench", "bench@1.0.0", None), with_articles=False, has_targets=False)
    seconds, per_node = TIME_LIMIT, has_encoder(model)
    return (
        partial(spread, partial(load, model.absolute()), workers=Workers(jobs)),
        partial(spread_on_ray, load, model, count=jobs, per_node=per_node, seconds=seconds, address="local"),
    )


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--model", type=Path)
    chosen = parser.parse_args(arguments)
    alone, cluster = engines(chosen.model or trained(), chosen.jobs)
    with closing(alone(batches())) as of_processes, closing(cluster(batches())) as of_ray:
        processes, ray = Engine(of_processes, chosen.jobs), Engine(of_ray, chosen.jobs)
        rows = [("start", f"{processes.start():.1f} s", f"{ray.start():.1f} s", "")]
        shares = []
        for number in range(chosen.rounds):
            rates = processes.rate(), ray.rate()
            shares.append(rates[1] / rates[0])
            rows.append((f"round {number + 1}", *(f"{rate:.1f}/s" for rate in rates), f"{shares[-1]:.2f}"))
            print(" ".join(rows[-1]), file=sys.stderr, flush=True)
    if processes.rows != ray.rows:
        print("the cluster and the processes do not write the same rows", file=sys.stderr)
        return 1
    rows.append(("median", "", "", f"{statistics.median(shares):.2f}"))
    table(("", "processes", "Ray", "Ray / processes"), rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
