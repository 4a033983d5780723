"""A small writer of PDF documents: lines of text at places of a page."""

from __future__ import annotations

from collections.abc import Sequence

Placed = tuple[float, float, float, str]
"""The place of a line from the lower left corner in points, its size, and its text."""


def pdf(pages: Sequence[Sequence[Placed]], *, title: str = "") -> bytes:
    """Return a PDF document with these lines on its pages."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Title (" + _escaped(title) + b") >>",
    ]
    kids = []
    for lines in pages:
        content = b"\n".join(
            b"BT /F1 %d Tf %d %d Td (%s) Tj ET" % (size, x, y, _escaped(text)) for x, y, size, text in lines
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % len(objects)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    raw, places = b"%PDF-1.7\n", []
    for number, one in enumerate(objects, start=1):
        places.append(len(raw))
        raw += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    return raw + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R /Info 4 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (count, table, count, len(raw))
    )


def column(lines: Sequence[str], *, x: float = 50, y: float = 700, size: float = 10) -> list[Placed]:
    """Return lines below each other; an empty one leaves a gap, and spaces at the start of one indent it."""
    return [
        (x + 4 * (len(line) - len(line.lstrip())), y - 1.2 * size * place, size, line.lstrip())
        for place, line in enumerate(lines)
        if line
    ]


def _escaped(text: str) -> bytes:
    return b"".join(b"\\" + bytes([code]) if code in b"()\\" else bytes([code]) for code in text.encode("cp1252"))
