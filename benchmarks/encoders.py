"""`make bench-encoders DATA=FOLDER`: what fine-tuning and one-pass reading cost, beside the plain way in the same go.

    python -m benchmarks.encoders FOLDER [ROWS]

Fine-tuning: `encoder` beside the shortest script on transformers' Trainer (examples as they come, padded to the
longest of the batch, the same precision, batch and epochs), on the first ROWS examples of newsmtsc (all if not
given). Reading: `joint` beside the pair model, which reads passage and topic side by side, over the five topics.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import f1_score

from benchmarks.bench import BUILD, CODEBOOK, bring_in
from demarche.printing import table
from labels.codebook import read_codebook
from labels.errors import DemarcheError, Problems
from labels.files import read_jsonl
from labels.passages import Passage
from models.encoders import device, files
from models.examples import FloatArray, NoCallback, Query, StanceExamples, stance_examples
from models.families.encoder import EncoderStance, EncoderStanceSettings
from models.families.joint import Joint, JointSettings, describe
from training.config import read_config
from training.prepare import prepare

CONFIG = Path("configs/bench/newsmtsc.yaml")
EPOCHS, BATCH = 3, 32
PASSAGES = 1000
Row = tuple[str, str, str, str]


def finetuning(rows: int | None) -> list[Row]:
    """Samples a second and dev macro-F1, ours beside the stock script's."""
    prepared = prepare(read_config(CONFIG))
    sides = [
        stance_examples(prepared.examples_in(side), prepared.data.codebook, prepared.config.input, "majority")
        for side in ("train", "dev")
    ]
    train, dev = sides[0].take(np.arange(len(sides[0]))[:rows]), sides[1]
    settings = EncoderStanceSettings(
        kind="encoder", encoder=files.OFFLINE, epochs=EPOCHS, batch_size=BATCH, learning_rate=1.5e-4
    )
    took, ours = _timed(
        lambda: EncoderStance(settings, seed=1).fit(train, dev, callback=NoCallback()).predict_proba(dev.inputs)
    )
    took_stock, stock = _timed(lambda: _stock(train, dev))
    speed, plain = (EPOCHS * len(train) / seconds for seconds in (took, took_stock))
    return [
        ("fine-tuning, samples a second", f"{plain:.0f}", f"{speed:.0f}", f"{speed / plain:.1f} times"),
        ("dev macro-F1 of it", f"{_f1(stock, dev):.3f}", f"{_f1(ours, dev):.3f}", f"{_f1(ours, dev) - _f1(stock, dev):+.3f}"),
    ]  # fmt: skip


def _stock(train: StanceExamples, dev: StanceExamples) -> FloatArray:
    import datasets
    import transformers

    folder = files.locate(files.OFFLINE)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder, num_labels=3)

    def tokens(examples: StanceExamples) -> Any:
        pairs = [query.text for query in examples.inputs], [query.target for query in examples.inputs]
        return datasets.Dataset.from_dict(
            dict(tokenizer(*pairs, truncation=True)) | {"label": examples.y.argmax(axis=1).tolist()}
        )

    hardware = device.select_device()
    with tempfile.TemporaryDirectory() as out:
        trainer = transformers.Trainer(
            model=model,
            args=transformers.TrainingArguments(
                out, num_train_epochs=EPOCHS, per_device_train_batch_size=BATCH, learning_rate=5e-5, bf16=hardware.bf16,
                use_cpu=hardware.name == "cpu", save_strategy="no", report_to=[], disable_tqdm=True, seed=1,
            ),
            train_dataset=tokens(train),
            data_collator=transformers.DataCollatorWithPadding(tokenizer),
        )  # fmt: skip
        trainer.train()
        return np.asarray(trainer.predict(tokens(dev)).predictions, dtype=np.float64)


def reading(data: Path) -> list[Row]:
    """Passages a second over the topics of the codebook. Weights do not matter to it: none are trained."""
    bring_in("crs110", data)
    codebook = read_codebook(CODEBOOK)
    bills = read_jsonl(BUILD / "crs110/passages.jsonl", Passage, Problems())
    texts = [passage.text for _, passage in islice(bills, PASSAGES)]
    nothing = StanceExamples([Query("a text", "a target")] * 2, np.tile([[1.0, 0.0, 0.0]], (2, 1)), ["one", "two"])
    pair = EncoderStance(EncoderStanceSettings(kind="encoder", encoder=files.OFFLINE))
    pair.fit(nothing, nothing.take(np.arange(0)), callback=NoCallback())
    joint = Joint(JointSettings(encoder=files.OFFLINE), describe(codebook))
    joint.start()
    took, _ = _timed(lambda: joint.predict_proba(texts))
    queries = [Query(text, topic.proposition) for text in texts for topic in codebook.topics]
    took_pair, _ = _timed(lambda: pair.predict_proba(queries))
    speed, plain = PASSAGES / took, PASSAGES / took_pair
    what = f"reading {len(codebook.topics)} topics, passages a second"
    return [(what, f"{plain:.1f}", f"{speed:.1f}", f"{speed / plain:.1f} times")]


def _timed(work: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def _f1(found: FloatArray, gold: StanceExamples) -> float:
    return float(f1_score(gold.y.argmax(axis=1), found.argmax(axis=1), average="macro"))


def main(arguments: Sequence[str]) -> int:
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    data = Path(arguments[0])
    try:
        bring_in("newsmtsc", data)
        rows = [*reading(data), *finetuning(int(arguments[1]) if len(arguments) > 1 else None)]
    except DemarcheError as error:
        print(error, file=sys.stderr)
        return 2
    table(("what", "plain", "ours", "ratio"), rows)
    print(f"\non {device.select_device()}; fine-tuning with dev judged after each epoch, the plain script without")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
