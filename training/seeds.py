"""Train a config with several seeds, to see how much of its scores is luck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from labels.bootstrap import Interval
from labels.wording import counted, markdown
from training.config import Config
from training.evaluate import evaluation_sets
from training.evaluation.metrics import HEADLINES
from training.evaluation.predictions import read_predictions
from training.evaluation.seeds import SeedsMetric, evaluate_seeds
from training.prepare import Prepared
from training.record import log_inputs, log_split
from training.reporter import Reporter
from training.run import Finished, Trained, register_trained, start, train_unregistered
from training.tracking import runs as tracking
from training.tracking.run import Run, interval_tag


@dataclass(frozen=True)
class TrainedSeeds:
    """The runs of several seeds, nested in `run`; `chosen` is the one whose model is registered.

    `metrics` has the headlines on each set: set → name → mean over the seeds.
    """

    run: str
    run_name: str
    experiment: str
    seeds: list[Trained]
    chosen: Trained
    metrics: dict[str, dict[str, SeedsMetric]]


def train_seeds(config: Config, count: int, *, reporter: Reporter) -> TrainedSeeds:
    """Train a config with `count` seeds, from its own upwards, on the same split, and register one of the models.

    The registered model is the median by the mean of its headline metrics on dev: the best would promise more than the
    mean that is reported.
    """
    prepared = replace(start(config, reporter=reporter), options=("--seeds", str(count)))
    with tracking.start_run(config.tracking.experiment, config.name) as run:
        log_inputs(run, prepared)
        log_split(run, prepared)
        finished = [_train(prepared, (config.seed + number) % 2**32, run.id, reporter) for number in range(count)]
        ids = [each.run.id for each in finished]
        metrics = {name: _metrics(ids, name, seed=config.seed) for name, *_ in evaluation_sets(prepared)}
        summaries = [tracking.summary(id) for id in ids]
        _log_means(run, metrics, [summary.metrics for summary in summaries])
        median = finished[_median(summaries)]
        run.describe(description(config, metrics, count))
        run.tags({tracking.SEEDS: " ".join(ids)})
    chosen = register_trained(median, prepared, reporter=reporter)
    if chosen.registered is not None:
        run.tags({"demarche.registered": f"{chosen.registered.name}/{chosen.registered.version}"})
    others = [each.trained if each is not median else chosen for each in finished]
    return TrainedSeeds(run.id, run.name, config.tracking.experiment, others, chosen, metrics)


def _train(prepared: Prepared, seed: int, parent: str, reporter: Reporter) -> Finished:
    config = prepared.config.with_seed(seed)
    reporter.log(f"seed {seed}")
    tags = {tracking.SEED: str(seed)}
    name = f"{config.name} seed {seed}"
    return train_unregistered(replace(prepared, config=config), reporter=reporter, parent=parent, name=name, tags=tags)


def _metrics(runs: Sequence[str], name: str, *, seed: int) -> dict[str, SeedsMetric]:
    files = [tracking.fetch_artifact(id, tracking.predictions_of(name)) for id in runs]
    return evaluate_seeds([read_predictions(file) for file in files], seed=seed)


def _log_means(
    run: Run, metrics: Mapping[str, Mapping[str, SeedsMetric]], by_seed: Sequence[Mapping[str, float]]
) -> None:
    """Log the mean of each metric that all seeds have, and of the headlines the interval and the spread."""
    shared = [name for name in by_seed[0] if all(name in each for each in by_seed)]
    run.metrics({name: float(np.mean([each[name] for each in by_seed])) for name in shared})
    for split, of_split in metrics.items():
        for name in HEADLINES:
            if name in of_split:
                run.tags({interval_tag(split, name): str(of_split[name].interval)})
                run.tags({tracking.spread_tag(split, name): str(of_split[name])})


def _median(seeds: Sequence[tracking.Summary]) -> int:
    """Return the position of the seed with the median mean of headlines on dev; the first without a dev score."""
    scores = []
    for seed in seeds:
        values = [seed.metrics[f"dev/{name}"] for name in HEADLINES if f"dev/{name}" in seed.metrics]
        if not values:
            return 0
        scores.append(float(np.mean(values)))
    return int(np.argsort(scores, kind="stable")[(len(scores) - 1) // 2])


def description(config: Config, metrics: Mapping[str, Mapping[str, SeedsMetric]], count: int) -> str:
    """Return the headlines on each set as Markdown, with their spread and their intervals."""
    lines = [f"**{markdown(config.name)}** trained with {counted(count, 'seed')}.", ""]
    for split, of_split in metrics.items():
        lines += [
            f"| on {split} | mean ± standard deviation | 95 % interval, over articles and seeds |",
            "|---|---|---|",
        ]
        for name in HEADLINES:
            if name in of_split:
                lines.append(f"| {name} | {of_split[name]} | {_bounds(of_split[name].interval)} |")
        lines.append("")
    return "\n".join(lines)


def _bounds(interval: Interval) -> str:
    return str(interval).partition(" ")[2]
