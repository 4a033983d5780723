"""`make bench-tag DATA=FOLDER`: measure how fast an encoder tags beside the pipeline of transformers.

    python -m benchmarks.tag_encoder FOLDER [TEXTS]

The encoder is MiniLM, with a classifier of the topics of the starter corpus on it; the pipeline has the same encoder and
as many outputs. The texts are paragraphs of real news from FOLDER/news, in the order of the file. Every way to read them
takes its turn in each of several rounds, and the medians are compared. Only what the processor can do is measured:
bfloat16 needs AVX-512 or AMX.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import torch

from benchmarks.bench import BUILD
from demarche.printing import table
from labels.errors import DemarcheError
from labels.passages import Passage
from models.encoders import device, files, loading
from models.encoders.compiled import Compiled
from models.encoders.device import Device
from models.encoders.forward import Forward
from models.encoders.vectors import Vectors
from models.examples import NoCallback, render
from models.families.embedding import EmbeddingTopics
from models.quiet import quiet_libraries
from models.reader import TwoStage
from models.rescoring import Rescoring
from models.tagger import Tag, Tagger
from training.config import read_config
from training.fit import fit
from training.prepare import prepare

CONFIG = Path("configs/embedding.yaml")
TRAIN, TEXTS, COMPARED, ROUNDS = 1500, 1024, 400, 5
FP32, BF16 = Device("cpu", bf16=False), Device("cpu", bf16=True)
SQUARE = 2048
Row = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class Way:
    """A way to read the texts; each round of `read` is timed."""

    name: str
    read: Callable[[], Any]


def trained() -> Tagger:
    """Return a saved and loaded tagger, as `demarche tag` has it."""
    config = read_config(CONFIG, ["stance=null", "input=[text]", "device=cpu"])
    prepared = prepare(config)
    train, dev = prepared.examples_in("train")[:TRAIN], prepared.examples_in("dev")
    folder = BUILD / "tag_encoder"
    shutil.rmtree(folder, ignore_errors=True)
    fit(config, prepared.data.codebook, train, dev, callback=NoCallback()).tagger.save(folder)
    return Tagger.load(folder)


def passages_of(data: Path, count: int) -> list[Passage]:
    with gzip.open(data / "news" / "pool.jsonl.gz", "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in islice(stream, count)]
    return [
        Passage(id=row["id"], article=row["article"], text=row["text"], start=0, end=len(row["text"])) for row in rows
    ]


def pipeline(outputs: int) -> Any:
    import transformers

    folder = files.locate(files.OFFLINE)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder, num_labels=outputs).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return transformers.pipeline(
        "text-classification", model=model, tokenizer=tokenizer, top_k=None, batch_size=32, device="cpu"
    )


def vectors_of(tagger: Tagger) -> Vectors:
    assert isinstance(tagger.reader, TwoStage)
    assert isinstance(tagger.reader.topic_model, EmbeddingTopics)
    return tagger.reader.topic_model.vectors


def tag(tagger: Tagger, passages: Sequence[Passage], on: Device, *, compiled: Any = None) -> list[list[Tag]]:
    """Tag the passages on a device, by PyTorch or with a compiled encoder."""
    vectors = vectors_of(tagger)
    forward = Forward(vectors.encoder)
    forward._compiles, forward._compiled = compiled is not None, compiled
    with mock.patch.multiple(vectors, device=on, _states=forward, _recent={}):
        return tagger.tag(passages)


def ways(tagger: Tagger, passages: Sequence[Passage]) -> Iterator[Way]:
    texts = [passage.text for passage in passages]
    plain = pipeline(len(tagger.codebook.topics))
    encoder = vectors_of(tagger).encoder
    yield Way("pipeline, in order", lambda: plain(texts))
    by_length = sorted(texts, key=lambda text: len(plain.tokenizer(text)["input_ids"]))
    yield Way("pipeline, sorted by length", lambda: plain(by_length))

    def in_batches_of_64() -> None:
        with mock.patch.object(device, "_TOKENS_ON_CPU", 1 << 20):
            tag(tagger, passages, FP32)

    yield Way("sorted, 64 at once, fp32", in_batches_of_64)

    def unfused() -> None:
        encoder.set_attn_implementation("eager")
        tag(tagger, passages, FP32)
        encoder.set_attn_implementation("sdpa")

    yield Way("sorted, 1,024 tokens at once, attention not fused, fp32", unfused)
    yield Way("sorted, 1,024 tokens at once, fp32", lambda: tag(tagger, passages, FP32))
    has_bf16 = device.select_device("cpu").bf16
    if has_bf16:
        yield Way("the same, bf16", lambda: tag(tagger, passages, BF16))

        def in_large_batches() -> None:
            with mock.patch.object(device, "_TOKENS_ON_CPU", 4096):
                tag(tagger, passages, BF16)

        yield Way("sorted, 4,096 tokens at once, bf16", in_large_batches)
    for bf16 in (False, True)[: 1 + has_bf16]:
        compiled = Compiled(encoder, loading.accepted_inputs(encoder), "last_hidden_state", bf16=bf16)
        name = f"the same by OpenVINO, {'bf16' if bf16 else 'fp32'}"
        yield Way(name, lambda compiled=compiled, bf16=bf16: tag(tagger, passages, Device("cpu", bf16), compiled=compiled))  # fmt: skip


def measure(of_ways: Sequence[Way]) -> dict[str, list[tuple[float, float]]]:
    """Return seconds and processor seconds of each way in each round."""
    seconds: dict[str, list[tuple[float, float]]] = {way.name: [] for way in of_ways}
    for number in range(ROUNDS):
        for way in of_ways:
            start, processor = time.perf_counter(), time.process_time()
            way.read()
            seconds[way.name].append((time.perf_counter() - start, time.process_time() - processor))
            print(f"round {number + 1}: {way.name}", file=sys.stderr)
    return seconds


def matrix_product(dtype: torch.dtype) -> Callable[[], Any]:
    square = torch.randn(SQUARE, SQUARE).to(dtype)
    return lambda: square @ square


def speeds(tagger: Tagger, passages: Sequence[Passage]) -> Iterator[Row]:
    """Compare all ways with the first one, and with the rate of a large matrix product."""
    dtype = torch.bfloat16 if device.select_device("cpu").bf16 else torch.float32
    product = Way("matrix product", matrix_product(dtype))
    of_ways = [*ways(tagger, passages), product]
    product.read()
    seconds = measure(of_ways)
    vectors = vectors_of(tagger)
    tokens = sum(len(window.ids) for window in vectors.windows([passage.text for passage in passages]))
    in_embeddings = sum(parameter.numel() for parameter in vectors.encoder.embeddings.parameters())
    weights = sum(parameter.numel() for parameter in vectors.encoder.parameters()) - in_embeddings
    rates = [2 * SQUARE**3 / processor for _, processor in seconds.pop(product.name)]
    first = seconds[of_ways[0].name]
    for name, of_way in seconds.items():
        pairs = list(zip(of_way, first, rates, strict=True))
        share = median(2 * weights * tokens / processor / rate for (_, processor), _, rate in pairs)
        yield (
            name,
            f"{median(len(passages) / wall for wall, _ in of_way):.0f}",
            f"{median(theirs / ours for (ours, _), (theirs, _), _ in pairs):.2f}×",
            f"{median(theirs / ours for (_, ours), (_, theirs), _ in pairs):.2f}×",
            f"{share:.0%}",
        )


def decisions(tagger: Tagger, passages: Sequence[Passage]) -> str:
    """Compare the decisions in bfloat16, emulated where the processor lacks it, with those in fp32."""

    def decided(tags: list[list[Tag]]) -> list[list[tuple[str, bool, bool]]]:
        return [[(tag.topic, tag.assigned, tag.review) for tag in sorted(of)] for of in tags]

    in_fp32 = decided(tag(tagger, passages, FP32))
    with mock.patch.object(Rescoring, "settle", lambda self, reading, *_: reading):
        unsettled = decided(tag(tagger, passages, BF16))
    fresh = replace(tagger, rescoring=Rescoring())
    settled = decided(tag(fresh, passages, BF16))
    differ, remain = (sum(map(lambda one, other: one != other, in_fp32, of)) for of in (unsettled, settled))
    rescoring, first = fresh.rescoring, fresh.rescoring.topics
    return (
        f"of {len(passages)} passages, {differ} were decided otherwise in bf16 than in fp32, and {remain} after "
        f"{rescoring.scored_again} were scored again (128 of them to measure the differences: log-odds up to "
        f"{first.largest:.3f}, so a band of ±{first.band:.3f})"
    )


def main(arguments: Sequence[str]) -> int:
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    quiet_libraries()
    try:
        tagger = trained()
        passages = passages_of(Path(arguments[0]), int(arguments[1]) if len(arguments) > 1 else TEXTS)
        rows = list(speeds(tagger, passages))
        same = decisions(tagger, passages[:COMPARED])
    except DemarcheError as error:
        print(error, file=sys.stderr)
        return 2
    table(("passages read by", "per second", "ratio", "ratio of processor time", "of the matrix rate"), rows)
    words = sum(len(render(passage, ["text"])[0].split()) for passage in passages) / len(passages)
    bf16 = "with" if device.select_device("cpu").bf16 else "without"
    print(
        f"\n{len(passages)} paragraphs of {words:.0f} words, {ROUNDS} rounds, {torch.get_num_threads()} threads, a processor "
        f"{bf16} bf16; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n{same}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
