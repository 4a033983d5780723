"""`make bench-growth`: measure how the time grows with the size of large inputs of every kind.

    python -m benchmarks.growth [KIND…] [--patterns]

KIND is one of text, pages, yaml, tables and attach; by default all. Each input is made in three sizes, each twice the
one before. With --patterns, texts are searched on which a regular expression of the project is slow.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.patterns import patterns
from benchmarks.pumps import pumped
from demarche.printing import table
from labels.codebook import read_codebook
from labels.detached import attach, detach
from labels.errors import DemarcheError, Problems
from labels.passages import Article, Passage
from labels.table_files import read_rows
from tagging.readers import ArticleFile, ReadArticle, read_file
from tagging.segmentation import segment
from training.config import read_config

SENTENCE = "The council kept its sanctions on the grain ports on Monday, after a debate that lasted until midnight. "
PARAGRAPH = f"<p>{SENTENCE}</p>"
LINEAR = 2.6
"""How much longer twice the input may take, with what else the machine is doing."""

Make = Callable[[int], str]
Work = Callable[[str, Path], object]
Inputs = Mapping[str, tuple[int, Make]]
"""Inputs by name: the smallest size, and the text of a size."""

TEXTS: Inputs = {
    "one line": (2000, lambda n: SENTENCE * n),
    "one line without stops": (20_000, lambda n: "the council " * n),
    "one word": (500_000, lambda n: "a" * n),
    "no spaces, Chinese": (20_000, lambda n: "市议会称赞茶壶和水壶。" * n),
    "stops": (50_000, lambda n: ". " * n),
    "quotation marks": (50_000, lambda n: '" ' * n),
    "tiny paragraphs": (4000, lambda n: "\n\n".join(f"word{i} and more" for i in range(n))),
    "repeated lines": (4000, lambda n: (SENTENCE + "\n\n") * n),
    "lines that share their words": (
        4000, lambda n: "\n\n".join(f"word{i} the council kept its sanctions on ports {i % 7}" for i in range(n)),
    ),
    "wrapped lines": (4000, lambda n: (SENTENCE[:60].strip() + "\n") * n),
    "quoted lines": (4000, lambda n: ("> " + SENTENCE.strip() + "\n") * n),
    "blank lines": (100_000, lambda n: "a\n" + "  \n" * n + "b"),
    "soft hyphens": (100_000, lambda n: "a" + "\u00ad" * n + "b"),
    "combining marks": (20_000, lambda n: "a" + "\u0301\u0323" * n + "b"),
    "bullets": (4000, lambda n: "- one item\n" * n),
    "a menu": (1000, lambda n: SENTENCE + "\n\n" + "Home | " * n),
    "headings of comments": (2000, lambda n: (SENTENCE + "\n\n") * (2 * n) + "Comments\n\n" * n + SENTENCE * 3),
    "Markdown links": (4000, lambda n: "[a](http://b) " * n),
    "an unfinished Markdown link": (20_000, lambda n: "[a](" + "a.b" * n),
    "asterisks": (20_000, lambda n: "*a " * n),
    "ampersands": (20_000, lambda n: "&amp;" * n),
}  # fmt: skip
PAGES: Inputs = {
    "nested divs": (1000, lambda n: "<div>" * n + "x" + "</div>" * n),
    "nested lists": (300, lambda n: "<ul><li>x " * n),
    "unclosed b": (500, lambda n: "<p><b>x " * n),
    "paragraphs": (1000, lambda n: "".join(PARAGRAPH.replace("council", f"council{i}") for i in range(n))),
    "empty tags": (10_000, lambda n: "<i></i>" * n),
    "line breaks": (5000, lambda n: "x<br>" * n),
    "spans in a paragraph": (5000, lambda n: "<p>" + "<span>xy </span>" * n + "</p>"),
    "links": (5000, lambda n: "<a href=u>x y z</a> " * n),
    "a huge attribute": (100_000, lambda n: "<p class='" + "a " * n + "'>x</p>"),
    "many attributes": (3000, lambda n: "<p " + " ".join(f"a{i}=1" for i in range(n)) + ">x</p>"),
    "a huge comment": (300_000, lambda n: "<!--" + "x-" * n + "-->"),
    "entities": (30_000, lambda n: "<p>" + "&amp;" * n + "</p>"),
    "a long paragraph": (20_000, lambda n: "<p>" + "the council " * n + "</p>"),
    "a huge script": (20_000, lambda n: "<script>" + "var a='2024-01-01';" * n + "</script>"),
    "authors": (1000, lambda n: "<div class='author'>By John Smith and </div>" * n),
    "white space": (100_000, lambda n: "<p>" + " " * n + "x</p>"),
}
YAML: Inputs = {
    "aliases": (2000, lambda n: "a: &a [1,2,3]\nb: [" + "*a, " * n + "1]\n"),
    "aliases of aliases": (
        10, lambda n: "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, n)),
    ),
    "nesting": (2000, lambda n: "a: " + "[" * n + "]" * n),
    "a long key": (100_000, lambda n: "a" * n + ": 1\n"),
    "keys": (2000, lambda n: "".join(f"k{i}: 1\n" for i in range(n))),
    "a long number": (100_000, lambda n: "a: " + "1" * n + "\n"),
    "a long time": (50_000, lambda n: "a: 1" + ":1" * n + "\n"),
    "lines of a text": (20_000, lambda n: 'a: "' + "x\n  " * n + '"\n'),
}  # fmt: skip
TABLES: Inputs = {
    "columns.csv": (10_000, lambda n: ",".join(f"c{i}" for i in range(n)) + "\n" + ",".join("x" * n) + "\n"),
    "cell.csv": (2_000_000, lambda n: "id,text\n1,\"" + "x " * n + "\"\n"),
    "quotes.tsv": (200_000, lambda n: "id\ttext\n1\t" + '" ' * n + "\n"),
    "rows.csv": (20_000, lambda n: "id,text\n" + "1,x\n" * n),
    "broken.csv": (20_000, lambda n: "id,text\n" + "1\n" * n),
    "nested.jsonl": (20_000, lambda n: '{"a": ' + "[" * n + "]" * n + "}\n"),
    "one.json": (20_000, lambda n: json.dumps([{"id": i, "text": "x"} for i in range(n)])),
}  # fmt: skip
ATTACH: Inputs = {"other words": (40_000, lambda n: " ".join(f"w{i * 7919 % 100_003}" for i in range(n)))}


def read_text(text: str, folder: Path) -> None:
    (folder / "a.txt").write_text(text, encoding="utf-8")
    _cut(folder / "a.txt")


def read_page(body: str, folder: Path) -> None:
    article = f"<html><title>t</title><body><article>{PARAGRAPH * 3}{body}{PARAGRAPH * 3}</article></body></html>"
    (folder / "a.html").write_text(article, encoding="utf-8")
    _cut(folder / "a.html")


def _cut(path: Path) -> None:
    for item in read_file(ArticleFile(path, path.name)):
        if isinstance(item, ReadArticle):
            segment(item.article)


def read_yaml(text: str, folder: Path) -> None:
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    for read in (read_codebook, read_config):
        with contextlib.suppress(DemarcheError):
            read(folder / "a.yaml")


def tables(name: str) -> Work:
    def read(text: str, folder: Path) -> None:
        (folder / name).write_text(text, encoding="utf-8")
        with contextlib.suppress(DemarcheError):
            for _ in read_rows(folder / name, Problems()):
                pass

    return read


def attach_other_text(text: str, folder: Path) -> None:
    """Look for passages of the first half of the text in the second."""
    words = text.split()
    half = len(words) // 2
    detached = []
    for place in range(0, half - 80, 80):
        passage = " ".join(words[place : place + 20 + place % 61])
        detached.append(
            detach(Passage(id=str(place), article="a", text=passage, start=place, end=place + len(passage)))
        )
    attach(detached, [Article(id="a", text=" ".join(words[half:]))])


def rows(kinds: Sequence[str]) -> Iterator[tuple[str, ...]]:
    works: dict[str, Callable[[str], Work]] = {
        "text": lambda name: read_text,
        "pages": lambda name: read_page,
        "yaml": lambda name: read_yaml,
        "tables": tables,
        "attach": lambda name: attach_other_text,
    }
    inputs = {"text": TEXTS, "pages": PAGES, "yaml": YAML, "tables": TABLES, "attach": ATTACH}
    with tempfile.TemporaryDirectory() as folder:
        read_page("", Path(folder))  # imports what it needs
        for kind in kinds or works:
            for name, (size, make) in inputs[kind].items():
                times = [_seconds(works[kind](name), make(size * 2**step), Path(folder)) for step in range(3)]
                growth = times[2] / max(times[1], 1e-3)
                is_more = growth > LINEAR and times[2] > 0.2
                shown = (f"{seconds:.2f}" for seconds in times)
                yield kind, name, f"{size:,}", *shown, f"{growth:.1f}", "more than linear" if is_more else ""


def _seconds(work: Work, text: str, folder: Path) -> float:
    before = time.process_time()
    work(text, folder)
    return time.process_time() - before


def main(arguments: Sequence[str]) -> int:
    kinds = [argument for argument in arguments if argument != "--patterns"]
    if "--patterns" in arguments:
        slow = [
            (f"{pattern.place}:{pattern.line}", f"{text.start!r} + {text.pump!r} …", f"{text.growth:.1f}")
            for pattern in patterns()
            if pattern.engine == "re" and pattern.text is not None
            for text in list(pumped(pattern))[:1]
        ]
        table(("pattern", "text", "growth"), slow)
        return 0
    columns = ("kind", "input", "n", "s for n", "s for 2 n", "s for 4 n", "growth", "")
    measured = []
    for row in rows(kinds):
        print(" ".join(row), file=sys.stderr, flush=True)
        measured.append(row)
    table(columns, measured)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
