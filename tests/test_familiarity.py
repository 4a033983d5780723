"""No topic is assigned to a passage that is unlike the training texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from models.familiarity import Familiarity
from models.tagger import Tagger
from tests.conftest import make_articles

TEXTS = [passage.text for passage in make_articles()[1]]
GROUPS = [passage.article for passage in make_articles()[1]]
KNOWN = Familiarity.of(TEXTS, GROUPS)


def test_the_training_texts_are_familiar() -> None:
    assert not any(KNOWN.unfamiliar(TEXTS))


def test_a_text_of_other_words_is_unfamiliar() -> None:
    recipe = "whisk eggs with sugar until pale, fold through sifted flour, bake until golden, dust lightly, serve warm"
    assert KNOWN.unfamiliar([recipe]) == [True]


def test_names_do_not_make_a_text_unfamiliar() -> None:
    named = f"{TEXTS[0]} Pemberton Okonkwo Vasquez Lindqvist Abernathy Tanaka Moreau Castellanos"
    assert KNOWN.unfamiliar([named]) == [False]


def test_a_word_is_known_by_another_article_alone() -> None:
    once = ["one odd sentence about nothing else at all here"]
    familiarity = Familiarity.of([*once, *TEXTS], ["alone", *GROUPS])
    assert familiarity.lowest < KNOWN.lowest


@given(st.text())
def test_any_text_can_be_judged(text: str) -> None:
    assert KNOWN.unfamiliar([text]) in ([True], [False])


def test_an_unfamiliar_passage_is_left_to_review(model: Path) -> None:
    tagger = Tagger.load(model)
    _, passages, _ = make_articles()
    tagged = [(passage, tags) for passage, tags in zip(passages, tagger.tag(passages), strict=True) if tags]
    passage, tags = next((passage, tags) for passage, tags in tagged if tags[0].assigned and not tags[0].review)
    stranger = Familiarity(words=(), mean=0.0, lowest=0.5)
    strict = replace(tagger, settings=tagger.settings.model_copy(update={"familiarity": stranger}))
    (doubted,) = strict.tag([passage])
    assert [(tag.topic, tag.topic_probability) for tag in doubted] == [
        (tag.topic, tag.topic_probability) for tag in tags
    ]
    assert not any(tag.assigned for tag in doubted)
    assert all(tag.review for tag in doubted)


def test_familiarity_is_saved_with_the_model(model: Path) -> None:
    saved = Tagger.load(model).settings.familiarity
    assert saved is not None
    assert not any(saved.unfamiliar(TEXTS[:20]))
    assert saved.unfamiliar(
        ["whisk eggs with sugar until pale, fold through sifted flour, bake until golden, serve warm"]
    )
