"""Apply the rules of `tagging/boilerplate.toml` to the blocks of a page."""

from __future__ import annotations

from collections.abc import Sequence

from tagging.boilerplate_rules import element_rules, match_rules
from tagging.pages.blocks import Block, Node
from tagging.pages.features import find_headline, is_prose

_PAGE_TAGS = ("html", "body", "main", "article")
_LEAST_PROSE = 30
"""Minimum number of words of prose outside the elements that are boilerplate even if they hold most of the text."""


def mark_boilerplate(blocks: Sequence[Block], title: str) -> None:
    """Set the kind of the blocks that the rules recognise by their words, their elements or their place."""
    headline = find_headline(blocks, title)
    for block in blocks:
        block.kind = match_rules(block.text)
    _mark_elements(blocks, headline)
    _mark_headline(blocks, title, headline)


def _mark_elements(blocks: Sequence[Block], headline: int | None) -> None:
    """Mark the blocks in elements such as galleries, lists of other stories and footers."""
    spared = {id(node) for node in blocks[headline].node.ancestors()} if headline is not None else set()
    kinds: dict[int, tuple[str | None, bool]] = {}
    for block in blocks:
        for node in block.node.ancestors():
            if id(node) not in kinds:
                kinds[id(node)] = (None, False) if id(node) in spared else _kind_of_element(node)
    has_other_prose = sum(block.words for block in blocks if is_prose(block) and not _always(block, kinds)) >= _LEAST_PROSE
    prose: dict[int, int] = {}
    total = 0
    for block in blocks:
        if is_prose(block) and not (has_other_prose and _always(block, kinds)):
            total += block.words
            for node in block.node.ancestors():
                prose[id(node)] = prose.get(id(node), 0) + block.words
    for block in blocks:
        for node in block.node.ancestors():
            kind, always = kinds[id(node)]
            if kind and block.kind is None and ((always and has_other_prose) or prose.get(id(node), 0) * 2 < total):
                block.kind = kind


def _always(block: Block, kinds: dict[int, tuple[str | None, bool]]) -> bool:
    return any(kinds[id(node)][1] for node in block.node.ancestors())


def _kind_of_element(node: Node) -> tuple[str | None, bool]:
    """Return the kind of boilerplate that the element is, and whether it is so even with most of the page's text."""
    if node.tag in _PAGE_TAGS:
        return None, False
    for rule in element_rules():
        if node.tag in rule.tags or node.tokens & rule.words:
            return rule.kind, rule.always
    return None, False


def _mark_headline(blocks: Sequence[Block], title: str, headline: int | None) -> None:
    """Mark the headline, its repeats, and what stands before it unless that is most of the prose."""
    wanted = _letters(title)
    for block in blocks:
        if wanted and _letters(block.text) == wanted:
            block.kind = "headline"
    if headline is None:
        return
    blocks[headline].kind = "headline"
    before = sum(block.words for block in blocks[:headline] if block.kind is None and is_prose(block))
    after = sum(block.words for block in blocks[headline:] if block.kind is None and is_prose(block))
    if after > before:
        for block in blocks[:headline]:
            block.kind = block.kind or "before the headline"


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))
