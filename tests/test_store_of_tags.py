"""What a folder of tags says of them, which later batches it takes, and that its tags are never read as articles."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from labels.errors import DemarcheError
from models.tagger import Tagger
from tagging import batch, manifest
from tagging.batch import tag_files
from tagging.outputs import Outputs
from tagging.readers import ArticleColumns, Unreadable
from tagging.readers.ids import Ids
from tagging.shards import TAGS, Shards
from tagging.summary import Summary
from tests.faults import Fault, check_fault


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    add(folder, "a")
    return folder


def add(folder: Path, name: str) -> None:
    (folder / f"{name}.txt").write_text(f"The council praises the teapot, the kettle and the samovar of {name}.")


def tag(inputs: Path, model: Path, out: Path) -> Summary:
    return tag_files([inputs], model, Outputs(out), model="m", columns=ArticleColumns(), jobs=1)


def read(folder: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((folder / "manifest.json").read_text())
    return content


def test_a_new_version_adds_to_the_tags_of_an_older_one_and_is_noted(
    model: Path, articles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "tags"
    tag(articles, model, out)
    assert "upgrades" not in read(out)
    # The last one writes the second part; those before it wrote none.
    for version, name in (("90.0", None), ("91.0", None), ("92.0", "b"), ("92.0", "c"), ("93.0", "d")):
        monkeypatch.setattr(batch, "version", lambda _, version=version: version)
        if name:
            add(articles, name)
        tag(articles, model, out)
    assert read(out)["upgrades"] == [
        {"demarche": "92.0", "from": "part-000002.parquet"},
        {"demarche": "93.0", "from": "part-000004.parquet"},
    ]


def test_a_column_that_an_older_version_did_not_write_is_null(model: Path, articles: Path, tmp_path: Path) -> None:
    tag(articles, model, tmp_path / "tags")
    path = next((tmp_path / "tags" / "tags").iterdir())
    pq.write_table(pq.read_table(path).drop_columns(["copy_of"]), path)
    schemas = Outputs(tmp_path / "tags").schemas
    settings = {key: value for key, value in read(tmp_path / "tags").items() if key != "demarche_tags"}
    with Shards.open(tmp_path / "tags", settings, schemas, replace=False) as shards:
        table = next(shards.tables(TAGS))
    assert table.column_names == list(schemas[TAGS])
    assert table["copy_of"].to_pylist() == [None] * len(table)


def test_tags_among_the_articles_are_not_read_as_articles(model: Path, articles: Path) -> None:
    (articles / "notes").mkdir()
    (articles / "notes" / "manifest.json").write_text('{"text": "The kettle of the council is no store of tags."}')
    tag(articles, model, articles / "archive")
    tag(articles, model, articles / "later" / "archive")
    (articles / "later" / "archive").rename(articles / "later" / "tags.csv.parts")
    rows = tag(articles, model, articles.parent / "tags.jsonl")
    assert (rows.articles, rows.unreadable) == (2, [])
    with pytest.raises(DemarcheError, match="holds the tags of earlier batches, not articles"):
        tag(articles / "archive", model, articles.parent / "more.csv")


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".csv"])
def test_a_file_of_tags_is_no_table_of_articles(model: Path, articles: Path, suffix: str) -> None:
    reason = "holds the tags of earlier batches, not articles; leave it out"
    tag(articles, model, articles / f"monday{suffix}")
    rows = tag(articles, model, articles / f"tuesday{suffix}")
    assert (rows.articles, rows.copies) == (1, 0)
    assert rows.unreadable == [Unreadable(f"monday{suffix}", reason)]
    tag(articles, model, articles / "archive")
    with pytest.raises(DemarcheError, match=reason):
        tag(articles / "archive" / "*" / "*", model, articles / "wednesday.csv")


def test_rows_with_and_without_explanations_are_not_mixed(model: Path, articles: Path, tmp_path: Path) -> None:
    def tag_explained(explanation: bool) -> Summary:
        out = Outputs(tmp_path / "tags", explanation=explanation)
        return tag_files([articles], model, out, model="m", columns=ArticleColumns(), jobs=1)

    tag_explained(True)
    with pytest.raises(DemarcheError, match="--explain: True there, None now"):
        tag_explained(False)
    assert tag_explained(True).seen == 1


def test_the_mark_of_a_store_is_at_the_start_of_its_manifest(model: Path, articles: Path, tmp_path: Path) -> None:
    tag(articles, model, tmp_path / "tags")
    assert manifest.is_store(tmp_path / "tags")
    assert not manifest.is_store(model)


def test_a_link_to_a_folder_that_is_not_there_is_no_output(
    town: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = Fault(
        "tag articles.jsonl --model MODEL --out link",
        "link: links to nowhere, which is not there; make that folder",
        lambda folder: (folder / "link").symlink_to("nowhere"),
    )
    check_fault(fault, town, model, monkeypatch)


def test_tags_lead_to_the_run_and_the_data_of_their_model(model: Path, articles: Path, tmp_path: Path) -> None:
    tagger = Tagger.load(model)
    origin = {"run": "3f2a", "data": "77aa"}
    replace(tagger, settings=tagger.settings.model_copy(update=origin)).save(tmp_path / "model")
    tag(articles, tmp_path / "model", tmp_path / "tags")
    row = pq.read_table(next((tmp_path / "tags" / "tags").iterdir())).to_pylist()[0]
    found = read(tmp_path / "tags")
    assert (row["run"], row["codebook"]) == (found["run"], found["codebook"]) == ("3f2a", "tiny@1.0.0")
    assert found["data"] == "77aa"


def test_an_id_is_new_once() -> None:
    ids = Ids()
    assert [ids.add(id) for id in ("a", "b", "a", "ä", "a")] == [True, True, False, True, False]
