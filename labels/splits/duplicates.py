"""Find near-duplicate texts, such as reprints, companion bills and repeated sentences."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from labels.passages import Passage
from labels.splits.split import group_ids

SIMILAR = 0.7
"""Minimum Jaccard similarity of the word bigrams of near-duplicates."""
SHORTEST = 5
"""Texts of fewer words ("He declined to comment.") recur by chance and are never near-duplicates."""

_PERMUTATIONS = 128
_BANDS = 32  # of 4 rows: candidates from a similarity of about 0.42, then compared exactly
_SEED = 1


class DuplicatePair(NamedTuple):
    """Two texts (by position, first < second) that are near-duplicates."""

    first: int
    second: int
    similarity: float


def near_duplicates(texts: Sequence[str]) -> list[DuplicatePair]:
    """Return the pairs of texts whose word bigrams have a Jaccard similarity of at least SIMILAR.

    MinHash and banding (Broder 1997) propose candidates, which are then compared exactly. Texts that are equal word for
    word are paired only with the first of them.
    """
    from rensa import RMinHash, RMinHashLSH

    pairs: list[DuplicatePair] = []
    first_with: dict[str, int] = {}
    for index, text in enumerate(texts):
        words = re.findall(r"\w+", text.casefold())
        if len(words) < SHORTEST:
            continue
        same = first_with.setdefault(" ".join(words), index)
        if same != index:
            pairs.append(DuplicatePair(same, index, 1.0))
    positions = list(first_with.values())
    shingles = [_bigrams(words) for words in first_with]
    hashes = RMinHash.from_token_sets([sorted(bigrams) for bigrams in shingles], _PERMUTATIONS, _SEED)
    index_of_hashes = RMinHashLSH(SIMILAR, _PERMUTATIONS, _BANDS)
    index_of_hashes.insert_many(hashes)
    for one, candidates in enumerate(index_of_hashes.query_all(hashes)):
        for other in sorted(set(candidates)):
            if other <= one:
                continue
            similarity = _jaccard(shingles[one], shingles[other])
            if similarity >= SIMILAR:
                low, high = sorted((positions[one], positions[other]))
                pairs.append(DuplicatePair(low, high, similarity))
    return sorted(pairs)


def duplicate_pairs(passages: Sequence[Passage]) -> list[tuple[Passage, Passage]]:
    """Return the pairs of passages whose texts are near-duplicates."""
    pairs = near_duplicates([passage.text for passage in passages])
    return [(passages[pair.first], passages[pair.second]) for pair in pairs]


def connected_groups(
    passages: Sequence[Passage], duplicates: Iterable[tuple[Passage, Passage]]
) -> dict[str, list[str]]:
    """Return, for each group, all groups connected to it by near-duplicates, the earliest published first."""
    return connect(group_ids(passages), ((one.group_id, other.group_id) for one, other in duplicates))


def connect(keys: Iterable[str], pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return, for each key, its connected component under `pairs`: itself included, in the order of `keys`."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    position = {key: index for index, key in enumerate(keys)}
    edges = [(position[one], position[other]) for one, other in pairs]
    rows, columns = zip(*edges, strict=True) if edges else ((), ())
    graph = coo_array(([1] * len(edges), (rows, columns)), shape=(len(position), len(position)), dtype="int8")
    _, component = connected_components(graph, directed=False)
    components: dict[int, list[str]] = {}
    for key, number in zip(position, component, strict=True):
        components.setdefault(int(number), []).append(key)
    return {key: members for members in components.values() for key in members}


def _bigrams(words: str) -> frozenset[str]:
    parts = words.split(" ")
    return frozenset(f"{one} {two}" for one, two in itertools.pairwise(parts))


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    common = len(one & other)
    return common / (len(one) + len(other) - common)
