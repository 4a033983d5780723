"""`make bench-speed DATA=FOLDER`: measure speed and size beside plain scikit-learn on the same rows.

    python -m benchmarks.speed FOLDER

Topics are trained on crs110, stance on the starter corpus, and the tagged passages are bills. Run it on an idle
machine.
"""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline

from benchmarks.bench import BUILD, CODEBOOK, import_set
from benchmarks.plain import regression
from demarche.printing import table
from labels.errors import DemarcheError
from labels.files import write_jsonl
from labels.passages import Annotation, Label, Passage
from models.examples import NoCallback, Query, topic_examples
from models.families.linear import LinearStance, LinearTopics, LinearTopicsSettings
from models.families.ngrams import Ngrams, TextFeatures
from models.reader import TwoStage
from models.tagger import Tagger
from tagging.processes import cores
from training.config import Config, read_config
from training.fit import fit
from training.run import prepare

FOLDER = BUILD / "speed"
CRS110, STARTER = Path("configs/bench/crs110.yaml"), Path("configs/linear.yaml")
# The n-grams of the crs110 config, and the default.
NGRAMS = (Ngrams(words=(1, 1), chars=None), Ngrams())
SIZES = (1_000, 10_000, 100_000)

Row = tuple[str, str, str]
"""Measurement, result, goal."""
T = TypeVar("T")


class PlainFeatures:
    """The features of a linear model, computed by scikit-learn alone."""

    def __init__(self, ours: TextFeatures):
        self.union = union(ours.ngrams)
        for kind, vectorizer in self.union.transformer_list:
            vectorizer.set_params(vocabulary=ours._parts[kind].terms, min_df=1, max_features=None)
            vectorizer.idf_ = ours._parts[kind].tfidf.idf_

    def transform(self, inputs: Sequence[str | Query]) -> csr_matrix:
        return self.union.transform([item.text if isinstance(item, Query) else item for item in inputs])


def union(ngrams: Ngrams) -> FeatureUnion:
    parts: dict[str, dict[str, Any]] = {
        "words": {"analyzer": "word", "ngram_range": ngrams.words, "token_pattern": r"(?u)\b\w+\b"},
        "chars": {"analyzer": "char_wb", "ngram_range": ngrams.chars},
    }
    common = {"min_df": ngrams.min_df, "max_features": ngrams.max_features, "sublinear_tf": True, "dtype": np.float32}
    return FeatureUnion(
        [(kind, TfidfVectorizer(**part, **common)) for kind, part in parts.items() if part["ngram_range"]]
    )


def training(config: Config) -> tuple[Tagger, Row]:
    """Time the fit of topics with out-of-fold calibration, beside one fit of a pipeline with the same n-grams."""
    assert isinstance(config.topics, LinearTopicsSettings)
    prepared = prepare(config)
    train, dev, codebook = prepared.examples_in("train"), prepared.examples_in("dev"), prepared.data.codebook
    fitted, seconds = timed(lambda: fit(config, codebook, train, dev, callback=NoCallback()))
    examples = topic_examples([*train, *dev], codebook, config.input, "majority")
    plain = make_pipeline(union(config.topics.ngrams), OneVsRestClassifier(regression()))
    _, plain_seconds = timed(lambda: plain.fit(examples.inputs, examples.y))
    result = f"{seconds / plain_seconds:.2f}× the time: {seconds:.1f} s, {plain_seconds:.1f} s"
    return fitted.tagger, (
        f"training, beside the fit of a plain pipeline: {shown(config.topics.ngrams)}",
        result,
        "≤ 4×",
    )


def tagging(tagger: Tagger, bills: Sequence[Passage]) -> Row:
    """Time topics, and stance toward each topic near its threshold, beside the same weights on plain features."""
    assert isinstance(tagger.reader, TwoStage)
    topics, stance = copy.copy(tagger.reader.topic_model), copy.copy(tagger.reader.stance_model)
    assert isinstance(topics, LinearTopics)
    assert isinstance(stance, LinearStance)
    name = f"tagging, beside plain pipelines: {shown(topics.settings.ngrams)}"
    topics.features = PlainFeatures(topics.features)  # type: ignore[assignment]
    stance.features = PlainFeatures(stance.features.texts)  # type: ignore[assignment]
    plain = Tagger(tagger.codebook, TwoStage(topics, stance), tagger.settings)
    ratios, speeds = [], []
    for _ in range(3):
        decisions, seconds = timed(lambda: tag_bills(tagger, bills))
        plain_decisions, plain_seconds = timed(lambda: tag_bills(plain, bills))
        assert decisions == plain_decisions, "the plain pipelines decide differently"
        ratios.append(plain_seconds / seconds)
        speeds.append(len(bills) / seconds)
    result = f"{np.median(ratios):.2f}× as many passages per second: {np.median(speeds):,.0f}, same decisions"
    return name, result, "≥ 1.8×"


def tag_bills(tagger: Tagger, bills: Sequence[Passage]) -> list[list[tuple[str, bool, str | None]]]:
    """Tag the bills in batches; return topic, assignment and stance of each tag."""
    batches = (bills[start : start + 128] for start in range(0, len(bills), 128))
    return [[(tag.topic, tag.assigned, tag.stance) for tag in tags] for batch in batches for tags in tagger.tag(batch)]


def saving(tagger: Tagger, folder: Path, ngrams: str) -> Iterator[Row]:
    """Measure the size of the saved model and the time to load it."""
    shutil.rmtree(folder, ignore_errors=True)
    tagger.save(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    seconds = min(timed(lambda: Tagger.load(folder))[1] for _ in range(3))
    yield f"size and loading time of the saved model: {ngrams}", f"{size:.1f} MB, {seconds:.2f} s", "< 15 MB, < 0.5 s"


STREAM = """
import sys, threading, time
from pathlib import Path
import psutil
from tagging.batch import tag_files
from tagging.outputs import Outputs
from tagging.readers import ArticleColumns

def memory():
    me = psutil.Process()
    total = 0
    for process in [me, *me.children(recursive=True)]:
        try:
            total += process.memory_info().rss if process == me else process.memory_full_info().uss
        except psutil.NoSuchProcess:
            pass
    return total / 2**20

def measure_peak():
    global peak
    while True:
        peak = max(peak, memory())
        time.sleep(0.2)

if __name__ == "__main__":
    model, source, out = map(Path, sys.argv[1:4])
    started = peak = memory()
    threading.Thread(target=measure_peak, daemon=True).start()
    start = time.perf_counter()
    summary = tag_files(
        [source], model, Outputs(out), model="bench", columns=ArticleColumns(), jobs=int(sys.argv[4])
    )
    print(summary.passages, time.perf_counter() - start, peak - started)
"""


def streaming(model: Path, bills: Sequence[Passage]) -> Iterator[Row]:
    """Measure tagging from file to file in a separate process, with articles of ten bills each."""
    texts = cycle(" ".join(bill.text.split()[:150]) for bill in bills)
    script = FOLDER / "stream.py"
    script.write_text(STREAM, encoding="utf-8")
    for size, processes in [*((size, cores()) for size in SIZES), (SIZES[-1], 1)]:
        source = FOLDER / "articles.jsonl"
        write_jsonl(source, ({"id": str(n), "text": "\n\n".join(islice(texts, 10))} for n in range(size // 10)))
        printed = run([sys.executable, script, model, source, FOLDER / "tags.jsonl", str(processes)])
        passages, seconds, memory = map(float, printed.split())
        yield (
            f"tagging {passages:,.0f} passages from file to file, {processes} processes",
            f"{seconds:.1f} s, {seconds / passages * 1000:.2f} ms per passage; {memory:.0f} MiB with the model",
            "linear; < 500 MiB",
        )


def command_line(bills: Sequence[Passage], reference: str) -> Iterator[Row]:
    """Time `demarche labels check` on 100,000 annotations, and `demarche --help`."""
    passages = [
        Passage(id=str(n), article=str(n // 10), text=(text := bill.text[:300].strip()), start=0, end=len(text))
        for n, bill in enumerate(islice(cycle(bills), 50_000))
    ]
    labels = (Label(topic="cyber", stance="favor"),)
    write_jsonl(FOLDER / "passages.jsonl", passages)
    write_jsonl(
        FOLDER / "annotations.jsonl",
        (
            Annotation(passage=passage.id, annotator=annotator, codebook=reference, labels=labels)
            for passage in passages
            for annotator in ("one", "two")
        ),
    )
    command = [sys.executable, "-m", "demarche"]
    check = [*command, "labels", "check", CODEBOOK, FOLDER / "passages.jsonl", FOLDER / "annotations.jsonl"]
    yield "labels check of 100,000 annotations", f"{timed(lambda: run(check))[1]:.1f} s", "< 10 s"
    seconds = min(timed(lambda: run([*command, "--help"]))[1] for _ in range(3))
    yield "demarche --help", f"{seconds:.2f} s", "< 0.5 s"


def run(command: Sequence[str | Path]) -> str:
    return subprocess.run([*map(str, command)], check=True, capture_output=True, text=True).stdout


def shown(ngrams: Ngrams) -> str:
    return json.dumps(ngrams.model_dump(include={"words", "chars"}, exclude_none=True))[1:-1].replace('"', "")


def timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def rows(data: Path) -> Iterator[Row]:
    import_set("crs110", data)
    for ngrams in NGRAMS:
        size = f"{{words: {json.dumps(ngrams.words)}, chars: {json.dumps(ngrams.chars)}}}"
        tagger, row = training(read_config(CRS110, [f"topics.ngrams={size}"]))
        yield row
        starter = read_config(STARTER, ["topics=null", f"stance.ngrams={size}"])
        prepared = prepare(starter)
        train, dev = prepared.examples_in("train"), prepared.examples_in("dev")
        other = fit(starter, prepared.data.codebook, train, dev, callback=NoCallback()).tagger
        assert isinstance(tagger.reader, TwoStage)
        assert isinstance(other.reader, TwoStage)
        bills = [example.passage for example in prepare(read_config(CRS110)).examples]
        yield from saving(tagger, FOLDER / "crs110", shown(ngrams))
        settings = tagger.settings.model_copy(update={"stance_calibration": other.settings.stance_calibration})
        both = Tagger(tagger.codebook, TwoStage(tagger.reader.topic_model, other.reader.stance_model), settings)
        yield tagging(both, bills[:4000])
    both.save(FOLDER / "both")
    yield from streaming(FOLDER / "both", bills)
    yield from command_line(bills, tagger.codebook.reference)


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        measured = []
        for row in rows(Path(arguments[0])):
            print(row[0], file=sys.stderr)
            measured.append(row)
    except DemarcheError as error:
        print(error, file=sys.stderr)
        return 2
    table(("measurement", "result", "goal"), measured)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
