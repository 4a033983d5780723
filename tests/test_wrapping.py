"""The passages of wrapped text are those of the same text with a line a paragraph."""

from __future__ import annotations

import gzip
import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.wrapping import WRAPPINGS, found, letters, main, run_together
from labels.passages import Article
from tagging.segmentation import paragraphs, segment
from tests.wrapped_texts import prose

MARKED = ("blank lines", "double-spaced, paragraphs apart", "quoted mail", "left margin", "hyphenated")
ARTICLE = [
    "The council kept its sanctions on the grain ports on Monday, by fourteen votes to nine, after a debate that "
    "lasted for most of the night and left the members tired.",
    "The minister said that the asset freeze would stay and that talks on arms would go on in May, whatever the other "
    "side decided to say about it in public. Some of his colleagues were not so sure.",
    "Nobody left early.",
    '"We shall see what comes of it," said Ms. Roe of the U.S. delegation, "but the embargo on turbines is the only '
    'tool that the generals fear." She gave no details.',
]
CHINESE = [
    "外交部发言人周二在例行记者会上表示，双方将继续就削减核武器的协定举行谈判，并希望在今年年底之前取得进展，以维护地区的和平与稳定。",
    "据当地媒体报道，代表团在首都停留了三天，期间会见了总理和议会的主要领导人，讨论了制裁问题、能源价格以及边境贸易的前景和困难。",
    "会谈没有达成任何书面协议。",
    "分析人士指出，尽管气氛友好，双方在核查机制上的分歧依然很大，短期内很难看到突破，下一轮会谈的日期也没有确定下来。",
]
ARABIC = [
    "قال وزير الخارجية يوم الاثنين إن المحادثات بشأن الحد من التسلح ستستمر في الربيع المقبل رغم الخلافات الكبيرة بين "
    "الطرفين حول آليات التحقق والرقابة على المواقع العسكرية.",
    "وأضاف الوزير أن بلاده لن تقبل برفع العقوبات قبل التوصل إلى اتفاق شامل يضمن أمن المنطقة واستقرارها على المدى الطويل.",
    "ولم يصدر أي تعليق رسمي من الجانب الآخر.",
]
RUSSIAN = [
    "Совет в понедельник сохранил санкции против зерновых портов четырнадцатью голосами против девяти после прений, "
    "которые продолжались почти всю ночь и утомили всех участников.",
    "Министр сказал, что замораживание активов останется в силе и что переговоры о вооружениях продолжатся в мае.",
    "Никто не ушёл рано.",
]


def texts(text: str) -> list[str]:
    """Return the paragraphs of a text, each on one line and without quotation marks."""
    lines = [text[start:end].replace("\n> ", " ") for start, end in paragraphs(text)]
    return [" ".join(line.split()) for line in lines]


def kept(text: str) -> list[str | None]:
    return [piece.boilerplate for piece in segment(Article(id="a", text=text))]


@settings(derandomize=True, max_examples=150, deadline=None)
@given(seed=st.integers(0, 10_000), width=st.integers(36, 100), wrapping=st.sampled_from(MARKED))
def test_marked_paragraphs_are_found_at_any_width(seed: int, width: int, wrapping: str) -> None:
    article = prose(Random(seed))
    assert found(article, WRAPPINGS[wrapping](article, width)) == len(article)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), width=st.integers(50, 100))
def test_indented_paragraphs_are_found_at_any_width(seed: int, width: int) -> None:
    article = prose(Random(seed))
    assert found(article, WRAPPINGS["indented"](article, width)) == len(article)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), width=st.integers(36, 100))
def test_without_any_mark_a_last_line_with_room_shows_the_end(seed: int, width: int) -> None:
    """A full line at the end of a sentence may be the last one: paragraphs with such lines are left out."""
    article: list[str] = []
    for text in [text for number in range(3) for text in prose(Random(seed + number))]:
        *lines, last = textwrap.wrap(text, width)
        if (
            len(last) <= width / 2
            and text.endswith((".", "?"))
            and not any(line.endswith((".", "?")) for line in lines)
        ):
            article.append(text)
    assert found(article, run_together(article, width)) == len(article)


@pytest.mark.parametrize(
    ("wrapping", "share"), [("ragged, blank lines", 0.99), ("pages of a PDF", 0.97), ("run together", 0.8)]
)
def test_most_paragraphs_are_found_where_the_marks_are_poor(wrapping: str, share: float) -> None:
    articles = [prose(Random(seed)) for seed in range(30)]
    number = sum(found(article, WRAPPINGS[wrapping](article, width)) for article in articles for width in (50, 72, 90))
    assert number >= share * 3 * sum(map(len, articles))


@settings(derandomize=True, max_examples=100, deadline=None)
@given(seed=st.integers(0, 10_000), end=st.sampled_from(["\n", "\n\n", "\r\n", "\n    ", "\n> "]))
def test_a_text_with_a_line_a_paragraph_is_never_joined(seed: int, end: str) -> None:
    article = prose(Random(seed))
    assert texts(end.join(article)) == [" ".join(text.split()) for text in article]


_WORDS = st.lists(
    st.sampled_from(["the", "of", "ports", "and", "ministers", "Anna", "U.S.", "disarmament", "in", "12"]),
    min_size=1,
    max_size=90,
)


@given(
    lines=st.lists(_WORDS, min_size=1, max_size=12),
    end=st.sampled_from([".", "", '."']),
    gap=st.sampled_from(["\n", "\n\n"]),
)
def test_lines_that_begin_like_sentences_are_never_joined(lines: list[list[str]], end: str, gap: str) -> None:
    article = [" ".join(["They", *words]) + end for words in lines]
    assert texts(gap.join(article)) == article


def test_two_one_line_paragraphs_are_two_passages_however_long_they_are() -> None:
    for count in range(1, 40):
        one = "The council kept its sanctions" + " on the grain ports" * count + "."
        assert len(texts(f"{one}\n{one}")) == len(texts(f"{one}\n\n{one}")) == 2


@pytest.mark.parametrize("width", [36, 50, 72, 100])
@pytest.mark.parametrize(
    "mark",
    [
        lambda lines: "\n".join("\t" + "\n".join(each) for each in lines),
        lambda lines: "\r\n\r\n".join("\r\n".join(each) for each in lines),
        lambda lines: "\u2029\u2029".join("\u2028".join(each) for each in lines),
        lambda lines: "\n>\n".join("\n".join("> " + line for line in each) for each in lines),
        lambda lines: "\n>>\n".join("\n".join(">> " + line for line in each) for each in lines),
        lambda lines: "\n\n".join("\n".join(line.replace(" the ", "   the ") for line in each) for each in lines),
        lambda lines: "\n \n\n".join("\n".join(each) for each in lines),
    ],
    ids=["tabs", "CRLF", "line separators", "mail", "mail in mail", "justified", "more blank lines"],
)
def test_a_short_article_is_unwrapped(mark: Callable[[list[list[str]]], str], width: int) -> None:
    text = mark([textwrap.wrap(paragraph, width) for paragraph in ARTICLE])
    assert [letters(text[start:end]) for start, end in paragraphs(text)] == list(map(letters, ARTICLE))


@pytest.mark.parametrize(
    "article", [CHINESE, ARABIC, RUSSIAN, [text.upper() for text in ARTICLE]], ids=["zh", "ar", "ru", "capitals"]
)
def test_text_of_any_script_is_unwrapped(article: list[str]) -> None:
    for width in (25, 36, 50):
        for gap in ("\n\n", "\n　　"):
            text = gap.join("\n".join(textwrap.wrap(paragraph, width)) for paragraph in article)
            assert [letters(text[start:end]) for start, end in paragraphs(text)] == list(map(letters, article))
    assert texts("\n".join(article)) == texts("\n\n".join(article)) == article


def test_a_list_of_titles_in_chinese_is_not_a_paragraph() -> None:
    titles = ["制裁措施将延长一年", "核武器谈判重新开始", "总理访问北方港口", "议会否决预算草案", "能源价格再次上涨"]
    assert texts("\n".join(titles)) == titles


def test_a_sentence_on_two_lines_with_a_blank_line_between_is_one_passage() -> None:
    text = (
        "The debate lasted for nine hours.\n\nThe chair thanked him\n\nand closed the sitting at five.\n\nNobody left."
    )
    assert texts(text)[1] == "The chair thanked him and closed the sitting at five."
    assert (
        len(texts("For the hike we take:\n\nspring water\n\na baby carrier\n\nhealthy snack bars\n\nShe smiled.")) == 5
    )


def test_headings_lists_and_speakers_begin_paragraphs_of_their_own() -> None:
    text = (
        "THE DEBATE\n"
        "The council kept its sanctions on the grain ports on Monday, by\n"
        "fourteen votes to nine, after a debate of nine hours.\n"
        "Three things were said in it:\n"
        "- the asset freeze would stay, whatever the other side decided to\n"
        "  say about it;\n"
        "- talks on arms would go on.\n"
        "THE CHAIR: Does any member wish to speak on the draft before we go\n"
        "to the vote?\n"
        "Ms. Roe: No.\n"
    )
    starts = [paragraph.split()[:2] for paragraph in texts(text)]
    assert starts == [
        ["THE", "DEBATE"],
        ["The", "council"],
        ["Three", "things"],
        ["-", "the"],
        ["-", "talks"],
        ["THE", "CHAIR:"],
        ["Ms.", "Roe:"],
    ]


def test_a_paragraph_that_goes_on_behind_a_page_number_is_whole() -> None:
    first, second = textwrap.wrap(ARTICLE[1], 60)[:2], textwrap.wrap(ARTICLE[1], 60)[2:]
    above, below = (textwrap.fill(ARTICLE[place], 60) for place in (0, 3))
    for page in ("\n\n                 3\n\f", "\n- 3 -\n\f", "\n\nPage 3 of 9\n\n", "\n\f", "\n\n[[Page H102]]\n\n"):
        text = f"{above}\n\n" + "\n".join(first) + page + "\n".join(second) + f"\n\n{below}"
        assert len(texts(text)) == 3
        assert kept(text) == [None, None, None]


def test_running_heads_do_not_cut_paragraphs() -> None:
    lines = [line for paragraph in ARTICLE * 6 for line in [*textwrap.wrap(paragraph, 50), ""]]
    pages = ["\n".join(lines[first : first + 11]) for first in range(0, len(lines), 11)]
    text = "\f".join(f"The Harbour Gazette, {number}\n\n{page}\n" for number, page in enumerate(pages, start=1))
    whole = [letters(text[start:end]) for start, end in paragraphs(text)]
    assert sum(any(part.startswith(letters(each)[:40]) for part in whole) for each in ARTICLE) == len(ARTICLE)
    assert not any(part.startswith(letters(line)) for line in ("lasted for most", "decided to say") for part in whole)


def test_the_quotation_marks_of_mail_are_no_boilerplate() -> None:
    text = "\n>\n".join(textwrap.indent(textwrap.fill(paragraph, 60), "> ") for paragraph in ARTICLE)
    reply = (
        f"I do not agree with a word of this, and I shall say why.\n\n{text}\n\nThe talks will lead nowhere, I fear."
    )
    assert kept(reply) == [None] * 6


def test_a_passage_is_the_slice_of_the_text_with_its_line_breaks() -> None:
    text = "\n\n".join(textwrap.fill(paragraph, 40) for paragraph in ARTICLE)
    pieces = segment(Article(id="a", text=text))
    assert [piece.passage.text for piece in pieces] == [textwrap.fill(paragraph, 40) for paragraph in ARTICLE]
    assert all(text[piece.passage.start : piece.passage.end] == piece.passage.text for piece in pieces)


def test_a_wrapped_headline_is_the_title() -> None:
    text = "Council keeps its sanctions on the\ngrain ports after a long debate\n\n"
    text += "\n\n".join(textwrap.fill(paragraph, 36) for paragraph in ARTICLE)
    titles = {piece.passage.title for piece in segment(Article(id="a", text=text))}
    assert titles == {"Council keeps its sanctions on the grain ports after a long debate"}


def test_a_long_double_spaced_paragraph_is_split_at_sentences() -> None:
    text = textwrap.fill("Mr. Smith of the northern delegation spoke for 3.5 hours about ships. " * 40, 60)
    parts = [piece.passage.text for piece in segment(Article(id="a", text=text.replace("\n", "\n\n")))]
    assert len(parts) > 1
    assert all(part.startswith("Mr.") and part.endswith("ships.") for part in parts)


@pytest.mark.parametrize("text", [">", "> \n>>\n", "3\n\f\n4", "1\f2\f3", "\ufeff", "a\n\f> b\n\f\n> c"])
def test_odd_texts_are_cut_without_an_error(text: str) -> None:
    for piece in segment(Article(id="a", text=text)):
        assert text[piece.passage.start : piece.passage.end] == piece.passage.text


def test_the_benchmark_prints_the_share_of_paragraphs_that_are_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pages").mkdir()
    with gzip.open(tmp_path / "pages" / "bodies.jsonl.gz", "wt", encoding="utf-8") as out:
        out.write(json.dumps({"id": "a", "url": "u", "body": "\n\n".join(ARTICLE)}) + "\n")
    assert main([str(tmp_path)]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 1 + len(WRAPPINGS) + 2
    assert rows[1].split()[-1] == rows[-1].split()[-1] == "100.0%"
