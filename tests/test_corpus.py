"""The starter corpus is whole, and says what its originals say in other words."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from labels.check import LabelledData, read_detached, read_labelled
from labels.codebook import STANCES
from labels.passages import Passage
from tests.conftest import REPOSITORY

PARTS = {"news", "rare", "arctic", "ordinary"}
# Left out are names that are also words: the Hill is where Congress sits, and a vice president holds an office.
OUTLETS = re.compile(
    r"\b(CNN|MSNBC|CNBC|Fox News|NBC|CBS|ABC News|NPR|BBC|Politico|Reuters|Associated Press|New York Times|USA Today"
    r"|Washington (Post|Times|Examiner)|Wall Street Journal|Breitbart|HuffPost|BuzzFeed|Newsmax|Daily (Beast|Caller|Mail)"
    r"|The Guardian(?! Council)|National Review|Townhall|Bloomberg|Axios|Al Jazeera|Newsweek|Mother Jones)\b",
    re.IGNORECASE,
)
DATA = REPOSITORY.parent / "shared/data"
"""Real news, which is not part of the project."""
beside_the_originals = pytest.mark.skipif(not DATA.exists(), reason="the originals are not beside the project")

Runs = set[tuple[str, ...]]


@pytest.fixture(scope="module")
def corpus() -> LabelledData:
    return read_labelled(
        REPOSITORY / "labels/foreign_affairs/codebook.yaml",
        [REPOSITORY / "seeds/passages.jsonl"],
        [REPOSITORY / "labels/foreign_affairs/annotations.jsonl"],
    )


def test_the_corpus_passes_the_check_without_a_warning(corpus: LabelledData) -> None:
    assert corpus.warnings == []


def test_both_readers_labelled_every_passage_and_the_adjudicator_only_where_they_differ(corpus: LabelledData) -> None:
    read: dict[str, dict[str, set[tuple[str | None, str | None]]]] = defaultdict(dict)
    for annotation in corpus.annotations:
        read[annotation.annotator][annotation.passage] = {(label.topic, label.stance) for label in annotation.labels}
    assert read.keys() == {"reader_a", "reader_b", "adjudicator"}
    first, second = read["reader_a"], read["reader_b"]
    assert first.keys() == second.keys() == {passage.id for passage in corpus.passages}
    assert read["adjudicator"].keys() <= {id for id in first if first[id] != second[id]}


def test_both_readers_found_every_topic_with_every_stance(corpus: LabelledData) -> None:
    for reader in ("reader_a", "reader_b"):
        found = {(label.topic, label.stance) for a in corpus.annotations if a.annotator == reader for label in a.labels}
        assert found == set(product(corpus.codebook.topic_ids, STANCES))


def test_every_passage_is_an_article_of_its_own_without_a_date_or_an_outlet(corpus: LabelledData) -> None:
    for passage in corpus.passages:
        assert (passage.article, passage.start, passage.url) == (passage.id, 0, None)
        assert passage.published is None or re.fullmatch(r"(19|20)\d\d", passage.published), passage.id
        for words in (passage.title or "", passage.source or "", passage.text):
            assert not OUTLETS.search(words), (passage.id, words)


def test_every_part_is_there_and_no_original_was_used_twice(corpus: LabelledData) -> None:
    origins = {passage.id: (passage.meta["part"], passage.meta.get("from")) for passage in corpus.passages}
    assert {part for part, _ in origins.values()} == PARTS
    assert {part for part, original in origins.values() if original is None} == {"arctic"}
    assert {part for part, original in origins.values() if str(original).startswith("page-")} == {"ordinary"}
    originals = Counter(original for _, original in origins.values() if original is not None)
    assert originals.most_common(1)[0][1] == 1


def test_no_model_is_evaluated_on_an_article_that_the_corpus_was_made_from(corpus: LabelledData) -> None:
    articles = {str(passage.meta["from"]).partition("#")[0] for passage in corpus.passages if "from" in passage.meta}
    assert not articles & {passage.article for passage in read_detached(REPOSITORY / "labels/news/passages.jsonl")}
    # The benchmark tags the pages whose id ends in an odd digit.
    assert all(int(article[-1], 16) % 2 == 0 for article in articles if article.startswith("page-"))


def rows(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(DATA / name, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def runs(length: int, *texts: str) -> Runs:
    """Return all runs of `length` words of the texts: letters and digits, without apostrophes and capitals."""
    words = (re.findall(r"[a-z0-9]+", re.sub("['’]", "", text.lower())) for text in texts)
    return {tuple(found[start : start + length]) for found in words for start in range(len(found) - length + 1)}


def repeated(passage: Passage, length: int, real: Runs) -> list[str]:
    return [" ".join(run) for run in sorted(runs(length, passage.text, passage.title or "") & real)]


@pytest.fixture(scope="module")
def originals() -> dict[str, list[str]]:
    """Text and title of each paragraph that the corpus may be made from, by what `meta.from` calls it."""
    texts = {row["id"]: [row["text"], row.get("title") or ""] for row in rows("news/pool.jsonl.gz")}
    for page in rows("pages/bodies.jsonl.gz"):
        for line in re.finditer(r"[^\n]+", page["body"]):
            texts[f"page-{page['id']}#{line.start()}"] = [line.group()]
    return texts


@beside_the_originals
def test_no_passage_repeats_five_words_of_its_original(corpus: LabelledData, originals: dict[str, list[str]]) -> None:
    found = {
        passage.id: repeated(passage, 5, runs(5, *originals[str(passage.meta["from"])]))
        for passage in corpus.passages
        if "from" in passage.meta
    }
    assert {id: texts for id, texts in found.items() if texts} == {}


@beside_the_originals
def test_no_passage_repeats_eight_words_of_any_real_news(corpus: LabelledData, originals: dict[str, list[str]]) -> None:
    evaluated = (row["text"] for row in rows("news/passages.jsonl.gz"))
    real = runs(8, *evaluated, *(text for text, *_ in originals.values()))
    found = {passage.id: repeated(passage, 8, real) for passage in corpus.passages}
    assert {id: texts for id, texts in found.items() if texts} == {}


@beside_the_originals
def test_no_original_is_a_copy_of_a_passage_that_models_are_evaluated_on(
    corpus: LabelledData, originals: dict[str, list[str]]
) -> None:
    evaluated = [runs(5, row["text"]) for row in rows("news/passages.jsonl.gz")]
    for passage in corpus.passages:
        if "from" in passage.meta:
            own = runs(5, originals[str(passage.meta["from"])][0])
            assert max(len(own & other) for other in evaluated) <= 0.3 * len(own), passage.id
