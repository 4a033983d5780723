"""Downloads of Nexis are read as many articles, in each of their forms."""

from __future__ import annotations

import io
import zipfile
from html import escape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagging.readers import ArticleColumns, ReadArticle, read_articles
from tagging.readers.nexis import documents_of

BODIES = [
    "The pilots met on Monday, in a side room of the harbour office.\n\nSubject: to change, they said, was everything.",
    "It rained in the north.\n\nThe river rose by a foot, and fell again.",
]


def counted(form: str) -> str:
    """Return a download in the older form, with a count above each document."""
    parts = []
    heads = [
        ("The Coast Gazette", "May 4, 2020 Monday\n                 Final Edition", "Pilots Meet In Harbour Office")
    ]
    heads.append(("The Northern Post (Hull)", "12 June 2019", "Rain in the north"))
    for number, (body, (source, date, title)) in enumerate(zip(BODIES, heads, strict=True), start=1):
        parts.append(
            f"{' ' * 30}{form.format(number)}\n\n\n{' ' * 25}{source}\n\n{' ' * 20}{date}\n\n{title}\n\n"
            f"BYLINE: By A. ROE\nand B. DOE\n\nSECTION: Pg. 1\n\nLENGTH: 120 words\n\n{body}\n\n"
            f"URL: http://coast.example\n\nGRAPHIC: A harbour.\n\nLOAD-DATE: May 5, 2020\n\nLANGUAGE: ENGLISH\n\n"
            f"{' ' * 20}Copyright 2020 {source}\n{' ' * 20}All Rights Reserved\n\n\n"
        )
    return "\n\n" + "".join(parts)


def ended() -> str:
    """Return a download in the newer form, with a line below each document, and a cover page."""
    cover = "Page 1 of 4\nDate and Time: Monday, May 11, 2020 9:00 AM\nJob Number: 1\nDocuments (2)\n1. Pilots\nSearch Terms: x\n\n"
    heads = [
        ("Pilots Meet In Harbour Office", "The Coast Gazette", "May 4, 2020 Monday\nFinal Edition"),
        ("Rain in the north", "The Northern Post (Hull)", "June 12, 2019 Wednesday 8:15 AM GMT"),
    ]
    parts = [
        f"{title}\n{source}\n{date}\n\nCopyright 2020 {source} All Rights Reserved\n\nSection: A; Pg. 1\nLength: 120 words\n"
        f"Byline: By A. Roe\nBody\n\n\n{body}\n\nGraphic\n\nA picture of a harbour.\n\nClassification\n\n\nLanguage: ENGLISH\n\n"
        "Publication-Type: Newspaper\n\nSubject: PORTS (90%)\n\nLoad-Date: May 5, 2020\n\n\nEnd of Document\n\n"
        for body, (title, source, date) in zip(BODIES, heads, strict=True)
    ]
    return cover + "".join(parts)


FORMS = {
    "1 of 2 DOCUMENTS": counted("{} of 2 DOCUMENTS"),
    "Document 1 of 2": counted("Document {} of 2"),
    "Windows": counted("{} of 2 DOCUMENTS").replace("\n", "\r\n"),
    "End of Document": ended(),
    "no blank lines": ended().replace("\n\nClassification", "\nClassification").replace("Body\n\n\n", "Body\n"),
}
EXPECTED = [
    (BODIES[0], "Pilots Meet In Harbour Office", "The Coast Gazette", "2020-05-04"),
    (BODIES[1], "Rain in the north", "The Northern Post (Hull)", "2019-06-12"),
]


@pytest.mark.parametrize("form", FORMS)
def test_each_document_is_an_article_with_title_source_and_date(form: str) -> None:
    assert documents_of(FORMS[form]) == EXPECTED


def test_a_headline_may_take_several_lines() -> None:
    text = FORMS["1 of 2 DOCUMENTS"].replace("Meet In Harbour", "Meet In\n Harbour")
    assert documents_of(text) == EXPECTED


def as_docx(text: str) -> bytes:
    name = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = "".join(f"<w:p><w:r><w:t>{escape(line)}</w:t></w:r></w:p>" for line in text.split("\n"))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("word/document.xml", f'<w:document xmlns:w="{name}"><w:body>{body}</w:body></w:document>')
    return content.getvalue()


def as_html(text: str) -> bytes:
    lines = "".join(f"<p><span>{escape(line)}</span></p>" for line in text.split("\n"))
    return f"<html><head><title>x</title><style>p {{}}</style></head><body>{lines}</body></html>".encode()


def as_rtf(text: str) -> bytes:
    return ("{\\rtf1\\ansi " + text.replace("\n", "\\par\n") + "}").encode()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("suffix", "write"), [(".txt", str.encode), (".docx", as_docx), (".html", as_html), (".rtf", as_rtf)]
)
def test_a_download_is_read_from_every_kind_of_file(tmp_path: Path, form: str, suffix: str, write: object) -> None:
    path = tmp_path / f"nexis{suffix}"
    path.write_bytes(write(FORMS[form]))  # type: ignore[operator]
    items = list(read_articles([path], ArticleColumns()))
    articles = [item.article for item in items if isinstance(item, ReadArticle)]
    assert [article.id for article in articles] == [f"nexis{suffix}:1", f"nexis{suffix}:2"]
    found = [(article.text.split(), article.title, article.source, article.published) for article in articles]
    assert found == [(body.split(), *rest) for body, *rest in EXPECTED]


def test_a_document_whose_body_is_not_named_loses_no_line() -> None:
    text = "1 of 1 DOCUMENTS\n\nThe Coast\n\nMay 4, 2020\n\nA title\n\nLENGTH: 3 words\n\nType: large.\n\nCity: none.\n\nNotes: end here.\nYes."
    documents = documents_of(text)
    assert documents is not None
    assert documents[0].text.startswith("Type: large.\n\nCity: none.")


def test_a_document_without_fields_has_its_body_below_the_title() -> None:
    text = "1 of 1 DOCUMENTS\n\n\nThe Coast\n\nMay 4, 2020\n\nRain falls on\nthe coast\n\nIt rained.\n\nAll day.\n"
    assert documents_of(text) == [("It rained.\n\nAll day.", "Rain falls on the coast", "The Coast", "2020-05-04")]


def test_the_headline_of_an_older_document_is_its_title() -> None:
    text = (
        "Copyright 2003 The Coast\nThe Coast\n\nMay 4, 2003, Sunday, Final Edition\n\nSECTION: A1\n\nLENGTH: 3 words\n\n"
        "HEADLINE: Rain falls on\nthe coast\n\nBYLINE: A. Roe\n\nBODY:\nIt rained all day.\n\nLOAD-DATE: May 5, 2003\n"
    )
    (document,) = documents_of("1 of 1 DOCUMENTS\n\n" + text) or []
    assert document == ("It rained all day.", "Rain falls on the coast", "The Coast", "2003-05-04")


DOCUMENT = "Rain in the north\n\nThe Coast\n\nMay 4, 2020 Monday\n\nLength: 9 words\n\nBody\n\n{}\n\nLoad-Date: May 5, 2020\n\nEnd of Document\n\n"
OLDER = "1 of 1 DOCUMENTS\n\nThe Coast\n\nMay 4, 2020 Monday\n\nRain in the north\n\n{}{}\n\nLOAD-DATE: May 5, 2020\n"


@pytest.mark.parametrize("cut", ["\n\nEnd of Document", "\n\nLoad-Date", "All day"])
def test_the_last_document_of_a_download_may_be_cut_off(cut: str) -> None:
    text = DOCUMENT.format("It rained.\n\nIt snowed.") + DOCUMENT.format("The river rose.\n\nAll day it rose.")
    documents = documents_of(text[: text.rindex(cut)])
    assert documents is not None
    assert [document.text[:15] for document in documents] == ["It rained.\n\nIt ", "The river rose."]
    assert {document.title for document in documents} == {"Rain in the north"}


@pytest.mark.parametrize("tail", ["", "\n\n", "Page 4 of 4\n"])
def test_what_stands_below_a_whole_download_is_no_document(tail: str) -> None:
    assert len(documents_of(DOCUMENT.format("It rained.") + tail) or []) == 1


FIELDS = ["", "LENGTH: 9 words\n\n", "BYLINE: A. Roe\n\nSECTION: Pg. 1\n\n"]


@pytest.mark.parametrize("fields", FIELDS)
@pytest.mark.parametrize(
    "line",
    [
        "Copyright law of 1911 is what they quoted, and nobody had read it.",
        "Copyright in the songs ended in 1987",
        "Copyright 1911 was the title of the song.",
        "(c) The pilots may not sail at night.",
        "They read all of it, and the heading of a part\nSection: by night.",
        "Section: so reads the heading of the act that was quoted all night.",
        "Length: that was what the pilots spoke of.",
        "Body: so the old word for a harbour board has it.",
        "Graphic: that is how they called the film of the flood.",
        "Byline: there was none",
    ],
)
def test_a_line_of_the_body_may_begin_like_another_part(fields: str, line: str) -> None:
    body = f"The pilots met on Monday in a side room of the harbour office.\n\n{line}\n\nThe river rose by a foot and fell."
    for text in (OLDER.format(fields, body), DOCUMENT.format(body)):
        (document,) = documents_of(text) or []
        assert document.text == body


@pytest.mark.parametrize(
    "line",
    [
        "Copyright 2020 The Coast",
        "Copyright (c) 2020 The Coast",
        "Copyright © The Coast Ltd.",
        "Copyright 2020 The Coast Ltd.",
        "Copyright, 2019-2020, The Coast",
        "© 2020 The Coast",
        "Copyright The Coast, all rights reserved.",
    ],
)
def test_a_copyright_line_ends_the_body(line: str) -> None:
    (document,) = documents_of(OLDER.format("LENGTH: 9 words\n\n", f"It rained all day.\n\n{line}\n\nMore")) or []
    assert document.text == "It rained all day."


def test_a_headline_ends_at_the_next_field() -> None:
    text = OLDER.format("HEADLINE: Rain,\nand more rain\nBYLINE: A. Roe\nLENGTH: 9 words\n\n", "It rained all day.")
    (document,) = documents_of(text) or []
    assert (document.title, document.text) == ("Rain, and more rain", "It rained all day.")


def test_a_copyright_line_may_stand_above_the_document() -> None:
    text = OLDER.format("LENGTH: 9 words\n\n", "It rained all day.")
    (document,) = (
        documents_of(text.replace("The Coast", "Copyright 2020 The Coast\nAll Rights Reserved\n\nThe Coast")) or []
    )
    assert document == ("It rained all day.", "Rain in the north", "The Coast", "2020-05-04")


@pytest.mark.parametrize("line", ["Document 1 of 3", "2 of 3 documents", "1 of 1 DOCUMENT"])
@pytest.mark.parametrize("below", ["The pilots read it aloud in May 2020.\n\nThen they left.", "", "Then: nothing."])
def test_a_count_of_documents_in_a_text_is_no_download(line: str, below: str) -> None:
    assert documents_of(f"The pilots met on Monday.\n\n{line}\n\n{below}\n") is None


def test_a_count_in_the_body_loses_nothing() -> None:
    body = "The pilots met on Monday in the harbour office.\n\nDocument 1 of 3\n\nIt was read aloud."
    (document,) = documents_of(DOCUMENT.format(body)) or []
    assert document.text == body


@pytest.mark.parametrize("head", ["Die Küste\n\n4. Mai 2020 Montag\n\nRegen", "Die Küste\n\nRegen\n\nLÄNGE: 9 Wörter"])
def test_a_download_in_german_is_a_download(head: str) -> None:
    text = "".join(f"Dokument {number} von 2\n\n{head}\n\nEs regnete den ganzen Tag.\n\n" for number in (1, 2))
    documents = documents_of(text)
    assert documents is not None
    assert len(documents) == 2
    assert all("Es regnete den ganzen Tag." in document.text for document in documents)


@pytest.mark.parametrize(
    "text",
    ["One of two documents was lost.", "Body\n\nIt is the end of document one.", "1 of 2 boats", "Load-Date: x", ""],
)
def test_other_text_is_no_download(text: str) -> None:
    assert documents_of(text) is None


@given(
    st.text(max_size=200),
    st.sampled_from(["{}\nEnd of Document\n{}Load-Date: x", "1 of 2 DOCUMENTS\n{}\n2 of 2 DOCUMENTS\n{}"]),
)
def test_any_text_between_the_marks_is_read(text: str, form: str) -> None:
    documents = documents_of(form.format(text, text))
    assert documents is None or all(isinstance(document.text, str) for document in documents)
