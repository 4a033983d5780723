"""Rules that find the markup in a text: tags, entities, Markdown marks, quoted-printable, and what each leaves.

Every pattern is read in a time that grows with the length of the text: what a repetition matches never begins what
follows it, so nothing is tried in two ways.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

Edit = tuple[int, int, str]
"""The start and end of what is replaced, and what replaces it."""

BLOCK_TAGS = frozenset(
    [
        "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div",
        "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
        "header", "hgroup", "hr", "html", "legend", "li", "main", "menu", "nav", "ol", "optgroup", "option", "p",
        "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
    ]
)  # fmt: skip
"""HTML elements that begin and end a paragraph."""
_WORD_ENDS = BLOCK_TAGS | frozenset(
    [
        "audio", "base", "br", "button", "col", "colgroup", "embed", "head", "iframe", "img", "input", "label", "link",
        "meta", "noscript", "object", "picture", "script", "select", "source", "style", "sup", "svg", "template",
        "textarea", "title", "video",
    ]
)  # fmt: skip
"""HTML elements that end a word; `sup` too, as 10<sup>6</sup> is not 106."""
_INLINE = frozenset(
    [
        "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i",
        "ins", "kbd", "mark", "nobr", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike", "strong",
        "sub", "time", "tt", "u", "var", "wbr",
    ]
)  # fmt: skip


class Rule(NamedTuple):
    """A pattern, and what replaces its matches: by default their groups. `sign` is part of every match."""

    sign: str
    pattern: re.Pattern[str]
    replacement: Callable[[re.Match[str]], str] | None = None

    def edits(self, text: str) -> Iterator[Edit]:
        for match in self.pattern.finditer(text):
            if self.replacement is not None:
                yield match.start(), match.end(), self.replacement(match)
                continue
            at = match.start()
            for start, end in match.regs[1:]:
                yield at, start, ""
                at = end
            yield at, match.end(), ""


def _trace(tag: re.Match[str]) -> str:
    """Return what a tag leaves: nothing, a space, or itself if it is not HTML."""
    return " " if _ends_word(tag) else "" if _is_html(tag) else tag[0]


def _is_html(tag: re.Match[str]) -> bool:
    name, attributes = tag[1].lower(), tag[2].strip(" /\t\n")
    return name in _WORD_ENDS | _INLINE and (not attributes or "=" in attributes)


def _ends_word(tag: re.Match[str]) -> bool:
    return _is_html(tag) and tag[1].lower() in _WORD_ENDS


def _ends_line(tag: re.Match[str]) -> bool:
    return _is_html(tag) and (tag[1].lower() == "br" or tag[1].lower() in BLOCK_TAGS)


def _entity(match: re.Match[str]) -> str:
    """Return the character of an entity, however often its ampersand was escaped, or the match if there is none."""
    entity = f"&{match[1]};"
    character = html.unescape(entity)
    return match[0] if character == entity else character


def _decoded(match: re.Match[str]) -> str:
    raw = bytes.fromhex(match[0].replace("=", ""))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "ignore")


def _with_hyphen(match: re.Match[str]) -> str:
    return match[0] if match[2] in _SUSPENDED else f"{match[1]}-{match[2]}"


def _without_hyphen(match: re.Match[str]) -> str:
    before = match.string[max(match.end(1) - _LONGEST_FIRST_PART - 1, 0) : match.end(1)].split()[-1].lower()
    keeps_hyphen = match[2] in _SUSPENDED or match[2][0].isupper() or before in _FIRST_PARTS
    return _with_hyphen(match) if keeps_hyphen else match[1] + match[2]


def is_comparison(text: str, start: int) -> bool:
    """Return whether a percentage follows, so that the `>` before it means more than."""
    return _PERCENTAGE.match(text, start) is not None


def _unquoted(match: re.Match[str]) -> str:
    is_quoted = match[0].count(">") > 1 or not is_comparison(match.string, match.end())
    return match[1] if is_quoted else match[0]


_HIDDEN_LINE_END = Rule("\xad", re.compile(r"\xad{1,20}(?:\r\n?|\n)[ \t]*"), lambda _: "")
"""A word divided by a soft hyphen at the end of a line."""
_DIVIDED_WORD = re.compile(r"([^\W\d_])-(?:\r\n?|\n)[ \t]*([^\W\d_]+)")
_SUSPENDED = frozenset(
    [
        "and", "or", "to", "und", "oder", "bis", "et", "ou", "y", "o", "e",
    ]
)  # fmt: skip
"""Words after a hyphen that divides no word: `pre- and post-war`."""
_FIRST_PARTS = frozenset(
    [
        "anti", "cease", "co", "ex", "half", "long", "mid", "non", "pro", "quasi", "self", "semi", "short", "so", "well",
        "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
    ]
)  # fmt: skip
"""Words that a hyphen joins to the next one: `cease-fire`, `twenty-five`."""
_LONGEST_FIRST_PART = max(map(len, _FIRST_PARTS))
_PERCENTAGE = re.compile(r"[0-9][0-9.,]* ?(?:%|per ?cent)")
_SOFT_LINE_END = Rule("=", re.compile(r"([^=\r\n])=(?:\r\n?|\n)"))
"""The end of a line that quoted-printable encoding adds."""
_ENCODED = Rule("=", re.compile(r"(?:=[0-9A-F]{2})+"), _decoded)
# `n=20` and `id=E9` are not encoded: something that nobody writes, such as `=E2=80=99`, must show that the text is.
_SHOWS_ENCODING = re.compile(
    r"[^=\r\n]=(?:\r\n?|\n)"
    r"|=(?:C[2-9A-F]|D[0-9A-F])=[89AB][0-9A-F]|=E[0-9A-F]=[89AB][0-9A-F]=[89AB][0-9A-F]"
    r"|[a-z][a-z]=[23][A-F](?:\s|$|=[23][A-F])|[.,;:!?)]=20(?:\s|$)|=3D[\"']"
)

_SCRIPT = Rule(
    "</",
    re.compile(r"<(?:script|style)(?:\s[^<>]*)?>(?:[^<]|<[^/s]|<s[^ct]|</[^s])*</(?:script|style)\s*>", re.IGNORECASE),
    lambda _: " ",
)
_COMMENT = Rule("<!", re.compile(r"<!--[^<>]*-->|<!doctype[^<>]*>", re.IGNORECASE), lambda _: " ")
_TAG = Rule("<", re.compile(r"</?([a-zA-Z][a-zA-Z0-9]*)((?:[\s/][^<>]*)?)>"), _trace)
RULES = (
    _SCRIPT,
    _COMMENT,
    _TAG,
    Rule("<", re.compile(r"<((?:https?://|mailto:)[^<>\s]*)>")),
    Rule(
        "&",
        re.compile(
            r"&(?:amp;|AMP;|#38;|#038;|#[xX]26;)*"
            r"(#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,8}|[a-zA-Z][a-zA-Z0-9]{1,31});"
        ),
        _entity,
    ),
    # Links and images, whose text stays; a bracket before "(see below)" is none.
    Rule(
        "](",
        re.compile(
            r"!?\[([^\[\]]*)\]"
            r"\((?:https?:|mailto:|www\.|[/#.]|[^()\s:]{0,200}\.[a-z])[^()\s]*(?:\([^()\s]*\)[^()\s]*)?(?:[ \n]+\"[^\"]*\")?\)"
        ),
    ),
    Rule("[^", re.compile(r"\[\^[^\[\]\s]{1,20}\]:?"), lambda _: ""),
    # Marks count around words only: `f**k`, `Smith*`, `2 * 3 * 4` and `snake_case` have none.
    Rule("*", re.compile(r"(^|[^\w*])\*{1,3}([^\s*](?:[^*]*[^\s*])?)\*{1,3}($|[^\w*])")),
    Rule("_", re.compile(r"(^|[\s(\[\"'*-])_{1,3}([^\s_](?:[^_]*[^\s_])?)_{1,3}\b")),
    Rule("`", re.compile(r"\B`([^`\s](?:[^`]*[^`\s])?)`\B")),
    Rule("#", re.compile(r"(^|\n)[ ]{0,3}#{1,6}[ ]+")),
    Rule(">", re.compile(r"(^|\n)[ ]{0,3}>[> ]*"), _unquoted),
)  # fmt: skip
WITHOUT_SIGNS = str.maketrans(dict.fromkeys("<>&=*_`#[]^", " "))
"""A table for `str.translate` that leaves no sign of markup."""


def text_of_html(cell: str) -> str:
    """Return the text of a cell of a table that holds HTML, with a blank line between its blocks.

    Any other cell is returned as it is: entities and inline tags alone show no paragraphs.
    """
    if not any(map(_ends_line, _TAG.pattern.finditer(cell))):
        return cell
    for rule in (_SCRIPT, _COMMENT):
        cell = rule.pattern.sub("\n\n", cell)
    # A line end after <br> is the same line end.
    cell = re.sub(r"(<br[ ]?/?>)[ \t]*(?:\r\n?|\n)", r"\1", cell)

    def line_ends(tag: re.Match[str]) -> str:
        return _trace(tag) if not _ends_line(tag) else "\n" if tag[1].lower() == "br" else "\n\n"

    return html.unescape(re.sub(r"\n{3,}", "\n\n", _TAG.pattern.sub(line_ends, cell))).strip()


def joiner_rules(joiner: str, kept: str) -> tuple[Rule, Rule]:
    """Return the rules that remove a joiner, or several in a row, unless it stands between two characters of `kept`."""
    return (
        Rule(joiner, re.compile(f"(^|[^{kept}]){joiner}+")),
        Rule(joiner, re.compile(f"([{kept}]){joiner}+($|[^{kept}])")),
    )


def join_divided_words(text: str) -> str:
    """Return the text with the words whole that a hyphen divides at line ends; compounds keep their hyphen."""
    for rule in line_end_rules(text):
        if rule.sign in ("-", "\xad"):
            text = rule.pattern.sub(rule.replacement or "", text)
    return text


def line_end_rules(text: str) -> Iterator[Rule]:
    """Yield the rules for what stands at line ends: divided words, and what quoted-printable encoding adds."""
    if "\xad" in text:
        yield _HIDDEN_LINE_END
    if "-\n" in text or "-\r" in text:
        # One hyphen at a line end may be that of a compound; where there are more, words were divided.
        divided = sum(1 for _ in _DIVIDED_WORD.finditer(text))
        yield Rule("-", _DIVIDED_WORD, _without_hyphen if divided > 1 else _with_hyphen)
    if "=" in text and _SHOWS_ENCODING.search(text):
        yield _SOFT_LINE_END
        yield _ENCODED
