"""Passages with near-duplicates, and a plain check for leaks, for the tests of splits."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from labels.passages import Passage
from labels.splits.duplicates import near_duplicates
from labels.splits.split import Split, is_test_split

ORIGINAL = "the council of the old town met on monday about the long street near the quiet houses"
REPRINT = ORIGINAL.replace("monday", "tuesday")
WORDS = "town council market street houses monday referee striker whistle goal stadium puddle clouds gutter"
OTHER = "a referee blew his whistle twice before the striker found an empty goal late last night"


def passage(id: str, text: str = "", *, article: str | None = None, **known: Any) -> Passage:
    text = text or f"{id} stands alone with {id} words that {id} shares with no {id} other"
    return Passage(id=id, article=article or id, text=text, start=0, end=len(text), **known)


def splits_of(split: Split) -> dict[str, str | None]:
    return {id: place.split for id, place in split.places.items()}


def split_kind(split: str) -> str:
    return "test" if is_test_split(split) else split


def leaks(passages: Sequence[Passage], split: Split) -> list[tuple[str, str]]:
    """Return the pairs of one group, or of near-duplicate texts, in different splits, compared one by one."""
    kept = [p for p in passages if split.places[p.id].split]
    return [
        (one.id, other.id)
        for one, other in combinations(kept, 2)
        if split_kind(str(split.places[one.id].split)) != split_kind(str(split.places[other.id].split))
        and (one.group_id == other.group_id or near_duplicates([one.text, other.text]))
    ]


def made_up(seed: int, count: int) -> list[Passage]:
    """Return passages with many near-duplicates, shared articles and groups, random times and splits."""
    rng = random.Random(seed)
    words = WORDS.split()
    texts = [" ".join(rng.choices(words, k=14)) for _ in range(max(2, count // 2))]
    passages = []
    for number in range(count):
        text = rng.choice(texts).split()
        if rng.random() < 0.5:
            text[rng.randrange(14)] = rng.choice(words)
        passages.append(
            passage(
                f"p{number}",
                " ".join(text),
                article=f"a{rng.randrange(count * 3)}",
                group=rng.choice([None, None, None, f"g{rng.randrange(count)}"]),
                published=f"20{rng.randrange(10, 30)}-0{rng.randrange(1, 10)}",
                split=rng.choice(["train", "train", "dev", "test_a", "test_b"]),
            )
        )
    return passages
