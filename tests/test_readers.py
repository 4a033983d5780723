"""Articles are read from files of every kind, and a file that cannot be read is reported with its reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labels.errors import DemarcheError
from tagging.readers import ArticleColumns, ReadArticle, Unreadable, read_articles

HTML = """<html lang="en"><head><title>Quiet talks | The Paper</title></head><body><nav><a href="/">Home</a></nav>
<article><h1>Quiet talks</h1><p>The two delegations met for an hour in a side room and agreed to meet again in May,
an official who was there said on Tuesday.</p><p>Neither side spoke of the frontier, which both had called the only
matter worth the journey when they set out from home.</p></article><footer>All rights reserved.</footer></body></html>"""


def read(*paths: Path, **columns: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Return id → text of the articles and name → reason of what is unreadable."""
    items = list(read_articles(paths, ArticleColumns(**columns)))
    return (
        {item.article.id: item.article.text for item in items if isinstance(item, ReadArticle)},
        {item.name: item.reason for item in items if isinstance(item, Unreadable)},
    )


def test_the_id_of_an_article_is_its_path_below_the_input(tmp_path: Path) -> None:
    (tmp_path / "2021").mkdir()
    (tmp_path / "2021" / "a.txt").write_text("One.")
    (tmp_path / "b.md").write_text("Two.")
    assert read(tmp_path)[0] == {"2021/a.txt": "One.", "b.md": "Two."}
    assert read(tmp_path / "2021" / "a.txt")[0] == {"a.txt": "One."}


def test_a_text_file_is_read_exactly_as_it_stands(tmp_path: Path) -> None:
    raw = "\ufeffOne.\r\n\r\nTwo \u2028 three.\n\n\n".encode()
    (tmp_path / "a.txt").write_bytes(raw)
    assert read(tmp_path)[0]["a.txt"].encode() == raw


def test_the_text_of_a_page_is_read_without_navigation_and_footer(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(HTML)
    (item,) = read_articles([tmp_path], ArticleColumns())
    assert isinstance(item, ReadArticle)
    assert "side room" in item.article.text
    assert "rights reserved" not in item.article.text
    assert item.article.title == "Quiet talks"


def test_the_frames_of_a_saved_page_are_not_articles(tmp_path: Path) -> None:
    for name in ("page.html", "page_files/frame.html", "page_files/inner/frame.htm", "other_files/own.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(HTML)
    assert list(read(tmp_path)[0]) == ["other_files/own.html", "page.html"]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_each_row_of_a_table_is_an_article(tmp_path: Path, kind: str) -> None:
    rows = [
        {"key": "x", "body": "One, two.", "when": "2020-01-01"},
        {"key": "y", "body": "Three.", "when": "2020-01-02"},
    ]
    path = tmp_path / f"table.{kind}"
    if kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
    elif kind == "csv":
        path.write_text('key,body,when\nx,"One, two.",2020-01-01\ny,Three.,2020-01-02\n')
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    items = list(read_articles([path], ArticleColumns(text="body", id="key", date="when")))
    assert [
        (item.article.id, item.article.text, item.article.published) for item in items if isinstance(item, ReadArticle)
    ] == [
        ("x", "One, two.", "2020-01-01"),
        ("y", "Three.", "2020-01-02"),
    ]


def test_rows_without_an_id_are_named_by_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"text": "One."}\n{"text": "Two."}\n')
    assert list(read(tmp_path)[0]) == ["t.jsonl:1", "t.jsonl:2"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b" \n\n ", "empty"),
        ("a.txt", b"caf\xe9", "not UTF-8"),
        ("a.txt", b"a\0b", "binary"),
        ("a.html", b"<html><body></body></html>", "no article text"),
        ("a.pdf", b"%PDF", "not a .pdf document"),
        ("a.parquet", b"PAR", "not a Parquet file"),
        ("a.jsonl", b'{"text": 3}\n', "empty text"),
        ("a.jsonl", b'{"txt": "x"}\n', "no column 'text'"),
        ("a.jsonl", b"{\n", "not JSON"),
        ("a.csv", b"id,words\n1,x\n", "no column 'text'"),
        ("a.csv", b"The boats came in early and left the harbour late in the day.,x\n1,y\n", "--names id,text"),
        ("a.js", b"var a = 1", ".js is not read, unless it is a web page"),
        ("README", b"Read me.", "a file without a suffix is not read"),
        ("a.eml", b"Subject: x\n\n", "empty"),
        ("a.docx", b"PK\x03\x04word/", "not a Word document, or a damaged one"),
        ("a.mhtml", b"MIME-Version: 1.0\nContent-Type: image/png\n\nx", "an e-mail without text"),
    ],
)
def test_an_unreadable_file_is_reported_and_the_others_are_read(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "z.txt").write_text("Fine.")
    articles, unreadable = read(tmp_path)
    assert articles == {"z.txt": "Fine."}
    ((unreadable_name, reported_reason),) = unreadable.items()
    assert unreadable_name.startswith(name)
    assert reason in reported_reason


def test_a_second_article_with_the_same_id_is_reported(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"id": "1", "text": "One."}\n{"text": "Two."}\n{"id": 1, "text": "Three."}\n')
    articles, unreadable = read(tmp_path)
    assert articles == {"1": "One.", "t.jsonl:2": "Two."}
    assert unreadable == {"t.jsonl:3": "id '1' already occurs in t.jsonl:1; give each article its own id"}


def test_a_missing_input_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DemarcheError, match="no such file or folder"):
        list(read_articles([tmp_path / "gone"], ArticleColumns()))


@pytest.mark.parametrize("name", ["A.TXT", "A.Md"])
def test_the_case_of_a_suffix_does_not_matter(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("One.")
    assert read(tmp_path)[0] == {name: "One."}


def test_numbers_and_blanks_in_parquet_columns_are_read_as_people_write_them(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    nan = float("nan")
    table = pa.table({"id": [7.0, nan], "text": ["One.", "Two."], "title": pa.array([nan, nan])})
    pq.write_table(table, tmp_path / "t.parquet")
    items = [
        item for item in read_articles([tmp_path / "t.parquet"], ArticleColumns()) if isinstance(item, ReadArticle)
    ]
    assert [item.article.id for item in items] == ["7", "t.parquet:2"]
    assert [item.article.title for item in items] == [None, None]


@pytest.mark.parametrize("kind", ["jsonl", "ndjson", "json"])
def test_a_json_row_may_lack_a_column_but_a_column_in_no_row_is_reported(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"t.{kind}"
    path.write_text('{"text": "One.", "key": "x"}\n{"text": "Two."}\n')
    assert read(path, id="key") == ({"x": "One.", f"t.{kind}:2": "Two."}, {})
    articles, unreadable = read(path, id="key", target="about")
    assert len(articles) == 2
    assert unreadable == {f"t.{kind}": "no row has a column 'about'; correct --target"}


@pytest.mark.parametrize(("name", "content"), [("t.jsonl", ""), ("t.json", "[]"), ("t.csv", "id,text\n")])
def test_a_table_without_rows_is_reported(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert read(tmp_path) == ({}, {name: "has no rows"})


def test_files_that_the_caller_writes_are_not_read_as_articles(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One.")
    (tmp_path / "tags.csv").write_text("text\nOne.\n")
    (item,) = read_articles([tmp_path], ArticleColumns(), written=[tmp_path / "tags.csv"])
    assert isinstance(item, ReadArticle)
    with pytest.raises(DemarcheError, match="would be overwritten"):
        list(read_articles([tmp_path / "tags.csv"], ArticleColumns(), written=[tmp_path / "sub" / ".." / "tags.csv"]))
