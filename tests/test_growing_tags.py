"""A folder of tags grows: a later batch takes in only what is new, and a copy is tagged once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from labels.files import write_jsonl
from labels.passages import Article
from tagging import collector, in_batches
from tagging.batch import tag_files
from tagging.outputs import Outputs
from tagging.readers import ArticleColumns
from tests.conftest import make_articles
from tests.test_resume import ARTICLES, rows_of, tag, write_articles


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_batches, "ARTICLES_AT_ONCE", 4)
    monkeypatch.setattr(collector, "ROWS_OF_A_SHARD", 6)


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    return write_articles(tmp_path / "articles", ARTICLES)


def test_a_folder_of_tags_takes_in_only_what_is_new(model: Path, inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "tags"
    assert tag(inputs, model, out).articles == ARTICLES
    first = rows_of(out)
    (inputs / "new.txt").write_text("The council praises the new kettle, and the teapot beside it.")
    (inputs / "001.txt").write_text("This text was written anew after it had been tagged.")
    summary = tag(inputs, model, out)
    assert (summary.articles, summary.seen, summary.changed) == (1, ARTICLES - 1, ["001.txt"])
    rows = rows_of(out)
    assert rows[: len(first)] == first
    assert {row["article"] for row in rows[len(first) :]} == {"new.txt"}
    assert tag(inputs, model, out).articles == 0


def test_a_growing_table_is_tagged_row_by_row(model: Path, tmp_path: Path) -> None:
    articles = [Article(id=a.id, text=a.text) for a in make_articles(6)[0]]
    for count in (3, 6):
        write_jsonl(tmp_path / "feed.jsonl", articles[:count])
        tag(tmp_path / "feed.jsonl", model, tmp_path / "tags")
    assert list(dict.fromkeys(row["article"] for row in rows_of(tmp_path / "tags"))) == [a.id for a in articles]


def test_only_the_new_entries_of_a_feed_are_tagged(model: Path, tmp_path: Path) -> None:
    def feed(*entries: int) -> str:
        items = "".join(
            f"<item><guid>n-{entry}</guid><description>The council praises teapot {entry}.</description></item>"
            for entry in entries
        )
        return f"<rss><channel><title>T</title>{items}</channel></rss>"

    path, archive = tmp_path / "news.rss", tmp_path / "archive"
    path.write_text(feed(2, 1))
    assert tag(path, model, archive).articles == 2
    # The oldest entry has left the feed, and a new one has come.
    path.write_text(feed(3, 2))
    again = tag(path, model, archive)
    assert (again.articles, again.seen, again.changed) == (1, 1, [])
    assert {row["article"] for row in rows_of(archive)} == {"news.rss:n-1", "news.rss:n-2", "news.rss:n-3"}


def test_a_copy_of_an_article_is_tagged_once_and_refers_to_it(model: Path, inputs: Path, tmp_path: Path) -> None:
    text = (inputs / "000.txt").read_text()
    (inputs / "900.md").write_text(f"---\ntitle: Elsewhere\nsource: The Samovar\n---\n{text.replace(' ', '  ')}")
    (inputs / "901.txt").write_text(text)
    summary = tag(inputs, model, tmp_path / "tags.jsonl", articles=tmp_path / "articles.jsonl")
    assert summary.copies == 2
    copies = [row for row in rows_of(tmp_path / "tags.jsonl") if row["copy_of"]]
    assert [(row["article"], row["copy_of"], row["status"]) for row in copies] == [
        ("900.md", "000.txt", "copy"),
        ("901.txt", "000.txt", "copy"),
    ]
    assert {row["topic"] for row in copies} == {row["text"] for row in copies} == {None}
    assert (copies[0]["title"], copies[0]["source"]) == ("Elsewhere", "The Samovar")
    assert len(rows_of(tmp_path / "articles.jsonl")) == ARTICLES + 2


def test_a_copy_is_known_in_a_later_batch_too(model: Path, tmp_path: Path) -> None:
    article, other = make_articles(2)[0]
    for night, articles in enumerate(([article], [article, other, article.model_copy(update={"id": "again"})])):
        write_jsonl(tmp_path / f"{night}.jsonl", [Article(id=a.id, text=a.text) for a in articles])
        summary = tag(tmp_path / f"{night}.jsonl", model, tmp_path / "tags")
    assert (summary.articles, summary.copies, summary.seen) == (2, 1, 1)
    assert Counter(row["copy_of"] for row in rows_of(tmp_path / "tags") if row["article"] == "again") == {article.id: 1}


def test_an_article_keeps_its_id_if_a_later_table_has_another_one_with_it(model: Path, tmp_path: Path) -> None:
    def table(name: str, ids: str, *, of: str) -> None:
        rows = [Article(id=id, text=f"The council praises kettle {id} of {of}.") for id in ids]
        write_jsonl(tmp_path / "nights" / f"{name}.jsonl", rows)

    (tmp_path / "nights").mkdir()
    archive = tmp_path / "archive"
    table("b", "xyz", of="b")
    assert tag(tmp_path / "nights", model, archive).articles == 3
    table("a", "xyw", of="a")
    table("c", "z", of="b")  # a row of `b` that is exported again
    second = tag(tmp_path / "nights", model, archive)
    assert (second.articles, second.copies, second.seen, second.changed) == (3, 0, 4, [])
    assert {row["article"] for row in rows_of(archive)} == {*"xyz", "a.jsonl:x", "a.jsonl:y", "w"}
    table("b", "xyz", of="elsewhere")
    third = tag(tmp_path / "nights", model, archive)
    assert (third.articles, third.seen) == (3, 4)
    assert {row["article"] for row in rows_of(archive)} >= {*"xyz", "b.jsonl:x", "b.jsonl:y", "b.jsonl:z"}
    assert tag(tmp_path / "nights", model, archive).articles == 0


def test_the_same_text_with_another_target_is_no_copy(model: Path, tmp_path: Path) -> None:
    text = "The council praises the bridge and the tunnel."
    (tmp_path / "t.csv").write_text(f"id,text,about\nx,{text},the bridge\ny,{text},the tunnel\nz,{text},the bridge\n")
    out = tmp_path / "tags.jsonl"
    tag_files([tmp_path / "t.csv"], model, Outputs(out), model="m", columns=ArticleColumns(target="about"), jobs=1)
    assert [row["article"] for row in rows_of(out) if row["copy_of"]] == ["z"]
