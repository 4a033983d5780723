"""Read downloads of Nexis (LexisNexis): many articles in one file, each between known lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_COUNTED = ("documents", "document", "dokumente", "dokument")
_OF = ("of", "von", "de", "di")
_ENDS = ("end of document", "ende des dokuments", "fin du document", "fin de document", "fine del documento")
_MARK = re.compile(
    "|".join(_ENDS) + r"|do[ck]uments? \d{1,6} (of|von|de|di) \d|\d (of|von|de|di) \d{1,6} do[ck]ument", re.IGNORECASE
)
"""What stands in a page that is a download."""
_BODY = ("body", "body:")
_COPYRIGHT, _RESERVED = ("copyright", "©", "(c)"), ["all", "rights", "reserved"]
_BEFORE_BODY = frozenset(
    ["byline", "section", "length", "dateline", "highlight", "headline", "series", "column", "distribution", "edition"]
)  # fmt: skip
_AFTER_BODY = frozenset(
    ["load-date", "language", "publication-type", "pub-type", "document-type", "subject", "company", "organization", "person", "industry", "geographic", "country", "state", "city", "ticker", "graphic", "notes", "correction", "correction-date", "journal-code", "type", "cr", "url", "isbn", "issn", "volume", "acc-no", "update", "classification"]
)  # fmt: skip
_ENDS_BODY = ("load-date", "publication-type", "pub-type", "journal-code")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LINES_OF_HEAD = 20
"""Number of lines in which to look for the date of a document without fields."""
_LONGEST_DATE, _LONGEST_COPYRIGHT = 9, 12
"""Maximum number of words of a line with a date, and of a copyright line."""
_LEAST_SENTENCE, _LONGEST_LABEL = 5, 25
"""Minimum number of words of a sentence, and maximum number of words of a paragraph that is part of the head."""


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
    ends = [place for place, line in enumerate(plain) if line in _ENDS]
    if ends and any(line in _BODY or line.startswith("load-date:") for line in plain):
        pieces = [lines[start:end] for start, end in zip([0, *(end + 1 for end in ends)], ends, strict=False)]
        # The last document of a download that was cut off has no end.
        rest = lines[ends[-1] + 1 :]
        pieces += [rest] if _has_head(rest) else []
    elif starts:
        pieces = [lines[start + 1 : end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]
        # Another text may have a line that counts documents.
        if sum(map(_has_head, pieces)) < len(pieces) / 2:
            return None
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


def _has_head(lines: Sequence[str]) -> bool:
    """Return whether the lines begin like a document, with a date or a field in any language."""
    head = [line.strip() for line in lines if line.strip()][:_LINES_OF_HEAD]
    return any(_field(line) or _is_label(line) or (_year(line) and not _is_prose(line)) for line in head)


def _is_label(line: str) -> bool:
    """Return whether the line begins with a word in capitals and a colon, as the fields of older downloads do."""
    name, colon, _ = line.partition(":")
    return bool(colon) and len(name) > 3 and name.isupper() and " " not in name


def _document(lines: Sequence[str]) -> Document:
    """Read the lines of one article: what is above the body, the body, and what is below it."""
    # A download may begin with a cover page, and a document with a count of its own.
    fields = next((place for place, line in enumerate(lines) if _field(line) or _names_body(line)), len(lines))
    first = next((place + 1 for place in range(fields) if _is_count(lines[place].strip().lower())), 0)
    while first < len(lines) and (not lines[first].strip() or _is_copyright(lines[first])):
        first += 1
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
        if _names_body(line):
            return place + (line.strip().lower() in _BODY), True
    end = next((place for place, line in enumerate(lines) if _ends_body(line) and not _is_copyright(line)), len(lines))
    return _below_fields(lines[:end]) or _below_title(lines[:end]), False


def _names_body(line: str) -> bool:
    """Return whether the line says that the body begins. In capitals it may begin in the same line."""
    return line.strip().lower() in _BODY or line.strip().startswith("BODY:")


def _below_fields(lines: Sequence[str]) -> int:
    """Return the line below the last field of the head, which ends where prose begins; 0 if there is no field."""
    below = 0
    for start, end in _paragraphs(lines):
        fields = [place for place in range(start, end) if _field(lines[place]) in _BEFORE_BODY]
        above = lines[start : min(fields, default=end)]
        # A wrapped line of the body may begin with the same word.
        if _is_prose(" ".join(above)) or (below and fields and above):
            break
        if fields:
            # A field may go on in the lines below it, up to a blank one.
            below = end
    return below


def _paragraphs(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the first line of each paragraph and the line below it."""
    start = None
    for place, line in enumerate((*lines, "")):
        if line.strip():
            start = place if start is None else start
        elif start is not None:
            yield start, place
            start = None


def _is_prose(text: str) -> bool:
    """Return whether the text is a sentence, or too long for a title or a name."""
    words = text.split()
    is_sentence = len(words) >= _LEAST_SENTENCE and text.rstrip(" \"'”’»)")[-1:] in (".", "!", "?", ":", "…")
    return (is_sentence or len(words) > _LONGEST_LABEL) and not _is_copyright(text)


def _below_title(lines: Sequence[str]) -> int:
    """Return the line below the title, the paragraph after the date; 0 if there is no date at the start."""
    place = next((place for place, line in enumerate(lines[:_LINES_OF_HEAD]) if _date(line)), None)
    if place is None:
        return 0
    blank = [after for after in range(place, len(lines)) if not lines[after].strip()]
    title = next((after for after in range(blank[0], len(lines)) if lines[after].strip()), 0) if blank else 0
    return next((after for after in blank if after > title), 0) if title else 0


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
    below = range(place + 1, len(lines))
    end = next((after for after in below if not lines[after].strip() or _field(lines[after])), len(lines))
    return " ".join(" ".join(lines[place:end]).partition(":")[2].split())


def _ends_body(line: str) -> bool:
    """Return whether the line is one that stands below a body, and never in one."""
    plain = line.strip().lower()
    return (
        _field(line) in _ENDS_BODY
        or line.strip().startswith("GRAPHIC:")
        or plain in ("classification", "graphic", *_ENDS)
        or _is_copyright(line)
    )


def _is_copyright(line: str) -> bool:
    """Return whether the line says who owns the text, and is no sentence about copyright."""
    words = line.replace(",", " ").replace("-", " ").split()
    plain = [word.lower().removesuffix(".") for word in words]
    if plain == _RESERVED:
        return True
    if not 2 <= len(words) <= _LONGEST_COPYRIGHT or plain[0] not in _COPYRIGHT:
        return False
    if plain[-3:] == _RESERVED:
        return True
    # As in `Copyright 2019 was the title.`
    is_sentence = words[-1].endswith((".", "!", "?")) and "".join(words[2:3]).islower()
    has_sign = plain[0] == "copyright" and plain[1] in _COPYRIGHT
    return (has_sign or _year(plain[1]) is not None) and not is_sentence


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
    if not 2 <= len(words) <= _LONGEST_DATE:
        return None
    month = next((_MONTHS.index(word[:3]) + 1 for word in words if word[:3] in _MONTHS and word.isalpha()), None)
    year = _year(line)
    day = next((int(word) for word in words if word.isdecimal() and len(word) <= 2 and 1 <= int(word) <= 31), None)
    if month is None or year is None:
        return None
    return f"{year}-{month:02}" if day is None else f"{year}-{month:02}-{day:02}"


def _year(line: str) -> int | None:
    """Return the first year in a short line, or None."""
    words = line.replace(",", " ").replace(".", " ").split()
    years = [word for word in words if word.isdecimal() and len(word) == 4 and word[:2] in ("19", "20")]
    return int(years[0]) if years and len(words) <= _LONGEST_DATE else None
