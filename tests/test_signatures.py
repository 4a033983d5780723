"""A file is recognised by its first bytes, whatever its name says."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from labels.errors import DemarcheError, Problems
from labels.files import read_text
from labels.signatures import is_html, recognise
from labels.table_files import read_rows


def archive(*members: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for member in members:
            file.writestr(member, "x")
    return content.getvalue()


FILES = {
    "a PDF document": b"%PDF-1.7\n1 0 obj",
    "a Word document": archive("[Content_Types].xml", "word/document.xml"),
    "an OpenDocument text": b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.text",
    "a ZIP archive of a.txt, b.txt, c.txt and 1 more": archive("a.txt", "b.txt", "c.txt", "d.txt"),
    "an RTF document": b"{\\rtf1\\ansi Hello.}",
    "a PNG image": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "a JPEG image": b"\xff\xd8\xff\xe0\0\x10JFIF",
    "an SQLite database": b"SQLite format 3\0" + bytes(80),
    "compressed with xz": b"\xfd7zXZ\0\0\4",
    "an Office file of the old kind": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
    "a Python pickle": b"\x80\x04\x95\x10\0\0\0",
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("suffix", [".txt", ".yaml"])
def test_a_text_file_that_is_something_else_is_named(tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(FILES[name])
    with pytest.raises(DemarcheError) as raised:
        read_text(path)
    assert str(raised.value).startswith(f"{path}: {name}")
    assert ";" in str(raised.value)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json"])
def test_a_table_that_is_something_else_is_named(tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(FILES[name])
    problems = Problems()
    assert list(read_rows(path, problems)) == []
    (problem,) = problems
    assert problem.what.startswith(name)
    assert problem.what.endswith("not a table; save the table as .csv or .xlsx")


def test_a_table_that_is_a_web_page_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("\n<!DOCTYPE html>\n<html><body>Not found</body></html>")
    problems = Problems()
    assert list(read_rows(tmp_path / "t.csv", problems)) == []
    assert [problem.what for problem in problems] == ["an HTML page, not a table; save the table as .csv or .xlsx"]


@pytest.mark.parametrize(
    "start",
    [
        "<!doctype HTML><html>",
        "\n <HTML lang=en>",
        '<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0">',
        "<!-- saved from url=(0024)http://a.example/ -->\n<html>",
        "<!-- a --><!-- b --><head>",
        "<p>One.</p>",
        '<div class="a">One.</div>',
    ],
)
def test_a_page_is_recognised_by_its_first_tag(start: str) -> None:
    assert is_html(start.encode())
    assert is_html(start.encode("utf-8-sig"))
    assert is_html(start.encode("utf-16"))


@pytest.mark.parametrize(
    "start",
    ["", "One < two, and <b>three</b>.", "<pre-war> years", "<?xml version='1.0'?><rss>", "<!-- html", "PARIS", "GIF"],
)
def test_other_text_is_not_taken_for_a_page_or_a_file(start: str) -> None:
    assert recognise(start.encode()) is None
