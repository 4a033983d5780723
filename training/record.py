"""What a run writes down of its inputs, its figures and its model."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from labels.files import write_jsonl
from labels.gold.adjudication import Example
from models.families.catalog import encoder_settings
from models.tagger import Tagger
from training.evaluation import plots as figures
from training.evaluation.metrics import Scores, stance_results, topic_results
from training.evaluation.predictions import Prediction, errors
from training.prepare import Prepared
from training.tracking import runs as tracking
from training.tracking.registry import Registered, register
from training.tracking.runs import Run


def log_inputs(run: Run, prepared: Prepared, overrides: Sequence[str]) -> None:
    config = prepared.config
    # What a sweep would search is no part of what a run is.
    plain = config.model_dump(mode="json", by_alias=True, exclude={"search"})
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
    run.text(text, "config.yaml")
    run.params(_flat(plain))
    run.tags(
        {
            "demarche.config": hashlib.sha256(text.encode()).hexdigest()[:16],
            "demarche.overrides": " ".join(overrides),
            "demarche.data": prepared.data.digest(),
            "demarche.split": prepared.split.digest(),
            "demarche.codebook": prepared.data.codebook.reference,
            "demarche.git": _git_commit() or "",
        }
    )
    if prepared.initial_runs:
        run.tags({tracking.INIT: " ".join(prepared.initial_runs)})
    if any(encoder_settings(settings) for settings in config.families.values()):
        from models.encoders.device import select_device

        run.tags({"demarche.device": str(select_device(config.device, config.precision))})
    run.params({f"passages.{name}": count for name, count in prepared.split.sizes().items()})
    run.params({f"dropped_copies.{name}": count for name, count in prepared.split.dropped.items()})
    for side in ("train", "dev", "test"):
        examples = prepared.examples_in(side)
        if examples:
            run.dataset(
                [_row(example) for example in examples],
                name=config.data.passages.stem,
                source=str(config.data.passages),
                digest=prepared.digest(side),
                context=side,
            )


def log_split(run: Run, prepared: Prepared) -> None:
    with tempfile.TemporaryDirectory() as folder:
        prepared.split.write(Path(folder) / tracking.SPLIT)
        run.file(Path(folder) / tracking.SPLIT)


def _row(example: Example) -> dict[str, str]:
    stances = {target.topic or target.text: stance for target, stance in example.stances.items()}
    return {
        "passage": example.passage.id,
        "article": example.passage.article,
        "text": example.passage.text,
        "topics": ", ".join(example.topics),
        "stances": json.dumps(stances, ensure_ascii=False),
    }


def log_metrics(run: Run, side: str, scores: Scores) -> None:
    """The figures on a side, with the bounds of the headlines."""
    run.metrics({f"{side}/{name}": figure.value for name, figure in scores.metrics.items()})
    for name, figure in scores.headlines().items():
        run.metrics({f"{side}/{name}_low": figure.low, f"{side}/{name}_high": figure.high})


def log_scores(
    run: Run, scores: Mapping[str, Scores], trivial: Mapping[str, Scores], predictions: Sequence[Prediction]
) -> None:
    for side, side_scores in scores.items():
        log_metrics(run, side, side_scores)
    for name, baseline in trivial.items():
        # The last slash of a name makes a section of charts in the UI: one for all baselines.
        headlines = {key.replace("/", "_"): figure.value for key, figure in baseline.headlines().items()}
        run.metrics({f"test/baseline/{name}_{key}": value for key, value in headlines.items()})
    run.table(scores["test"].classes, "classes.json")
    run.table(errors(predictions), "errors.json")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / Path(tracking.PREDICTIONS).name
        write_jsonl(file, predictions)
        run.file(file, Path(tracking.PREDICTIONS).parent.name)
    topics, stance = topic_results(predictions), stance_results(predictions)
    if topics is not None:
        run.figure(figures.precision_recall(topics), "figures/precision_recall.png")
    if stance is not None:
        run.figure(figures.confusion(stance), "figures/stance_confusion.png")


def log_model(run: Run, tagger: Tagger, prepared: Prepared, scores: Scores) -> tuple[str, Registered | None]:
    with tempfile.TemporaryDirectory() as folder:
        digest = tagger.save(Path(folder) / "tagger")
        headlines = {f"test/{name}": figure.value for name, figure in scores.headlines().items()}
        model_id = run.model(Path(folder) / "tagger", metrics=headlines, digest=digest)
    run.tags({"demarche.model": digest})
    name = prepared.config.tracking.register_
    if name is None:
        return f"runs:/{run.id}/tagger", None
    told = f"{prepared.config.name}: " + ", ".join(f"{key} {value}" for key, value in scores.headlines().items())
    return f"runs:/{run.id}/tagger", register(run, model_id, name, description=told, digest=digest)


def description(
    prepared: Prepared,
    test: Scores,
    trivial: Mapping[str, Scores],
    overrides: Sequence[str],
    warnings: Sequence[str],
) -> str:
    """Markdown that says at a glance what was trained on what, and how good it is."""
    config, codebook = prepared.config, prepared.data.codebook
    names = list(test.headlines())
    lines = [f"**{config.name}** — {config.description.strip()}" if config.description else f"**{config.name}**", ""]
    lines += ["| on test | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    lines.append("| this run | " + " | ".join(str(test.metrics[name].interval) for name in names) + " |")
    for name, scores in trivial.items():
        figures_ = [f"{scores.metrics[key].value:.3f}" if key in scores.metrics else "" for key in names]
        lines.append(f"| {name} | " + " | ".join(figures_) + " |")
    sizes = ", ".join(f"{count} {name}" for name, count in prepared.split.sizes().items())
    lines += ["", f"Intervals: 95 %, bootstrap over articles. Passages: {sizes}. Codebook: {codebook.reference}."]
    if overrides:
        lines.append(f"Overrides: `{' '.join(overrides)}`.")
    lines += [f"- {what}: {count} left out of the figures" for what, count in test.left_out.items()]
    lines += [f"- {warning}" for warning in warnings]
    return "\n".join(lines)


def _flat(plain: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested keys as dotted ones, as an override would name them."""
    flat: dict[str, str] = {}
    for key, value in plain.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            flat[prefix + key] = ", ".join(map(str, value))
        elif value is not None and value != "":
            flat[prefix + key] = str(value)
    return flat


def _git_commit() -> str | None:
    """The commit that the working folder is at, with `+` where files differ from it."""
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5)
        changed = subprocess.run(["git", "status", "--porcelain", "-uno"], capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if commit.returncode != 0:
        return None
    return commit.stdout.strip() + ("+" if changed.stdout.strip() else "")
