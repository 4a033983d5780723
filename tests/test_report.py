"""A report counts the tags of a file, and shows its passages in one page that a browser reads."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labels.tables.writers import table_writer
from tagging.report.data import page_data
from tagging.report.periods import parse_date, periods_of
from tagging.report.reading import read_tags
from tagging.rows import COLUMNS, TYPES
from tagging.totals import read_tags as read_table
from tagging.totals import totals
from tests.conftest import demarche
from tests.report_tags import NASTY, copy, passage, world

# The chart library is bundled once a process, which takes seconds.
pytestmark = pytest.mark.xdist_group("report")


def write(path: Path, rows: list[dict[str, Any]], *, for_spreadsheet: bool = False) -> Path:
    with table_writer(path, TYPES, for_spreadsheet=for_spreadsheet) as write_rows:
        write_rows(rows)
    return path


def data_in(page: Path) -> dict[str, Any]:
    """The data of a page, as its script unpacks it."""
    packed = re.search(r'id="data">([^<]*)</script>', page.read_text(encoding="utf-8"))
    assert packed
    return json.loads(gzip.decompress(base64.b64decode(packed[1])))


def counts(data: dict[str, Any], *dimensions: str, per: str = "stories") -> Counter[tuple[str | None, ...]]:
    """The counts of the page, with names for the numbers."""
    names = {"topic": "topics", "stance": "stances", "source": "sources", "period": "periods"}
    cube, found = data["cube"], Counter[tuple[str | None, ...]]()
    for cell in range(len(cube["topic"])):
        values = [(data[names[name]], cube[name][cell]) for name in dimensions]
        found[tuple(known[code] if code >= 0 else None for known, code in values)] += cube[per][cell]
    return +found


@pytest.mark.parametrize("name", ["tags.parquet", "tags.jsonl", "tags.csv"])
def test_every_kind_of_tags_file_makes_the_same_page(tmp_path: Path, name: str) -> None:
    parquet = page_data(read_tags(write(tmp_path / "all.parquet", world())))
    assert page_data(read_tags(write(tmp_path / name, world()))) == parquet


def test_apostrophes_for_a_spreadsheet_are_not_shown(tmp_path: Path) -> None:
    rows = [passage("a", text="=SUM(A1)\nand more", topics={"tea": "favor"}, title="'@handle")]
    data = page_data(read_tags(write(tmp_path / "tags.csv", rows, for_spreadsheet=True)))
    assert data["passages"]["text"] == ["=SUM(A1)\nand more"]
    assert data["articles"]["title"] == ["'@handle"]


def test_the_folder_of_a_batch_is_read(tmp_path: Path) -> None:
    (tmp_path / "archive/tags").mkdir(parents=True)
    rows = world()
    write(tmp_path / "archive/tags/part-000001.parquet", rows[:4])
    write(tmp_path / "archive/tags/part-000002.parquet", rows[4:])
    whole = page_data(read_tags(write(tmp_path / "tags.parquet", rows)))
    assert page_data(read_tags(tmp_path / "archive")) == whole


def test_the_counts_are_those_of_the_rows(tmp_path: Path) -> None:
    data = page_data(read_tags(write(tmp_path / "tags.parquet", world())))
    # Passages read have no topic here.
    assert counts(data, "topic") == {(None,): 8, ("tea",): 4, ("rain",): 3}
    assert counts(data, "topic", "stance")["tea", "favor"] == 2
    assert counts(data, "topic", "period")["tea", "2024-01"] == 1
    assert data["periods"] == [f"2024-{month:02}" for month in range(1, 13)]
    assert data["summary"]["review"] == 2
    assert data["summary"]["boilerplate"] == 1


def test_undated_passages_are_counted_outside_the_periods(tmp_path: Path) -> None:
    rows = [
        passage("a", topics={"tea": "favor"}),
        passage("b", topics={"tea": "favor"}, published="2024-05-01"),
        passage("c", topics={"tea": "favor"}, published="next Tuesday"),
    ]
    data = page_data(read_tags(write(tmp_path / "tags.parquet", rows)))
    assert counts(data, "topic", "period") == {
        ("tea", None): 2, ("tea", "2024-05-01"): 1, (None, None): 2, (None, "2024-05-01"): 1
    }  # fmt: skip
    assert data["summary"]["undatedPassages"] == 2
    assert data["articles"]["id"] == ["b", "a", "c"], "undated articles come last"


def test_a_copy_counts_in_its_own_source_and_only_if_copies_count(tmp_path: Path) -> None:
    rows = [
        passage("a", topics={"tea": "favor"}, source="wire", published="2024-05-01"),
        copy("b", of="a", source="paper", published="2024-05-02"),
        copy("c", of="a", source="wire", published="2024-05-01"),
        copy("d", of="elsewhere", source="paper"),
    ]
    data = page_data(read_tags(write(tmp_path / "tags.parquet", rows)))
    assert counts(data, "topic", "source")["tea", "wire"] == 1
    assert ("tea", "paper") not in counts(data, "topic", "source")
    per_copy = counts(data, "topic", "source", "period", per="copies")
    assert per_copy["tea", "wire", "2024-05-01"] == 2
    assert per_copy["tea", "paper", "2024-05-02"] == 1
    assert data["summary"]["copies"] == 3
    assert data["summary"]["copiesWithoutOriginal"] == 1
    assert len(data["articles"]["copies"][0]) == 2


def test_shares_are_of_the_passages_read_and_of_the_topic(tmp_path: Path) -> None:
    path = write(tmp_path / "tags.parquet", world())
    shares = page_data(read_tags(path), totals=totals(read_table(path), confusion=None))["totals"]
    tea, *stances = shares[:4]
    assert (tea["topic"], tea["stance"], tea["passages"], tea["share"]) == ("tea", None, 4, 0.5)
    assert (tea["corrected"], tea["method"]) == (None, "as tagged")
    assert [(total["stance"], total["share"]) for total in stances] == [
        ("favor", 0.5),
        ("against", 0.5),
        ("neutral", 0),
    ]


def test_the_page_says_what_shares_corrected_by_the_errors_on_test_rest_on(tmp_path: Path) -> None:
    path = write(tmp_path / "tags.parquet", world())
    tagged = totals(read_table(path), confusion=None)
    by_errors = [replace(each, corrected=0.4, low=0.3, high=0.5, method="errors on test") for each in tagged]
    by_readings = [replace(each, method="articles that people read") for each in by_errors]
    said = [page_data(read_tags(path), totals=shares)["assumption"] for shares in (tagged, by_readings, by_errors)]
    assert said[:2] == [None, None]
    assert said[2].startswith("Nobody has read these articles.")


def test_without_the_model_the_shares_are_those_of_the_tags(tmp_path: Path) -> None:
    path = write(tmp_path / "tags.parquet", world())
    result = demarche("report", path, "--out", tmp_path / "page.html")
    assert result.exit_code == 0, result.output
    assert "note: the shares are not corrected: " in result.output
    assert demarche("report", path, "--out", tmp_path / "other.html", "--model", "nowhere").exit_code == 2
    assert not (tmp_path / "other.html").exists()


def test_a_large_batch_shows_its_most_recent_passages_and_counts_all(tmp_path: Path) -> None:
    rows = [passage(f"a{day}", topics={"tea": "favor"}, published=f"2024-05-{day:02}") for day in range(1, 29)]
    data = page_data(read_tags(write(tmp_path / "tags.parquet", rows)), most_passages=5)
    assert [published[-2:] for published in data["articles"]["published"]] == ["28", "27", "26", "25", "24"]
    assert counts(data, "topic")[("tea",)] == 28
    assert (data["summary"]["shown"], data["summary"]["showable"]) == (5, 28)


@pytest.mark.parametrize(
    ("first", "last", "unit", "number"),
    [("2024-01-01", "2024-01-20", "day", 20), ("2024-01-01", "2024-04-01", "week", 14), ("2023-12-31", "2024-12-01", "month", 13),
     ("1990", "2024-01-01", "year", 35)],
)  # fmt: skip
def test_the_span_decides_how_long_the_periods_are(first: str, last: str, unit: str, number: int) -> None:
    periods = periods_of([parse_date(last), parse_date(first), None])
    assert (periods.unit, len(periods.names)) == (unit, number)
    assert periods.of == [number - 1, 0, -1]


def test_no_text_of_an_article_is_markup(tmp_path: Path) -> None:
    rows = [passage("a", text=NASTY, topics={"tea": "favor"}, title=NASTY, source=NASTY, url="javascript:alert(1)")]
    tags, page = write(tmp_path / "tags.parquet", rows), tmp_path / "page.html"
    assert demarche("report", tags, "--out", page, "--title", NASTY).exit_code == 0
    assert "alert('nasty')" not in page.read_text(encoding="utf-8").replace("&#x27;", "’")
    assert data_in(page)["passages"]["text"] == [NASTY]


def test_tags_without_a_passage_make_a_page(tmp_path: Path) -> None:
    for name in ("tags.parquet", "tags.jsonl", "tags.csv"):
        result = demarche("report", write(tmp_path / name, []), "--out", tmp_path / "page.html")
        assert result.exit_code == 0, result.output
        assert data_in(tmp_path / "page.html")["summary"]["passages"] == 0


def test_a_file_without_the_columns_of_tags_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tags.csv").write_text("article,topic,text\na,tea,b\n", encoding="utf-8")
    result = demarche("report", tmp_path / "tags.csv", "--out", tmp_path / "page.html")
    assert result.exit_code == 2
    assert "tags.csv: not a tags file of this version: without the columns passage, stance, status" in result.output
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("content", [b"no json\n", b"[1]\n", b"\xff\xfe,\xe9\n", b"\x00\n"])
@pytest.mark.parametrize("name", ["tags.parquet", "tags.jsonl", "tags.csv"])
def test_a_file_that_is_anything_else_is_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    result = demarche("report", tmp_path / name, "--out", tmp_path / "page.html")
    assert result.exit_code == 2, result.output
    assert name in result.output


@pytest.mark.parametrize("name", ["tags.parquet", "tags.jsonl", "tags.csv"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    content = {"tags.csv": ",".join(COLUMNS) + "\nonly,three,cells\n", "tags.jsonl": json.dumps(world()[0]) + '\n{"art'}
    (tmp_path / name).write_text(content.get(name, "PAR1 and no more"), encoding="utf-8")
    result = demarche("report", tmp_path / name, "--out", tmp_path / "page.html")
    assert result.exit_code == 2, result.output
    assert name in result.output
    assert not (tmp_path / "page.html").exists()


def test_a_report_never_replaces_its_input_nor_goes_to_a_file_of_another_kind(tmp_path: Path) -> None:
    tags = write(tmp_path / "tags.parquet", world())
    assert "ends in .html" in demarche("report", tags, "--out", tags).output
    assert "no folder of tags" in demarche("report", tmp_path, "--out", tmp_path / "page.html").output
    assert demarche("report", tmp_path / "none.parquet", "--out", tmp_path / "page.html").exit_code == 2
    assert read_tags(tags)
