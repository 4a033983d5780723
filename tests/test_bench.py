"""The benchmarks run from data to table."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from benchmarks import bench, folds, news
from benchmarks.news_models import REPORT, SEED, Bench
from benchmarks.news_scores import read_gold
from labels.codebook import STANCES, write_codebook
from labels.files import write_jsonl
from labels.gold.adjudication import adjudicate
from models.examples import stance_examples
from tests.conftest import BOOK, CONFIG, ENCODER, make_articles, tiny_encoder

SET = """\
name: gwsd-tiny
data:
  codebook: build/bench/gwsd/codebook.yaml
  passages: build/bench/gwsd/passages.jsonl
  annotations: [build/bench/gwsd/annotations.jsonl]
input: [text]
split: {strategy: column, on_leak: drop}
precision: fp32
stance: STANCE
"""


@pytest.fixture
def data(store: Path) -> Path:
    """A folder with a small data set of the town's sentences; the working folder has a config for it."""
    _, passages, annotations = make_articles(40)
    examples = stance_examples(adjudicate(passages, annotations), BOOK, ["text"], "majority")
    folder = store.parent / "data" / "gwsd"
    folder.mkdir(parents=True)
    with gzip.open(folder / "sentences.jsonl.gz", "wt", encoding="utf-8") as out:
        for number, (query, y) in enumerate(zip(examples.inputs, examples.y, strict=True)):
            row = {"id": f"s{number}", "text": query.text, "target": "tea", "votes": [STANCES[int(y.argmax())]]}
            split = ("train", "train", "dev", "test")[number % 4]
            out.write(json.dumps(row | {"stance": row["votes"][0], "split": split}) + "\n")
    for path in (bench.CONFIGS / "gwsd-tiny.yaml", bench.CODEBOOK):
        path.parent.mkdir(parents=True)
    (bench.CONFIGS / "gwsd-tiny.yaml").write_text(SET.replace("STANCE", ENCODER.format(tiny_encoder())))
    write_codebook(bench.CODEBOOK, BOOK)
    return store.parent / "data"


@pytest.mark.slow
def test_a_set_is_run_with_three_seeds_once(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main([str(data), "gwsd"]) == 0
    first = capsys.readouterr()
    (row,) = [line for line in first.out.splitlines() if line.startswith("gwsd-tiny")]
    assert " ± " in row
    assert len(list((bench.BUILD / "results").iterdir())) == 3
    assert bench.main([str(data), "gwsd-tiny"]) == 0
    again = capsys.readouterr()
    assert again.out == first.out
    assert again.err == ""


def test_every_passage_is_predicted_once_by_a_model_of_other_articles(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Most letters occur on both topics and with every stance, so that this config does much worse.
    letters = CONFIG.replace("ngrams: {chars: null}", "ngrams: {words: null, chars: [1, 1]}")
    assert letters != CONFIG
    Path("letters.yaml").write_text(letters)
    assert folds.main(["config.yaml", "letters.yaml"]) == 0
    first = capsys.readouterr()
    rows = [line.split() for line in first.out.splitlines()[1:]]
    assert [row[:2] for row in rows] == [
        ["letters.yaml", metric] for metric in ("topics/micro_f1", "stance/macro_f1", "joint/micro_f1")
    ]
    assert all(float(difference) < 0 for _, _, _, _, difference, *_ in rows)
    assert folds.main(["config.yaml", "letters.yaml"]) == 0
    assert capsys.readouterr() == (first.out, "")


def test_the_folds_need_two_configs_to_compare(capsys: pytest.CaptureFixture[str]) -> None:
    assert folds.main(["config.yaml"]) == 2
    assert "give two configs at least" in capsys.readouterr().err


def test_each_part_of_the_corpus_is_left_out_in_turn(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, passages, _ = make_articles()
    parts = [{"part": "rare" if number % 3 else "news"} for number in range(len(passages))]
    write_jsonl(
        Path("passages.jsonl"),
        [passage.model_copy(update={"meta": meta}) for passage, meta in zip(passages, parts, strict=True)],
    )
    _, real, annotations = make_articles(20, seed=2)
    readers = [a.model_copy(update={"annotator": reader}) for a in annotations for reader in ("reader_a", "reader_b")]
    files = [Path("news/passages.jsonl.gz"), Path("news/annotations.jsonl.gz")]
    for file, rows in zip(files, (real, readers), strict=True):
        write_jsonl(file.with_suffix(""), rows)
        file.write_bytes(gzip.compress(file.with_suffix("").read_bytes()))
    page = Path("pages/html/page1.html.gz")
    page.parent.mkdir(parents=True)
    paragraphs = "".join(f"<p>{passage.text}</p>" for passage in real[:9])
    page.write_bytes(gzip.compress(f"<html><body><article>{paragraphs}</article></body></html>".encode()))
    on_news = Bench(workspace, files, read_gold(Path("codebook.yaml"), *files), REPORT, SEED)
    results = list(news.parts(on_news, Path("config.yaml")))
    assert [learned for _, learned, _ in results] == ["corpus", "corpus without news", "corpus without rare"]
    sizes = [
        [int(word) for word in line.split() if word.isdigit()][:2] for line in capsys.readouterr().err.splitlines()
    ]
    whole, without_news, without_rare = sizes
    assert whole == [rare + of_news for rare, of_news in zip(without_news, without_rare, strict=True)]
    assert without_news > without_rare
    assert list(news.parts(on_news, Path("config.yaml"))) == results
    assert capsys.readouterr().err == ""
