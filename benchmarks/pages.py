"""Measure what is read of real web pages and what is lost, and fit the weights of the block classifier.

The data folder holds pages with their bodies, as taken by hand: `pages/bodies.jsonl.gz` (id, url, body) and
`pages/html/ID.html.gz`. Scored are English pages with a body of at least 40 words. A passage is body if at least half of
its word trigrams stand in the body. Body trigrams that stand in no passage are lost.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlparse

import numpy as np
import trafilatura
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from labels.errors import DemarcheError
from labels.passages import Article
from models.language import detect_language
from tagging.pages.blocks import Block, read_blocks
from tagging.pages.classifier import WEIGHTS_FILE, Weights, read_weights
from tagging.pages.features import Table, describe
from tagging.pages.page import page_description, page_title, read_page
from tagging.pages.rules import mark_boilerplate
from tagging.segmentation import Piece, segment

FOLDS = 10
LEAST_WORDS = 40
REGULARISATION = 0.03
THRESHOLD = 0.7
_MOST_WORDS = 60
"""Maximum weight of a block in the fit, which is its number of words."""

Trigram = tuple[str, str, str]


class GoldPage(NamedTuple):
    """A web page and its body, as taken by hand."""

    id: str
    site: str
    html: bytes
    body: str


class Score(NamedTuple):
    """What is lost of the bodies, and what else is read, as shares of their words."""

    lost: float
    not_body: float

    def __str__(self) -> str:
        return f"{self.lost:6.2%} of the body lost, {self.not_body:6.2%} of what is read is not body"


def read_pages(data: Path) -> list[GoldPage]:
    """Return the English pages with a body of at least 40 words."""
    with gzip.open(data / "pages/bodies.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        GoldPage(row["id"], _site(row["url"]), _html(data, row["id"]), row["body"])
        for row in rows
        if len(row["body"].split()) >= LEAST_WORDS and detect_language(row["body"]) == "en"
    ]


def _html(data: Path, id: str) -> bytes:
    with gzip.open(data / f"pages/html/{id}.html.gz") as file:
        return file.read()


def _site(url: str) -> str:
    """Return the domain without its subdomains: "co.uk" and the like count as one level."""
    parts = urlparse(url).netloc.split(".")
    levels = 3 if len(parts) > 2 and len(parts[-1]) == 2 and len(parts[-2]) <= 3 else 2
    return ".".join(parts[-levels:])


def score(pages: Sequence[GoldPage], pieces: Callable[[GoldPage], Sequence[Piece]]) -> Score:
    """Score the passages that are read of the pages."""
    lost = total = not_body = read = 0
    for page in pages:
        gold = [trigram for line in page.body.splitlines() for trigram in trigrams(line)]
        body = set(trigrams(page.body))
        seen: set[Trigram] = set()
        for piece in pieces(page):
            if piece.boilerplate is None:
                words = len(_words(piece.passage.text))
                read += words
                not_body += 0 if is_body(piece.passage.text, body) else words
                seen.update(trigrams(piece.passage.text))
        total += len(gold)
        lost += sum(trigram not in seen for trigram in gold)
    return Score(lost / total, not_body / max(read, 1))


def is_body(text: str, body: set[Trigram]) -> bool:
    """Return whether at least half of the text's trigrams stand in the body."""
    found = [trigram in body for trigram in trigrams(text)]
    return sum(found) * 2 >= len(found)


def trigrams(text: str) -> list[Trigram]:
    words = _words(text)
    return list(zip(words, words[1:], words[2:], strict=False))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def pieces_of(page: GoldPage, weights: Weights) -> Sequence[Piece]:
    """Return the passages and the boilerplate of the page, as `demarche tag` reads it."""
    try:
        article = read_page(page.html, weights)
    except DemarcheError:
        return []
    return segment(Article(id=page.id, text=article.text, title=article.title))


def pieces_of_trafilatura(page: GoldPage) -> Sequence[Piece]:
    """Return the passages and the boilerplate of the text that trafilatura alone extracts."""
    found = trafilatura.bare_extraction(page.html, include_comments=False, include_tables=False, with_metadata=True)
    if found is None or not found.text:
        return []
    return segment(Article(id=page.id, text=found.text, title=found.title))


class LabelledBlocks(NamedTuple):
    """The blocks of a page that the rules leave open: their numbers, whether they are body, and their weights."""

    table: Table
    names: list[str]
    is_body: np.ndarray
    weights: np.ndarray


def label_blocks(page: GoldPage) -> LabelledBlocks:
    """Return the blocks of a page for the fit. Copies of what the body has already have no weight."""
    tree = trafilatura.load_html(page.html)
    title, description = page_title(tree), page_description(tree)
    blocks = read_blocks(tree)
    headline = mark_boilerplate(blocks, title)
    table, names = describe(blocks, headline=headline, description=description)
    body = set(trigrams(page.body))
    lines = {" ".join(_words(line)) for line in page.body.splitlines()}
    labels = np.array([_is_body_block(block, body, lines) for block in blocks])
    weights = np.array([min(block.words, _MOST_WORDS) if block.kind is None else 0 for block in blocks], dtype=float)
    covered: set[Trigram] = set()
    for position in sorted(range(len(blocks)), key=lambda at: (blocks[at].node.is_hidden, at)):
        own = set(trigrams(blocks[position].text)) if labels[position] else set()
        if own and len(own & covered) >= 0.8 * len(own):
            weights[position] = 0
        covered |= own
    return LabelledBlocks(table, names, labels, weights)


def _is_body_block(block: Block, body: set[Trigram], lines: set[str]) -> bool:
    """Return whether a block is body; one of less than three words is if it is a line of the body."""
    return is_body(block.text, body) if trigrams(block.text) else " ".join(_words(block.text)) in lines


def fit(pages: Sequence[LabelledBlocks]) -> Weights:
    """Fit the logistic regression, and express its weights for columns that are not scaled."""
    table = np.vstack([page.table for page in pages])
    labels = np.concatenate([page.is_body for page in pages])
    weights = np.concatenate([page.weights for page in pages])
    used = weights > 0
    scaler = StandardScaler().fit(table[used])
    model = LogisticRegression(C=REGULARISATION, max_iter=3000)
    model.fit(scaler.transform(table[used]), labels[used], sample_weight=weights[used] / weights[used].mean())
    slopes = model.coef_[0] / scaler.scale_
    columns = {name: round(float(slope), 4) for name, slope in zip(pages[0].names, slopes, strict=True)}
    return Weights(columns, round(float(model.intercept_[0] - slopes @ scaler.mean_), 4), THRESHOLD)


def weights_by_fold(pages: Sequence[GoldPage], labelled: Sequence[LabelledBlocks]) -> dict[str, Weights]:
    """Return for each page the weights that were fitted on the pages of other sites."""
    weights: dict[str, Weights] = {}
    folds = GroupKFold(FOLDS, shuffle=True, random_state=0)
    for train, test in folds.split(pages, groups=[page.site for page in pages]):
        fold = fit([labelled[index] for index in train])
        weights.update((pages[index].id, fold) for index in test)
    return weights


def speed(pages: Sequence[GoldPage], pieces: Callable[[GoldPage], Sequence[Piece]]) -> float:
    """Return the number of pages read in a second of processor time."""
    start = time.process_time()
    for page in pages:
        pieces(page)
    return len(pages) / (time.process_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", action="store_true", help=f"write {WEIGHTS_FILE.name}, fitted on all pages")
    options = parser.parse_args()
    pages = read_pages(options.data)
    labelled = [label_blocks(page) for page in pages]
    by_fold = weights_by_fold(pages, labelled)
    if options.write:
        WEIGHTS_FILE.write_text(json.dumps(fit(labelled)._asdict(), indent=1) + "\n", encoding="utf-8")
        read_weights.cache_clear()
    shipped = read_weights()
    print(f"{len(pages)} English pages of {len({page.site for page in pages})} sites")
    print(f"{'trafilatura and the rules for text':40} {score(pages, pieces_of_trafilatura)}")
    print(f"{'weights fitted on other sites':40} {score(pages, lambda page: pieces_of(page, by_fold[page.id]))}")
    print(f"{'shipped weights, fitted on these pages':40} {score(pages, lambda page: pieces_of(page, shipped))}")
    for name, pieces in (("trafilatura", pieces_of_trafilatura), ("demarche", lambda page: pieces_of(page, shipped))):
        print(f"{name:40} {speed(pages, pieces):6.1f} pages a second")


if __name__ == "__main__":
    main()
