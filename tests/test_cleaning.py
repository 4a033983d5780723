"""Cleaning takes away what means nothing to a reader, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labels.errors import DemarcheError
from labels.gold.adjudication import Target
from models import saved
from models.cleaning import clean, clean_span, find_span
from models.examples import query, render
from models.language import detect_language
from models.markup import text_of_html
from models.tagger import Tagger
from tests.conftest import BOOK
from tests.noise import encode, sprinkle
from tests.test_tagger import NEW, passage, trained

__all__ = ["trained"]

PLAIN = (
    "The finance minister said \"the council's embargo on 12 grain ports isn't over\", and the flow of goods fell by "
    "3.5 % (from 1,200 to 1,158 tons) after the affair; critics - 14 of them - call that a first defeat."
)
MARKUP = st.text(st.sampled_from("<>/&;#=ABCDE039*_`[]()!\\ \n\r\t.:ab\xad\u200b\u200d\u0301é“ی☂"), max_size=40)
PIECES = st.lists(
    st.sampled_from(
        ["<b>", "</b>", "<", ">", "&", "amp;", "lt;", "&lt;", "&#60;", "**", "*", "__", "_", "`", "[", "](", ")", "# ",
         "> ", "\n", " ", "a", "tea", "=3D", "=E2=80=99", "=\n", "&#61;", "<!--", "-->", "http://x.y", "\u200c", "ی"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@settings(deadline=None, max_examples=400)
@given(st.one_of(st.text(max_size=60), MARKUP, PIECES))
@example("<" * 40 + "b>" * 40)
@example("=3D" + "3D" * 40 + "3D3C")
def test_a_cleaned_text_is_clean(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned


@settings(deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 1))
def test_noise_is_cleaned_away(seed: int, rate: float) -> None:
    assert clean(sprinkle(PLAIN, Random(seed), rate=rate)) == PLAIN


@pytest.mark.parametrize("width", [11, 23, 60])
def test_the_remains_of_quoted_printable_are_decoded(width: int) -> None:
    text = "The council's embargo – agreed in Kraków – holds, and a = b. It’s “over”?"
    assert clean(encode(text, width=width)) == clean(text)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("caf\u0065\u0301s \u212bngstr\xf6m", "cafés Ångström"),
        ("ﬁnance ﬂow ＡＢＣ２０２６ ｶﾞｽ CO₂ ﻻ", "finance flow ABC2026 ガス CO2 لا"),
        ("It\x92s \x93over\x94", 'It\'s "over"'),
        ("a\x00b\x07c\x7f", "abc"),
        ("sanc\xad\n  tions on\nports", "sanctions on ports"),
        ("> The embargo\n> works.", "The embargo works."),
        ("> 12 ports\n> are shut.", "12 ports are shut."),
        (
            "Talks on a cease-\nfire of twenty-\nfive days were post-\nponed.",
            "Talks on a cease-fire of twenty-five days were postponed.",
        ),
        (
            "> 50 % of voters oppose it,\n> 3.5 per cent do not care.",
            "> 50 % of voters oppose it, > 3.5 per cent do not care.",
        ),
        ("The long-\nlived ban", "The long-lived ban"),
        (
            "The govern-\nment of the sanc-\r\n  tions of pre-\nand post-war US-\nAfrican talks",
            "The government of the sanctions of pre- and post-war US-African talks",
        ),
        ("## A heading", "A heading"),
        ("![The chamber](chamber.jpg) and [the council][^1] met[^1].", "The chamber and [the council] met."),
        ("&amp;amp;lt;b&amp;amp;gt;AT&amp;amp;T&lt;/b&gt; &#x2019;s", "AT&T 's"),
        ("One.<script>var a = 1;</script><!-- a note -->Two", "One. Two"),
        ("CO<sub>2</sub>, 10<sup>6</sup> tons", "CO2, 10 6 tons"),
        ("One<br>two</p><p class='x'>three</p>", "One two three"),
        ("see <https://example.org/a>", "see https://example.org/a"),
        ("the grain ports=2C which I think is r=\night=2E", "the grain ports, which I think is right."),
    ],
)
def test_what_a_reader_would_not_see_goes(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        "The f**k and the s**t of it, Smith* and Jones*, 2 * 3 * 4, a snake_case_name by @_tea_pot_",
        "Tea costs < 5 and > 3; a <b and c> d; hello <user>, AT&T, R&D &c; x &foo; y",
        "10², 5½, ① and H² stay; MAY is not May; 1,000.50 is not 1000",
        "a sample of n=20 patients at x=E9, E=mc2; id=A5=B6 of 30=1E",
        "he wrote it [sic](so it seems) in [2019] and #tea, # 5",
        "The long dash—as here—stays.",
        "می‌خواهم کتاب‌ها را بخوانم",  # a zero-width non-joiner inside words of Persian
        "क्‍षेत्र",  # a zero-width joiner that keeps two letters apart in Hindi
        "ภาษา\u200bไทย",  # Thai words divided by a zero-width space
        "น้ำ և ㅋㅋ ﻿".strip("\ufeff "),
        "👩‍👩‍👧 ❤‍🔥 🏴󠁧󠁢󠁥󠁮󠁧󠁿",  # emoji composed with joiners, and a flag composed with tags
    ],
)
def test_what_means_something_stays(text: str) -> None:
    assert clean(text) == text


@settings(deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 1), st.sampled_from(["grain ports", "embargo", "critics", "council's"]))
def test_the_span_of_a_target_is_cleaned_along(seed: int, rate: float, target: str) -> None:
    rng = Random(seed)
    before, after = PLAIN.split(target)
    parts = [sprinkle(part, rng, rate=rate) for part in (before, target, after)]
    span = (len(parts[0]), len(parts[0]) + len(parts[1]))
    text, found = clean_span("".join(parts), span)
    assert text == clean("".join(parts))
    assert found is not None
    assert text[slice(*found)] == target
    raw = find_span("".join(parts), target)
    assert raw is not None
    assert clean_span("".join(parts), raw) == (text, found)


def test_a_cell_of_html_is_read_as_paragraphs() -> None:
    cell = "<p>Tea &amp; cake, <b>hot</b>.</p><p>If a &lt; b:<br>more</p><SCRIPT>var a = '<b>' < 3;</SCRIPT><!-- no -->"
    assert text_of_html(cell).split("\n\n") == ["Tea & cake, hot.", "If a < b:\nmore"]
    assert text_of_html("One line<br>\nand<br /> \r\none more") == "One line\nand\none more"
    for plain in ("Tea &amp; <b>cake</b>", "a < b", "<user> pours", "<p and q> holds"):
        assert text_of_html(plain) == plain


def test_a_span_of_which_nothing_is_left_is_none() -> None:
    assert clean_span("tea\u200bpot", (3, 4)) == ("teapot", None)


def test_words_named_twice_or_never_have_no_span() -> None:
    assert find_span("tea and t\xadea", "tea") is None
    assert find_span("tea", "umbrella") is None
    assert find_span("tea", "\u200b") is None


def test_what_a_model_reads_is_clean_in_every_field() -> None:
    one = passage("<b>The</b>  council\u200b’s embargo", title="**Ports**")
    assert render(one, ["title", "text"]) == ("Ports\nThe council's embargo", None)
    named = query(one, Target(None, "the embargo&nbsp;itself", (23, 30)), BOOK, ["title", "text"])
    assert named.target == "the embargo itself"
    assert named.span is not None
    assert named.text[slice(*named.span)] == "embargo"


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32))
def test_noise_changes_no_tag(trained: Tagger, seed: int) -> None:
    rng = Random(seed)
    noisy = [passage(sprinkle(each.text, rng, rate=0.5), id=each.id, title=each.title) for each in NEW]
    named = [Target(None, "umb<b>rella"[:3] + "rella", None), Target("tea"), Target(None, "Bob’s"), Target("rain")]
    straight = [Target(None, "umbrella", None), Target("tea"), Target(None, "Bob's"), Target("rain")]
    tags = trained.tag(noisy, named)
    assert [[tag[1:] for tag in each] for each in tags] == [
        [tag[1:] for tag in each] for each in trained.tag(NEW, straight)
    ]


def test_noise_changes_no_language() -> None:
    text = "Der Rat hält an seinem Embargo gegen die Häfen fest, sagte die Ministerin."
    assert detect_language(sprinkle(text, Random(1), rate=0.9)) == detect_language(text) == "de"


def test_a_model_trained_on_texts_cleaned_by_other_rules_is_refused(trained: Tagger, tmp_path: Path) -> None:
    trained.save(tmp_path)
    for other in ({}, {"cleaning": "plain-text-0"}):
        fields = json.loads((tmp_path / "tagger.json").read_text(encoding="utf-8"))
        del fields["cleaning"]
        (tmp_path / "tagger.json").write_text(json.dumps(fields | other), encoding="utf-8")
        saved.seal(tmp_path)
        with pytest.raises(DemarcheError, match=r"cleaned by other rules .*; train it again"):
            Tagger.load(tmp_path)
        (tmp_path / "tagger.json").write_text(json.dumps(fields | {"cleaning": "x"}), encoding="utf-8")


def test_a_text_with_an_endless_run_of_marks_keeps_its_unicode_form() -> None:
    marks = "\u0301\u0323"
    assert clean("e" + marks) == "\u1eb9\u0301"
    assert clean("e" + marks * 100_000) == "e" + marks * 100_000
