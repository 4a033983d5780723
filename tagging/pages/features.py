"""Describe the blocks of a page by numbers: their text, their place in the tree and their neighbours."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tagging.pages.blocks import Block, Node
from tagging.pages.vocabulary import GROUPS

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_LISTS = ("ul", "ol", "dl", "menu")
_AROUND = ("article", "aside", "header", "form", "table")
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？", "؟", "।")
_CLOSING = "\"'”’»)]」』》） "
_LEAST_PROSE_WORDS = 10
_MAIN_SHARE = 0.75
"""The share of the page's prose that its main element holds."""
_SHOWN = ("log words", "link share", "ends sentence", "heading", "marked", "signature share")
"""The columns that a block also has for the two blocks before it and the two after it."""

Row = dict[str, float]
Table = npt.NDArray[np.float64]


def describe(blocks: Sequence[Block], *, headline: int | None, description: str) -> tuple[Table, list[str]]:
    """Return a row of numbers for each block, and the names of the columns.

    The rules must have marked the blocks, and found the position of the headline.
    """
    count_words(blocks)
    main = main_node(blocks)
    rows = [_describe_text(block) for block in blocks]
    _add_tree(rows, blocks, main)
    _add_page(rows, blocks, headline, description)
    return _with_neighbours(np.array([list(row.values()) for row in rows], dtype=np.float64), list(rows[0]))


def is_prose(block: Block) -> bool:
    """Return whether the block reads like a sentence or more of running text."""
    # Chinese and Japanese are written without spaces.
    words = block.words if block.text[:50].isascii() else max(block.words, len(block.text) // 12)
    return words >= _LEAST_PROSE_WORDS and block.link_words * 3 <= block.words and ends_sentence(block.text)


def ends_sentence(text: str) -> bool:
    """Return whether the text ends like a sentence, in any script."""
    return text.rstrip(_CLOSING).endswith(_SENTENCE_ENDS)


def count_words(blocks: Sequence[Block]) -> None:
    """Add up the words of the blocks in each element around them; prose that the rules marked does not count."""
    for block in blocks:
        prose = block.words if block.kind is None and is_prose(block) else 0
        for node in block.node.path:
            node.words += block.words
            node.link_words += block.link_words
            node.prose_words += prose
            node.blocks += 1


def main_node(blocks: Sequence[Block]) -> Node:
    """Return the innermost element that holds three quarters of the page's prose."""
    nodes = {id(node): node for block in blocks for node in block.node.path}
    best = next(node for node in nodes.values() if node.parent is None)
    least = _MAIN_SHARE * best.prose_words
    for node in nodes.values():
        if node.prose_words >= least and node.depth > best.depth:
            best = node
    return best


def find_headline(blocks: Sequence[Block], title: str) -> int | None:
    """Return the position of the headline: the heading with the words of the page's title, or the only h1."""
    wanted = _words(title)
    best: tuple[float, int] | None = None
    for position, block in enumerate(blocks):
        if block.words > 40:
            continue
        words = _words(block.text)
        shared = len(words & wanted) / max(len(words | wanted), 1)
        shared += 0.3 * any(node.tag == "h1" for node in block.node.path)
        if shared >= 0.5 and (best is None or shared > best[0]):
            best = (shared, position)
    if best is not None:
        return best[1]
    h1 = [position for position, block in enumerate(blocks) if block.node.tag == "h1"]
    return h1[0] if len(h1) == 1 else None


def _words(text: str) -> set[str]:
    return {word.strip(".,:;!?\"'“”‘’()") for word in text.casefold().split()} - {""}


def _describe_text(block: Block) -> Row:
    text, n = block.text, max(block.words, 1)
    folded = f" {text.casefold()} "
    letters = sum(map(str.isalpha, text)) or 1
    upper = sum(map(str.isupper, text)) / letters
    is_sentence = ends_sentence(text)
    return {
        "log words": math.log1p(n) / 5,
        "1-3 words": n <= 3,
        "4-8 words": 4 <= n <= 8,
        "20+ words": n >= 20,
        "50+ words": n >= 50,
        "link share": block.link_words / n,
        "all links, no sentence": n >= 4 and block.link_words >= n and not is_sentence,
        "most links, no sentence": n >= 4 and block.link_words >= 0.6 * n and not is_sentence,
        "starts with link": block.starts_linked and 3 <= block.link_words < n,
        "ends sentence": is_sentence,
        "ends colon": text.endswith(":"),
        "commas": min(text.count(","), 5) / 5,
        "sentences": min(text.count(". "), 5) / 5,
        "starts lower": text[:1].islower(),
        "starts quote": text[:1] in "\"“'‘«",
        "all upper": upper > 0.8 and n > 1,
        "digit share": sum(map(str.isdigit, text)) / max(len(text), 1),
        "capitalised": sum(word[:1].isupper() for word in text.split()) / n,
        "exclaims": "!" in text,
        "we": " our " in folded or " us " in folded or " we " in folded,
        "you": " you" in folded,
        "marked": block.kind is not None,
    }


def _add_tree(rows: Sequence[Row], blocks: Sequence[Block], main: Node) -> None:
    by_signature: Counter[tuple[str, str]] = Counter()
    for block in blocks:
        if block.kind is None and is_prose(block):
            by_signature[_signature(block)] += block.words
    total = by_signature.total() or 1
    above_main = {id(node) for node in main.path}
    for row, block in zip(rows, blocks, strict=True):
        path = block.node.path
        # The elements that the block does not share with the main one.
        inside = [node for node in path if id(node) not in above_main]
        tags = {node.tag for node in inside}
        row["heading"] = block.node.tag in HEADINGS
        row["tag p"] = block.node.tag == "p"
        row["tag li"] = block.node.tag == "li"
        row["tag div"] = block.node.tag == "div"
        row["in main"] = any(node is main for node in path)
        row["below main"] = min(len(inside), 10) / 10
        row["in list"] = any(tag in tags for tag in _LISTS)
        for tag in _AROUND:
            row[f"in {tag}"] = tag in tags
        near = frozenset().union(*(node.groups for node in inside))
        own = frozenset().union(*(node.groups for node in inside[:2]))
        for group in GROUPS:
            row[f"own {group}"] = group in own
            row[f"near {group}"] = group in near
        row["hidden"] = block.node.is_hidden
        for name, node in (("parent", path[min(1, len(path) - 1)]), ("grandparent", path[min(2, len(path) - 1)])):
            row[f"{name} links"] = node.link_words / max(node.words, 1)
            row[f"{name} prose"] = node.prose_words / max(node.words, 1)
            row[f"{name} prose share"] = node.prose_words / total
            row[f"{name} blocks"] = math.log1p(node.blocks) / 5
        row["signature share"] = by_signature[_signature(block)] / total


def _signature(block: Block) -> tuple[str, str]:
    return block.node.signature, block.node.parent.signature if block.node.parent else ""


def _add_page(rows: Sequence[Row], blocks: Sequence[Block], headline: int | None, description: str) -> None:
    counts = Counter(block.text.casefold() for block in blocks)
    described = _words(description)
    total = sum(block.words for block in blocks) or 1
    before = 0
    for position, (row, block) in enumerate(zip(rows, blocks, strict=True)):
        words = _words(block.text) if block.words <= 60 else set()
        shared = len(words & described)
        row["repeated"] = counts[block.text.casefold()] > 1
        row["is description"] = len(described) >= 5 and shared >= 0.9 * max(len(described), len(words))
        row["position"] = before / total
        row["no headline"] = headline is None
        row["after headline"] = (
            math.exp((headline - position) / 5) if headline is not None and position > headline else 0.0
        )
        before += block.words


def _with_neighbours(table: Table, names: list[str]) -> tuple[Table, list[str]]:
    """Add the columns of the blocks around each block, and the share of prose among them."""
    shown = table[:, [names.index(name) for name in _SHOWN]]
    parts, labels = [table], list(names)
    for offset in (-2, -1, 1, 2):
        parts.append(_shifted(shown, offset))
        labels += [f"{name} at {offset:+d}" for name in _SHOWN]
    prose = (
        (table[:, names.index("ends sentence")] > 0)
        & (table[:, names.index("marked")] == 0)
        & (table[:, names.index("link share")] <= 1 / 3)
        & (table[:, names.index("log words")] > math.log1p(_LEAST_PROSE_WORDS - 1) / 5)
    )
    around = sum(_shifted(prose[:, None].astype(np.float64), offset) for offset in range(-4, 5) if offset)
    return np.hstack([*parts, np.asarray(around) / 8]), [*labels, "prose around"]


def _shifted(table: Table, offset: int) -> Table:
    """Return the rows of the blocks `offset` places on; zeros beyond the page."""
    moved = np.zeros_like(table)
    if abs(offset) >= len(table):
        return moved
    if offset > 0:
        moved[:-offset] = table[offset:]
    else:
        moved[-offset:] = table[:offset]
    return moved
