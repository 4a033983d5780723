"""Articles are split into paragraphs, and every character is accounted for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labels.passages import Article
from tagging.segmentation import LONGEST, paragraphs, segment

PLAIN = (
    "The ministers met on Monday. They agreed on little.\n\nTalks go on in May, an official said.\n\nNobody left early."
)


def article(text: str, **known: str) -> Article:
    return Article(id="a", text=text, **known)


def texts(text: str) -> list[str]:
    return [text[start:end] for start, end in paragraphs(text)]


@given(st.text(min_size=1).filter(str.strip))
def test_offsets_point_to_the_passage_in_the_article(text: str) -> None:
    for piece in segment(article(text)):
        assert text[piece.passage.start : piece.passage.end] == piece.passage.text


_LINES = st.lists(
    st.sampled_from(
        [
            "",
            "  ",
            "Sign up for our newsletter",
            "One line. Another one.",
            "a b c",
            "\ufeff",
            "🙂 e\u0301 שלום",
            "By A Reporter",
            "word " * 400,
            "Ends here. " * 120,
        ]
    ),
    min_size=1,
    max_size=8,
)


@given(lines=_LINES, end=st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\u2028"]))
def test_every_character_is_in_one_passage_or_white_space(lines: list[str], end: str) -> None:
    text = end.join(lines)
    covered = [0] * len(text)
    if not text.strip():
        return
    for piece in segment(article(text)):
        for position in range(piece.passage.start, piece.passage.end):
            covered[position] += 1
    for character, times in zip(text, covered, strict=True):
        assert times == 1 or (times <= 1 and (character.isspace() or character == "\ufeff"))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_blank_lines_separate_paragraphs_whatever_the_line_ends(end: str) -> None:
    assert texts(PLAIN.replace("\n", end)) == texts(PLAIN)
    assert len(texts(PLAIN)) == 3


def test_without_blank_lines_every_line_is_a_paragraph() -> None:
    assert texts(PLAIN.replace("\n\n", "\n")) == texts(PLAIN)


def test_lines_wrapped_to_a_width_are_one_paragraph() -> None:
    wrapped = (
        "The ministers met on Monday in the old town hall and agreed on\n"
        "little beyond the date of their next meeting, which an official\n"
        "said would be in May.\n\n"
        "Nobody left early."
    )
    assert len(texts(wrapped)) == 2


def test_a_heading_directly_above_a_paragraph_is_a_paragraph_of_its_own() -> None:
    assert len(texts("A short heading\n" + "A long paragraph that goes on and on about the matter in hand. " * 4)) == 2


def test_an_over_long_paragraph_is_split_at_sentences() -> None:
    text = "Mr. Smith of the U.S. delegation spoke for 3.5 hours. " * 60
    parts = [piece.passage.text for piece in segment(article(text))]
    assert len(parts) > 1
    assert all(part.endswith("hours.") and len(part.split()) <= LONGEST for part in parts)


@pytest.mark.parametrize(
    "sentence",
    [
        "Der Gipfel vom 3. Oktober brachte, wie z. B. Dr. Müller sagte, keine Einigung über die Abrüstung.",
        "Переговоры прошли в 1900 г. в г. Москве на ул. Ленина и закончились без всякого соглашения сторон.",
        "Los ministros de EE. UU. y la Sra. García firmaron el acuerdo de la pág. 12 en Madrid.",
        "Le président M. Macron a reçu M. Scholz et le Dr. Petit à Paris pour parler de désarmement.",
        "परिषद ने चायदानी की प्रशंसा की और शहर के निवासी कई दिनों तक कपों पर बहस करते रहे।",
    ],
    ids=["German", "Russian", "Spanish", "French", "Hindi"],
)
def test_an_over_long_paragraph_is_split_by_the_rules_of_its_language(sentence: str) -> None:
    parts = [piece.passage.text for piece in segment(article(f"{sentence} " * 60))]
    assert len(parts) > 1
    assert all(part.startswith(sentence) and part.endswith(sentence) for part in parts)


def test_a_sentence_without_an_end_is_split_between_words() -> None:
    parts = [piece.passage for piece in segment(article("word " * 10_000))]
    assert all(len(part.text.split()) <= LONGEST for part in parts)
    assert sum(len(part.text.split()) for part in parts) == 10_000


def test_the_headline_serves_as_the_title_if_the_article_has_none() -> None:
    text = "Ministers agree on little\n\n" + PLAIN
    assert {piece.passage.title for piece in segment(article(text))} == {"Ministers agree on little"}
    assert {piece.passage.title for piece in segment(article(text, title="Another"))} == {"Another"}
    assert {piece.passage.title for piece in segment(article(PLAIN))} == {None}


def test_passages_are_numbered_in_order() -> None:
    assert [piece.passage.id for piece in segment(article(PLAIN))] == ["a#1", "a#2", "a#3"]
