"""Tag a batch of articles, streaming from the input files to the outputs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from labels.codebook import Codebook, read_codebook
from labels.errors import DemarcheError
from models.saved import check_seal, has_encoder, model_digest
from models.tagger import Tagger, TaggerSettings
from tagging.collector import Collector
from tagging.drift import note_drift
from tagging.in_batches import Spread, in_batches
from tagging.jobs import TaggedArticle, Tagging
from tagging.manifest import MANIFEST, VERSION
from tagging.outputs import Outputs
from tagging.processes import TIME_LIMIT, Workers, cores, spread
from tagging.progress import Listed, NoProgress, Progress
from tagging.readers import ArticleColumns, Input, check_inputs, list_articles
from tagging.rows import Names
from tagging.shards import Shards
from tagging.summary import Summary

NO_PROGRESS = NoProgress()


class Cluster(NamedTuple):
    """A Ray cluster; without an address, the one that Ray finds, or this machine."""

    address: str | None = None


def tag_files(
    inputs: Sequence[Input],
    folder: Path,
    outputs: Outputs,
    *,
    model: str,
    columns: ArticleColumns,
    replace: bool = False,
    jobs: int | None = None,
    time_limit: float = TIME_LIMIT,
    cluster: Cluster | None = None,
    progress: Progress = NO_PROGRESS,
) -> Summary:
    """Tag the articles in the inputs with the model in `folder`.

    If an earlier batch with the same outputs was stopped, this one goes on where it stopped. Raises DemarcheError if
    what was tagged until then would not fit, unless it is to be replaced. `jobs` is the number of processes; by default
    one for each core, or a single one for a model with an encoder, which uses all cores by itself. An article for which
    a process takes more than `time_limit` seconds, or dies, counts as unreadable. With `cluster`, the processes are on
    its nodes. `progress` is told of every step.
    """
    check_inputs(inputs)
    outputs.check()
    for path in (outputs.tags, *outputs.written):
        if folder.resolve() in (path.resolve(), *path.resolve().parents):
            raise DemarcheError(f"{path}: is in the model's folder, which must not change; name another --out")
    check_seal(folder)
    settings, codebook = Tagger.settings_of(folder), read_codebook(folder / "codebook.yaml")
    names, reference = Names(model, codebook.reference, settings.run), Tagger.reference_of(folder)
    load = partial(
        Tagging.load,
        names=names,
        with_articles=outputs.articles is not None,
        has_targets=columns.target is not None,
        explains=outputs.explanation,
    )
    over = _spread(load, folder, jobs, time_limit, cluster)
    basis = _basis(folder, settings, codebook) | _options(columns, outputs)
    with Shards.open(outputs.shards, basis, outputs.schemas, replace=replace) as shards:
        collector = Collector(shards, names, is_file=not outputs.is_folder)
        collector.begin([str(path) for path in inputs])
        listed, notes = Listed(), collector.summary.notes
        items = list_articles(inputs, columns, written=outputs.written, notes=notes, listed=listed)
        with (
            _kept_on_error(shards),
            contextlib.closing(in_batches(over, collector.new(items))) as batches,
        ):
            for batch in batches:
                collector.add(batch)
                progress.update(collector.state("tagging", listed))
            collector.finish()
            progress.update(collector.state("writing", listed))
            outputs.complete(shards)
        summary = collector.summary
        if reference is not None:
            summary.drift = collector.sample.compare(reference, summary.topic_shares(codebook.topic_ids))
            if outputs.is_folder and summary.articles:
                note_drift(outputs.shards / MANIFEST, summary.drift)
    summary.training_languages = settings.languages
    return summary


def _spread(
    load: Callable[[Path], Tagging], folder: Path, jobs: int | None, time_limit: float, cluster: Cluster | None
) -> Spread[TaggedArticle]:
    """Return what spreads the work over processes, here or on the nodes of a cluster."""
    if cluster is None:
        workers = Workers(jobs or (1 if has_encoder(folder) else cores()), time_limit)
        return partial(spread, partial(load, folder.absolute()), workers=workers)
    from tagging.cluster import spread_on_ray

    return partial(
        spread_on_ray,
        load,
        folder,
        count=jobs,
        per_node=has_encoder(folder),
        seconds=time_limit,
        address=cluster.address,
    )


@contextlib.contextmanager
def _kept_on_error(shards: Shards) -> Iterator[None]:
    """Add to an error that stops the batch that what was tagged until then is kept."""
    try:
        yield
    except DemarcheError as error:
        if shards.is_empty:
            raise
        raise DemarcheError(
            str(error), f"what was tagged until then is kept in {shards.folder}; the same command goes on from there"
        ) from error


def _basis(folder: Path, settings: TaggerSettings, codebook: Codebook) -> dict[str, Any]:
    """Return what the tags of a batch depend on, apart from the articles."""
    calibration = settings.topic_calibration
    thresholds = dict(zip(codebook.topic_ids, calibration.thresholds, strict=True)) if calibration else {}
    return {
        VERSION: version("demarche"),
        "model": model_digest(folder),
        "codebook": codebook.reference,
        "run": settings.run,
        "data": settings.data,
        "thresholds": thresholds,
    }


def _options(columns: ArticleColumns, outputs: Outputs) -> dict[str, Any]:
    """Return the options that decide what is read and kept of the articles, as they are written on the command line."""
    values = asdict(columns) | {"articles_out": outputs.articles is not None}
    values |= {"explain": True} if outputs.explanation else {}
    values |= values.pop("format")
    return {f"--{name.replace('_', '-')}": value for name, value in values.items()}
