"""What a language model is asked, and what its answers mean."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from labels.codebook import STANCES
from labels.reading.answers import BadAnswer, parse_answer
from labels.reading.prompt import ANSWERS, NO, Request, render
from labels.reading.vote import vote
from tests.conftest import REPOSITORY


@settings(max_examples=50)
@given(
    st.lists(
        st.fixed_dictionaries({"tea": st.sampled_from(ANSWERS), "rain": st.sampled_from(ANSWERS)}),
        min_size=1,
        max_size=9,
    )
)
def test_a_topic_holds_if_most_readings_have_it_and_its_shares_add_up(answers: list[dict[str, str]]) -> None:
    found = {label.topic: label for label in vote(answers)}
    for topic in ("tea", "rain"):
        having = [answer[topic] for answer in answers if answer[topic] != NO]
        assert (topic in found) == (len(having) > len(answers) / 2)
        if topic in found and (stance := found[topic].stance) is not None:
            assert all(having.count(stance) > having.count(other) for other in STANCES if other != stance)


@settings(max_examples=30)
@given(st.text() | st.dictionaries(st.sampled_from(["tea", "rain", "tee"]), st.text() | st.none()).map(json.dumps))
def test_any_text_is_an_answer_or_a_bad_answer(text: str) -> None:
    try:
        answer = parse_answer(text, ("tea", "rain"))
    except BadAnswer:
        return
    assert set(answer) == {"tea", "rain"}


def test_an_answer_in_a_code_block_after_reasoning_is_read() -> None:
    text = '<think>Is it {"tea"}?</think>\n```json\n{"rain": "unclear", "tea": "no"}\n```'
    assert parse_answer(text, ("tea", "rain")) == {"tea": "no", "rain": "unclear"}


def test_the_prompt_has_all_that_the_codebook_says_but_keywords() -> None:
    from labels.codebook import read_codebook

    codebook = read_codebook(REPOSITORY / "labels/foreign_affairs/codebook.yaml")
    settings = Request(temperature=0, seed=1, max_tokens=10)
    system = "\n".join(render(codebook, model="m", readings=1, request=settings).system)
    said = [*codebook.rules, *codebook.stances.values()]
    for topic in codebook.topics:
        said += [topic.definition, topic.target, *map(str, topic.include), *map(str, topic.exclude)]
    for text in said:
        assert " ".join(text.split()) in system
    assert "SolarWinds" not in system
