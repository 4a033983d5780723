"""Log the inputs, the scores and the model of a run."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from labels.files import write_jsonl
from labels.gold.adjudication import Example
from labels.yaml_text import dump_yaml
from models.families.catalog import encoder_settings
from models.tagger import Tagger
from training.evaluation import plots
from training.evaluation.metrics import Scores, stance_results, topic_results
from training.evaluation.predictions import Prediction, errors
from training.prepare import Prepared
from training.tracking import runs as tracking
from training.tracking.registry import Registered, register
from training.tracking.run import Run, slug


class Logged(NamedTuple):
    """A model logged to a run: its id in MLflow, and the digest of its manifest."""

    id: str
    digest: str


def log_inputs(run: Run, prepared: Prepared) -> None:
    """Log the config, the tags that identify data, split and code, and a dataset for each split and evaluation set."""
    config = prepared.config
    # The search space of a sweep is not part of a single run.
    plain = config.model_dump(mode="json", by_alias=True, exclude={"search"})
    text = dump_yaml(plain)
    run.text(text, "config.yaml")
    run.params(_flat(plain))
    run.tags(
        {
            "demarche.config": hashlib.sha256(text.encode()).hexdigest()[:16],
            "demarche.overrides": " ".join(config.overrides),
            **data_tags(prepared),
            "demarche.split": prepared.split.digest(),
            "demarche.codebook": prepared.data.codebook.reference,
            "demarche.git": _git_commit() or "",
        }
    )
    if prepared.initial_runs:
        run.tags({tracking.INIT: " ".join(prepared.initial_runs)})
    if any(encoder_settings(settings) for settings in config.families.values()):
        from models.encoders.device import select_device

        run.tags({tracking.DEVICE: str(select_device(config.device, config.precision))})
    run.params({f"passages.{name}": count for name, count in prepared.split.sizes().items()})
    run.params({f"dropped_duplicates.{name}": count for name, count in prepared.split.dropped.items()})
    _log_datasets(run, prepared)


def data_tags(prepared: Prepared) -> dict[str, str]:
    """Return the tags that identify the labelled data, and the sets of `evaluation` if there are any."""
    tags = {"demarche.data": prepared.data.digest()}
    if prepared.evaluation:
        digests = {name: each.data.digest() for name, each in sorted(prepared.evaluation.items())}
        tags["demarche.evaluation"] = " ".join(f"{name}={digest}" for name, digest in digests.items())
    return tags


def _log_datasets(run: Run, prepared: Prepared) -> None:
    config = prepared.config
    for split in ("train", "dev", "test"):
        examples = prepared.examples_in(split)
        if examples:
            _log_dataset(run, split, examples, config.data.passages, prepared.digest(split))
    for name, each in prepared.evaluation.items():
        _log_dataset(run, name, each.examples, config.evaluation[name].passages, each.data.digest())


def _log_dataset(run: Run, context: str, examples: Sequence[Example], files: Sequence[Path], digest: str) -> None:
    run.dataset(
        [_row(example) for example in examples],
        name=" + ".join(path.stem for path in files),
        source=", ".join(map(str, files)),
        digest=digest,
        context=context,
    )


def log_split(run: Run, prepared: Prepared) -> None:
    """Log the split as a file, which a later config can reuse (`split.from`)."""
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


def log_metrics(run: Run, split: str, scores: Scores) -> None:
    """Log the metrics on a split, and the intervals of the headline metrics as tags."""
    run.metrics({f"{split}/{name}": score.value for name, score in scores.metrics.items()})
    # As metrics of their own, bounds would have charts of their own; the UI shows a tag as a column beside the metric.
    run.tags({interval_tag(split, name): str(score) for name, score in scores.headlines().items()})


def interval_tag(split: str, metric: str) -> str:
    """Return the tag that holds a headline metric with its interval: `0.844 [0.802, 0.882]`."""
    return slug(f"interval/{split}/{metric}")


def log_scores(
    run: Run,
    scores: Mapping[str, Scores],
    baselines: Mapping[str, Mapping[str, Scores]],
    predictions: Mapping[str, Sequence[Prediction]],
) -> None:
    """Log the metrics on each set, those of the baselines, predictions, and tables and plots on test."""
    for name, set_scores in scores.items():
        log_metrics(run, name, set_scores)
    for name, by_baseline in baselines.items():
        for baseline, baseline_scores in by_baseline.items():
            # The UI groups charts by the part of a name before its last slash: one group for all baselines.
            headlines = {key.replace("/", "_"): score.value for key, score in baseline_scores.headlines().items()}
            run.metrics({f"{name}/baseline/{baseline}_{key}": value for key, value in headlines.items()})
    with tempfile.TemporaryDirectory() as folder:
        for name, of_set in predictions.items():
            file = Path(folder) / f"{name}.jsonl"
            write_jsonl(file, of_set)
            run.file(file, Path(tracking.PREDICTIONS).parent.name)
    test = predictions["test"]
    run.table(scores["test"].classes, "classes.json")
    run.table(errors(test), "errors.json")
    topics, stance = topic_results(test), stance_results(test)
    if topics is not None:
        run.figure(plots.precision_recall(topics), "figures/precision_recall.png")
    if stance is not None:
        run.figure(plots.confusion(stance), "figures/stance_confusion.png")


def log_model(run: Run, tagger: Tagger, scores: Scores) -> Logged:
    """Log the model with the headline metrics on test."""
    with tempfile.TemporaryDirectory() as folder:
        digest = tagger.save(Path(folder) / "tagger")
        headlines = {f"test/{name}": score.value for name, score in scores.headlines().items()}
        model_id = run.model(Path(folder) / "tagger", metrics=headlines, digest=digest)
    run.tags({"demarche.model": digest})
    return Logged(model_id, digest)


def register_model(run: Run, model: Logged, prepared: Prepared, scores: Scores) -> Registered | None:
    """Register the model of a finished run, if the config names a registered model."""
    name = prepared.config.tracking.register_
    if name is None:
        return None
    summary = f"{prepared.config.name}: " + ", ".join(f"{key} {score}" for key, score in scores.headlines().items())
    return register(run, model.id, name, description=summary, digest=model.digest)


def description(
    prepared: Prepared,
    scores: Mapping[str, Scores],
    baselines: Mapping[str, Mapping[str, Scores]],
    warnings: Sequence[str],
) -> str:
    """Return a Markdown summary of what was trained, on which data, and how good it is on each set."""
    config, codebook = prepared.config, prepared.data.codebook
    lines = [f"**{config.name}** — {config.description.strip()}" if config.description else f"**{config.name}**"]
    # Test comes last: how well a model does on other texts than those it was made from says more.
    for name in [*prepared.evaluation, "test"]:
        metrics = list(scores[name].headlines())
        lines += ["", f"| on {name} | " + " | ".join(metrics) + " |", "|---" * (len(metrics) + 1) + "|"]
        lines.append("| this run | " + " | ".join(str(scores[name].metrics[key].interval) for key in metrics) + " |")
        for baseline, of_baseline in baselines[name].items():
            cells = [f"{of_baseline.metrics[key].value:.3f}" if key in of_baseline.metrics else "" for key in metrics]
            lines.append(f"| {baseline} | " + " | ".join(cells) + " |")
    sizes = ", ".join(f"{count} {name}" for name, count in prepared.split.sizes().items())
    lines += ["", f"Intervals: 95 %, bootstrap over articles. Passages: {sizes}. Codebook: {codebook.reference}."]
    if config.overrides:
        lines.append(f"Overrides: `{' '.join(config.overrides)}`.")
    lines += [f"- {what}: {count} left out of the metrics" for what, count in scores["test"].left_out.items()]
    lines += [f"- {warning}" for warning in warnings]
    return "\n".join(lines)


def _flat(plain: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Flatten nested keys to dotted ones, as in an override. Null becomes `none`: the UI compares runs by it too."""
    flat: dict[str, str] = {}
    for key, value in plain.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            flat[prefix + key] = ", ".join(each if isinstance(each, str) else json.dumps(each) for each in value)
        elif value != "":
            flat[prefix + key] = "none" if value is None else str(value)
    return flat


def _git_commit() -> str | None:
    """Return the commit of the working folder, followed by `+` if tracked files have changed."""
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5)
        changed = subprocess.run(["git", "status", "--porcelain", "-uno"], capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if commit.returncode != 0:
        return None
    return commit.stdout.strip() + ("+" if changed.stdout.strip() else "")
