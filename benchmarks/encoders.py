"""`make bench-encoders DATA=FOLDER`: measure the speed of fine-tuning and of `joint` beside the plain way.

    python -m benchmarks.encoders FOLDER [ROWS]

Fine-tuning compares `encoder` with the shortest script on transformers' Trainer, on the first ROWS examples of newsmtsc
(by default all). The script keeps the order of the examples, pads to the longest of each batch, and uses the same
precision, batch size and epochs. Reading compares `joint` with the pair model, which reads passage and topic together,
over the five topics.
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

from benchmarks.bench import BUILD, CODEBOOK, import_set
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
    """Measure examples per second and dev macro-F1 of `encoder` and of the stock script."""
    prepared = prepare(read_config(CONFIG))
    train, dev = (
        stance_examples(prepared.examples_in(split), prepared.data.codebook, prepared.config.input, "majority")
        for split in ("train", "dev")
    )
    train = train.take(np.arange(len(train))[:rows])
    settings = EncoderStanceSettings(
        kind="encoder", encoder=files.OFFLINE, epochs=EPOCHS, batch_size=BATCH, learning_rate=1.5e-4
    )
    seconds, ours = _timed(
        lambda: EncoderStance(settings, seed=1).fit(train, dev, callback=NoCallback()).predict_proba(dev.inputs)
    )
    stock_seconds, stock = _timed(lambda: _stock(train, dev))
    speed, plain = EPOCHS * len(train) / seconds, EPOCHS * len(train) / stock_seconds
    return [
        ("fine-tuning, examples per second", f"{plain:.0f}", f"{speed:.0f}", f"{speed / plain:.1f} times"),
        ("dev macro-F1 after it", f"{_f1(stock, dev):.3f}", f"{_f1(ours, dev):.3f}", f"{_f1(ours, dev) - _f1(stock, dev):+.3f}"),
    ]  # fmt: skip


def _stock(train: StanceExamples, dev: StanceExamples) -> FloatArray:
    """Fine-tune with the stock Trainer and return the logits on dev."""
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
    """Measure passages per second over the topics of the codebook. The models are untrained: speed does not depend on it."""
    import_set("crs110", data)
    codebook = read_codebook(CODEBOOK)
    bills = read_jsonl(BUILD / "crs110/passages.jsonl", Passage, Problems())
    texts = [passage.text for _, passage in islice(bills, PASSAGES)]
    two_examples = StanceExamples([Query("a text", "a target")] * 2, np.tile([[1.0, 0.0, 0.0]], (2, 1)), ["one", "two"])
    pair = EncoderStance(EncoderStanceSettings(kind="encoder", encoder=files.OFFLINE))
    pair.fit(two_examples, two_examples.take(np.arange(0)), callback=NoCallback())
    joint = Joint(JointSettings(encoder=files.OFFLINE), describe(codebook))
    joint.start()
    seconds, _ = _timed(lambda: joint.predict_proba(texts))
    queries = [Query(text, topic.proposition) for text in texts for topic in codebook.topics]
    pair_seconds, _ = _timed(lambda: pair.predict_proba(queries))
    speed, plain = PASSAGES / seconds, PASSAGES / pair_seconds
    name = f"reading {len(codebook.topics)} topics, passages per second"
    return [(name, f"{plain:.1f}", f"{speed:.1f}", f"{speed / plain:.1f} times")]


def _timed(work: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _f1(predicted: FloatArray, gold: StanceExamples) -> float:
    return float(f1_score(gold.y.argmax(axis=1), predicted.argmax(axis=1), average="macro"))


def main(arguments: Sequence[str]) -> int:
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    data = Path(arguments[0])
    try:
        import_set("newsmtsc", data)
        rows = [*reading(data), *finetuning(int(arguments[1]) if len(arguments) > 1 else None)]
    except DemarcheError as error:
        print(error, file=sys.stderr)
        return 2
    table(("measurement", "plain", "Demarche", "ratio"), rows)
    print(
        f"\ndevice: {device.select_device()}; Demarche also evaluates dev after each epoch, the plain script does not"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
