"""Text is decoded as UTF-8, as its byte-order mark or the user says; anything else is refused with a guess."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labels.encodings import check_encoding, decode
from labels.errors import DemarcheError, Problems
from labels.file_format import FileFormat
from labels.files import read_lines, read_text
from labels.table_files import read_rows

# A sentence for each encoding that people have, and one of its words as it must be shown.
TEXTS = {
    "windows-1252": ("Le café de l’été a fermé, “hélas”, après les années du maître Müller.", "café"),
    "latin-1": ("Größere Städte prüfen für nächstes Jahr Maßnahmen über Gebühren.", "Größere"),
    "windows-1250": ("Żółta łódź płynęła w górę rzeki, a dzieci śmiały się głośno.", "Żółta"),
    "windows-1251": ("Паром вышел из порта утром и вернулся только вечером.", "Паром"),
    "koi8-r": ("Паром вышел из порта утром и вернулся только вечером.", "Паром"),
    "iso8859-7": ("Το πλοίο έφυγε από το λιμάνι το πρωί και γύρισε το βράδυ.", "πλοίο"),
    "windows-1254": ("Gemi sabah limandan ayrıldı, akşam geri döndü ve çocuklar güldü.", "ayrıldı"),
    "cp932": ("船は朝に港を出て、夕方に戻ってきました。", "船は朝に港を出て"),
    "gb18030": ("船早上离开港口，晚上才回来，孩子们都笑了。", "船早上离开港口"),
    "big5": ("船早上離開港口，晚上才回來，孩子們都笑了。", "船早上離開港口"),
    "cp949": ("배는 아침에 항구를 떠나 저녁에 돌아왔습니다.", "아침에"),
    "mac-roman": ("Le café de l’été a fermé, “hélas”, après les années du maître Müller.", "café"),
}


def refusal(raw: bytes) -> str:
    with pytest.raises(DemarcheError) as raised:
        decode(raw)
    return str(raised.value)


@pytest.mark.parametrize("encoding", TEXTS)
def test_the_advice_names_an_encoding_that_reads_the_text_right(encoding: str) -> None:
    text, word = TEXTS[encoding]
    message = refusal(text.encode(encoding))
    assert word in message.partition("if these words")[0]
    offered = message.split("--encoding ")[1].split()[0]
    assert decode(text.encode(encoding), offered) == text


@pytest.mark.parametrize("encoding", ["windows-1252", "mac-roman"])
@pytest.mark.parametrize("word", ["café", "Smith’s", "it’s", "naïve", "L’été", "São", "Zürich"])
def test_a_single_word_is_read_as_people_write_it(word: str, encoding: str) -> None:
    assert f": {word};" in refusal(f"{word} so".encode(encoding)).partition("if these words")[0]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8"])
def test_a_byte_order_mark_is_enough(encoding: str) -> None:
    text = "Zwölf Boote 🙂\r\n\r\nlagen im Hafen.\n"
    assert decode(text.encode(encoding)) == text
    assert decode(text.encode(encoding), "windows-1252") == text


@pytest.mark.parametrize(("mark", "encoding"), [(b"\xfe\xff", "utf-16-be"), (b"\0\0\xfe\xff", "utf-32-be")])
def test_the_mark_also_tells_the_order_of_bytes(mark: bytes, encoding: str) -> None:
    assert decode(mark + "Boote\n".encode(encoding)) == "Boote\n"


def test_utf16_without_a_mark_is_recognised_by_its_zero_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("The boats lay in the harbour.\n".encode("utf-16-le"))
    with pytest.raises(DemarcheError, match="looks like utf-16-le without a byte-order mark: The boats lay in"):
        read_text(path)
    assert read_text(path, "utf-16-le") == "The boats lay in the harbour.\n"


def test_no_encoding_is_offered_for_utf8_with_a_damaged_place() -> None:
    raw = "Zwölf Boote\n".encode() * 9 + b"caf\xe9\n"
    assert (
        refusal(raw)
        == "not UTF-8 (byte 0xe9 in line 10); the rest is UTF-8, so this place is damaged: correct it in an editor"
    )


def test_the_encoding_that_is_named_applies_to_texts_that_are_not_utf8_only() -> None:
    assert decode("Müller".encode(), "windows-1252") == "Müller"
    assert decode("Müller".encode("windows-1252"), "windows-1252") == "Müller"


@pytest.mark.parametrize("encoding", ["iso2022_jp", "hz", "utf-7", "utf-16-le"])
def test_an_encoding_in_which_ascii_means_something_else_always_applies(encoding: str) -> None:
    assert decode("船は".encode(encoding), encoding) == "船は"


@given(st.text(st.characters(codec="windows-1252"), max_size=40))
def test_a_text_is_decoded_as_it_was_encoded(text: str) -> None:
    assert decode(text.encode("utf-8"), "windows-1252") == text
    raw = text.encode("windows-1252")
    try:
        raw.decode()
    except UnicodeDecodeError:
        assert decode(raw, "windows-1252") == text


@given(st.binary(max_size=60), st.sampled_from([None, "windows-1252", "gb18030", "utf-16", "utf-7"]))
def test_any_bytes_are_decoded_or_refused_in_a_message(raw: bytes, encoding: str | None) -> None:
    with contextlib.suppress(DemarcheError):
        assert isinstance(decode(raw, encoding), str)


@pytest.mark.parametrize("name", ["klingon", "base64", "rot13", "", "utf 8 1", "a\0b"])
def test_a_name_that_is_no_encoding_of_text_is_refused(name: str) -> None:
    with pytest.raises(DemarcheError, match="is not an encoding"):
        check_encoding(name)


def test_a_misspelt_encoding_is_corrected() -> None:
    with pytest.raises(DemarcheError, match="did you mean 'windows_1252'"):
        check_encoding("window-1252")


def test_lines_that_are_not_utf8_are_reported_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"text": "One."}\n{"text": "caf\xe9 au lait"}\n{"text": "th\xe9"}\n{"text": "Two."}\n')
    problems = Problems()
    assert [number for number, _ in read_lines(path, problems)] == [1, 4]
    first, second = problems
    assert (first.line, second.line, second.what) == (2, 3, "not UTF-8, like an earlier line")
    assert "it looks like windows-1252" in first.what
    problems = Problems()
    lines = [line.decode() for _, line in read_lines(path, problems, "windows-1252")]
    assert (lines[1], list(problems)) == ('{"text": "café au lait"}\n', [])


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.csv.gz"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-32"])
def test_tables_are_read_by_their_byte_order_mark(tmp_path: Path, name: str, encoding: str) -> None:
    import gzip

    content = '{"id": "1", "text": "Łódź\u2028ż"}\n' if "jsonl" in name else 'id,text\n1,"Łódź\u2028ż"\n'
    raw = content.encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    problems = Problems()
    rows = list(read_rows(tmp_path / name, problems))
    assert ([row for _, row in rows], list(problems)) == ([{"id": "1", "text": "Łódź\u2028ż"}], [])


@pytest.mark.parametrize("name", ["UTF8", "utf_8", "U8", "utf-8-sig", "UTF-8"])
def test_every_name_of_utf8_gives_the_same_advice(tmp_path: Path, name: str) -> None:
    raw = "text,topic\nDer Zoll für Käse,trade\n".encode("latin-1")
    with pytest.raises(DemarcheError, match="looks like windows-1252: für Käse"):
        decode(raw, name)
    (tmp_path / "t.csv").write_bytes(raw)
    problems = Problems()
    assert list(read_rows(tmp_path / "t.csv", problems, FileFormat(encoding=name))) == []
    assert ["windows-1252" in problem.what for problem in problems] == [True]
