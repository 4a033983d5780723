"""Passages lose their text, and get it back from any copy of their articles that has the same words."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labels.detached
from labels.detached import attach, detach, normalise
from labels.passages import Article, Passage

# Letters that combine, that become several or none, white space of every kind, and quotation marks of every kind.
TRICKY = "ab .,\n\r\t\u00a0\u2003\u2028\u3000\x1c“”‘’\"'‟¨´½…ﬁﷺ①Ａe\u0301\u0323\u0344한\u1112\u1161\u11abﾊ\uff9e茶🍵\u0fb2\u0f80\u200b"
texts = st.text(st.sampled_from(TRICKY) | st.characters(codec="utf-8"), min_size=1, max_size=80).filter(str.strip)
words = st.text(st.sampled_from(TRICKY) | st.characters(codec="utf-8"), min_size=1, max_size=8).filter(
    lambda word: len(word.split()) == 1 and word == word.strip() and normalise(word) != ""
)
spaces = st.text(st.sampled_from(" \n\r\t\u00a0\u2003\u2028\u3000"), min_size=1, max_size=3)


def passage(article: Article, start: int, end: int, **fields: Any) -> Passage:
    metadata = {name: getattr(article, name) for name in ("title", "source", "published", "url")}
    place = {"id": f"{article.id}#{start}", "article": article.id, "start": start, "end": end}
    return Passage.model_validate(place | {"text": article.text[start:end]} | metadata | fields)


@settings(deadline=None)
@given(
    text=texts,
    cuts=st.lists(st.tuples(st.integers(0, 79), st.integers(1, 80)), max_size=3),
    title=st.none() | texts,
    group=st.none() | texts,
)
def test_a_detached_passage_is_attached_again_unchanged(
    text: str, cuts: list[tuple[int, int]], title: str | None, group: str | None
) -> None:
    article = Article(id="a", text=text, title=title, source="wire", published="2020-01-02", url="https://example.org")
    spans = {(0, len(text))} | {(start, min(start + length, len(text))) for start, length in cuts if start < len(text)}
    passages = [
        passage(article, start, end, id=f"{start}:{end}", group=group, split="test")
        for start, end in sorted(spans)
        if text[start:end].strip()
    ]
    attached = attach(map(detach, passages), [article])
    assert attached.passages == passages
    assert [attached.moved, attached.normalised, attached.missing, attached.changed] == [[], [], [], []]


@settings(deadline=None)
@given(text=texts)
def test_normalising_word_by_word_normalises_the_text(text: str) -> None:
    straight = str.maketrans("‘’‚‛“”„‟", "''''\"\"\"\"")
    assert normalise(text).split() == unicodedata.normalize("NFKC", text).translate(straight).split()
    assert normalise(normalise(text)) == normalise(text)
    assert normalise(text) == normalise(unicodedata.normalize("NFD", text))


@settings(deadline=None)
@given(
    before=st.lists(words, max_size=4),
    inside=st.lists(words, min_size=1, max_size=6),
    after=st.lists(words, max_size=4),
    gaps=st.tuples(spaces, spaces),
    form=st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]),
)
def test_a_passage_is_found_in_a_copy_with_other_white_space_and_unicode_form(
    before: list[str], inside: list[str], after: list[str], gaps: tuple[str, str], form: Any
) -> None:
    old, new = (gap.join([*before, *inside, *after]) for gap in gaps)
    start = len(gaps[0].join([*before, ""]))
    original = passage(Article(id="a", text=old), start, start + len(gaps[0].join(inside)))
    copy = Article(id="a", text=unicodedata.normalize(form, new))
    (found,) = attach([detach(original)], [copy]).passages
    assert normalise(found.text) == normalise(original.text)
    assert copy.text[found.start : found.end] == found.text


@settings(deadline=None)
@given(text=texts, cut=st.tuples(st.integers(0, 79), st.integers(1, 80)), prefix=texts)
def test_a_passage_that_moved_a_little_is_found_even_within_words(text: str, cut: tuple[int, int], prefix: str) -> None:
    start = cut[0] % len(text)
    piece = text[start : start + cut[1]]
    if not piece.strip():
        return
    original = passage(Article(id="a", text=text), start, start + len(piece))
    attached = attach([detach(original)], [Article(id="a", text=prefix + text)])
    (found,) = attached.passages
    assert found.text == piece or normalise(found.text) == normalise(piece)


def test_the_nearest_of_several_copies_of_a_passage_is_taken() -> None:
    line = "“Tea at five,” said the mayor."
    text = "\n\n".join([line, "Rain.", line, "More rain.", line])
    original = passage(Article(id="a", text=text), text.index(line, 5), text.index(line, 5) + len(line))
    straight = text.replace("“", '"').replace("”", '"')
    attached = attach([detach(original)], [Article(id="a", text="Read more.\n" + straight)])
    assert [found.start for found in attached.normalised] == [original.start + len("Read more.\n")]


@pytest.mark.parametrize("around", [0, 3, 500])
@settings(deadline=None)
@given(
    copy=st.lists(st.sampled_from(["a", "aa", "b", "´", "“b”"]), min_size=1, max_size=40),
    gap=st.sampled_from([" ", "\n\n"]),
    cut=st.tuples(st.integers(0, 39), st.integers(1, 4)),
    start=st.integers(0, 120),
)
def test_of_all_the_places_of_a_passage_the_nearest_is_taken(
    around: int, copy: list[str], gap: str, cut: tuple[int, int], start: int
) -> None:
    piece = " ".join(copy[cut[0] % len(copy) :][: cut[1]])
    text = gap.join(copy)
    original = detach(Passage(id="p", article="a", text=piece, start=start, end=start + len(piece)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(labels.detached, "_AROUND", around)
        (found,) = attach([original], [Article(id="a", text=text)]).passages
    starts = [len(gap.join([*copy[:number], ""])) for number in range(len(copy))]
    places = [
        begin
        for number, begin in enumerate(starts)
        if normalise(gap.join(copy[number : number + len(piece.split())])) == normalise(piece)
    ]
    unchanged = text[start : start + len(piece)] == piece
    assert found.start == (start if unchanged else min(places, key=lambda place: abs(place - start)))


def calls(work: Callable[[], object]) -> int:
    """Count the calls of functions in `work`."""
    count = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda text: "A " + text, id="moved a little"),
        pytest.param(lambda text: "Read more. " * 1000 + text, id="moved far"),
        pytest.param(lambda text: text.replace("word", "part"), id="with other words"),
    ],
)
def test_the_work_grows_with_the_length_of_an_article_and_not_with_its_square(edit: Callable[[str], str]) -> None:
    counts = []
    for size in (2_000, 8_000):
        text = " ".join(f"word{number:05}" for number in range(size))
        article = Article(id="a", text=text)
        # Passages of 40, 80 and 120 words, of 10 code points each with the space.
        passages = [
            detach(passage(article, begin, begin + words * 10 - 1))
            for words in (40, 80, 120)
            for begin in range(0, len(text) - words * 10, 1200)
        ]
        counts.append(calls(partial(attach, passages, [Article(id="a", text=edit(text))])))
    assert counts[1] < 5 * counts[0]


def test_long_articles_of_other_editions_are_searched_quickly() -> None:
    # NFKC alone would take most of an hour for one word of 400,000 combining marks.
    text = " ".join(f"word{number}" for number in range(50_000))
    long = Article(id="long", text=text)
    marks = Article(id="marks", text="e" + "\u0301\u0323" * 200_000)
    passages = [passage(long, start, start + 5000) for start in range(0, 100_000, 20_000)]
    detached = [detach(one) for one in [*passages, passage(marks, 0, 400_001)]]
    attached = attach(detached, [Article(id="long", text=text.upper()), Article(id="marks", text="é" + marks.text)])
    assert len(attached.changed) == len(passages)
    assert [found.id for found in attached.moved] == ["marks#0"]


def test_the_search_of_a_very_long_article_with_other_words_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    there = "Only here is the harbour closed."
    texts = [*(f"These {'many ' * number}words are in no article." for number in range(5)), there]
    asked = [
        detach(Passage(id=text, article="a", text=text, start=place, end=place + len(text)))
        for place, text in enumerate(texts)
    ]
    long = [Article(id="a", text="word " * 3000 + there)]
    assert [found.text for found in attach(asked, long).passages] == [there]
    monkeypatch.setattr(labels.detached, "_MOST_SEARCHED", 8000)
    assert attach(asked, long).passages == []
    # A passage that is found shows that the article is the right one.
    assert [found.text for found in attach([asked[0], asked[5], *asked[1:5]], long).passages] == [there]
