"""The scores of bench-pages: what is lost of a body, and what else is read."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import pytest

from benchmarks import pages
from benchmarks.pages import GoldPage, score
from labels.passages import Article
from tagging.pages.classifier import read_weights
from tagging.segmentation import Piece, segment

BODY = [
    "The council of the ferry town voted on Tuesday to build a second pier after six years of argument.",
    "Fishermen had filled the gallery since noon, and most of them left when the result was read out.",
]
OTHER = "Bakers in the valley say that flour has never cost so much, and that bread will have to follow."


def gold(number: int) -> GoldPage:
    body = [f"In year {number} it was told so. {text}" for text in BODY * 2]
    text = "".join(f"<p>{paragraph}</p>" for paragraph in body)
    links = f"<ul><li><a href='/o'>{OTHER}</a></li></ul>"
    html = f"<html><head><title>A pier</title></head><body><h1>A pier</h1>{text}{links}</body></html>"
    return GoldPage(f"{number:012x}", f"site{number}.org", html.encode(), "\n\n".join(body))


def pieces(*paragraphs: str) -> list[Piece]:
    return segment(Article(id="a", text="\n\n".join(paragraphs), title="A pier"))


def test_what_is_read_whole_and_alone_has_no_faults() -> None:
    assert score([GoldPage("a", "s", b"", "\n\n".join(BODY))], lambda _: pieces(*BODY)) == (0, 0)


def test_a_paragraph_not_read_is_lost_and_another_is_not_body() -> None:
    result = score([GoldPage("a", "s", b"", "\n\n".join(BODY))], lambda _: pieces(BODY[0], OTHER))
    lost, read = len(BODY[1].split()) - 2, len(BODY[0].split()) + len(OTHER.split())
    assert result.lost == pytest.approx(lost / (lost + len(BODY[0].split()) - 2))
    assert result.not_body == pytest.approx(len(OTHER.split()) / read)


def test_every_page_is_scored_by_weights_of_other_sites() -> None:
    examples = [gold(number) for number in range(12)]
    weights = pages.weights_by_fold(examples, [pages.label_blocks(page) for page in examples])
    assert set(weights) == {page.id for page in examples}
    assert len(set(map(str, weights.values()))) > 1


def test_the_command_prints_its_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pages/html").mkdir(parents=True)
    with gzip.open(tmp_path / "pages/bodies.jsonl.gz", "wt") as bodies:
        for page in map(gold, range(12)):
            bodies.write(json.dumps({"id": page.id, "url": f"https://www.{page.site}/", "body": page.body}) + "\n")
            (tmp_path / f"pages/html/{page.id}.html.gz").write_bytes(gzip.compress(page.html))
    monkeypatch.setattr(sys, "argv", ["pages", str(tmp_path)])
    before = read_weights()
    pages.main()
    output = capsys.readouterr().out
    assert output.startswith("12 English pages of 12 sites\n")
    assert output.count("of the body lost") == 3
    assert read_weights() == before
