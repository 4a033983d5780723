"""No topic is assigned to a passage that is unlike the training texts."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from models.familiarity import FEWEST, Familiarity
from models.tagger import Tagger
from tests.conftest import make_articles

RNG = random.Random(7)
WORDS = [
    f"{first}{middle}{last}" for first in "bdgklmt" for middle in "aeiou" for last in ("rn", "st", "lp", "nk", "m")
]
RECIPE = "whisk eggs with sugar until pale, fold through sifted flour, bake until golden, dust lightly, serve warm"


def texts(count: int, *, new_words: int) -> list[str]:
    """Make texts of twenty words, of which some occur in no other text."""
    return [
        " ".join(
            [
                *RNG.choices(WORDS, k=20 - new_words),
                *("".join(RNG.choices("acfhjopqsuvwxyz", k=10)) for _ in range(new_words)),
            ]
        )
        for _ in range(count)
    ]


def learned(training: list[str], groups: list[str] | None = None) -> Familiarity:
    familiarity = Familiarity.of(training, groups or [str(number) for number in range(len(training))])
    assert familiarity is not None
    return familiarity


KNOWN = learned(texts(FEWEST, new_words=2))


def test_further_texts_of_the_same_kind_are_familiar() -> None:
    assert sum(KNOWN.unfamiliar(texts(200, new_words=2))) <= 2


def test_a_text_of_other_words_is_unfamiliar() -> None:
    assert KNOWN.unfamiliar([RECIPE, *texts(20, new_words=15)]) == [True] * 21


def test_names_do_not_make_a_text_unfamiliar() -> None:
    named = f"{texts(1, new_words=2)[0]} Pemberton Okonkwo Vasquez Lindqvist Abernathy Tanaka Moreau Castellanos"
    assert KNOWN.unfamiliar([named]) == [False]


def test_the_other_texts_of_an_article_do_not_make_its_words_known() -> None:
    """Articles of two texts that share words of their own: compared with the other articles, each has new words."""
    pairs = [text for text in texts(FEWEST, new_words=10) for _ in range(2)]
    by_article = learned(pairs, [str(number // 2) for number in range(len(pairs))])
    by_text = learned(pairs)
    assert by_article.lowest < by_text.lowest - 0.2


def test_few_texts_do_not_show_what_is_unusual() -> None:
    assert Familiarity.of(texts(FEWEST - 1, new_words=2), ["one"] * (FEWEST - 1)) is None


@given(st.text())
def test_any_text_can_be_judged(text: str) -> None:
    assert KNOWN.unfamiliar([text]) in ([True], [False])


def test_an_unfamiliar_passage_is_left_to_review(model: Path, tmp_path: Path) -> None:
    tagger = Tagger.load(model)
    _, passages, _ = make_articles()
    tagged = [(passage, tags) for passage, tags in zip(passages, tagger.tag(passages), strict=True) if tags]
    passage, tags = next((passage, tags) for passage, tags in tagged if tags[0].assigned and not tags[0].review)
    settings = tagger.settings.model_copy(update={"familiarity": KNOWN})
    replace(tagger, settings=settings).save(tmp_path / "strict")
    (doubted,) = Tagger.load(tmp_path / "strict").tag([passage])
    assert [(tag.topic, tag.topic_probability) for tag in doubted] == [(t.topic, t.topic_probability) for t in tags]
    assert not any(tag.assigned for tag in doubted)
    assert all(tag.review for tag in doubted)


def test_a_passage_of_a_few_words_is_not_assigned_the_topic_of_its_title(model: Path) -> None:
    tagger = Tagger.load(model)
    _, passages, _ = make_articles()
    topical = next(
        passage for passage, tags in zip(passages, tagger.tag(passages), strict=True) if tags and tags[0].assigned
    )
    reads_title = replace(tagger, settings=tagger.settings.model_copy(update={"input": ("title", "text")}))
    greeting = topical.model_copy(update={"text": "Dear all,", "title": topical.text})
    (tags,) = reads_title.tag([greeting])
    assert tags
    assert not any(tag.assigned for tag in tags)
    assert all(tag.review for tag in tags)
    (tags,) = reads_title.tag([topical.model_copy(update={"title": "Dear all,"})])
    assert tags[0].assigned
