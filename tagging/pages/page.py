"""Read the article of a web page: its text without boilerplate, its headline, and what the page says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from labels.errors import DemarcheError
from tagging.pages.blocks import Block, read_blocks
from tagging.pages.classifier import Weights, body_probabilities, read_weights
from tagging.pages.embedded import article_body, script_body
from tagging.pages.features import describe, is_prose
from tagging.pages.rules import mark_boilerplate

_MUCH_LESS = 0.6
"""The share of another source's words below which the text of the page is much less than that source holds."""
_LEAST_BODY = 25
"""Minimum number of words of a body in the data of a script."""

_ENOUGH = 150
"""Number of words of a body from which the page is not one that a script writes."""
_LEAST_LEAD = 15
"""Minimum number of words of a lead outside the body; a summary of the article may be shorter."""


class Page(NamedTuple):
    """An article as its page has it. Blank lines separate the paragraphs of the text."""

    text: str
    title: str | None
    source: str | None
    published: str | None
    url: str | None


def read_page(raw: str | bytes, weights: Weights | None = None) -> Page:
    """Return the article of a page of HTML. Raises DemarcheError if it is not HTML or has no text but boilerplate."""
    import trafilatura
    from trafilatura.metadata import extract_metadata

    if not raw.strip():
        raise DemarcheError("empty")
    try:
        tree = trafilatura.load_html(raw)
        if tree is None:
            raise DemarcheError("not HTML that can be read")
        weights = weights or read_weights()
        title, paragraphs = _read_body(tree, weights)
        if not paragraphs and _show_noscript(tree):
            title, paragraphs = _read_body(tree, weights)
        metadata = extract_metadata(tree)
    except (ValueError, RecursionError) as error:  # pages nested thousands deep, characters that XML does not have
        raise DemarcheError(f"not HTML that can be read ({type(error).__name__})") from error
    if not paragraphs:
        raise DemarcheError("no article text found in the HTML, only boilerplate")
    return Page(
        text="\n\n".join(paragraphs),
        title=title or metadata.title or None,
        source=metadata.sitename or None,
        published=metadata.date or None,
        url=metadata.url or None,
    )


def _show_noscript(tree: Any) -> bool:
    """Show what the page holds for browsers without scripts, and return whether it holds anything."""
    hidden = list(tree.iter("noscript"))
    for element in hidden:
        element.tag = "div"
    return bool(hidden)


def _read_body(tree: Any, weights: Weights) -> tuple[str | None, list[str]]:
    """Return the headline and the paragraphs of the body, from the source that holds most of it."""
    title, description = page_title(tree), page_description(tree)
    blocks = read_blocks(tree)
    headline = mark_boilerplate(blocks, title)
    body = choose_body(blocks, weights, headline=headline, description=description)
    paragraphs = [_text(block) for block in body]
    words = sum(block.words for block in body)
    for source in (article_body, script_body):
        if source is script_body and words >= _ENOUGH:
            break
        other = source(tree)
        count = sum(len(paragraph.split()) for paragraph in other)
        if count >= _LEAST_BODY and words < _MUCH_LESS * count:
            paragraphs, words = other, count
    return (" ".join(blocks[headline].text.split()) if headline is not None else None), paragraphs


def choose_body(blocks: Sequence[Block], weights: Weights, *, headline: int | None, description: str) -> list[Block]:
    """Return the blocks of the body, without those that the rules marked."""
    if not blocks:
        return []
    probabilities = body_probabilities(*describe(blocks, headline=headline, description=description), weights)
    body = [
        block
        for block, probability in zip(blocks, probabilities, strict=True)
        if block.kind is None and probability >= weights.threshold
    ]
    prose = _article_prose(blocks)
    if sum(block.words for block in body) < _MUCH_LESS * sum(block.words for block in prose):
        kept = set(map(id, [*body, *prose]))
        body = [block for block in blocks if id(block) in kept]
    if not body:
        # A poem or a quotation may end without a full stop.
        body = [
            block for block in blocks if block.kind is None and block.words >= max(_LEAST_LEAD, 3 * block.link_words)
        ]
    return _without_copies([*_lead(blocks, body), *body])


def _lead(blocks: Sequence[Block], body: Sequence[Block]) -> list[Block]:
    """Return the prose between the headline and the body: its first paragraph may stand outside of the others."""
    if not body:
        return []
    first = next(position for position, block in enumerate(blocks) if block is body[0])
    headline = max((position for position in range(first) if blocks[position].kind == "headline"), default=first)
    return [
        block
        for block in blocks[headline:first]
        if block.kind is None and is_prose(block) and block.words >= _LEAST_LEAD and "summary" not in block.node.groups
    ]


def _article_prose(blocks: Sequence[Block]) -> list[Block]:
    """Return the prose of the page's largest <article>, or of the page if it has none."""
    prose = [block for block in blocks if block.kind is None and is_prose(block)]
    by_article: dict[int, list[Block]] = {}
    for block in prose:
        article = next((node for node in block.node.path if node.tag == "article"), None)
        if article is not None:
            by_article.setdefault(id(article), []).append(block)
    return max(by_article.values(), key=lambda group: sum(block.words for block in group), default=prose)


def _without_copies(body: Sequence[Block]) -> list[Block]:
    """Return the blocks without those whose text stands in an earlier one."""
    kept: dict[str, Block] = {}
    for block in body:
        kept.setdefault(block.text.casefold(), block)
    return list(kept.values())


def _text(block: Block) -> str:
    """Return the text of the block, with a dash before the item of a list."""
    is_item = block.node.tag == "li" and not block.text.startswith(("-", "•", "*", "–", "—"))
    return f"- {block.text}" if is_item else block.text


def page_title(tree: Any) -> str:
    """Return the title that the page gives itself, or an empty string."""
    return _meta(tree, "og:title") or " ".join((tree.findtext(".//title") or "").split())


def page_description(tree: Any) -> str:
    """Return the page's description of itself, or an empty string."""
    return _meta(tree, "og:description") or _meta(tree, "description")


def _meta(tree: Any, name: str) -> str:
    """Return the content of a <meta> element by its name or property."""
    for element in tree.iter("meta"):
        if name in (element.get("property"), element.get("name")) and element.get("content"):
            return " ".join(element.get("content").split())
    return ""
