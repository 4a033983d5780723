"""Detecting the language of a text, and never from names alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.language import detect_language, languages_of_article, training_languages
from tests.conftest import REPOSITORY

SENTENCES = {
    "ar": "قال وزير الخارجية إن مفاوضات نزع السلاح ستستأنف في الخريف.",
    "de": "Konkrete Zusagen gibt es bisher nicht.",
    "en": "The ministry has made no promises so far.",
    "es": "Los vecinos temen por sus caladeros.",
    "fr": "Les habitants craignent pour leurs zones de pêche.",
    "ja": "住民は漁場への影響を心配している。",
    "no": "Innbyggerne frykter for fiskeplassene sine.",
    "ru": "Экологи предупреждают о риске разлива топлива.",
    "uk": "Фахівці відновили роботу сайту до ранку.",
    "zh": "当地居民担心他们的渔场。",
}
NAMES = [
    "Lavrov, Ryabkov, Antonov and Medvedev met Wang Yi, Li Qiang and Xi Jinping.",
    "Gazprom, Rosneft, Lukoil, Sovcomflot, Novatek, Sberbank, VTB, Alfa-Bank.",
    "Svalbard, Jan Mayen, Novaya Zemlya, Franz Josef Land, Severnaya Zemlya.",
    "Ursula von der Leyen, Kaja Kallas, António Costa, Roberta Metsola, Mark Rutte",
    "Tromsø, Bodø, Hammerfest, Vardø, Vadsø, Kirkenes",
    "The Bundesministerium für Wirtschaft und Klimaschutz declined to comment.",
    "KREMLIN SLAMS EU SANCTIONS PACKAGE",
]


@pytest.mark.parametrize("code", SENTENCES)
def test_the_language_of_one_sentence_is_detected_even_where_another_is_expected(code: str) -> None:
    assert detect_language(SENTENCES[code]) == code
    assert detect_language(SENTENCES[code], ("ru",) if code == "en" else ("en",)) == code


@pytest.mark.parametrize("text", NAMES)
def test_names_and_capitals_are_not_another_language(text: str) -> None:
    assert detect_language(text, ("en",)) in (None, "en")


def test_a_foreign_phrase_does_not_make_the_sentence_foreign() -> None:
    text = "Beijing calls it 人类命运共同体, a community of common destiny, and the phrase now appears in three resolutions."
    assert detect_language(text, ("en",)) == "en"


@pytest.mark.parametrize(
    "text", ["", "2024: 1,234; 2023: 1,100; 2022: 987; 2021: 1,002", "No.", "Да.", "NATO", "x" * 60]
)
def test_numbers_and_a_few_words_have_no_language(text: str) -> None:
    assert detect_language(text) is None


def test_a_neighbouring_language_is_not_detected_where_the_expected_one_is_possible() -> None:
    text = "Begge parter har interesse av det, og Washington har ennå ikke svart."
    assert detect_language(text, ("en",)) in ("da", "no")
    assert detect_language(text, ("no",)) in (None, "no")


def test_no_passage_of_the_starter_corpus_is_in_another_language() -> None:
    lines = (REPOSITORY / "seeds/passages.jsonl").read_text(encoding="utf-8").splitlines()
    assert {detect_language(json.loads(line)["text"]) for line in lines} == {"en"}


def test_a_passage_whose_language_is_uncertain_has_that_of_its_article() -> None:
    whole, each = languages_of_article([SENTENCES["ru"], "Да.", SENTENCES["en"], "2024"], ("en",))
    assert whole == "ru"
    assert each == ["ru", "ru", "en", "ru"]
    assert languages_of_article(["Да.", "2024"], ("en",)) == (None, [None, None])


def test_the_language_of_an_article_of_short_lines_is_detected_from_the_whole() -> None:
    lines = ["Порты ждут.", "Суда стоят.", "Лёд тает.", "Рейсы отменены."]
    assert languages_of_article(lines, ("en",)) == ("ru", ["ru"] * 4)
    assert languages_of_article([], ("en",)) == (None, [])


def test_a_training_language_has_at_least_one_text_in_twenty() -> None:
    assert training_languages([SENTENCES["ru"]] * 19 + [SENTENCES["en"]]) == ("en", "ru")
    assert training_languages([SENTENCES["ru"]] * 20 + [SENTENCES["en"]]) == ("ru",)
    assert training_languages([SENTENCES["ru"], "Да.", "2024"]) == ("ru",)
    assert training_languages(["Да.", "2024"]) == ()


@settings(deadline=None)
@given(st.text(st.characters()))
def test_any_text_has_a_language_or_none(text: str) -> None:
    code = detect_language(text)
    assert code is None or len(code) == 2
