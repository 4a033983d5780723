"""What classifiers read of a passage: its fields, and the span of a target within them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from labels.gold.adjudication import Target
from models.examples import query, render
from tests.conftest import BOOK
from tests.test_tagger import passage

# Words, and nothing that cleaning changes.
some_text = st.text(st.sampled_from("abcäßяו字 12.,"), min_size=1, max_size=30).filter(str.strip)


@settings(deadline=None)
@given(
    text=some_text,
    title=st.none() | st.just("") | some_text,
    fields=st.sampled_from([("text",), ("title", "text"), ("text", "title"), ("source", "title", "text")]),
    cut=st.tuples(st.integers(0, 29), st.integers(1, 30)),
)
def test_the_span_of_a_target_moves_with_the_fields_before_the_text(
    text: str, title: str | None, fields: tuple[str, ...], cut: tuple[int, int]
) -> None:
    text = " ".join(text.split())
    start = cut[0] % len(text)
    span = (start, start + 1 + cut[1] % (len(text) - start))
    one = passage(text, title=title)
    rendered = query(one, Target(None, "the target", span), BOOK, fields)  # type: ignore[arg-type]
    assert rendered.text == render(one, fields)[0]  # type: ignore[arg-type]
    assert rendered.span is not None
    assert rendered.text[slice(*rendered.span)] == text[slice(*span)]


def test_fields_that_a_passage_does_not_have_leave_no_gap() -> None:
    assert render(passage("the text"), ["title", "source", "text"]) == ("the text", None)
    titled = passage("the text", title="A title")
    assert render(titled, ["title", "text"], (4, 8)) == ("A title\nthe text", (12, 16))


def test_the_target_of_a_topic_is_its_proposition() -> None:
    assert query(passage("any"), Target("tea"), BOOK, ["text"]).target == "drinking more tea"
