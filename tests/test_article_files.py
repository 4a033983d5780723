"""Articles are read from pages, e-mails, documents and Markdown, whatever the name of the file."""

from __future__ import annotations

import gzip
import io
import quopri
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labels.file_format import FileFormat
from labels.passages import Article
from tagging.readers import ArticleColumns, ReadArticle, Unreadable, read_articles
from tagging.readers.plain import split_front_matter, undo_quoted_printable

FIRST = "The pilots of the harbour met for an hour in a side room, and agreed to meet again in the last week of May."
SECOND = "Nobody spoke of the levy – “the only matter”, both had said, that was worth the journey to the coast."
PAGE = (
    "<!DOCTYPE html><html><head><title>Pilots meet</title></head><body><nav><a href='/'>Home</a></nav><article>"
    f"<h1>Pilots meet</h1><p>{FIRST}</p><p>{SECOND}</p></article></body></html>"
)


def read(path: Path, content: str | bytes, **form: str) -> list[ReadArticle | Unreadable]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_articles([path], ArticleColumns(format=FileFormat(**form))))


def article(path: Path, content: str | bytes, **form: str) -> Article:
    (item,) = read(path, content, **form)
    assert isinstance(item, ReadArticle), item
    return item.article


def reason(path: Path, content: str | bytes, **form: str) -> str:
    (item,) = read(path, content, **form)
    assert isinstance(item, Unreadable), item
    return item.reason


PAGE_NAMES = [
    "a.php",
    "a.aspx",
    "a.asp",
    "a.shtml",
    "a.jsp",
    "a",
    "index.html?p=3",
    "a.txt",
    "a.md",
    "a.com",
    "a.html.gz",
]


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_a_page_is_read_under_any_name(tmp_path: Path, name: str) -> None:
    found = article(tmp_path / name, gzip.compress(PAGE.encode()) if name.endswith(".gz") else PAGE)
    assert (found.id, found.title) == (name, "Pilots meet")
    assert FIRST in found.text
    assert SECOND in found.text
    assert "Home" not in found.text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
@pytest.mark.parametrize("declared", ["", "utf-8", "windows-1252"])
def test_a_page_is_decoded_by_its_bytes_or_its_declaration(tmp_path: Path, encoding: str, declared: str) -> None:
    page = PAGE.replace("<head>", f'<head><meta http-equiv="Content-Type" content="text/html; charset={declared}">')
    if encoding == "windows-1252" and declared != "windows-1252":
        assert "it looks like windows-1252" in reason(tmp_path / "a.html", page.encode(encoding))
        assert SECOND in article(tmp_path / "a.html", page.encode(encoding), encoding=encoding).text
    else:
        assert SECOND in article(tmp_path / "a.html", page.encode(encoding)).text


@pytest.mark.parametrize("declared", ["iso-8859-1", "ISO-8859-1", "latin1"])
def test_a_page_in_latin_1_is_read_as_browsers_do(tmp_path: Path, declared: str) -> None:
    page = PAGE.replace("<head>", f"<head><meta charset='{declared}'>").encode("windows-1252")
    assert SECOND in article(tmp_path / "a.html", page).text


def test_a_stray_byte_in_a_page_is_replaced(tmp_path: Path) -> None:
    page = PAGE.replace("journey", "journ\udcffey").encode("utf-8", "surrogateescape")
    assert "journ\ufffdey" in article(tmp_path / "a.html", page).text


@pytest.mark.parametrize("folder", ["a_files", "a-Dateien", "a_fichiers"])
def test_the_frames_of_a_saved_page_are_not_articles(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder / "deep").mkdir(parents=True)
    (tmp_path / "other_files").mkdir()
    for name in ("a.html", f"{folder}/frame.html", f"{folder}/deep/frame.html", "other_files/b.html", "~$lock.docx"):
        (tmp_path / name).write_text(PAGE)
    names = [item.article.id for item in read_articles([tmp_path], ArticleColumns()) if isinstance(item, ReadArticle)]
    assert names == ["a.html", "other_files/b.html"]


def mhtml() -> bytes:
    lines = [
        "From: <Saved by Blink>", "Snapshot-Content-Location: https://coast.example/pilots", "Subject: Pilots meet",
        "MIME-Version: 1.0", 'Content-Type: multipart/related; type="text/html"; boundary="XX"', "", "--XX",
        "Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: quoted-printable",
        "Content-Location: https://coast.example/pilots", "", quopri.encodestring(PAGE.encode()).decode(), "--XX",
        "Content-Type: text/html", "", "<p>A frame.</p>", "--XX--", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize("name", ["a.mhtml", "a.mht", "a", "a.txt"])
def test_a_page_that_a_browser_saved_as_one_file_is_read(tmp_path: Path, name: str) -> None:
    found = article(tmp_path / name, mhtml())
    assert (found.title, found.url) == ("Pilots meet", "https://coast.example/pilots")
    assert SECOND in found.text
    assert "A frame." not in found.text


def message(body: str, *, kind: str = "plain", charset: str = "utf-8", transfer: str = "quoted-printable") -> bytes:
    mail = EmailMessage()
    mail["From"] = "The Harbour Office <office@coast.example>"
    mail["Subject"] = "Pilots — meeting"
    mail["Date"] = "Mon, 04 May 2020 10:12:33 +0200"
    mail.set_content(body, subtype=kind, charset=charset, cte=transfer)
    return mail.as_bytes()


@pytest.mark.parametrize("name", ["a.eml", "a.txt", "a", "a.eml.gz"])
@pytest.mark.parametrize("transfer", ["quoted-printable", "base64"])
@pytest.mark.parametrize("charset", ["utf-8", "windows-1252"])
def test_an_email_is_read_with_its_headers(tmp_path: Path, name: str, transfer: str, charset: str) -> None:
    raw = message(f"{FIRST}\n\n{SECOND}\n", transfer=transfer, charset=charset)
    found = article(tmp_path / name, gzip.compress(raw) if name.endswith(".gz") else raw)
    assert found.text == f"{FIRST}\n\n{SECOND}\n"
    assert (found.title, found.source) == ("Pilots — meeting", "The Harbour Office")
    assert found.published == "2020-05-04T10:12:33+02:00"


def test_the_signature_of_an_email_is_left_out(tmp_path: Path) -> None:
    found = article(tmp_path / "a.eml", message(f"{FIRST}\n\n-- \nAnn Poe\nHarbour Office\n"))
    assert found.text == f"{FIRST}\n\n"
    long = f"{FIRST}\n-- \n" + f"{SECOND}\n" * 20
    assert article(tmp_path / "b.eml", message(long)).text == long


def test_an_email_of_html_alone_is_read_as_a_page(tmp_path: Path) -> None:
    found = article(tmp_path / "a.eml", message(PAGE, kind="html"))
    assert SECOND in found.text
    assert found.title == "Pilots — meeting"


def test_attachments_of_an_email_are_not_its_text(tmp_path: Path) -> None:
    mail = EmailMessage()
    mail["Subject"] = "One"
    mail.set_content(f"{FIRST}\n\n{SECOND}\n")
    mail.add_alternative(PAGE, subtype="html")
    mail.add_attachment("Other text.", filename="notes.txt")
    assert article(tmp_path / "a.eml", mail.as_bytes()).text == f"{FIRST}\n\n{SECOND}\n"


def mixed(*parts: tuple[str, str], kind: str = "mixed") -> bytes:
    """Return an e-mail of parts, each a subtype and its content."""
    lines = ["From: The Harbour Office <office@coast.example>", "Subject: Pilots", "MIME-Version: 1.0"]
    lines += [f"Content-Type: multipart/{kind}; boundary=XX", ""]
    for subtype, content in parts:
        lines += ["--XX", f"Content-Type: text/{subtype}; charset=utf-8", "", content, ""]
    return "\n".join([*lines, "--XX--", ""]).encode()


@pytest.mark.parametrize(
    "stub", ["Read this letter online: https://coast.example/l", "Your reader shows no HTML.", " "]
)
def test_an_email_with_a_stub_of_plain_text_is_read_as_a_page(tmp_path: Path, stub: str) -> None:
    found = article(tmp_path / "a.eml", mixed(("plain", stub), ("html", PAGE), kind="alternative"))
    assert (FIRST in found.text, SECOND in found.text, found.title) == (True, True, "Pilots")
    assert stub.strip() not in found.text or stub == " "


@pytest.mark.parametrize("page", [PAGE, "<p></p>", "<img src='x'>"])
def test_the_plain_text_of_an_email_is_read_if_it_has_as_much_as_the_page(tmp_path: Path, page: str) -> None:
    text = f"{FIRST}\n\n{SECOND}"
    assert article(tmp_path / "a.eml", mixed(("plain", text), ("html", page), kind="alternative")).text.strip() == text


def test_the_plain_text_of_an_email_is_read_if_the_page_has_an_unknown_encoding(tmp_path: Path) -> None:
    raw = mixed(("plain", FIRST), ("html", "<p>CAFE</p>"), kind="alternative")
    raw = raw.replace(b"text/html; charset=utf-8", b"text/html").replace(b"CAFE", b"Le caf\xe9 de l\x92\xe9t\xe9")
    assert article(tmp_path / "a.eml", raw).text.strip() == FIRST
    assert "it looks like windows-1252" in reason(tmp_path / "a.eml", raw.replace(b"alternative", b"mixed"))


@pytest.mark.parametrize(
    "parts",
    [
        [("plain", "The letter is below."), ("html", PAGE)],
        [("html", PAGE), ("plain", "The letter is above.")],
        [("html", f"<p>{FIRST}</p>"), ("html", f"<p>{SECOND}</p>")],
        [("html", PAGE), ("html", "<p>Yours, the pilots</p>")],
        [("plain", FIRST), ("plain", SECOND)],
        [("plain", f"{FIRST}\n\n{SECOND}"), ("html", "<img src='pixel.gif'>")],
    ],
)
def test_every_part_of_an_email_in_parts_is_read(tmp_path: Path, parts: list[tuple[str, str]]) -> None:
    found = article(tmp_path / "a.eml", mixed(*parts))
    assert (FIRST in found.text, SECOND in found.text) == (True, True)
    for line in ("The letter is below.", "The letter is above.", "Yours, the pilots"):
        assert (line in found.text) == (line in str(parts))
    assert (found.title, found.source) == ("Pilots", "The Harbour Office")


def test_an_email_with_pictures_is_no_saved_page(tmp_path: Path) -> None:
    found = article(tmp_path / "a.eml", mixed(("html", PAGE), kind="related"))
    assert (found.title, found.source) == ("Pilots", "The Harbour Office")


@pytest.mark.parametrize(
    "subject", ["=?utf-8?b?a?=", "=?utf-8?b?abcde?= and more", "=?x-none?q?Rain?=", "=?utf-8?q?=ff?=", "caf\udce9", ""]
)
def test_a_subject_that_cannot_be_decoded_does_not_lose_the_email(tmp_path: Path, subject: str) -> None:
    raw = mixed(("plain", FIRST)).replace(b"Subject: Pilots", f"Subject: {subject}".encode("utf-8", "surrogateescape"))
    found = article(
        tmp_path / "a.eml", raw.replace(b"From: The", f"From: {subject}".encode("utf-8", "surrogateescape"))
    )
    assert found.text.strip() == FIRST
    assert Article.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("date", "published"),
    [
        ("Mon, 04 May 2020 10:12:33 +0200", "2020-05-04T10:12:33+02:00"),
        ("2020-05-04 10:12:33", "2020-05-04T10:12:33"),
        ("sometime", None),
        ("Mon, 99 May 2020 10:12:33 +0200", None),
        ("Mon, 04 May 2020 10:12:33 +99999999999999999", None),
        ("=?utf-8?b?a?=", None),
    ],
)
def test_a_date_of_an_email_is_a_date_or_none(tmp_path: Path, date: str, published: str | None) -> None:
    raw = mixed(("plain", FIRST)).replace(b"Subject:", f"Date: {date}\nSubject:".encode())
    assert article(tmp_path / "a.eml", raw).published == published


def test_the_address_of_a_saved_page_may_have_letters_of_any_kind(tmp_path: Path) -> None:
    raw = mhtml().replace(b"coast.example/pilots", "coast.example/küste".encode())
    assert SECOND in article(tmp_path / "a.mhtml", raw).text


def test_an_email_in_an_unknown_encoding_is_refused_with_a_guess(tmp_path: Path) -> None:
    raw = b"Subject: x\nFrom: a@b.example\nMIME-Version: 1.0\n\nLe caf\xe9 de l\x92\xe9t\xe9 a ferm\xe9.\n"
    assert "the text of the e-mail is not UTF-8 (byte 0xe9 in line 1); it looks like windows-1252" in reason(
        tmp_path / "a.eml", raw
    )
    assert article(tmp_path / "a.eml", raw, encoding="windows-1252").text == "Le café de l’été a fermé.\n"


@pytest.mark.parametrize(
    "text", ["From: the harbour\nDate: May\n\nDear all,\n", "Subject: rain\n\nIt rained.", "To be: or not\n"]
)
def test_a_letter_is_not_taken_for_an_email(tmp_path: Path, text: str) -> None:
    assert article(tmp_path / "a.txt", text).text == text


@given(st.binary(max_size=200))
def test_any_email_is_read_or_refused(raw: bytes) -> None:
    from labels.errors import DemarcheError
    from tagging.readers.mail import from_mail

    for head in (b"", b"Subject: =?x?q?=ff?=\nDate: 99\n", b"Content-Type: multipart/related; boundary=a\n\n--a\n"):
        try:
            item = from_mail("a", head + raw)
        except DemarcheError as error:
            item = Unreadable("a", str(error))
        assert isinstance(item, ReadArticle | Unreadable)


def docx(*paragraphs: str, extra: str = "") -> bytes:
    name = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = "".join(f"<w:p><w:r><w:t>{paragraph}</w:t></w:r></w:p>" for paragraph in paragraphs)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("[Content_Types].xml", "<Types/>")
        file.writestr("word/document.xml", f'<w:document xmlns:w="{name}"><w:body>{body}{extra}</w:body></w:document>')
    return content.getvalue()


def test_the_paragraphs_of_a_word_document_are_read(tmp_path: Path) -> None:
    runs = "<w:p><w:r><w:t>A </w:t><w:tab/></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:r><w:t>b.</w:t></w:r></w:p>"
    box = (
        "<w:p><w:r><w:t>Out.</w:t><w:txbxContent><w:p><w:r><w:t>In a box.</w:t></w:r></w:p></w:txbxContent></w:r></w:p>"
    )
    content = docx(FIRST, "", SECOND, extra=runs + box)
    assert article(tmp_path / "a.docx", content).text == f"{FIRST}\n\n{SECOND}\n\nA \tb.\n\nOut."
    assert reason(tmp_path / "a.txt", content) == "a Word document; give it a name that ends in .docx"


def test_a_word_document_that_begins_with_a_picture_is_recognised(tmp_path: Path) -> None:
    content = io.BytesIO(docx(FIRST))
    with zipfile.ZipFile(content) as file:
        members = {name: file.read(name) for name in file.namelist()}
    late = io.BytesIO()
    with zipfile.ZipFile(late, "w") as file:
        file.writestr("docProps/thumbnail.jpeg", bytes(9000))
        for name, member in members.items():
            file.writestr(name, member)
    assert article(tmp_path / "a.docx", late.getvalue()).text == FIRST
    assert reason(tmp_path / "a.txt", late.getvalue()) == "a Word document; give it a name that ends in .docx"


def test_a_word_document_cannot_read_other_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr(
            "word/document.xml",
            f'<!DOCTYPE d [<!ENTITY e SYSTEM "{secret.as_uri()}">]><w:document xmlns:w="http://schemas.openxmlformats.org/'
            'wordprocessingml/2006/main"><w:p><w:r><w:t>A &e; b.</w:t></w:r></w:p></w:document>',
        )
    items = read(tmp_path / "a.docx", content.getvalue())
    assert "secret" not in str([item for item in items if isinstance(item, ReadArticle)])


def test_the_text_of_rtf_is_read(tmp_path: Path) -> None:
    content = r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\f0 Le caf\'e9 ferma.\par\par Il plut \u8211? fort.\par}"
    assert article(tmp_path / "a.rtf", content).text.strip() == "Le café ferma.\n\nIl plut – fort."
    assert reason(tmp_path / "a.txt", content) == "an RTF document; give it a name that ends in .rtf"


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_front_matter_is_metadata_and_no_text(tmp_path: Path, mark: str) -> None:
    block = 'title: "Pilots: a meeting"\ndate: 2020-05-04\ntags: [a, b]\nurl: https://coast.example\npublisher:\n  name: The Coast\n'
    found = article(tmp_path / "a.md", f"{mark}---\n{block}---\n{FIRST}\n")
    assert found.text == f"{FIRST}\n"
    assert (found.title, found.published) == ("Pilots: a meeting", "2020-05-04")
    assert (found.url, found.source) == ("https://coast.example", "The Coast")


def test_front_matter_may_be_toml(tmp_path: Path) -> None:
    found = article(tmp_path / "a.md", f'+++\ntitle = "Pilots"\ndate = 2020-05-04\n[params]\na = 1\n+++\n{FIRST}\n')
    assert (found.title, found.published, found.text) == ("Pilots", "2020-05-04", f"{FIRST}\n")


def test_front_matter_that_is_not_quite_yaml_is_read_by_line(tmp_path: Path) -> None:
    found = article(tmp_path / "a.md", f"---\r\ntitle: Pilots: they meet\r\ndate: '2020'\r\n---\r\n{FIRST}")
    assert (found.title, found.published, found.text) == ("Pilots: they meet", "2020", FIRST)


@pytest.mark.parametrize("block", ["layout: post\nmood: calm", "Tags: [a]", "author:\n  name: A. Roe", "draft: true"])
def test_front_matter_needs_one_field_that_is_known(block: str) -> None:
    assert split_front_matter(f"---\n{block}\n---\n{FIRST}")[1] == FIRST


@pytest.mark.parametrize(
    "text",
    [
        f"---\n{FIRST}\n---\n{SECOND}",
        f"---\nHe said: no.\n---\n{SECOND}",
        f"---\ntitle: x\n{SECOND}",
        f"{FIRST}\n---\ntitle: x\n---\n",
        "---\n---\nText.",
        "+++\nOne.\n+++\nTwo.",
        f"---\nModerator: Will it rain?\nPilot: It will.\n---\n{SECOND}",
        f"---\nA: {FIRST}\n\nB: {SECOND}\n---\n{SECOND}",
        "---\nQ: Rain?\nA: [Laughs] No.\n---\n",
    ],
)
def test_rules_in_a_text_are_not_front_matter(text: str) -> None:
    assert split_front_matter(text) == ({}, text)


def test_a_body_in_quoted_printable_is_decoded(tmp_path: Path) -> None:
    body = quopri.encodestring(f"{FIRST}\n\n{SECOND}\n".encode()).decode()
    assert article(tmp_path / "a.txt", body).text == f"{FIRST}\n\n{SECOND}\n"
    page = quopri.encodestring(PAGE.encode()).decode()
    assert SECOND in article(tmp_path / "a.html", page).text


@pytest.mark.parametrize(
    "text", ["a=10 and b=20, says the table", "E=mc2 and x=AB", "one=\ntwo", "2+2=4", FIRST + "=20=20"]
)
def test_other_text_with_equals_signs_stays_as_it_is(text: str) -> None:
    assert undo_quoted_printable(text) == text


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=80))
def test_text_in_quoted_printable_is_decoded_or_left(text: str) -> None:
    body = quopri.encodestring(text.encode()).decode()
    assert undo_quoted_printable(body) in (text, body)
