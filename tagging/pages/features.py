"""Describe the blocks of a page by numbers: their text, their place in the tree and their neighbours."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from tagging.boilerplate_rules import match_rules
from tagging.pages.blocks import Block, Node
from tagging.pages.vocabulary import GROUPS

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_OWN_TAGS = ("p", "li", "div", "td", "blockquote", "figcaption", "pre", "section", "article")
_AROUND = ("article", "main", "nav", "header", "footer", "aside", "figure", "form", "ul", "ol", "table", "blockquote", "section")
_SENTENCE_ENDS = (".", "!", "?", "…", ".”", '."', "。", "！", "？", "؟", "।")
_CLOSING = "\"'”’»)]」』》）"


def is_prose(block: Block) -> bool:
    """Return whether the block reads like a sentence or more of running text."""
    return block.words >= 10 and block.link_words * 3 <= block.words and ends_sentence(block.text)


def ends_sentence(text: str) -> bool:
    return text.rstrip(_CLOSING + " ").endswith(_SENTENCE_ENDS)


def count_words(blocks: Sequence[Block]) -> None:
    """Add up the words of the blocks in each element around them."""
    for block in blocks:
        # Chinese and Japanese are written without spaces.
        words = max(block.words, len(block.text) // 12) if block.text[:50].isascii() is False else block.words
        prose = words if is_prose(block) or (words > 2 * block.words and ends_sentence(block.text)) else 0
        for node in block.node.ancestors():
            node.words += words
            node.link_words += block.link_words
            node.prose_words += prose
            node.blocks += 1


def main_node(blocks: Sequence[Block]) -> Node | None:
    """Return the innermost element that holds three quarters of the page's prose."""
    if not blocks:
        return None
    nodes = {id(node): node for block in blocks for node in block.node.ancestors()}
    best = next(node for node in nodes.values() if node.parent is None)
    least = 0.75 * best.prose_words
    for node in nodes.values():
        if node.prose_words >= least and node.depth > best.depth:
            best = node
    return best


_NEVER_TAGS = frozenset(("figure", "figcaption", "nav", "footer"))


def mark_rules(blocks: Sequence[Block], title: str) -> None:
    """Mark the blocks that the rules recognise as boilerplate by their words or by the elements around them."""
    headline = _headline(blocks, title)
    prose_after = 0 if headline is None else sum(b.words for b in blocks[headline:] if is_prose(b))
    prose_before = 0 if headline is None else sum(b.words for b in blocks[:headline] if is_prose(b))
    wanted = "".join(filter(str.isalnum, title.casefold()))
    for position, block in enumerate(blocks):
        path = list(block.node.ancestors())
        if headline is not None and position == headline or "".join(filter(str.isalnum, block.text.casefold())) == wanted:
            block.kind = "headline"
        elif any(node.tag in _NEVER_TAGS for node in path):
            block.kind = "element"
        elif any("comments" in node.groups for node in path[:4]):
            block.kind = "comments"
        elif headline is not None and position < headline and prose_after > prose_before:
            block.kind = "before headline"
        else:
            block.kind = match_rules(block.text)


def describe(blocks: Sequence[Block], *, title: str = "", description: str = "") -> tuple[np.ndarray, list[str]]:
    """Return a row of numbers for each block, and the names of the columns."""
    mark_rules(blocks, title)
    count_words([block for block in blocks if block.kind is None])
    main = main_node(blocks)
    rows = [_own(block) for block in blocks]
    _add_tree(rows, blocks, main)
    _add_page(rows, blocks, title, description)
    names = list(rows[0])
    table = np.array([list(row.values()) for row in rows])
    return _add_neighbours(table, names)


def _own(block: Block) -> dict[str, float]:
    text = block.text
    words = text.split()
    n = len(words)
    letters = sum(map(str.isalpha, text)) or 1
    upper = sum(map(str.isupper, text))
    return {
        "log words": math.log1p(n) / 5,
        "1-3 words": n <= 3,
        "4-8 words": 4 <= n <= 8,
        "20+ words": n >= 20,
        "50+ words": n >= 50,
        "link share": block.link_words / max(n, 1),
        "all links": block.link_words >= n,
        "ends sentence": ends_sentence(text),
        "ends colon": text[-1:] == ":",
        "commas": min(text.count(","), 5) / 5,
        "sentences": min(text.count(". "), 5) / 5,
        "starts lower": text[:1].islower(),
        "starts quote": text[:1] in "\"“'‘«",
        "upper share": upper / letters,
        "all upper": upper > 0.8 * letters and n > 1,
        "digit share": sum(map(str.isdigit, text)) / max(len(text), 1),
        "capitalised": sum(word[:1].isupper() for word in words) / max(n, 1),
        "separators": any(mark in text for mark in "|•·»›"),
        "exclaims": "!" in text,
        "first person": " our " in text.lower() or " us " in text.lower(),
        "you": " you" in text.lower() or "your " in text.lower(),
        "word length": min(len(text) / max(n, 1), 15) / 10,
        "rule": block.kind is not None,
    }


def _add_tree(rows: list[dict[str, float]], blocks: Sequence[Block], main: Node | None) -> None:
    total_prose = sum(block.words for block in blocks if is_prose(block)) or 1
    by_signature: Counter[tuple[str, str]] = Counter()
    for block in blocks:
        if is_prose(block):
            by_signature[_signature(block)] += block.words
    for row, block in zip(rows, blocks, strict=True):
        node = block.node
        row["heading"] = node.tag in _HEADINGS
        for tag in _OWN_TAGS:
            row[f"tag {tag}"] = node.tag == tag
        path = list(node.ancestors())
        cut = next((i for i, other in enumerate(path) if other is main), None)
        row["in main"] = cut is not None
        row["below main"] = min(cut if cut is not None else 10, 10) / 10
        if cut is None:
            # The elements that the block does not share with the main one.
            above = {id(other) for other in main.ancestors()} if main else set()
            cut = next((i for i, other in enumerate(path) if id(other) in above), len(path))
        inside, outside = path[:cut], path[cut:]
        tags = {other.tag for other in path}
        near_tags = {other.tag for other in inside}
        for tag in _AROUND:
            row[f"in {tag}"] = tag in near_tags
        row["article anywhere"] = "article" in tags
        near = {group for other in inside for group in other.groups}
        own = {group for other in path[:2] for group in other.groups}
        far = {group for other in outside for group in other.groups}
        for group in GROUPS:
            row[f"own {group}"] = group in own
            row[f"near {group}"] = group in near
            row[f"far {group}"] = group in far
        row["hidden"] = node.is_hidden
        for name, other in (("parent", node.parent or node), ("grandparent", path[min(2, len(path) - 1)])):
            row[f"{name} links"] = other.link_words / max(other.words, 1)
            row[f"{name} prose"] = other.prose_words / max(other.words, 1)
            row[f"{name} prose share"] = min(other.prose_words / total_prose, 1)
            row[f"{name} blocks"] = math.log1p(other.blocks) / 5
        row["signature share"] = by_signature[_signature(block)] / total_prose
        row["in table"] = block.in_table


def _signature(block: Block) -> tuple[str, str]:
    return block.node.signature, block.node.parent.signature if block.node.parent else ""


def _add_page(rows: list[dict[str, float]], blocks: Sequence[Block], title: str, description: str) -> None:
    counts = Counter(block.text.casefold() for block in blocks)
    seen: set[str] = set()
    headline = _headline(blocks, title)
    wanted = _words(title)
    described = _words(description)
    total = sum(block.words for block in blocks) or 1
    before = 0
    for position, (row, block) in enumerate(zip(rows, blocks, strict=True)):
        folded = block.text.casefold()
        row["repeat"] = folded in seen
        row["repeated"] = counts[folded] > 1
        seen.add(folded)
        words = _words(block.text)
        row["is title"] = bool(wanted) and len(words & wanted) >= 0.8 * max(len(words), 1) and len(words) >= 0.5 * len(wanted)
        row["is description"] = (
            len(described) >= 5 and len(words & described) >= 0.9 * max(len(described), len(words)) and block.words <= 60
        )
        row["position"] = before / total
        row["before headline"] = headline is not None and position < headline
        row["no headline"] = headline is None
        row["after headline"] = 0 if headline is None else math.exp(-max(position - headline, 0) / 5) * (position > headline)
        before += block.words


def _words(text: str) -> set[str]:
    return {word.strip(".,:;!?\"'“”‘’()") for word in text.casefold().split()} - {""}


def _headline(blocks: Sequence[Block], title: str) -> int | None:
    """Return the position of the headline: the heading that has the words of the page's title."""
    wanted = _words(title)
    candidates = []
    for position, block in enumerate(blocks):
        words = _words(block.text)
        shared = len(words & wanted) / max(len(words | wanted), 1)
        if block.node.tag == "h1" or "h1" in {node.tag for node in block.node.ancestors()}:
            shared += 0.3
        if shared >= 0.5 and block.words <= 40:
            candidates.append((shared, -position))
    if candidates:
        return -max(candidates)[1]
    h1 = [position for position, block in enumerate(blocks) if block.node.tag == "h1"]
    return h1[0] if len(h1) == 1 else None


_SHOWN = ("log words", "link share", "ends sentence", "heading", "rule", "near related", "tag p", "signature share")


def _add_neighbours(table: np.ndarray, names: list[str]) -> tuple[np.ndarray, list[str]]:
    columns = [names.index(name) for name in _SHOWN]
    shown = table[:, columns]
    parts, labels = [table], list(names)
    for offset in (-2, -1, 1, 2):
        parts.append(_shifted(shown, offset))
        labels += [f"{name} at {offset:+d}" for name in _SHOWN]
    prose = (table[:, names.index("ends sentence")] > 0) & (table[:, names.index("link share")] < 0.34) & (
        table[:, names.index("log words")] > math.log1p(9) / 5
    )
    parts.append(_window(prose.astype(float), 4)[:, None])
    labels.append("prose around")
    return np.hstack(parts), labels


def _shifted(table: np.ndarray, offset: int) -> np.ndarray:
    """Return the rows of the blocks `offset` places on; zeros beyond the page."""
    moved = np.zeros_like(table)
    if abs(offset) >= len(table):
        return moved
    if offset > 0:
        moved[:-offset] = table[offset:]
    else:
        moved[-offset:] = table[:offset]
    return moved


def _window(values: np.ndarray, reach: int) -> np.ndarray:
    """Return the mean of the values over `reach` places before and after, without the place itself."""
    total = sum(_shifted(values[:, None], offset)[:, 0] for offset in range(-reach, reach + 1) if offset)
    return np.asarray(total) / (2 * reach)


def describe_context(probabilities: np.ndarray, blocks: Sequence[Block]) -> tuple[np.ndarray, list[str]]:
    """Return for each block what a first classification says of the blocks around it."""
    words = np.array([max(block.words, 1) for block in blocks], dtype=float)
    p = probabilities
    columns: dict[str, np.ndarray] = {"own p": p}
    for offset in (-3, -2, -1, 1, 2, 3):
        columns[f"p at {offset:+d}"] = _shifted(p[:, None], offset)[:, 0]
    mass = p * words
    total = mass.sum() or 1.0
    before = np.cumsum(mass) - mass
    columns["body before"] = before / total
    columns["body after"] = (total - before - mass) / total
    columns["any before"] = (before > 20).astype(float)
    columns["any after"] = ((total - before - mass) > 20).astype(float)
    columns["p around"] = _window(p, 6)
    for name, key in (("parent", _parent_key), ("signature", _signature), ("grandparent", _grandparent_key)):
        masses: dict[Any, float] = defaultdict(float)
        counts: dict[Any, float] = defaultdict(float)
        for block, m, w in zip(blocks, mass, words, strict=True):
            masses[key(block)] += m
            counts[key(block)] += w
        columns[f"p of {name}"] = np.array([masses[key(block)] / counts[key(block)] for block in blocks])
        columns[f"share of {name}"] = np.array([masses[key(block)] / total for block in blocks])
    return np.column_stack(list(columns.values())), list(columns)


def _parent_key(block: Block) -> int:
    return id(block.node.parent)


def _grandparent_key(block: Block) -> int:
    return id(block.node.parent.parent if block.node.parent else None)
