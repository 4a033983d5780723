"""Apply the rules of `tagging/boilerplate.toml` to the blocks of a page, and find the other stories on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tagging.boilerplate_rules import element_rules, match_rules
from tagging.pages.blocks import Block, Node
from tagging.pages.features import HEADINGS, ends_sentence, find_headline, is_prose

_PAGE_TAGS = ("html", "body", "main")
_LEAST_PROSE = 30
"""Minimum number of words of prose outside the elements that are boilerplate even if they hold most of the text."""
_LONGEST_NUMBER = 6
"""Maximum number of words of a line that holds the number of a slide alone."""
_LEAST_SLIDES = 3
_OTHER_STORY = "other story"


def mark_boilerplate(blocks: Sequence[Block], title: str) -> int | None:
    """Set the kind of the blocks that the rules recognise by their words, their elements or their place.

    Return the position of the headline, or None if the page has none.
    """
    headline = find_headline(blocks, title)
    # An element with the headline in it is the article's own.
    own = set(map(id, blocks[headline].node.path)) if headline is not None else set()
    for block in blocks:
        block.kind = match_rules(block.text)
    _mark_elements(blocks, own)
    _mark_other_articles(blocks, own)
    _mark_teasers(blocks, own)
    _mark_lists_of_links(blocks)
    _mark_stories_below_a_heading(blocks)
    _mark_slides(blocks, own)
    _mark_headline(blocks, title, headline)
    return headline


def _mark_elements(blocks: Sequence[Block], own: set[int]) -> None:
    """Mark the blocks in elements such as galleries, lists of other stories and footers."""
    nodes = {id(node): node for block in blocks for node in block.node.path}
    kinds = {key: _kind_of_element(node) for key, node in nodes.items() if key not in own}

    def is_always_boilerplate(block: Block) -> bool:
        return any(kinds.get(id(node), (None, False))[1] for node in block.node.path)

    outside = [block for block in blocks if not is_always_boilerplate(block)]
    if _prose_words(outside) < _LEAST_PROSE:
        outside = list(blocks)
        kinds = {key: (kind, False) for key, (kind, _) in kinds.items()}
    prose = _prose_by_node(outside)
    total = _prose_words(outside)
    for block in blocks:
        for node in block.node.path:
            kind, always = kinds.get(id(node), (None, False))
            if kind and block.kind is None and (always or prose[id(node)] * 2 < total):
                block.kind = kind


def _kind_of_element(node: Node) -> tuple[str | None, bool]:
    """Return the kind of boilerplate that the element is, and whether it is so even with most of the page's text."""
    if node.tag in _PAGE_TAGS:
        return None, False
    for rule in element_rules():
        if node.tag in rule.tags or node.tokens & rule.words:
            return rule.kind, rule.always
    return None, False


def _mark_other_articles(blocks: Sequence[Block], own: set[int]) -> None:
    """Mark the <article> elements with a headline of their own beside the page's article: streams and teasers."""
    prose = _prose_by_node(blocks)
    articles = {id(node): node for block in blocks for node in block.node.path if node.tag == "article"}
    if not any(key in own for key in articles):
        largest = max(articles, key=lambda key: prose[key], default=None)
        own = {*own, *({largest} if largest is not None else ())}
    others = {
        id(node)
        for block in blocks
        if block.node.tag in HEADINGS
        for node in block.node.path
        if node.tag == "article" and id(node) not in own
    }
    # Articles within the page's own are parts of it, unless they are short.
    total = _prose_words(blocks)
    for key in list(others):
        is_part = any(id(node) in own and node.tag == "article" for node in articles[key].path)
        if is_part and prose[key] * 4 > total:
            others.discard(key)
    _mark(blocks, others)


def _mark_teasers(blocks: Sequence[Block], own: set[int]) -> None:
    """Mark the elements that begin with a heading or a line which is a link, unless they hold most of the prose."""
    first: dict[int, Block] = {}
    for block in blocks:
        for node in block.node.path:
            first.setdefault(id(node), block)
    held = Counter(id(node) for block in blocks for node in block.node.path)
    teasers: dict[int, Node] = {}
    for block in blocks:
        if _is_link(block):
            # The widest element that begins with this link.
            begun = [node for node in block.node.path if first[id(node)] is block and id(node) not in own]
            if begun and held[id(begun[-1])] > 1:
                teasers[id(begun[-1])] = begun[-1]
    # A single line that is a link may be one of the article's own.
    alike = Counter(node.signature for node in teasers.values())
    nodes = {key for key, node in teasers.items() if alike[node.signature] > 1 or first[key].node.tag in HEADINGS}
    inside = [block for block in blocks if any(id(node) in nodes for node in block.node.path)]
    if nodes and _prose_words(inside) * 2 < _prose_words(blocks):
        _mark(blocks, nodes)


def _is_link(block: Block) -> bool:
    """Return whether the block is the title of another story: a line that is a link and not a sentence."""
    return block.words >= 3 and block.link_words >= block.words and not ends_sentence(block.text)


def _mark_lists_of_links(blocks: Sequence[Block]) -> None:
    """Mark what follows the label of a link or of a list of links, and lines in capitals that are links."""
    before = None
    is_listed = False
    for block in blocks:
        is_listed = block.kind == "link list" or (is_listed and block.node.tag == "li")
        is_line = _is_link(block) and block.node.tag not in HEADINGS
        if block.kind is None and (
            (is_listed and block.node.tag == "li") or (is_line and (before == "link" or block.text.isupper()))
        ):
            block.kind = "link"
        before = block.kind


def _mark_stories_below_a_heading(blocks: Sequence[Block]) -> None:
    """Mark the prose that directly follows the heading of a list of stories in the last part of the page."""
    total, before = _prose_words(blocks), 0
    listing: Node | None = None
    for position, block in enumerate(blocks):
        if listing is not None and listing in block.node.path:
            block.kind = block.kind or _OTHER_STORY
        elif block.kind == "link list" and block.node.tag in HEADINGS and before * 2 >= total:
            after = blocks[position + 1] if position + 1 < len(blocks) else None
            listing = block.node.parent if after is not None and is_prose(after) else None
        before += block.words if block.kind is None and is_prose(block) else 0


def _mark_slides(blocks: Sequence[Block], own: set[int]) -> None:
    """Mark the elements that begin with the number of a slide, if there are several."""
    numbers = [block for block in blocks if block.kind == "slide" and block.words <= _LONGEST_NUMBER]
    if len(numbers) < _LEAST_SLIDES:
        return
    held = Counter(id(node) for block in blocks for node in block.node.path)
    nodes = {id(next((node for node in block.node.path if held[id(node)] > 1), block.node)) for block in numbers}
    _mark(blocks, nodes - own)


def _mark(blocks: Iterable[Block], nodes: set[int]) -> None:
    for block in blocks:
        if block.kind is None and any(id(node) in nodes for node in block.node.path):
            block.kind = _OTHER_STORY


def _mark_headline(blocks: Sequence[Block], title: str, headline: int | None) -> None:
    """Mark the headline, its repeats, and what stands before it unless that is most of the prose."""
    wanted = _letters(title)
    for block in blocks:
        if wanted and _letters(block.text) == wanted:
            block.kind = "headline"
    if headline is None:
        return
    blocks[headline].kind = "headline"
    if _prose_words(blocks[headline:]) > _prose_words(blocks[:headline]):
        for block in blocks[:headline]:
            block.kind = block.kind or "before the headline"


def _prose_words(blocks: Iterable[Block]) -> int:
    return sum(block.words for block in blocks if block.kind is None and is_prose(block))


def _prose_by_node(blocks: Iterable[Block]) -> Counter[int]:
    """Return the number of words of prose in each element, by its identity."""
    words: Counter[int] = Counter()
    for block in blocks:
        if block.kind is None and is_prose(block):
            for node in block.node.path:
                words[id(node)] += block.words
    return words


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))
