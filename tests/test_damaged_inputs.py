"""Damaged files and tables that are not what they seem: what is sound is read, and the rest is named."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pyarrow as pa
import pytest

from labels import compression, files
from labels.errors import Problem
from labels.table_files import json_rows
from tagging.readers import ArticleColumns, ReadArticle, Unreadable, items, read_articles

_RNG = random.Random(1)
ROWS = [
    {"id": f"n{number}", "text": " ".join(str(_RNG.randrange(10**6)) for _ in range(60)) + " people met."}
    for number in range(1500)
]
LINES = {
    "jsonl": "".join(json.dumps(row) + "\n" for row in ROWS),
    "csv": "id,text\n" + "".join(f'{row["id"]},"{row["text"]}"\n' for row in ROWS),
    "tsv": "id\ttext\n" + "".join(f"{row['id']}\t{row['text']}\n" for row in ROWS),
}


def read(*paths: Path, notes: list[Problem] | None = None) -> tuple[dict[str, str], dict[str, str]]:
    """Return id → text of the articles and name → reason of what is unreadable."""
    found = list(read_articles(paths, ArticleColumns(), notes=notes))
    return (
        {item.article.id: item.article.text for item in found if isinstance(item, ReadArticle)},
        {item.name: item.reason for item in found if isinstance(item, Unreadable)},
    )


def pack(text: str, suffix: str) -> bytes:
    if suffix == "gz":
        return gzip.compress(text.encode())
    return pa.Codec("zstd").compress(text.encode(), asbytes=True)  # type: ignore[no-any-return]


@pytest.mark.parametrize("suffix", ["gz", "zst"])
@pytest.mark.parametrize("kind", [*LINES, "txt", "html"])
def test_every_kind_of_file_may_be_compressed(tmp_path: Path, kind: str, suffix: str) -> None:
    page = (
        "<html><body><article>" + "<p>The pilots met for an hour in a side room.</p>" * 9 + "</article></body></html>"
    )
    (tmp_path / f"a.{kind}.{suffix}").write_bytes(pack(LINES.get(kind, page if kind == "html" else "One."), suffix))
    articles, unreadable = read(tmp_path)
    assert len(articles) == (len(ROWS) if kind in LINES else 1)
    assert unreadable == {}


@pytest.mark.parametrize("suffix", ["gz", "zst"])
@pytest.mark.parametrize("kind", LINES)
def test_the_rows_above_a_damage_are_read_and_its_place_is_named(tmp_path: Path, kind: str, suffix: str) -> None:
    raw = pack(LINES[kind], suffix)
    name = f"a.{kind}.{suffix}"
    (tmp_path / name).write_bytes(raw[: len(raw) // 2])
    (tmp_path / "b.txt").write_text("Fine.")
    articles, unreadable = read(tmp_path)
    assert articles.pop("b.txt") == "Fine."
    assert 100 < len(articles) < len(ROWS)
    assert list(articles.items()) == [(row["id"], row["text"]) for row in ROWS[: len(articles)]]
    ((place, reason),) = unreadable.items()
    assert place == f"{name}:{len(articles) + (1 if kind == 'jsonl' else 2)}"
    assert "cannot be read from here" in reason


def test_garbled_bytes_in_the_middle_of_a_file_are_noticed(tmp_path: Path) -> None:
    raw = pack(LINES["jsonl"], "gz")
    middle = len(raw) // 2
    (tmp_path / "a.jsonl.gz").write_bytes(raw[:middle] + b"\xff" * 200 + raw[middle + 200 :])
    articles, unreadable = read(tmp_path)
    sound = len(ROWS) // 3
    assert list(articles.items())[:sound] == [(row["id"], row["text"]) for row in ROWS[:sound]]
    *_, reason = unreadable.values()
    assert "cannot be read from here" in reason or "its checksum is wrong" in reason


def test_a_wrong_checksum_is_reported_though_every_row_could_be_read(tmp_path: Path) -> None:
    raw = bytearray(pack(LINES["csv"], "gz"))
    raw[-8] ^= 0xFF
    (tmp_path / "a.csv.gz").write_bytes(raw)
    articles, unreadable = read(tmp_path)
    assert len(articles) == len(ROWS)
    ((_, reason),) = unreadable.items()
    assert "its checksum is wrong" in reason


def test_a_damaged_page_in_a_folder_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(LINES["csv"].encode())[:500])
    (tmp_path / "b.txt").write_text("Fine.")
    articles, unreadable = read(tmp_path)
    assert list(articles) == ["b.txt"]
    assert "cannot be read" in unreadable["a.txt.gz"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", "Word. " * 400, "larger than 0 MB"),
        ("a.html", f"<html><p>{'Word. ' * 400}</p></html>", "larger than 0 MB"),
        ("a.jsonl", json.dumps({"text": "Word. " * 400}), "longer than 0 MB"),
        ("a.json", json.dumps([{"text": "Word. " * 400}]), "longer than 0 MB"),
        ("a.csv", "id,text\nx," + "Word. " * 150 + "\n", "900 characters are no article"),
        ("a.txt", "Word. " * 150, "900 characters are no article"),
    ],
)
def test_an_article_that_memory_would_not_hold_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str, reason: str
) -> None:
    for module in (compression, files, json_rows):
        monkeypatch.setattr(module, "LARGEST", 1000)
    monkeypatch.setattr(json_rows, "_AT_ONCE", 500)
    monkeypatch.setattr(items, "LARGEST_TEXT", 800)
    (tmp_path / name).write_text(content)
    (tmp_path / "b.txt").write_text("Fine.")
    articles, unreadable = read(tmp_path)
    assert articles == {"b.txt": "Fine."}
    ((_, found),) = unreadable.items()
    assert reason in found


def test_a_file_of_a_gigabyte_is_refused_in_little_memory(tmp_path: Path) -> None:
    import resource

    with (tmp_path / "a.txt").open("wb") as stream:
        stream.write(b"The pilots met.\n")
        stream.truncate(1_000_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "zero byte" in read(tmp_path)[1]["a.txt"]
    with gzip.open(tmp_path / "a.txt", "wb", compresslevel=1) as stream:
        for _ in range(250):
            stream.write(b"The pilots met. " * 62500)
    (tmp_path / "a.txt").rename(tmp_path / "a.txt.gz")
    assert "larger than 200 MB" in read(tmp_path)[1]["a.txt.gz"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 700_000


def test_a_header_in_the_middle_of_a_table_is_no_article(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text,source\n1,One.,S\nid,text,source\n2,Two.,S\n")
    notes: list[Problem] = []
    assert read(tmp_path, notes=notes) == ({"1": "One.", "2": "Two."}, {})
    assert [(note.line, note.what) for note in notes] == [(3, "the header stands here again; the line is skipped")]


@pytest.mark.parametrize("other", ["text,id,source", "id,body,source", "ID, Body ,Source"])
def test_columns_that_change_in_the_middle_of_a_table_are_named(tmp_path: Path, other: str) -> None:
    (tmp_path / "a.csv").write_text(f"id,text,source\n1,One.,S\n{other}\n2,Two.,S\n")
    articles, unreadable = read(tmp_path)
    assert articles == {"1": "One."}
    assert list(unreadable) == ["a.csv:3"]
    assert "another header, whose columns differ" in unreadable["a.csv:3"]


def test_a_row_about_columns_is_no_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text,source\n1,Text and source of the id are lost.,text\n")
    assert list(read(tmp_path)[0]) == ["1"]


def test_a_table_whose_columns_have_other_names_than_the_others_of_its_folder_is_named_once(tmp_path: Path) -> None:
    (tmp_path / "jan.csv").write_text("id,text\n1,One.\n")
    (tmp_path / "feb.csv").write_text("text,id\nTwo.,2\n")
    (tmp_path / "mar.csv").write_text("id,words\n3,Three.\n4,Four.\n")
    articles, unreadable = read(tmp_path)
    assert articles == {"1": "One.", "2": "Two."}
    assert list(unreadable) == ["mar.csv"]
    assert "no column 'text' (it has id, words)" in unreadable["mar.csv"]


@pytest.mark.parametrize("cell", ["2024-05-04", "17", "4/5/2024", "https://coast.example/a", "2024-05-04T10:00:00Z"])
def test_a_date_number_or_link_in_the_column_of_the_text_is_no_article(tmp_path: Path, cell: str) -> None:
    (tmp_path / "a.csv").write_text(f"id,text\n1,One.\n2,{cell}\n")
    articles, unreadable = read(tmp_path)
    assert articles == {"1": "One."}
    assert unreadable == {"a.csv:3": f"the text is {cell!r}; have the columns moved?"}
