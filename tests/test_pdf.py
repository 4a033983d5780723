"""PDF documents are read as articles: their paragraphs, without running heads, and why if they cannot be read."""

from __future__ import annotations

import base64
import gzip
import zlib
from pathlib import Path

import pytest

from models.cleaning import clean
from tagging.readers import ArticleColumns, ReadArticle, Unreadable, read_articles
from tagging.segmentation import segment
from tests.pdfs import Placed, column, pdf

HEADLINE = "Pilots meet in the harbour"
FIRST = ["The pilots of the harbour met for an hour in a side room, and they", "agreed to meet again in May."]
SECOND = ["Nobody spoke of the levy, which both had called the only matter that", "was worth the journey to the coast."]
_COLUMN = ["   Both had called it the matter", "that alone was worth the long", "journey to the coast in May."]
_HALF = ["   An official who was present", "in the room said that nobody"]
_REST = ["had spoken of the new levy in", "that hour."]
TITLE: Placed = (50, 740, 20, HEADLINE)


def article(path: Path, raw: bytes) -> ReadArticle:
    path.write_bytes(raw)
    (item,) = read_articles([path], ArticleColumns())
    assert isinstance(item, ReadArticle), item
    return item


def passages(read: ReadArticle) -> list[str]:
    return [clean(piece.passage.text) for piece in segment(read.article)]


@pytest.mark.parametrize("name", ["a.pdf", "a", "a.txt", "a.pdf.gz"])
@pytest.mark.parametrize("between", ["", "indent"], ids=["blank line", "indent"])
def test_the_paragraphs_of_a_pdf_are_those_of_the_page(tmp_path: Path, name: str, between: str) -> None:
    lines = [*FIRST, "", *SECOND] if not between else [f"   {FIRST[0]}", FIRST[1], f"   {SECOND[0]}", SECOND[1]]
    raw = pdf([[TITLE, *column(lines)]])
    read = article(tmp_path / name, gzip.compress(raw) if name.endswith(".gz") else raw)
    assert passages(read) == [HEADLINE, " ".join(FIRST), " ".join(SECOND)]


def test_columns_are_read_one_after_the_other(tmp_path: Path) -> None:
    left = [
        "The pilots of the harbour met",
        "for an hour in a side room,",
        "and they agreed to go on.",
        *_COLUMN,
        *_HALF,
    ]
    right = [*_REST, *_COLUMN]
    read = article(tmp_path / "a.pdf", pdf([[TITLE, *column(left), *column(right, x=320)]]))
    paragraphs = [left[:3], _COLUMN, [*_HALF, *_REST], _COLUMN]
    assert passages(read) == [HEADLINE, *(" ".join(lines).strip() for lines in paragraphs)]


def test_a_word_divided_at_the_end_of_a_line_is_whole_again_and_a_compound_keeps_its_hyphen(tmp_path: Path) -> None:
    lines = ["The nego-", "tiations on a cease-", "fire went on for fifty-", "five days in the har-", "bour."]
    read = article(tmp_path / "a.pdf", pdf([column(lines)]))
    assert passages(read) == ["The negotiations on a cease-fire went on for fifty-five days in the harbour."]


def test_running_heads_and_page_numbers_are_no_text(tmp_path: Path) -> None:
    def page(number: int, lines: list[str]) -> list[Placed]:
        return [(50, 780, 8, "THE COAST - 4 May"), *column(lines), (300, 20, 8, f"{number} of 2")]

    read = article(tmp_path / "a.pdf", pdf([page(1, [*FIRST, "", SECOND[0]]), page(2, [SECOND[1], "", *FIRST])]))
    assert passages(read)[:2] == [" ".join(FIRST), " ".join(SECOND)]
    assert "THE COAST" not in read.article.text
    assert "of 2" not in read.article.text


@pytest.mark.parametrize(
    ("title", "known"),
    [
        (HEADLINE, HEADLINE),
        (f"{HEADLINE} | The Coast", HEADLINE),
        ("Talks on the coast go on", "Talks on the coast go on"),
        ("Microsoft Word - pilots final draft.docx", None),
        ("pilots in the harbour.indd", None),
        ("Untitled document 1", None),
        ("", None),
    ],
)
def test_the_title_of_a_pdf_is_what_a_person_gave_it(tmp_path: Path, title: str, known: str | None) -> None:
    read = article(tmp_path / "a.pdf", pdf([[TITLE, *column(FIRST)]], title=title))
    assert read.article.title == known
    # The date in a PDF is that of the file, which may be years after the news.
    assert read.article.published is None


# A blank page with the password "secret".
LOCKED = zlib.decompress(
    base64.b85decode(
        "c-oCp%Wm5+5WMp%c=55}n-l@ThbA#lv_%Xh?Ip;8<Stzmh7`y&kn|^e=pVE{Qd(&fBkrLB2ne$?v&&g7))%Wc;!Kgn&tKnv5J5Q|<5$wQgsrC$_6"
        "aB2dXXRi4<;_ja!GK214kZlZyxWFvUS+tj<EA_KNKnmd*8#3-cntO9lbk}suSsXC}BHp$dd;>cy~tv{m)*6b+{Y%Q>uzusdV-cp$~7zhuW5(@%ae"
        ";bnXu36V}mQyPG5T&xgS~Dhd05!=`+pnpYjw(ra&>^tG_+x249yu1gpoOhDKbZPA1Vq-|UT4?N}UwT&($W3myv5s)$mA*?Yv>6lZjaiZ2XTaQ6Eq"
        "0auPx<q9{&LSJ%D9|3Iwj3mPs&O8bP6<>*NL3>dAUYLfR8jhrrQpgQ@8@B{OgOcKKYz5gSB7T#jEQ>pxiY+9#-Ct9G^dz#Cz!P21uIkNw>ZtQUiaU"
        "yj>5WeEL6?;vv)%tsrd7MQ8(5$^^u{=PB;%PSna&ED2xdTqR-qc|A$idd^x1)@xD;=chS2NrZNYjogs_G<<*M(2B%xa00"
    )
)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (LOCKED, "with a password; save it without one"),
        (pdf([[], []]), "without text, perhaps of scanned pages"),
        (b"%PDF-1.7\nrubbish", "a PDF document that is damaged"),
        (pdf([column(FIRST)])[:400], "a PDF document that is damaged"),
        (pdf([column(["\x01\x03\x04\x05\x06"] * 9)]), "do not say which letters"),
        (b"no PDF", "not a .pdf document, or a damaged one"),
    ],
    ids=["locked", "scanned", "damaged", "cut", "without letters", "not one"],
)
def test_a_pdf_that_cannot_be_read_is_reported_with_its_reason(tmp_path: Path, raw: bytes, reason: str) -> None:
    (tmp_path / "a.pdf").write_bytes(raw)
    (tmp_path / "b.txt").write_text("Fine.")
    unreadable, other = read_articles([tmp_path], ArticleColumns())
    assert isinstance(other, ReadArticle)
    assert isinstance(unreadable, Unreadable)
    assert unreadable.name == "a.pdf"
    assert reason in unreadable.reason
