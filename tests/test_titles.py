"""A title helps to find the topics of a passage, but does not decide alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.gold.adjudication import adjudicate
from labels.passages import Passage
from models import saved
from models.calibration import Platt, StanceCalibration, TopicCalibration
from models.examples import NoCallback
from models.families.baselines import MajorityStance, MajorityTopics, RuleTopics
from models.reader import TwoStage
from models.tagger import Tagger, TaggerSettings
from tests.conftest import BOOK, make_articles
from tests.test_fit import config
from training.fit import baselines, fit

TITLE = "Council praises the teapot"
SIDE_REMARK = "The weather stayed fine all day in the town."


def passage(text: str, title: str | None = None) -> Passage:
    return Passage(id="p", article="p", text=text, start=0, end=len(text), title=title)


def tagger(topics: RuleTopics | MajorityTopics, *, text_share: float = 0.1) -> Tagger:
    of_tagger = TaggerSettings(
        input=("title", "text"),
        review=0.1,
        topic_calibration=TopicCalibration(curves=(Platt(), Platt()), thresholds=(0.5, 0.5)),
        stance_calibration=StanceCalibration(),
        text_share=text_share,
    )
    return Tagger(BOOK, TwoStage(topics, MajorityStance()), of_tagger)


RULES = tagger(RuleTopics.of(BOOK))


def assigned(tagger: Tagger, *passages: Passage) -> list[set[str]]:
    return [{tag.topic for tag in tags if tag.assigned} for tags in tagger.tag(passages)]


def test_a_topic_that_only_the_title_speaks_of_is_left_to_review() -> None:
    ((tag,),) = RULES.tag([passage(SIDE_REMARK, TITLE)])
    assert (tag.topic, tag.assigned, tag.review) == ("tea", False, True)


def test_a_topic_that_the_text_speaks_of_is_assigned_under_any_title() -> None:
    texts = [passage("She filled the kettle and sat down.", title) for title in (TITLE, "A drizzle", "Oslo", None)]
    assert assigned(RULES, *texts) == [{"tea"}] * 4


def test_each_topic_needs_the_text() -> None:
    assert assigned(RULES, passage("An umbrella is of no use in the wind.", TITLE)) == [{"rain"}]


def test_a_model_that_needs_no_text_assigns_by_the_title() -> None:
    assert assigned(tagger(RuleTopics.of(BOOK), text_share=0), passage(SIDE_REMARK, TITLE)) == [{"tea"}]


def test_a_model_that_does_not_read_titles_is_not_read_twice() -> None:
    blind = replace(RULES, settings=RULES.settings.model_copy(update={"input": ("text",)}))
    assert assigned(blind, passage(SIDE_REMARK, TITLE), passage("She filled the kettle.", TITLE)) == [set(), {"tea"}]


def test_the_source_counts_as_text() -> None:
    by_source = replace(RULES, settings=RULES.settings.model_copy(update={"input": ("title", "source", "text")}))
    of_the_kettle = passage(SIDE_REMARK, TITLE).model_copy(update={"source": "The Kettle"})
    assert assigned(by_source, of_the_kettle) == [{"tea"}]


def test_a_model_saved_before_texts_were_needed_tags_as_it_did(tmp_path: Path) -> None:
    RULES.save(tmp_path)
    stored = json.loads((tmp_path / "tagger.json").read_text(encoding="utf-8"))
    del stored["text_share"]
    (tmp_path / "tagger.json").write_text(json.dumps(stored), encoding="utf-8")
    saved.seal(tmp_path)
    assert assigned(Tagger.load(tmp_path), passage(SIDE_REMARK, TITLE)) == [{"tea"}]


@pytest.fixture(scope="module")
def trained() -> Tagger:
    _, passages, annotations = make_articles(40)
    titled = [each.model_copy(update={"title": " ".join(each.text.split()[:6])}) for each in passages]
    learn, dev = (adjudicate(part, annotations) for part in (titled[:90], titled[90:]))
    return fit(config(input=["title", "text"]), BOOK, learn, dev, callback=NoCallback()).tagger


def test_a_trained_model_needs_the_text(trained: Tagger) -> None:
    under_title = "The council welcomes the teapot, the kettle and the samovar"
    match = "The referee on the old street had a whistle and a long match"
    assert trained.settings.text_share == 0.1
    assert assigned(trained, passage(match, under_title), passage(under_title, match)) == [set(), {"tea"}]


@settings(deadline=None, max_examples=40)
@given(share=st.floats(0, 1), other=st.floats(0, 1), pair=st.tuples(st.integers(0, 29), st.integers(0, 29)))
def test_the_more_the_text_must_show_the_fewer_topics_are_assigned(
    trained: Tagger, share: float, other: float, pair: tuple[int, int]
) -> None:
    _, passages, _ = make_articles(10, seed=2)
    one = passages[pair[0]].model_copy(update={"title": passages[pair[1]].text})
    less, more = (
        assigned(replace(trained, settings=trained.settings.model_copy(update={"text_share": each})), one)[0]
        for each in sorted((share, other))
    )
    assert more <= less


def test_the_rules_that_models_are_compared_with_still_read_the_title() -> None:
    _, passages, annotations = make_articles(20)
    examples = adjudicate(passages, annotations)
    rules = baselines(config(input=["title", "text"]), BOOK, examples, [])["rules"]
    assert assigned(rules, passage(SIDE_REMARK, TITLE)) == [{"tea"}]
