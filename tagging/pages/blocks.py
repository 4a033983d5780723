"""The blocks of a web page: its paragraphs, headings, list items, captions and links, each with its place in the tree."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tagging.pages.elements import is_card_block, is_data_table, is_hidden, is_hover_card
from tagging.pages.vocabulary import groups_of, tokens_of

_BLOCK_NAMES = """
address article aside blockquote body button caption center dd details dialog div dl dt fieldset
figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html li main menu nav ol p pre
section summary table tbody td tfoot th thead tr ul
"""
_BLOCK_TAGS = frozenset(_BLOCK_NAMES.split())
_SKIPPED_NAMES = """
script style noscript template svg iframe object embed canvas select option textarea button input
label head title meta link audio video map area
"""
_SKIPPED_TAGS = frozenset(_SKIPPED_NAMES.split())


_SKIPPED_ROLES = ("navigation", "menu", "menubar", "dialog", "alertdialog", "tooltip", "search")
_SPACE = re.compile(r"\s+")
_BLANK_LINE = re.compile(r"\n[ \t\r\f\v\xa0]*\n")
_NO_SPACE_BEFORE = ".,;:!?)”’"
_LONGEST_SENTENCE = 250
"""Maximum number of words of a sentence that is joined from several elements."""


@dataclass(eq=False, slots=True)
class Node:
    """An element of the tree that holds blocks, with counts of the words below it."""

    parent: Node | None
    tag: str
    groups: frozenset[str]
    """The groups of the vocabulary that its class, id, role and itemprop belong to."""
    signature: str
    """Its tag and class, which the paragraphs of a body share."""
    tokens: frozenset[str]
    """The words of its class and id."""
    depth: int
    is_hidden: bool
    words: int = 0
    link_words: int = 0
    prose_words: int = 0
    """Words in blocks that read like prose."""
    blocks: int = 0
    path: tuple[Node, ...] = ()
    """The node and its ancestors, from the inside out. The parser bounds their number."""

    def __post_init__(self) -> None:
        self.path = (self, *(self.parent.path if self.parent else ()))


@dataclass(eq=False, slots=True)
class Block:
    """A run of text without a block boundary inside."""

    text: str
    node: Node
    words: int
    link_words: int
    starts_linked: bool = False
    """Whether a link stands at its beginning, as in the teaser of another story."""
    is_after_card: bool = False
    """Whether a hidden card, which may interrupt a sentence, stands before it."""
    kind: str | None = None
    """The kind of boilerplate that the rules recognise, or None."""
    ends_open: bool = False
    """Whether white space stands at its end, as in inline text that was set in blocks."""


@dataclass(slots=True)
class _Run:
    """The text of the block that is being read."""

    parts: list[str] = field(default_factory=list)
    linked: list[str] = field(default_factory=list)
    starts_linked: bool = False


def read_blocks(tree: Any) -> list[Block]:
    """Return the blocks of the page, in order, without those of data tables."""
    reader = _BlockReader()
    reader.read(tree)
    return _join_inline_divs(reader.blocks)


class _BlockReader:
    """Walk through the tree without recursion, as pages may be nested thousands deep."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._run = _Run()
        self._links = 0
        self._pre = 0
        self._is_after_card = False

    def read(self, tree: Any) -> None:
        root = Node(None, "html", frozenset(), "html", frozenset(), 0, False)
        # (element, its node, whether it is left); the node of an inline element is that of the block around it.
        stack: list[tuple[Any, Node, bool]] = [(tree, root, False)]
        while stack:
            element, node, is_left = stack.pop()
            if is_left:
                self._leave(element, node)
                self._add(element.tail, node.parent if element.tag in _BLOCK_TAGS else node)
                continue
            tag = element.tag
            if not isinstance(tag, str) or tag in _SKIPPED_TAGS or self._is_skipped(element, tag):
                self._add(element.tail, node)
                continue
            if tag in _BLOCK_TAGS:
                self._flush(node)
                node = _node(element, node)
            self._enter(element)
            stack.append((element, node, True))
            self._add(element.text, node)
            stack += [(child, node, False) for child in reversed(element)]
        self._flush(root)

    def _enter(self, element: Any) -> None:
        tag = element.tag
        if tag == "a":
            # A link within the page does not lead to another story.
            self._links += not (element.get("href") or "").startswith("#")
        elif tag == "pre":
            self._pre += 1
        elif tag == "br":
            self._run.parts.append("\n")

    def _leave(self, element: Any, node: Node) -> None:
        tag = element.tag
        if tag in _BLOCK_TAGS:
            self._flush(node)
        if tag == "a":
            self._links -= not (element.get("href") or "").startswith("#")
        elif tag == "pre":
            self._pre -= 1

    def _add(self, text: str | None, node: Node | None) -> None:
        if not text:
            return
        if not self._pre:
            text = _SPACE.sub(" ", text)
        if self._links and not self._run.linked and text.strip() and not "".join(self._run.parts).strip():
            self._run.starts_linked = True
        self._run.parts.append(text)
        if self._links:
            self._run.linked.append(text)

    def _is_skipped(self, element: Any, tag: str) -> bool:
        if tag == "table":
            return is_data_table(element)
        if tag not in _BLOCK_TAGS:
            return is_hover_card(element)
        is_card = is_card_block(element)
        self._is_after_card |= is_card
        return is_card or element.get("role") in _SKIPPED_ROLES

    def _flush(self, node: Node) -> None:
        run, self._run = self._run, _Run()
        text = "".join(run.parts)
        if not text.strip():
            return
        links = len("".join(run.linked).split())
        pieces = [piece for piece in _BLANK_LINE.split(text) if piece.strip()]
        for piece in pieces:
            lines = [" ".join(line.split()) if not self._pre else line.rstrip() for line in piece.split("\n")]
            clean = "\n".join(line for line in lines if line.strip())
            words = len(clean.split())
            self.blocks.append(
                Block(
                    text=clean,
                    node=node,
                    words=words,
                    link_words=min(words, links),
                    ends_open=piece[-1:].isspace(),
                    starts_linked=run.starts_linked and piece is pieces[0],
                    is_after_card=self._is_after_card,
                )
            )
            self._is_after_card = False
            links = max(0, links - words)


def _node(element: Any, parent: Node) -> Node:
    tag = element.tag
    names = " ".join(filter(None, map(element.get, ("class", "id", "itemprop", "role", "data-component", "data-type"))))
    tokens = frozenset() if tag in ("body", "html") else tokens_of(names)
    return Node(
        parent=parent,
        tag=tag,
        groups=groups_of(tokens),
        signature=f"{tag}.{element.get('class') or ''}",
        tokens=tokens,
        depth=parent.depth + 1,
        is_hidden=is_hidden(element) or parent.is_hidden,
    )


def _join_inline_divs(blocks: list[Block]) -> list[Block]:
    """Join the parts of a sentence that stand in sibling <div> elements."""
    joined: list[Block] = []
    for block in blocks:
        last = joined[-1] if joined else None
        if last is not None and _continues(last, block):
            joined[-1] = Block(
                text=last.text + ("" if block.text[0] in _NO_SPACE_BEFORE else " ") + block.text,
                node=last.node,
                words=last.words + block.words,
                link_words=last.link_words + block.link_words,
                starts_linked=last.starts_linked,
                ends_open=block.ends_open,
            )
        else:
            joined.append(block)
    return joined


def _continues(last: Block, block: Block) -> bool:
    """Return whether the block continues the sentence of the last one."""
    is_open = last.text[-1:] not in '.!?:…"”’»'
    goes_on = block.text[:1].islower() or block.text[:1] in _NO_SPACE_BEFORE
    if block.is_after_card:
        return is_open and goes_on
    are_siblings = last.node is not block.node and last.node.parent is block.node.parent
    if not are_siblings or last.node.tag != "div" or last.node.signature != block.node.signature:
        return False
    is_text = last.link_words * 2 <= last.words <= _LONGEST_SENTENCE
    return is_open and is_text and (last.ends_open or goes_on)
