"""Measure when tagging reports drift: on news, bills and web pages, and how often on articles like the training texts.

    python -m benchmarks.drift DATA

DATA holds `news`, `crs110` and `pages`. Two models are trained: one on the starter corpus, and one on the corpus as it was
before it was made from real news, which is read from the history of the repository.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.bench import BUILD, digest
from labels.files import write_jsonl
from labels.gold.adjudication import Example
from labels.passages import Article
from models.drift import LARGE, MOST, SIGNIFICANT, difference, hashed, long_enough, vectors
from models.examples import NoCallback
from tagging.batch import tag_files
from tagging.drift import Drift
from tagging.outputs import Outputs
from tagging.readers import ArticleColumns
from training.config import read_config
from training.fit import fit
from training.prepare import prepare

CONFIG = "configs/linear.yaml"
BEFORE = "6836720^"
"""The commit before the starter corpus was made from real news."""
DRAWS = 200
SIZES = (60, 300, 1000)
BILLS = 2000
SEED = 13

Gold = dict[str, set[str]]


class Batch(NamedTuple):
    """Files to tag, and the topics that people gave the articles, if they did."""

    inputs: Sequence[Path]
    gold: Gold


def train(root: Path) -> tuple[Path, list[Example]]:
    """Train the config on the data below `root`, unless that was done before with the same code.

    Returns the folder of the model, and the examples of the held-out test split.
    """
    text = Path(CONFIG).read_text(encoding="utf-8")
    (root / "config.yaml").write_text(text, encoding="utf-8")
    names = ("labels/foreign_affairs/codebook.yaml", "seeds/passages.jsonl", "labels/foreign_affairs/annotations.jsonl")
    keys = ("data.codebook", "data.passages", "data.annotations")
    paths = [f"{key}={json.dumps([str(root / name)]) if position else root / name}" for position, (key, name) in
             enumerate(zip(keys, names, strict=True))]  # fmt: skip
    config = read_config(root / "config.yaml", paths)
    prepared = prepare(config)
    folder = BUILD / "drift" / digest(Path(CONFIG), *(root / name for name in names))
    if not folder.exists():
        examples = prepared.examples_in("train"), prepared.examples_in("dev")
        fitted = fit(config, prepared.data.codebook, *examples, callback=NoCallback())
        fitted.tagger.save(root / "model")
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(root / "model", folder)
    return folder, prepared.examples_in("test")


def corpus(commit: str, root: Path) -> Path:
    """Write the starter corpus of a commit below `root`."""
    names = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", commit, "seeds/passages.jsonl", "labels/foreign_affairs"],
        check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    for name in names:
        content = subprocess.run(["git", "show", f"{commit}:{name}"], check=True, capture_output=True).stdout
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def articles(rows: Sequence[dict[str, Any]], gold: Gold, path: Path) -> Batch:
    write_jsonl(path, [Article(id=row["id"], text=row["text"], title=row.get("title")) for row in rows])
    return Batch([path], gold)


def read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def batches(data: Path, test: Sequence[Example], scratch: Path) -> dict[str, Batch]:
    votes: dict[str, list[set[str]]] = {}
    for annotation in read(data / "news/annotations.jsonl.gz"):
        topics = {label["topic"] for label in annotation["labels"] if label.get("topic")}
        # The adjudicator comes last and decides.
        decided = (
            [topics] if annotation["annotator"] == "adjudicator" else [*votes.get(annotation["passage"], []), topics]
        )
        votes[annotation["passage"]] = decided
    news_gold = {passage: set.intersection(*each) for passage, each in votes.items()}
    bills = read(data / "crs110/bills.jsonl.gz")
    bills = [bills[row] for row in np.random.default_rng(SEED).permutation(len(bills))[:BILLS]]
    unpacked = scratch / "pages"
    unpacked.mkdir()
    for page in sorted((data / "pages/html").glob("*.html.gz")):
        (unpacked / page.stem).write_bytes(gzip.decompress(page.read_bytes()))
    held_out = [{"id": e.passage.article, "text": e.passage.text, "title": e.passage.title} for e in test]
    gold = {e.passage.article: {topic for topic, holds in e.topics.items() if holds} for e in test}
    held_out = list({row["id"]: row for row in held_out}.values())
    return {
        "held-out": articles(held_out, gold, scratch / "held_out.jsonl"),
        "news": articles(read(data / "news/passages.jsonl.gz"), news_gold, scratch / "news.jsonl"),
        "bills": articles(bills, {bill["id"]: set(bill["topics"]) for bill in bills}, scratch / "bills.jsonl"),
        "pages": Batch([unpacked], {}),
    }


def tagged(model: Path, batch: Batch, out: Path) -> tuple[Drift, float | None, float]:
    """Return the drift, the precision of the tags (None without gold), and the seconds that it took."""
    start = time.perf_counter()
    summary = tag_files(batch.inputs, model, Outputs(out), model="bench", columns=ArticleColumns())
    seconds = time.perf_counter() - start
    assert summary.drift is not None
    right = [row["topic"] in batch.gold[row["article"]] for row in _rows(out) if row["assigned"] and batch.gold]
    return summary.drift, float(np.mean(right)) if right else None, seconds


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def false_alarms(passages: Sequence[dict[str, Any]]) -> str:
    """Draw articles of the starter corpus at random, compare them with the others, and count what is significant."""
    chosen: dict[str, str] = {}
    for passage in passages:
        if long_enough(passage["text"]):
            chosen.setdefault(passage.get("group") or passage["article"], passage["text"])
    rows = vectors(*hashed(list(chosen.values())))
    alarms, drifts, aucs = 0, 0, []
    for draw in range(DRAWS):
        held = SIZES[draw % len(SIZES)]
        drawn = np.random.default_rng(draw).permutation(len(rows))[: held + MOST]
        found = difference(rows[drawn], np.arange(len(drawn)) < held, seed=draw)
        alarms += found.p < SIGNIFICANT
        drifts += found.p < SIGNIFICANT and found.auc >= LARGE
        aucs.append(found.auc)
    return (
        f"{DRAWS} draws of {', '.join(map(str, SIZES))} articles of the corpus: p < {SIGNIFICANT} in {alarms}, "
        f"drift in {drifts}; AUC {np.mean(aucs):.2f} on average, {max(aucs):.2f} at most"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    print("| model | articles | compared | AUC | p | verdict | mean probability of a tag | precision of the tags |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for model, commit in (("today", "HEAD"), ("before real news", BEFORE)):
            root = corpus(commit, scratch / commit)
            folder, test = train(root)
            (root / "scratch").mkdir()
            for kind, batch in batches(data, test, root / "scratch").items():
                drift, precision, seconds = tagged(folder, batch, root / f"{kind}.jsonl")
                shown = "–" if precision is None else f"{precision:.2f}"
                auc, p = ("–", "–") if drift.auc is None else (f"{drift.auc:.2f}", f"{drift.p:.3f}")
                print(
                    f"| {model} | {kind} | {drift.compared} | {auc} | {p} | {drift.verdict} | {drift.probability} | {shown} |",
                    flush=True,
                )
                print(f"{kind}: {seconds:.1f} s", file=sys.stderr)
        print(f"\n{false_alarms(list(_rows(scratch / 'HEAD/seeds/passages.jsonl')))}")


if __name__ == "__main__":
    main()
