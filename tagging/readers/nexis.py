"""Read downloads of Nexis (LexisNexis): many articles in one file, each between known lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_COUNTED = ("documents", "document", "dokumente", "dokument")
_OF = ("of", "von", "de", "di")
_END = "end of document"
_MARK = re.compile(
    r"end of document|do[ck]uments? \d{1,6} (of|von|de|di) \d|\d (of|von|de|di) \d{1,6} do[ck]ument", re.IGNORECASE
)
"""What stands in a page that is a download."""
_BODY = ("body", "body:")
_BEFORE_BODY = frozenset(
    ["byline", "section", "length", "dateline", "highlight", "headline", "series", "column", "distribution", "edition"]
)  # fmt: skip
_AFTER_BODY = frozenset(
    ["load-date", "language", "publication-type", "pub-type", "document-type", "subject", "company", "organization", "person", "industry", "geographic", "country", "state", "city", "ticker", "graphic", "notes", "correction", "correction-date", "journal-code", "type", "cr", "url", "isbn", "issn", "volume", "acc-no", "update", "classification"]
)  # fmt: skip
_ENDS_BODY = ("load-date", "publication-type", "pub-type", "graphic", "journal-code")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONGEST_LINE = 300
"""Lines above the body are short: a longer one belongs to a text."""


class Document(NamedTuple):
    """An article of a download. `published` is a date (ISO 8601) where the date is in English."""

    text: str
    title: str | None
    source: str | None
    published: str | None


def may_be_download(page: str) -> bool:
    """Return whether a page has a mark of a download, so that its lines are worth a look."""
    return _MARK.search(page) is not None


def documents_of(text: str) -> list[Document] | None:
    """Return the articles of a download, or None if the text is no download of Nexis."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ").replace("\f", "\n").split("\n")
    plain = [line.strip().lower() for line in lines]
    starts = [place for place, line in enumerate(plain) if _is_count(line)]
    ends = [place for place, line in enumerate(plain) if line == _END]
    if ends and any(line in _BODY or line.startswith("load-date:") for line in plain):
        pieces = [lines[start:end] for start, end in zip([0, *(end + 1 for end in ends)], ends, strict=False)]
    elif starts:
        pieces = [lines[start + 1 : end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]
    else:
        return None
    documents = [_document(piece) for piece in pieces]
    return documents if any(document.text for document in documents) else None


def _is_count(line: str) -> bool:
    """Return whether the line counts the documents, as `1 of 25 DOCUMENTS` and `Document 1 of 25` do."""
    words = line.split()
    if len(words) != 4:
        return False
    first, *rest = words if words[0] in _COUNTED else [words[3], *words[:3]]
    return first in _COUNTED and rest[0].isdecimal() and rest[1] in _OF and rest[2].isdecimal()


def _document(lines: Sequence[str]) -> Document:
    """Read the lines of one article: what is above the body, the body, and what is below it."""
    # A download may begin with a cover page, and a document with a count of its own.
    first = next((place + 1 for place, line in enumerate(lines) if _is_count(line.strip().lower())), 0)
    lines = lines[first:]
    body, named = _body_start(lines)
    end = _body_end(lines, body)
    text = "\n".join(lines[body:end]).strip("\n").rstrip()
    head = list(_head(lines[:body]))
    source, published, title = _title_lines(head, below=not named)
    headline = next((_value(lines, place) for place in range(body) if _field(lines[place]) == "headline"), None)
    return Document(text, headline or title, source, published)


def _body_start(lines: Sequence[str]) -> tuple[int, bool]:
    """Return the first line of the body, and whether a line says that it begins there."""
    for place, line in enumerate(lines):
        if line.strip().lower() in _BODY:
            return place + 1, True
        if _field(line) == "body":
            return place, True
    fields = [place for place, line in enumerate(lines) if _field(line) in _BEFORE_BODY]
    end = next((place for place, line in enumerate(lines) if _ends_body(line)), len(lines))
    fields = [place for place in fields if place < end]
    if fields:
        # A field may go on in the lines below it, up to a blank one.
        return next((place for place in range(fields[-1], len(lines)) if not lines[place].strip()), len(lines)), False
    long = (place for place, line in enumerate(lines) if len(line) > _LONGEST_LINE)
    return next(long, 0), False


def _body_end(lines: Sequence[str], body: int) -> int:
    """Return the line after the body: the first that ends it for certain, less the fields just above that."""
    end = next((place for place in range(body, len(lines)) if _ends_body(lines[place])), len(lines))
    while True:
        last = next((place for place in range(end - 1, body - 1, -1) if lines[place].strip()), None)
        if last is None:
            return end
        first = next((place + 1 for place in range(last, body - 1, -1) if not lines[place].strip()), body)
        # In capitals: a line of the body may begin with the same word.
        if _field(lines[first]) not in _AFTER_BODY or not lines[first].partition(":")[0].isupper():
            return end
        end = first


def _field(line: str) -> str | None:
    """Return the name of the field that the line begins, as in `LENGTH: 812 words`, or None."""
    name, colon, _ = line.strip().partition(":")
    name = name.lower()
    return name if colon and (name in _BEFORE_BODY or name in _AFTER_BODY or name == "body") else None


def _value(lines: Sequence[str], place: int) -> str:
    """Return the value of a field, which may go on in the lines below it."""
    end = next((after for after in range(place, len(lines)) if not lines[after].strip()), len(lines))
    return " ".join(" ".join(lines[place:end]).partition(":")[2].split())


def _ends_body(line: str) -> bool:
    """Return whether the line is one that stands below a body, and never in one."""
    plain = line.strip().lower()
    return (
        _field(line) in _ENDS_BODY
        or plain in ("classification", "graphic", "all rights reserved", _END)
        or (plain.startswith("copyright ") and any(word.isdecimal() and len(word) == 4 for word in plain.split()))
    )


def _head(lines: Sequence[str]) -> Iterator[str]:
    """Yield the paragraphs above the fields: source, date and title in the order of the file."""
    paragraph: list[str] = []
    for line in (*lines, ""):
        plain = line.strip().lower()
        is_field = _field(line) is not None
        if not is_field and plain and not plain.startswith(("copyright", "all rights reserved")) and plain not in _BODY:
            paragraph.append(" ".join(line.split()))
            continue
        if paragraph:
            yield "\n".join(paragraph)
        paragraph = []
        if is_field:
            return


def _title_lines(head: Sequence[str], *, below: bool) -> tuple[str | None, str | None, str | None]:
    """Return (source, date, title) of the paragraphs above the fields.

    The source is the line above the date. The title is above the source, or, in downloads that do not name the body,
    the last paragraph below the date.
    """
    lines = [line for paragraph in head for line in paragraph.split("\n")]
    dates = [place for place, line in enumerate(lines) if _date(line)]
    # A headline may have a date too, and so may a cover page.
    place = next(iter(dates if below else reversed(dates)), None)
    if place is None:
        return None, None, lines[0] if lines else None
    above, after = lines[:place], [paragraph for paragraph in head if not _date(paragraph.split("\n")[0])]
    title = " ".join(above[:-1][-1:]) or None
    if below or title is None:
        later = [paragraph for paragraph in after if paragraph.split("\n")[0] in lines[place + 1 :]]
        title = " ".join(later[-1].split("\n")) if later else title
    return (above[-1] if above else None), _date(lines[place]), title


def _date(line: str) -> str | None:
    """Return the date in a line such as `May 4, 2020 Monday`, or None."""
    words = line.replace(",", " ").replace(".", " ").lower().split()
    if not 2 <= len(words) <= 9:
        return None
    month = next((_MONTHS.index(word[:3]) + 1 for word in words if word[:3] in _MONTHS and word.isalpha()), None)
    year = next((int(word) for word in words if word.isdecimal() and len(word) == 4 and word[:2] in ("19", "20")), None)
    day = next((int(word) for word in words if word.isdecimal() and len(word) <= 2 and 1 <= int(word) <= 31), None)
    if month is None or year is None:
        return None
    return f"{year}-{month:02}" if day is None else f"{year}-{month:02}-{day:02}"
