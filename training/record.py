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
from training.evaluation.ceiling import Ceiling
from training.evaluation.metrics import Scores
from training.evaluation.predictions import Prediction, errors
from training.prepare import Prepared
from training.report import describe
from training.report.figures import class_rows, log_plots, reliabilities
from training.report.findings import Evaluated, Findings
from training.report.model_card import about, shortened
from training.tracking import runs as tracking
from training.tracking.registry import Registered, register
from training.tracking.run import Dataset, Run, interval_tag
from training.tracking.view_state import DATA, ENCODER, FAMILY, SPLIT

DIGITS = 6
"""Decimals of a metric: the UI shows all. With fewer, some would differ from their intervals when both are shown with 3."""
_ONLY_IN_TABLE = ("topics/precision/", "topics/recall/", "topics/ap/")
"""Metrics by class that stand in the table of classes only: as metrics, the UI would show dozens more of them."""


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
    run.params(_in_a_word(prepared) | _flat(plain))
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

        run.tags({"demarche.device": str(select_device(config.device, config.precision))})
    run.params({f"passages.{name}": count for name, count in prepared.split.sizes().items()})
    run.params({f"dropped_duplicates.{name}": count for name, count in prepared.split.dropped.items()})
    _log_datasets(run, prepared)


def _in_a_word(prepared: Prepared) -> dict[str, str]:
    """Return what runs differ in most: the params that the view of the experiment shows as columns."""
    config = prepared.config
    kinds = {task: settings.kind for task, settings in config.families.items()}  # type: ignore[attr-defined]
    same = len(set(kinds.values())) == 1 and len(kinds) > 1
    family = next(iter(kinds.values())) if same or "joint" in kinds else ", ".join(map(" ".join, kinds.items()))
    encoders = {each.encoder for settings in config.families.values() for each in encoder_settings(settings)}
    return {
        FAMILY: family,
        ENCODER: ", ".join(sorted(map(_encoder_name, encoders))) or "none",
        # The digits tell data of one name apart, and splits of one strategy.
        DATA: f"{_data_name(config.data.passages)} {prepared.data.digest()[:6]}",
        SPLIT: f"{config.split.strategy} {prepared.split.digest()[:6]}",
    }


def _encoder_name(encoder: str) -> str:
    """Return the package of a packaged encoder, the name of a folder, or the Hub id."""
    if encoder.startswith("package:"):
        return encoder.removeprefix("package:").partition("/")[0]
    return Path(encoder).name if Path(encoder).is_dir() else encoder


def _data_name(files: Sequence[Path]) -> str:
    return " + ".join(path.stem for path in files)


def data_tags(prepared: Prepared) -> dict[str, str]:
    """Return the tags that identify the labelled data, and the sets of `evaluation` if there are any."""
    tags = {"demarche.data": prepared.data.digest()}
    if prepared.evaluation:
        digests = {name: each.data.digest() for name, each in sorted(prepared.evaluation.items())}
        tags["demarche.evaluation"] = " ".join(f"{name}={digest}" for name, digest in digests.items())
    return tags


def _log_datasets(run: Run, prepared: Prepared) -> None:
    for name in ("train", "dev", "test", *prepared.evaluation):
        each = prepared.evaluation.get(name)
        examples = prepared.examples_in(name) if each is None else each.examples
        if examples:
            dataset = _dataset(prepared, name)
            source = ", ".join(map(str, _files(prepared, name)))
            run.dataset([_row(example) for example in examples], dataset, source=source, context=name)


def _dataset(prepared: Prepared, name: str) -> Dataset:
    """Return the name and the digest that MLflow knows a split or an evaluation set by."""
    each = prepared.evaluation.get(name)
    digest = prepared.digest(name) if each is None else each.data.digest()
    return Dataset(_data_name(_files(prepared, name)), digest)


def _files(prepared: Prepared, name: str) -> Sequence[Path]:
    """Return the files of passages that a split or an evaluation set comes from."""
    config = prepared.config
    return config.evaluation[name].passages if name in prepared.evaluation else config.data.passages


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
    run.metrics(
        {
            f"{split}/{name}": round(score.value, DIGITS)
            for name, score in scores.metrics.items()
            if not name.startswith(_ONLY_IN_TABLE)
        }
    )
    # As metrics of their own, bounds would have charts of their own; the UI shows a tag as a column beside the metric.
    run.tags({interval_tag(split, name): str(score) for name, score in scores.headlines().items()})


def log_scores(
    run: Run,
    scores: Mapping[str, Scores],
    baselines: Mapping[str, Mapping[str, Scores]],
    ceilings: Mapping[str, Ceiling],
    predictions: Mapping[str, Sequence[Prediction]],
) -> None:
    """Log the metrics on each set, those of the baselines and annotators, and the predictions."""
    for name, set_scores in scores.items():
        log_metrics(run, name, set_scores)
    for name, by_baseline in baselines.items():
        for baseline, baseline_scores in by_baseline.items():
            run.metrics(_headlines(f"{name}/baseline/{baseline}", baseline_scores))
    for name, ceiling in ceilings.items():
        run.metrics(_headlines(f"{name}/annotators/annotators", ceiling.annotators))
        run.metrics(_headlines(f"{name}/annotators/model", ceiling.model))
    with tempfile.TemporaryDirectory() as folder:
        for name, of_set in predictions.items():
            for task, measured in reliabilities(of_set).items():
                errors = {"ece": measured.ece, "brier": measured.brier}
                run.metrics({f"{name}/{task}/{key}": round(value, DIGITS) for key, value in errors.items()})
            file = Path(folder) / f"{name}.jsonl"
            write_jsonl(file, of_set)
            run.file(file, Path(tracking.PREDICTIONS).parent.name)


def _headlines(prefix: str, scores: Scores) -> dict[str, float]:
    """Return headline metrics in one group: the UI groups charts by the part of a name before its last slash."""
    return {
        f"{prefix}_{key.replace('/', '_')}": round(score.value, DIGITS) for key, score in scores.headlines().items()
    }


def log_page(run: Run, prepared: Prepared, evaluated: Evaluated) -> None:
    """Log what the page of a run shows: its description, the report, the slices, and the tables and plots on test."""
    test, scores = evaluated.predictions["test"], evaluated.test
    wrong = errors(test, prepared.examples_in("test"))
    log_tables(run, scores, wrong, evaluated.findings)
    if prepared.config.tracking.plots:
        log_plots(run, evaluated.tagger, test, scores, evaluated.baselines["test"], evaluated.ceilings.get("test"))
    sentences, warnings = evaluated.findings.all_sentences(), evaluated.warnings
    run.text(describe.report(prepared, evaluated, wrong, findings=sentences, warnings=warnings), describe.REPORT)
    run.describe(describe.summary(prepared, evaluated, report=run.page(describe.REPORT)))


def log_tables(run: Run, scores: Scores, wrong: Sequence[Mapping[str, Any]], findings: Findings) -> None:
    """Log the tables of classes and of errors on test, and the slices of every set."""
    run.table(class_rows(scores), "classes.json")
    run.table(wrong, "errors.json")
    rows = findings.rows()
    if rows:
        run.table(rows, "slices.json")


def log_model(run: Run, tagger: Tagger, scores: Mapping[str, Scores], prepared: Prepared) -> Logged:
    """Log the model with its headline metrics on each set, each linked to the data set that it was measured on."""
    with tempfile.TemporaryDirectory() as folder:
        digest = tagger.save(Path(folder) / "tagger")
        model_id = run.model(Path(folder) / "tagger", digest=digest)
    for name, of_set in scores.items():
        headlines = {f"{name}/{metric}": round(score.value, DIGITS) for metric, score in of_set.headlines().items()}
        run.metrics(headlines, model_id=model_id, dataset=_dataset(prepared, name))
    run.tags({"demarche.model": digest})
    return Logged(model_id, digest)


def register_model(run: Run, model: Logged, prepared: Prepared, card: str) -> Registered | None:
    """Register the model of a finished run with its card, if the config names a registered model."""
    name = prepared.config.tracking.register_
    if name is None:
        return None
    described = shortened(card, run=run.id)
    return register(run, model.id, name, about=about(prepared), description=described, digest=model.digest)


def _flat(plain: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Flatten nested keys to dotted ones, as in an override. Null becomes `none`: the UI compares runs by it too."""
    flat: dict[str, str] = {}
    for key, value in plain.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            flat[prefix + key] = (
                ", ".join(each if isinstance(each, str) else json.dumps(each) for each in value) or "none"
            )
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
