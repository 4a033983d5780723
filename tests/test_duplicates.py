"""Reprints and companion bills are near-duplicates; short phrases that recur by chance are not."""

from __future__ import annotations

import random
import re
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.splits.duplicates import SHORTEST, SIMILAR, DuplicatePair, connect, near_duplicates

NEWS = "The council of the old town met on Monday about the long street near the quiet houses."


def similarity(one: str, other: str) -> float:
    """Return the Jaccard similarity of word bigrams, computed the plain way."""
    sets = []
    for text in (one, other):
        words = re.findall(r"\w+", text.casefold())
        sets.append(set(pairwise(words)) if len(words) >= SHORTEST else set())
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1]) if all(sets) else 0.0


@pytest.mark.parametrize(
    ("other", "duplicate"),
    [
        (NEWS, True),
        (NEWS.upper().replace(" ", "\r\n"), True),
        (f"“{NEWS}” (AP)", True),
        (NEWS.replace("Monday", "Tuesday"), True),
        (" ".join(reversed(NEWS.split())), False),
        ("The mayor of the new town left on Friday without a word on the budget or the school.", False),
        ("", False),
        ("The council", False),
    ],
)
def test_near_duplicates_are_found_among_other_texts(other: str, duplicate: bool) -> None:
    pairs = near_duplicates([NEWS, other])
    assert [(pair.first, pair.second) for pair in pairs] == ([(0, 1)] if duplicate else [])


@pytest.mark.parametrize("text", ["", " ", "Yes.", "He declined to comment.", "…", "🙂 🙂 🙂 🙂 🙂 🙂"])
def test_texts_of_few_words_are_never_near_duplicates(text: str) -> None:
    assert near_duplicates([text, text, text]) == []


@pytest.mark.parametrize("texts", [[], [""], [NEWS], ["no no no no no"]])
def test_one_text_alone_has_no_near_duplicate(texts: list[str]) -> None:
    assert near_duplicates(texts) == []


def test_a_text_may_repeat_a_single_word() -> None:
    assert near_duplicates(["no " * 5, "no " * 50]) == [DuplicatePair(0, 1, 1.0)]


@pytest.mark.parametrize(
    "text", ["Совет старого города собрался в понедельник.", "Η βουλή της παλιάς πόλης συνεδρίασε."]
)
def test_other_alphabets_are_compared_too(text: str) -> None:
    assert near_duplicates([text, NEWS, text.upper()]) == [DuplicatePair(0, 2, 1.0)]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(0, 20))
def test_every_pair_is_found_directly_or_through_the_first_of_equal_texts(seed: int, count: int) -> None:
    rng = random.Random(seed)
    base = [rng.choices("abcdefghijklmnop", k=12) for _ in range(3)]
    texts = []
    for _ in range(count):
        words = list(rng.choice(base))
        for _ in range(rng.randrange(3)):
            words[rng.randrange(12)] = rng.choice("abcdefghijklmnop")
        texts.append(" ".join(words))
    pairs = near_duplicates(texts)
    assert all(pair.first < pair.second for pair in pairs)
    assert {(one, other): s for one, other, s in pairs} == {
        (one, other): similarity(texts[one], texts[other])
        for one, other in combinations(range(count), 2)
        if similarity(texts[one], texts[other]) >= SIMILAR
        and texts.index(texts[one]) == one
        and (texts.index(texts[other]) == other or texts[one] == texts[other])
    }


def test_a_thousand_reprints_are_a_thousand_pairs_and_not_half_a_million() -> None:
    assert len(near_duplicates([NEWS] * 1001)) == 1000


def test_connected_keys_map_to_their_whole_component_in_the_order_of_the_keys() -> None:
    components = connect("dcbafe", [("a", "b"), ("b", "d"), ("f", "f")])
    assert components == {
        "d": ["d", "b", "a"],
        "b": ["d", "b", "a"],
        "a": ["d", "b", "a"],
        "c": ["c"],
        "f": ["f"],
        "e": ["e"],
    }
    assert connect([], []) == {}
