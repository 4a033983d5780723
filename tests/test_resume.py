"""A batch that was stopped goes on where it stopped: nothing is lost and nothing doubled."""

from __future__ import annotations

import errno
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from filelock import FileLock

from labels.errors import DemarcheError
from labels.file_format import FileFormat
from tagging import collector, in_batches
from tagging.batch import tag_files
from tagging.collector import Collector
from tagging.jobs import TaggedArticle
from tagging.outputs import Outputs
from tagging.readers import ArticleColumns, ReadArticle, Unreadable
from tagging.rows import Names
from tagging.shards import Shards
from tagging.summary import Summary
from tests.conftest import make_articles

ARTICLES = 48


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_batches, "ARTICLES_AT_ONCE", 4)
    monkeypatch.setattr(collector, "ROWS_OF_A_SHARD", 6)


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    return write_articles(tmp_path / "articles", ARTICLES)


def write_articles(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number, article in enumerate(make_articles(count)[0]):
        (folder / f"{number:03}.txt").write_text(f"{article.text}\n\nThis is article number {number}.")
    return folder


def tag(inputs: Path, model: Path, out: Path, *, replace: bool = False, **outputs: Any) -> Summary:
    return tag_files(
        [inputs], model, Outputs(out, **outputs), model="m", columns=ArticleColumns(), replace=replace, jobs=1
    )


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.is_dir():
        return [row for part in sorted((path / "tags").iterdir()) for row in pq.read_table(part).to_pylist()]
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def tag_until_the_disk_is_full(
    inputs: Path, model: Path, out: Path, monkeypatch: pytest.MonkeyPatch, *, shards: int
) -> None:
    """Tag until this many shards are written."""
    write, written = collector.Shards.add, []

    def add(*arguments: Any) -> None:
        if len(written) == shards:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(None)
        write(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(collector.Shards, "add", add)
        with pytest.raises(OSError, match="No space"):
            tag(inputs, model, out)


@pytest.mark.parametrize("shards", [1, 4])
def test_a_batch_goes_on_where_it_stopped(
    model: Path, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shards: int
) -> None:
    whole, out = tmp_path / "whole.jsonl", tmp_path / "tags.jsonl"
    expected = tag(inputs, model, whole)
    tag_until_the_disk_is_full(inputs, model, out, monkeypatch, shards=shards)
    assert not out.exists()
    parts = sorted((tmp_path / "tags.jsonl.parts" / "tags").iterdir())
    assert len(parts) == shards
    summary = tag(inputs, model, out)
    assert rows_of(out) == rows_of(whole)
    assert summary.goes_on
    assert (summary.articles, summary.passages, summary.topics) == (
        expected.articles,
        expected.passages,
        expected.topics,
    )
    assert not (tmp_path / "tags.jsonl.parts").exists()


@pytest.mark.parametrize("end", [".parquet", ""])
@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_a_batch_that_is_killed_again_and_again_has_the_rows_of_one_that_is_not(
    model: Path, tmp_path: Path, end: str, kills: int
) -> None:
    # A part of the articles is done between two kills, and some must be left after the last.
    inputs = write_articles(tmp_path / "articles", 8 * (kills + 4))
    whole, out = tmp_path / f"whole{end}", tmp_path / f"tags{end}"
    tag(inputs, model, whole)
    script = (
        "from pathlib import Path\n"
        "from tagging import batch, collector, in_batches, outputs, readers\n"
        "in_batches.ARTICLES_AT_ONCE, collector.ROWS_OF_A_SHARD = 2, 3\n"
        f"inputs, model, out = map(Path, {[str(inputs), str(model), str(out)]!r})\n"
        "columns = readers.ArticleColumns()\n"
        "batch.tag_files([inputs], model, outputs.Outputs(out), model='m', columns=columns, jobs=1)\n"
    )
    rng = np.random.default_rng(5)
    for _ in range(kills):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL)
        parts = (tmp_path / "tags.parquet.parts" if end else out) / "tags"
        seen = len(list(parts.glob("*"))) if parts.is_dir() else 0
        # Starting takes most of the time: wait until the next shard is begun, and then a random moment more.
        while process.poll() is None and not (parts.is_dir() and len(list(parts.glob("*"))) > seen):
            time.sleep(0.005)
        time.sleep(rng.random() * 0.1)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        assert not out.is_file()
    assert tag(inputs, model, out).goes_on
    if end:
        assert pq.read_table(out).equals(pq.read_table(whole))
    else:
        assert rows_of(out) == rows_of(whole)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith((".tags", "tags"))] == [out.name]


def test_an_article_that_changed_in_the_middle_of_a_batch_is_refused(
    model: Path, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag_until_the_disk_is_full(inputs, model, tmp_path / "tags.jsonl", monkeypatch, shards=2)
    (inputs / "000.txt").write_text("Something else stands here now, in the place of the first article.")
    with pytest.raises(DemarcheError, match=r"000\.txt: changed since"):
        tag(inputs, model, tmp_path / "tags.jsonl")
    assert tag(inputs, model, tmp_path / "tags.jsonl", replace=True).articles == ARTICLES


def test_a_batch_of_other_inputs_does_not_mix_with_an_unfinished_one(
    model: Path, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag_until_the_disk_is_full(inputs, model, tmp_path / "tags.jsonl", monkeypatch, shards=1)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.txt").write_text("The kettle whistles, and the council praises it.")
    with pytest.raises(DemarcheError, match="unfinished batch of other inputs"):
        tag(tmp_path / "other", model, tmp_path / "tags.jsonl")
    assert tag(tmp_path / "other", model, tmp_path / "tags.jsonl", replace=True).articles == 1


def test_tags_of_two_models_do_not_mix(model: Path, inputs: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    from models.tagger import Tagger

    tagger = Tagger.load(model)
    replace(tagger, settings=tagger.settings.model_copy(update={"review": 0.2})).save(tmp_path / "other")
    tag(inputs, model, tmp_path / "tags")
    with pytest.raises(DemarcheError, match="made otherwise:\n  model: "):
        tag(inputs, tmp_path / "other", tmp_path / "tags")
    assert tag(inputs, tmp_path / "other", tmp_path / "tags", replace=True).articles == ARTICLES


def test_two_batches_do_not_write_to_one_output(model: Path, inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "tags").mkdir()
    with FileLock(tmp_path / "tags" / ".lock"), pytest.raises(DemarcheError, match="another process is writing to it"):
        tag(inputs, model, tmp_path / "tags")


def test_a_folder_with_other_files_is_no_output(model: Path, inputs: Path, tmp_path: Path) -> None:
    with pytest.raises(DemarcheError, match="holds other files"):
        tag(inputs, model, inputs)
    assert len(list(inputs.iterdir())) == ARTICLES


def test_a_damaged_index_is_reported(model: Path, inputs: Path, tmp_path: Path) -> None:
    tag(inputs, model, tmp_path / "tags")
    (tmp_path / "tags" / "index.sqlite").write_bytes(b"not a database, but rather long " * 100)
    with pytest.raises(DemarcheError, match=r"index\.sqlite: cannot be used"):
        tag(inputs, model, tmp_path / "tags")
    assert tag(inputs, model, tmp_path / "tags", replace=True).articles == ARTICLES


def test_a_model_folder_is_no_output_even_to_replace(model: Path, inputs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(model, other)
    before = {path: path.read_bytes() for path in other.rglob("*") if path.is_file()}
    for out, message in ((other, "in the model's folder"), (model, "holds other files")):
        with pytest.raises(DemarcheError, match=message):
            tag(inputs, other, out, replace=True)
    assert {path: path.read_bytes() for path in other.rglob("*") if path.is_file()} == before
    assert (model / "manifest.json").exists()


def test_replacing_removes_nothing_but_tags(model: Path, inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "tags"
    tag(inputs, model, out)
    (out / "mine").mkdir()
    (out / "mine" / "part-1.parquet").write_text("not ours")
    tag(inputs, model, out, replace=True)
    assert (out / "mine" / "part-1.parquet").read_text() == "not ours"


def test_a_batch_whose_files_could_not_be_made_does_not_mix_with_another(
    model: Path, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "tags.jsonl"

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Outputs, "complete", full)
        with pytest.raises(OSError, match="No space"):
            tag(inputs, model, out)
    (tmp_path / "other.txt").write_text("The kettle whistles, and the council praises it.")
    with pytest.raises(DemarcheError, match="unfinished batch of other inputs"):
        tag(tmp_path / "other.txt", model, out)
    text = (inputs / "000.txt").read_text()
    (inputs / "000.txt").write_text("Something else stands here now, in the place of the first article.")
    with pytest.raises(DemarcheError, match=r"000\.txt: changed since"):
        tag(inputs, model, out)
    (inputs / "000.txt").write_text(text)
    summary = tag(inputs, model, out)
    assert (summary.goes_on, summary.articles) == (True, ARTICLES)


def test_a_folder_of_tags_goes_on_though_an_article_of_an_earlier_night_changed(
    model: Path, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "tags"
    tag(inputs, model, out)
    (inputs / "001.txt").write_text("This text was written anew after it had been tagged.")
    for number in range(12):
        (inputs / f"new{number:02}.txt").write_text(f"The council praises the new kettle, and {number} teapots.")
    tag_until_the_disk_is_full(inputs, model, out, monkeypatch, shards=1)
    summary = tag(inputs, model, out)
    assert summary.changed == ["001.txt"]
    counts = Counter(row["article"] for row in rows_of(out))
    assert len(counts) == ARTICLES + 12


@pytest.mark.parametrize("name", ["tags.jsonl", "tags"])
def test_an_interrupted_removal_of_the_shards_is_completed(
    model: Path, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    out = tmp_path / name
    tag_until_the_disk_is_full(inputs, model, out, monkeypatch, shards=3)
    unlink, removed = Path.unlink, []

    def interrupted(path: Path, **options: Any) -> None:
        if len(removed) == 3:
            raise KeyboardInterrupt
        removed.append(path)
        unlink(path, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tag(inputs, model, out, replace=True)
    assert tag(inputs, model, out).articles == ARTICLES
    assert len({row["article"] for row in rows_of(out)}) == ARTICLES


def test_tags_without_their_index_are_not_doubled(model: Path, inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "tags"
    tag(inputs, model, out)
    rows = rows_of(out)
    (out / "index.sqlite").unlink()
    for _ in range(2):
        with pytest.raises(DemarcheError, match=r"index\.sqlite: missing"):
            tag(inputs, model, out)
    assert rows_of(out) == rows
    tag(inputs, model, out, replace=True)
    assert rows_of(out) == rows


def test_a_shard_that_was_not_entered_before_a_kill_is_removed(model: Path, inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "tags"
    tag(inputs, model, out)
    rows = rows_of(out)
    for kind in ("tags", "candidates"):
        last = max((out / kind).iterdir())
        shutil.copy(last, last.with_name("part-000900.parquet"))
    assert tag(inputs, model, out).articles == 0
    assert rows_of(out) == rows


def test_what_cannot_be_read_of_a_file_is_reported_after_a_resumption_too(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = ReadArticle(make_articles(1)[0][0])
    part = Unreadable("x#2", "empty")
    settings: dict[str, Any] = {"model": "m"}
    schemas = Outputs(tmp_path / "t.jsonl").schemas
    for _ in range(2):
        with Shards.open(tmp_path / "t.jsonl.parts", settings, schemas, replace=False) as shards:
            batch = Collector(shards, Names("m", "c", None), is_file=True)
            batch.begin(["a"])
            for new in batch.new([item]):
                article = TaggedArticle.of(item, [], [], with_article=False)
                batch.add([in_batches.Worked(new, [article, part])])
            batch.finish()
            assert batch.summary.unreadable == [part]


def test_a_damaged_shard_is_reported(
    model: Path, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag_until_the_disk_is_full(inputs, model, tmp_path / "tags.jsonl", monkeypatch, shards=2)
    (tmp_path / "tags.jsonl.parts" / "tags" / "part-000001.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DemarcheError, match=r"part-000001\.parquet: cannot be read"):
        tag(inputs, model, tmp_path / "tags.jsonl")


def test_a_full_disk_of_the_index_is_no_reason_to_start_again(
    model: Path, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Shards, "add", full)
        with pytest.raises(DemarcheError, match="disk is full; the same command goes on"):
            tag(inputs, model, tmp_path / "tags")


def test_options_that_differ_are_named(
    model: Path, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag_until_the_disk_is_full(inputs, model, tmp_path / "tags.jsonl", monkeypatch, shards=1)
    with pytest.raises(DemarcheError, match="--articles-out: False there, True now"):
        tag(inputs, model, tmp_path / "tags.jsonl", articles=tmp_path / "articles.jsonl")
    columns = ArticleColumns(format=FileFormat(encoding="latin-1"))
    with pytest.raises(DemarcheError, match="--encoding: None there, latin-1 now"):
        tag_files([inputs], model, Outputs(tmp_path / "tags.jsonl"), model="m", columns=columns, jobs=1)
