"""Articles of several files have ids of their own, whatever the order of the files."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tagging.readers import ArticleColumns, ReadArticle, Unreadable, read_articles


def read(*paths: Path, **columns: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Return id → text of the articles and name → reason of what is unreadable."""
    items = list(read_articles(paths, ArticleColumns(**columns)))
    return (
        {item.article.id: item.article.text for item in items if isinstance(item, ReadArticle)},
        {item.name: item.reason for item in items if isinstance(item, Unreadable)},
    )


def table(path: Path, *ids: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("id,text\n" + "".join(f"{id},{path.name} {id}\n" for id in ids))
    return path


def test_an_id_that_several_tables_have_gets_the_name_of_its_file(tmp_path: Path) -> None:
    table(tmp_path / "jan.csv", "n1", "n2", "j")
    table(tmp_path / "feb.csv", "n1", "n2", "f")
    (tmp_path / "mar.jsonl").write_text('{"id": "n2", "text": "mar.jsonl n2"}\n{"text": "no id"}\n')
    articles, unreadable = read(tmp_path)
    assert unreadable == {}
    assert sorted(articles) == [
        "f", "feb.csv:n1", "feb.csv:n2", "j", "jan.csv:n1", "jan.csv:n2", "mar.jsonl:2", "mar.jsonl:n2",
    ]  # fmt: skip
    assert articles["feb.csv:n1"] == "feb.csv n1"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcde"), unique=True, min_size=1), min_size=1, max_size=4))
def test_ids_do_not_depend_on_the_order_of_the_files(tmp_path_factory: object, groups: list[list[str]]) -> None:
    folder = tmp_path_factory.mktemp("ids")  # type: ignore[attr-defined]
    paths = [table(folder / f"{number}.csv", *ids) for number, ids in enumerate(groups)]
    results = [read(*order) for order in permutations(paths)]
    assert all(result == results[0] for result in results)
    articles, unreadable = results[0]
    assert (len(articles), unreadable) == (sum(map(len, groups)), {})
    for id in "abcde":
        assert (id in articles) == (sum(id in ids for ids in groups) == 1)


def test_the_column_of_ids_that_is_named_counts(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(f"id,key,text\n1,1,One.\n2,1{name[0]},Two.\n")
    assert sorted(read(tmp_path, id="key")[0]) == ["1a", "1b", "a.csv:1", "b.csv:1"]


def test_files_of_one_name_in_several_inputs_get_the_name_of_the_folder(tmp_path: Path) -> None:
    for month in ("jan", "feb"):
        table(tmp_path / month / "news.csv", "n1")
        (tmp_path / month / "a.txt").write_text(f"In {month}.")
    (tmp_path / "feb" / "b.txt").write_text("B.")
    articles, unreadable = read(tmp_path / "jan", tmp_path / "feb")
    assert unreadable == {}
    assert sorted(articles) == ["b.txt", "feb/a.txt", "feb/news.csv:n1", "jan/a.txt", "jan/news.csv:n1"]
    assert sorted(read(tmp_path / "jan" / "a.txt", tmp_path / "feb" / "a.txt")[0]) == ["feb/a.txt", "jan/a.txt"]


def test_folders_of_one_name_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    inputs = [tmp_path / year / "jan" for year in ("2020", "2021")]
    for folder in inputs:
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text("One.")
    articles, unreadable = read(*inputs)
    assert (sorted(articles), unreadable) == ([(folder / "a.txt").as_posix() for folder in inputs], {})


def test_a_file_that_is_given_twice_is_read_once(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "n1")
    articles, unreadable = read(tmp_path, path)
    assert list(articles) == ["n1"]
    assert unreadable == {"a.csv": "given a second time; it is read once"}
