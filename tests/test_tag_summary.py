"""The end of `demarche tag` counts what there was, and its parts add up."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from labels.files import write_jsonl
from labels.passages import Article
from models.calibration import Platt, TopicCalibration
from models.tagger import Tagger
from tests.conftest import demarche, make_articles
from tests.test_tagging import RUSSIAN, TEA

COUNT = re.compile(r" *(\d+)  ?(.+)")


def parts_of(output: str) -> dict[str, dict[str, int]]:
    """{what is counted: {part: number}}; checks that the parts of each sum add up to it."""
    found: dict[str, dict[str, int]] = {}
    lines = iter(output.splitlines())
    for line in lines:
        if whole := re.fullmatch(r"(\d+) ([a-z]+):", line):
            parts = {}
            while part := COUNT.fullmatch(next(lines)):
                parts[part[2]] = int(part[1])
            assert sum(parts.values()) == int(whole[1]), output
            found[whole[2]] = parts
    return found


@pytest.fixture
def doubtful(model: Path, tmp_path: Path) -> Path:
    """A model that is hardly sure of a topic, and leaves much to review."""
    tagger = Tagger.load(model)
    calibration = tagger.settings.topic_calibration
    assert calibration is not None
    curves = tuple(Platt(slope=curve.slope * 0.16, bias=curve.bias * 0.16) for curve in calibration.curves)
    unsure = TopicCalibration(curves=curves, thresholds=(0.82, 0.5))
    settings = tagger.settings.model_copy(update={"review": 1.0, "topic_calibration": unsure})
    replace(tagger, settings=settings).save(tmp_path / "doubtful")
    return tmp_path / "doubtful"


def test_the_parts_of_a_batch_with_rows_of_every_kind_add_up(doubtful: Path, tmp_path: Path) -> None:
    first, second, *others = (Article(id=each.id, text=each.text) for each in make_articles(30, seed=7)[0])
    batch, archive = tmp_path / "batch.jsonl", tmp_path / "archive"
    write_jsonl(batch, [first, second])
    assert demarche("tag", batch, "--model", doubtful, "--out", archive, "--jobs", "1").exit_code == 0
    before, candidates_before = (len(pd.read_parquet(archive / kind)) for kind in ("tags", "candidates"))
    menu, text = "Skip to content", others[0].text
    new = [
        *others,
        Article(id="copy", text=text.replace(" ", "  ")),
        Article(id="ru", text=f"{RUSSIAN}\n\n{RUSSIAN[:-1]}!"),
        Article(id="page", text=f"{menu}\n\n{TEA}"),
        Article(id="menu", text=menu),
    ]
    write_jsonl(batch, [first, second.model_copy(update={"text": TEA}), *new])
    with batch.open("a", encoding="utf-8") as rows:
        rows.write('{"id": "blank", "text": ""}\n')
    result = demarche("tag", batch, "--model", doubtful, "--out", archive, "--jobs", "1")
    assert result.exit_code == 3
    assert "not read: batch.jsonl:35: empty text" in result.output
    assert "not read: menu: no text but boilerplate" in result.output
    tags = pd.read_parquet(archive / "tags").iloc[before:]
    candidates = pd.read_parquet(archive / "candidates").iloc[candidates_before:]
    in_doubt = {*tags.passage[tags.status == "review"], *candidates.passage}
    read = tags[tags.status.isin(["tagged", "review", "no_topic"])].groupby("passage").topic.count()
    kinds = Counter((count > 0, id in in_doubt) for id, count in read.items())
    assert all(kinds[kind] for kind in product((True, False), repeat=2))
    counts = parts_of(result.output)
    assert counts["articles"] == {
        f"read by {doubtful}": len(others) + 1,
        "in another language, not tagged": 1,
        "with the text of another, tagged once (column copy_of)": 1,
        "tagged by an earlier batch": 1,
        "changed since an earlier batch, whose tags stay": 1,
        "not read": 2,
    }
    assert counts["passages"] == {
        "with a topic": kinds[True, False],
        "with a topic, for review": kinds[True, True],
        "without a topic": kinds[False, False],
        "without a topic, for review": kinds[False, True],
        "boilerplate, not tagged": 2,
        "in another language, not tagged: ru 2, in 1 article; the model was trained on en": 2,
    }
    topics = dict(re.findall(r"^(tea|rain|total) +(\d+)", result.output, re.MULTILINE))
    assert int(topics["total"]) == int(topics["tea"]) + int(topics["rain"]) == tags.topic.count()
    assert f"beside them, {len(candidates)} topics left to review and not assigned (candidates)" in result.output
