"""`make bench-tag`: measure how time and memory of `demarche tag` grow with the batch, and the work around the model.

    python -m benchmarks.tag_stream [--sizes N…] [--model FOLDER] [--jobs N]

By default, a linear model is trained on the starter corpus and tags 10,000, 100,000 and 1,000,000 generated passages, in
articles of ten, all of them distinct. `overhead` is the processor time around the model (to read, segment and detect
languages, in the workers, and to collect and write, in the main process), as a share of the model's own on the same
passages. Time and overhead are counted from the first batch of articles on, without loading the model.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from demarche.printing import table
from labels.files import write_jsonl
from labels.passages import Article
from models.examples import NoCallback
from models.tagger import Tagger
from tagging.batch import tag_files
from tagging.outputs import Outputs
from tagging.progress import State
from tagging.readers import ArticleColumns
from tagging.segmentation import segment
from training.config import read_config
from training.fit import fit
from training.run import prepare

FOLDER = Path("build/tag_stream")
CONFIG, STARTER = Path("configs/linear.yaml"), Path("seeds/passages.jsonl")
SIZES = (10_000, 100_000, 1_000_000)
PASSAGES_OF_AN_ARTICLE = 10
SAMPLE = 64
"""Articles on which the model is timed alone: those that a worker has at once."""
COLUMNS = (
    "passages", "ms per passage", "CPU: main", "CPU: workers", "CPU: model", "overhead", "files made in", "MiB: main",
    "MiB: a worker",
)  # fmt: skip


class Moment(NamedTuple):
    """Seconds: on the clock, and of the processors in the main process and in its workers; and the passages until then."""

    clock: float
    main: float
    workers: float
    passages: int


class Watch:
    """Watches the processor time and the memory of this process and of its workers, as the progress of a batch."""

    def __init__(self) -> None:
        self.moments: dict[str, Moment] = {}
        self.main = self.worker = 0.0
        """Peaks of resident memory, in MiB."""
        self._workers: list[psutil.Process] = []
        threading.Thread(target=self._watch_memory, daemon=True).start()

    def update(self, state: State) -> None:
        self._note("begun" if "begun" not in self.moments else state.stage, state.passages)

    def _note(self, what: str, passages: int) -> None:
        seconds = [time.perf_counter(), time.process_time(), 0.0]
        for worker in self._workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = worker.cpu_times()
                seconds[2] += times.user + times.system
        self.moments[what] = Moment(*seconds, passages)

    def _watch_memory(self) -> None:
        me = psutil.Process()
        while True:
            self.main = max(self.main, me.memory_info().rss / 2**20)
            # To look for workers takes a while, with many processes on the machine.
            self._workers = me.children(recursive=True)
            for process in self._workers:
                with contextlib.suppress(psutil.NoSuchProcess):
                    self.worker = max(self.worker, process.memory_info().rss / 2**20)
            time.sleep(1)


def articles(count: int, *, seed: int = 13) -> Iterator[Article]:
    """Yield articles of ten passages of about 40 words each, drawn from sentences of the starter corpus."""
    rng = random.Random(seed)
    texts = [json.loads(line)["text"].split() for line in STARTER.read_text(encoding="utf-8").splitlines()]
    words = sorted({word.strip(".,;:") for text in texts for word in text})

    def passage() -> str:
        text = rng.choice(texts)
        start = rng.randrange(max(1, len(text) - 20))
        chosen = [*text[start : start + 25], *rng.sample(words, 14)]
        return " ".join(chosen).capitalize() + f" on day {rng.randrange(10**12)}."

    for number in range(count):
        title = " ".join(passage().split()[:8])
        yield Article(
            id=f"a{number:07}", title=title, text="\n\n".join(passage() for _ in range(PASSAGES_OF_AN_ARTICLE))
        )


def measure(model: Path, source: Path, jobs: int | None) -> dict[str, Any]:
    """Tag the articles in this process; return the figures of the batch."""
    watch = Watch()
    summary = tag_files(
        [source], model, Outputs(FOLDER / "tags.parquet"), model="bench", columns=ArticleColumns(), jobs=jobs,
        replace=True, progress=watch,
    )  # fmt: skip
    first, last = watch.moments["begun"], watch.moments["tagging"]
    passages = last.passages - first.passages
    return {
        "passages": summary.passages,
        "wall": (last.clock - first.clock) / passages,
        "main": (last.main - first.main) / passages,
        "workers": (last.workers - first.workers) / passages,
        "files": time.perf_counter() - watch.moments["writing"].clock,
        "MiB": [watch.main, watch.worker],
    }


def model_alone(model: Path) -> float:
    """Return the seconds of processor time per passage that the model takes alone."""
    tagger = Tagger.load(model)
    pieces = [piece for article in articles(SAMPLE, seed=7) for piece in segment(article)]
    passages = [piece.passage for piece in pieces if piece.boilerplate is None]
    tagger.tag(passages[:32])
    start = time.process_time()
    tagger.tag(passages)
    return (time.process_time() - start) / len(passages)


def trained() -> Path:
    """Train the linear model of the starter corpus, unless an earlier call did."""
    folder = FOLDER / "model"
    if not (folder / "manifest.json").exists():
        config = read_config(CONFIG)
        prepared = prepare(config)
        splits = prepared.examples_in("train"), prepared.examples_in("dev")
        fit(config, prepared.data.codebook, *splits, callback=NoCallback()).tagger.save(folder)
    return folder


def rows(model: Path, sizes: Sequence[int], jobs: int | None) -> Iterator[tuple[str, ...]]:
    alone = model_alone(model)
    for size in sizes:
        source = FOLDER / "articles.jsonl"
        write_jsonl(source, articles(size // PASSAGES_OF_AN_ARTICLE))
        # A process of its own has a peak of memory of its own.
        command = [sys.executable, "-m", "benchmarks.tag_stream", "--one", str(source), "--model", str(model)]
        command += ["--jobs", str(jobs)] if jobs else []
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        figures = json.loads(printed)
        overhead = (figures["main"] + figures["workers"]) / alone - 1
        seconds = [figures["wall"], figures["main"], figures["workers"], alone]
        yield (
            f"{figures['passages']:,}",
            *(f"{each * 1000:.3f}" for each in seconds),
            f"{overhead:.0%}",
            f"{figures['files']:.1f} s",
            *(f"{peak:.0f}" for peak in figures["MiB"]),
        )


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.one is not None:
        print(json.dumps(measure(chosen.model, chosen.one, chosen.jobs)))
        return 0
    measured = []
    for row in rows(chosen.model or trained(), chosen.sizes, chosen.jobs):
        print(" ".join(row), file=sys.stderr, flush=True)
        measured.append(row)
    table(COLUMNS, measured)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
