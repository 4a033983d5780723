"""Batches spread over a Ray cluster: the same rows as on one machine, and a worker that dies loses nothing."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from labels.errors import DemarcheError
from labels.files import write_jsonl
from tagging.batch import Cluster, tag_files
from tagging.cluster import spread_on_ray
from tagging.outputs import Outputs
from tagging.processes import Lost
from tagging.readers import ArticleColumns
from tests.conftest import demarche, make_articles
from tests.jobs import load_in

ray = pytest.importorskip("ray", reason="Ray is not installed")
pytestmark = pytest.mark.xdist_group("ray")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """A cluster of two workers on this machine."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR", address="local")
    yield
    ray.shutdown()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A table of 130 articles: three batches."""
    articles, _, _ = make_articles(130, seed=3)
    write_jsonl(tmp_path / "archive.jsonl", articles)
    return tmp_path / "archive.jsonl"


def tagged(archive: Path, model: Path, out: Path, **settings: object) -> bytes:
    tag_files([archive], model, Outputs(out), model="tiny", columns=ArticleColumns(), **settings)  # type: ignore[arg-type]
    return out.read_bytes()


def test_a_cluster_writes_the_rows_of_a_single_machine_in_their_order(archive: Path, model: Path) -> None:
    alone = tagged(archive, model, archive.with_name("alone.jsonl"), jobs=1)
    assert tagged(archive, model, archive.with_name("cluster.jsonl"), cluster=Cluster()) == alone


@pytest.mark.slow
def test_a_batch_goes_on_in_the_cluster_and_then_in_processes(archive: Path, model: Path) -> None:
    whole = tagged(archive, model, archive.with_name("whole.jsonl"), jobs=1)
    outputs = Outputs(archive.with_name("store"))
    growing = archive.with_name("growing")
    growing.mkdir()
    lines = archive.read_text().splitlines(keepends=True)
    before = 0
    for count, engine in ((70, {"jobs": 1}), (120, {"cluster": Cluster()}), (130, {"jobs": 1})):
        (growing / "a.jsonl").write_text("".join(lines[:count]))
        summary = tag_files([growing], model, outputs, model="tiny", columns=ArticleColumns(), **engine)  # type: ignore[arg-type]
        assert (summary.seen, summary.articles) == (before, count - before)
        before = count
    assert whole.count(b"\n") == sum(_rows(part) for part in (archive.with_name("store") / "tags").iterdir())


def _rows(part: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(part).num_rows)


def test_a_worker_that_is_killed_loses_and_doubles_nothing(model: Path) -> None:
    killed: set[int] = set()

    def batches() -> Iterator[list[str]]:
        for number in range(10):
            if number == 6:
                children = psutil.Process().children(recursive=True)
                workers = [
                    p for p in children if p.status() != psutil.STATUS_ZOMBIE and p.name().startswith("ray::Node")
                ]
                victim = next(p for p in workers if p.pid not in killed)
                killed.add(victim.pid)
                victim.send_signal(signal.SIGKILL)
            yield [f"a{number}", f"b{number}"]

    spread = spread_on_ray(load_in, model, batches(), count=2, per_node=False, seconds=20, address=None)
    assert list(spread) == [[f"A{n}", f"B{n}"] for n in range(10)]
    assert len(killed) == 1


def test_an_article_that_stops_its_process_is_lost_alone_and_an_error_of_the_whole_job_is_raised(model: Path) -> None:
    batches = iter([["a", "crash", "b"], ["c"], ["be refused"]])
    spread = spread_on_ray(load_in, model, batches, count=1, per_node=False, seconds=20, address=None)
    assert next(spread) == ["A", Lost("the worker process crashed (SIGSEGV)"), "B"]
    assert next(spread) == ["C"]
    with pytest.raises(DemarcheError, match=r"^the model cannot read this$"):
        next(spread)


@pytest.mark.slow
def test_an_article_that_stops_its_worker_each_time_is_lost_alone(model: Path) -> None:
    batches = iter([["a", "kill the worker"], ["b"]])
    spread = spread_on_ray(load_in, model, batches, count=1, per_node=False, seconds=20, address=None)
    reason = "its worker on the cluster died each time, perhaps because memory ran out"
    assert list(spread) == [["A", Lost(reason)], ["B"]]


def test_a_node_without_the_model_gets_a_verified_copy(model: Path, tmp_path: Path) -> None:
    """The path of the model is gone when the workers look for it, as on another machine."""
    shutil.copytree(model, tmp_path / "moved")

    def batches() -> Iterator[list[str]]:
        (tmp_path / "moved").rename(tmp_path / "elsewhere")
        yield ["where"]

    spread = partial(spread_on_ray, load_in, tmp_path / "moved", count=1, per_node=True, seconds=20, address=None)
    ((there,),) = spread(batches())
    assert Path(there).name != "moved"
    assert (Path(there) / "manifest.json").read_bytes() == (model / "manifest.json").read_bytes()


def test_without_ray_the_command_says_what_to_install(town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    result = demarche("tag", "articles.jsonl", "--model", "copy", "--out", "tags.csv", "--engine", "ray")
    assert result.exit_code == 2
    assert result.stderr.strip() == "--engine ray needs Ray: pip install 'demarche[ray]'"
    assert not Path("tags.csv").exists()


def test_an_address_is_refused_without_the_engine_and_where_there_is_no_cluster(
    town: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["tag", "articles.jsonl", "--model", "copy", "--out", "tags.csv", "--ray-address", "127.0.0.1:9"]
    refused = demarche(*command)
    assert refused.exit_code == 2
    assert "is for --engine ray" in refused.output
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    lost = demarche(*command, "--engine", "ray")
    assert lost.exit_code == 2
    assert re.search(r"Ray cluster 127.0.0.1:9: .*; is its head running there\?\n", lost.output)
