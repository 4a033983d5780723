"""Which annotator reads which passages.

The passages that all annotators read are drawn at random from all passages and stand among the others, so that the
agreement on them holds for the rest, and nobody reads them with more care.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from labels.errors import DemarcheError
from labels.passages import DECIDERS, Passage, is_model, is_person

Article = list[Passage]


def check_annotators(annotators: Sequence[str]) -> None:
    """Raise DemarcheError for names that are not different, cannot name a file, or that decide alone."""
    if not annotators:
        raise DemarcheError("no annotator; name them with --annotators anna,bert")
    seen: dict[str, str] = {}
    for name in annotators:
        if not re.fullmatch(r"\w([\w.@ +-]*\w)?", name) or not is_person(name):
            raise DemarcheError(
                f"annotator {name!r}: use letters, digits and . @ + - _, since files are named after it"
            )
        if is_model(name):
            raise DemarcheError(f"annotator {name!r}: is named like a language model; leave out the end from the @ on")
        if name.casefold() in seen:
            raise DemarcheError(f"annotator {name!r} is named twice (also {seen[name.casefold()]!r}); name each once")
        seen[name.casefold()] = name
        if name in DECIDERS and len(annotators) > 1:
            raise DemarcheError(
                f"annotator {name!r} overrides the others; give coders names of their own, and make a sheet of their ties "
                "with `demarche labels adjudicate --sheet`"
            )


def assign(
    passages: Sequence[Passage], annotators: Sequence[str], *, overlap: float, seed: int
) -> dict[str, list[Passage]]:
    """Return the passages of each annotator, in an order of their own.

    `overlap` is the share of passages that all annotators read; the numbers of the others differ by at most one.
    Passages of an article stay together, unless an article is too large for that. The result depends on the seed and
    on the ids, but not on the order of the passages.
    """
    articles = _articles(passages, seed)
    shared, rest = _draw(articles, _shared_count(len(passages), overlap, len(annotators)))
    given = {name: list(shared) for name in annotators}
    for name, own in _divide(rest, annotators, seed).items():
        given[name] += own
    return {name: _in_order(own, f"{seed}/{name}") for name, own in given.items()}


def _shared_count(count: int, overlap: float, annotators: int) -> int:
    if annotators == 1:
        return count
    return max(round(overlap * count), 1) if overlap else 0


def _rank(seed: object, id: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{id}".encode()).digest()


def _articles(passages: Sequence[Passage], seed: object) -> list[Article]:
    """Return the passages by article: the articles in random order, their passages as in the text."""
    by_article: dict[str, Article] = {}
    for passage in sorted(passages, key=lambda each: (each.start, each.id)):
        by_article.setdefault(passage.article, []).append(passage)
    return [by_article[id] for id in sorted(by_article, key=lambda each: _rank(seed, each))]


def _in_order(passages: Sequence[Passage], seed: str) -> list[Passage]:
    return [passage for article in _articles(passages, seed) for passage in article]


def _draw(articles: Sequence[Article], count: int) -> tuple[list[Passage], list[Article]]:
    """Return this many passages of the first articles that fit, and the other articles."""
    drawn: list[Passage] = []
    rest: list[Article] = []
    for article in articles:
        if len(article) <= count - len(drawn):
            drawn += article
        else:
            rest.append(article)
    if missing := count - len(drawn):
        # No whole article fits any more.
        drawn += rest[0][:missing]
        rest[0] = rest[0][missing:]
    return drawn, rest


def _divide(articles: Sequence[Article], annotators: Sequence[str], seed: int) -> dict[str, list[Passage]]:
    """Divide the articles evenly, the largest first; one that fits into no annotator's part is divided itself."""
    count = sum(map(len, articles))
    # Who reads one more than the others does not depend on the order of the names.
    order = sorted(annotators, key=lambda name: _rank(seed, name))
    room = {name: count // len(order) + (place < count % len(order)) for place, name in enumerate(order)}
    own: dict[str, list[Passage]] = {name: [] for name in annotators}
    for article in sorted(articles, key=len, reverse=True):
        left = article
        while left:
            name = max(order, key=room.__getitem__)
            part, left = left[: room[name]], left[room[name] :]
            own[name] += part
            room[name] -= len(part)
    return own
