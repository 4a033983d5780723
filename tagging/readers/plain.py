"""Read articles from plain text and Markdown: one article, or a download with many."""

from __future__ import annotations

import quopri
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tagging.readers import nexis
from tagging.readers.items import ReadArticle, Unreadable, make_article

_LONGEST_BLOCK = 10_000
"""Maximum number of characters of front matter."""
_FIELDS = {
    "title": ("title", "headline"),
    "published": ("date", "published", "pubdate", "publishdate"),
    "url": ("url", "link", "permalink", "canonical_url", "source_url"),
    "source": ("source", "publication", "publisher", "site"),
}
_OTHER_FIELDS = (
    "author", "authors", "categories", "category", "description", "draft", "keywords", "lang", "language", "layout",
    "slug", "subtitle", "tags",
)  # fmt: skip
_KNOWN_FIELDS = frozenset([*_OTHER_FIELDS, *(name for names in _FIELDS.values() for name in names)])
_HEXADECIMAL = frozenset("0123456789ABCDEFabcdef")
_LONGEST_QUOTED_LINE = 78
_FEWEST_ESCAPES = 2


def from_text(name: str, text: str, *, title: str | None = None) -> Iterator[ReadArticle | Unreadable]:
    """Yield the article of a text without its front matter, or the articles of a download.

    `title` is that of an article whose front matter has none.
    """
    text = undo_quoted_printable(text)
    documents = nexis.documents_of(text)
    if documents is not None:
        yield from from_documents(name, documents)
        return
    metadata, text = split_front_matter(text)
    yield make_article(name, text, **metadata | {"title": metadata.get("title") or title})


def from_documents(name: str, documents: list[nexis.Document]) -> Iterator[ReadArticle | Unreadable]:
    """Yield the articles of a download, numbered as in the file."""
    for number, document in enumerate(documents, start=1):
        text, title, source, published = document
        yield make_article(f"{name}:{number}", text, title=title, source=source, published=published)


def undo_quoted_printable(text: str) -> str:
    """Return the text of a message body in quoted-printable (RFC 2045), and any other text unchanged.

    In such a body every `=` begins an escape, and lines are short, so other text is hardly taken for one.
    """
    escapes = text.split("=")[1:]
    codes = [after for after in escapes if after[:1] not in ("\n", "\r")]
    if len(escapes) < _FEWEST_ESCAPES or not codes or not all(_is_code(after[:2]) for after in codes):
        return text
    has_cut_lines = len(codes) < len(escapes)
    has_letters = any(code[:1] in "89ABCDEFabcdef" for code in codes)
    if not (has_cut_lines or has_letters) or any(len(line) > _LONGEST_QUOTED_LINE for line in text.splitlines()):
        return text
    try:
        return quopri.decodestring(text.encode()).decode()
    except UnicodeDecodeError:
        return text


def _is_code(letters: str) -> bool:
    return len(letters) == 2 and set(letters) <= _HEXADECIMAL


def split_front_matter(text: str) -> tuple[dict[str, str | None], str]:
    """Return the metadata in a block at the start of a text, and the text below it.

    The block is YAML between lines of `---`, or TOML between lines of `+++`, with at least one field that is known:
    a transcript between rules looks the same.
    """
    lines = text.removeprefix("\ufeff")[:_LONGEST_BLOCK].splitlines(keepends=True)
    fence = lines[0].rstrip() if lines else ""
    ends = [place for place, line in enumerate(lines) if line.rstrip() == fence][:2]
    if len(ends) < 2 or fence not in _PARSERS:
        return {}, text
    block = _PARSERS[fence]("".join(lines[1 : ends[1]]))
    if block is None or _KNOWN_FIELDS.isdisjoint(map(str.lower, block)):
        return {}, text
    below = text.removeprefix("\ufeff")[sum(map(len, lines[: ends[1] + 1])) :]
    fields = {key.lower(): value for key, value in block.items()}
    metadata = {
        field: next((_plain(fields[name]) for name in names if fields.get(name)), None)
        for field, names in _FIELDS.items()
    }
    return metadata, below


def _parse_toml(block: str) -> Mapping[str, Any] | None:
    """Return the fields of a block of TOML, or None if it is something else."""
    try:
        return tomllib.loads(block.replace("\r\n", "\n")) or None
    except (ValueError, RecursionError):
        return None


def _parse_yaml(block: str) -> Mapping[str, Any] | None:
    """Return the fields of a block of YAML, or None if it is something else, such as text between rules."""
    import yaml

    lines = [line for line in block.splitlines() if line.strip()]
    has_fields = bool(lines) and all(
        line.startswith((" ", "\t", "-", "#")) or (":" in line and " " not in line.partition(":")[0]) for line in lines
    )
    if not has_fields:
        return None
    try:
        parsed = yaml.safe_load(block)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        # A title with a colon is not YAML, but its author meant one line a field.
        parsed = {name: value.strip(" '\"") for name, _, value in (line.partition(":") for line in lines)}
    return {str(key): value for key, value in parsed.items()} if isinstance(parsed, dict) else None


def _plain(value: Any) -> str | None:
    """Return a value of front matter as text; a source or publisher may be an object with a name."""
    value = value.get("name") if isinstance(value, dict) else value
    return None if value is None or isinstance(value, list | dict) else str(value)


_PARSERS: Mapping[str, Callable[[str], Mapping[str, Any] | None]] = {"---": _parse_yaml, "+++": _parse_toml}
"""{line above and below a block: how to read the block}."""
