"""Outputs that cannot or must not be written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults import CHECK, EVALUATE, IMPORT, TABLE, Fault, both, check_fault, parameters, put

FAULTS: dict[str, Fault] = {
    # Outputs
    "an output that is an input: evaluate": Fault(EVALUATE + " --out passages.jsonl", "passages.jsonl: is an input"),
    "an output that is an input: import": Fault(
        "labels import table passages.jsonl --out . --split id --stance id", "passages.jsonl: is an input"
    ),
    "an output that is an input: passages": Fault(
        "labels passages articles.jsonl --out articles.jsonl", "articles.jsonl: is an input"
    ),
    "an output that is an input: detach": Fault(
        "labels detach passages.jsonl --out passages.jsonl", "passages.jsonl: is an input"
    ),
    "an output that is an input: attach": Fault(
        "labels attach passages.jsonl --articles articles.jsonl --out articles.jsonl", "articles.jsonl: is an input"
    ),
    "an output below a file: detach": Fault(
        "labels detach passages.jsonl --out config.yaml/x", "config.yaml/x: cannot be written"
    ),
    "an output that is an input: adjudicate": Fault(
        "labels adjudicate codebook.yaml passages.jsonl annotations.jsonl --out annotations.jsonl",
        "annotations.jsonl: is an input",
    ),
    "an output that is an input: export": Fault(
        "labels export table codebook.yaml passages.jsonl annotations.jsonl --out table/../passages.jsonl",
        "passages.jsonl: is an input",
        lambda folder: (folder / "table").mkdir(),
    ),
    "an output below a file: adjudicate": Fault(
        "labels adjudicate codebook.yaml passages.jsonl annotations.jsonl --out config.yaml/x",
        "config.yaml/x: cannot be written",
    ),
    "an output below a file: export": Fault(
        "labels export table codebook.yaml passages.jsonl annotations.jsonl --out config.yaml/t.csv",
        "config.yaml/t.csv: cannot be written",
    ),
    "a table format that does not exist": Fault(
        "labels export table codebook.yaml passages.jsonl annotations.jsonl --out t.xlsx",
        "t.xlsx: not the name of a table; use a file name ending in .csv",
    ),
    "one annotator alone": Fault(
        "labels agreement codebook.yaml passages.jsonl annotations.jsonl",
        ("no passage has two annotators", "annotated by a second person"),
    ),
    "two outputs in one file": Fault("labels passages articles.jsonl --out p.jsonl --articles-out p.jsonl", "p.jsonl"),
    "an output in the model": Fault(
        "tag articles.jsonl --model copy --out copy/tags.csv", "copy/tags.csv: is in the model's folder"
    ),
    "an output on a pipe: evaluate": Fault(
        EVALUATE + " --out pipe",
        "pipe: cannot be written: it is a device or a pipe",
        lambda folder: os.mkfifo(folder / "pipe"),
    ),
    "an output on a pipe: tag": Fault(
        "tag articles.jsonl --model MODEL --out pipe.csv",
        "pipe.csv: cannot be written: it is a device or a pipe",
        lambda folder: os.mkfifo(folder / "pipe.csv"),
    ),
    "an output on a pipe: schema": Fault(
        "labels schema --out out",
        "article.schema.json: cannot be written: it is a device",
        lambda folder: ((folder / "out").mkdir(), os.mkfifo(folder / "out" / "article.schema.json")),
    ),
    "an output on a folder": Fault(
        EVALUATE + " --out out", "out: cannot be written: it is a folder", lambda folder: (folder / "out").mkdir()
    ),
    "an output below a file: evaluate": Fault(EVALUATE + " --out config.yaml/x", "config.yaml/x: cannot be written"),
    "an output below a file: import": Fault(
        IMPORT.format("t.csv").replace("--out out", "--out config.yaml/x"),
        "config.yaml/x/passages.jsonl: cannot be written",
        put("t.csv", TABLE),
    ),
    "an output below a file: schema": Fault(
        "labels schema --out config.yaml/x", "config.yaml/x/article.schema.json: cannot be written"
    ),
    "an output where nothing can be written": Fault(
        "labels passages articles.jsonl --out /proc/1/x.jsonl", "/proc/1/x.jsonl: cannot be written"
    ),
    "an output with too long a name": Fault(EVALUATE + " --out " + "x" * 300, "cannot be written: File name too long"),
    "an input with too long a name": Fault(CHECK + "x" * 300, "cannot be read: File name too long"),
    "a codebook that was edited": Fault(
        IMPORT.format("t.csv"),
        ("out/codebook.yaml: has been edited", "--codebook"),
        both(
            put("t.csv", TABLE),
            put("out/codebook.yaml", 'id: t\nversion: "1.0.0"\ntopics:\n- {id: tea, target: more tea}\n'),
        ),
    ),
    "no article among those to annotate": Fault(
        "labels passages a.txt --out p.jsonl",
        ("a.txt: empty", "nothing is written"),
        both(put("a.txt", ""), put("p.jsonl", "older")),
    ),
}


@pytest.mark.parametrize("fault", parameters(FAULTS))
def test_a_faulty_output_is_reported_in_a_line_and_nothing_is_lost(
    fault: Fault, town: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_fault(fault, town, model, monkeypatch)
