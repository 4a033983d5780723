"""`make bench-news DATA=FOLDER`: evaluate families on real news, as `demarche tag` tags it.

    python -m benchmarks.news FOLDER [--choose] [--curve] [--parts] [--seed N] [--annotations FILE] [CONFIG…]

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

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks.mpnet import FOLDER as MPNET
from benchmarks.news_models import CHOOSE, REPORT, RULES, SEED, Bench, Outcome, both, curve, outcome, part_of
from benchmarks.news_scores import Gold, Measured, measure, read_gold
from demarche.printing import table
from labels.codebook import STANCES
from labels.errors import DemarcheError
from training.config import read_config
from training.prepare import prepare

CONFIGS = [f"configs/{name}.yaml" for name in ("linear", "embedding", "encoder", "average", "joint")]
WITH_MPNET = "configs/bench/news-mpnet.yaml"
CURVE = ["configs/linear.yaml", "configs/embedding.yaml"]
SIZES = (0, 25, 50, 100, 200, 400, None)

Result = tuple[str, str, Outcome, Measured]
"""A config, what it was trained on, the outcome and its scores."""


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
    parser = ArgumentParser("benchmarks.news", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("configs", nargs="*", default=[*CONFIGS, *([WITH_MPNET] if MPNET.exists() else [])])
    for option in ("--choose", "--curve", "--parts"):
        parser.add_argument(option, action="store_true")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--annotations", type=Path, help="other annotations of the passages than those of FOLDER/news")
    given = parser.parse_intermixed_args(arguments)  # options may stand before the configs
    try:
        folder = given.data / "news"
        news = [folder / "passages.jsonl.gz", given.annotations or folder / "annotations.jsonl.gz"]
        gold = read_gold(read_config(given.configs[0]).data.codebook, *news)
        bench = Bench(given.data, news, gold, CHOOSE if given.choose else REPORT, given.seed)
        scored = gold.take(bench.rows)
        print(f"{len(scored.examples)} passages ({bench.side}), {len(bench.pages)} pages\n")
        _print(_measured(scored, outcomes(bench, given.configs)))
        if given.curve:
            _print_curve(bench, scored, [path for path in given.configs if path in CURVE] or given.configs)
        if given.parts:
            results = _measured(scored, parts(bench, Path(given.configs[0])))
            _print_scores(results, title="The corpus without each of its parts")
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
        for size in SIZES:
            measured = measure(scored, curve(bench, path, size))
            rows.append((path.stem, "all" if size is None else str(size), *map(str, measured.metrics.values())))
    table(("config", "real passages", *measured.metrics), rows, title="Real passages on top of the corpus")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
