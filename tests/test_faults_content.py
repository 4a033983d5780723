"""Faulty content of the files that commands read: YAML, tables, passages and annotations."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from tests.faults import (
    CHECK,
    IMPORT,
    TABLE,
    TAG,
    TEXT,
    TRAIN,
    Fault,
    Make,
    add_line,
    check_fault,
    more,
    parameters,
    put,
)

BOMB = "".join(
    f"{one}: &{one} [{', '.join([other] * 9)}]\n"
    for one, other in zip("bcdefghij", ["x", *(f"*{c}" for c in "bcdefghi")], strict=True)
)


def parquet(**columns: Any) -> Make:
    def make(folder: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table(columns), folder / "a.parquet")

    return make


def damaged_parquet(folder: Path) -> None:
    parquet(text=[TEXT] * 50)(folder)
    path = folder / "a.parquet"
    path.write_bytes(path.read_bytes()[:-100])


def not_utf_8_in_parquet(folder: Path) -> None:
    import pyarrow as pa

    raw = pa.array([b"caf\xe9"], pa.binary()).view(pa.string())
    parquet(text=raw)(folder)


def zone_in_parquet(folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    times = pa.array([0], pa.timestamp("s", tz="Moon/Base"))
    columns = {"id": ["a"], "text": [TEXT], "topics": ["tea"], "stance": ["favor"], "published": times}
    pq.write_table(pa.table(columns), folder / "a.parquet")


FAULTS: dict[str, Fault] = {
    # YAML
    "a key twice in a codebook": Fault(
        CHECK, "codebook.yaml:16: 'topics' already occurs in line 3", more("codebook.yaml", "topics: []\n")
    ),
    "a key twice in a config": Fault(
        TRAIN, "config.yaml:7: 'name' already occurs in line 1", more("config.yaml", "name: again\n")
    ),
    "aliases that explode in a codebook": Fault(CHECK, ("codebook.yaml", "aliases"), more("codebook.yaml", BOMB)),
    "aliases that explode in a config": Fault(TRAIN, ("config.yaml", "aliases"), more("config.yaml", BOMB)),
    "a value within itself": Fault(TRAIN, ("config.yaml:7", "within itself"), more("config.yaml", "x: &a [*a]\n")),
    "a config nested deep": Fault(
        TRAIN, ("config.yaml", "nested more than 50 deep"), more("config.yaml", "x: " + "[" * 5000 + "]" * 5000)
    ),
    "a number of 5,000 digits in a config": Fault(
        TRAIN, ("config.yaml", "too many digits"), more("config.yaml", "x: " + "9" * 5000)
    ),
    "a number of 5,000 digits in a codebook": Fault(
        CHECK, ("codebook.yaml", "too many digits"), more("codebook.yaml", "x: " + "9" * 5000)
    ),
    "a tab in a config": Fault(TRAIN, ("config.yaml:7: not YAML", "\\t"), more("config.yaml", "\tx: 1\n")),
    "a zero byte in a codebook": Fault(
        CHECK, "codebook.yaml: binary, or damaged: it contains a zero byte in line 16", more("codebook.yaml", "x: \0\n")
    ),
    "code in a codebook": Fault(
        CHECK,
        ("codebook.yaml:16: not YAML", "python/object"),
        more("codebook.yaml", "x: !!python/object/apply:os.system [ls]\n"),
    ),
    "a codebook of 50 MB": Fault(
        CHECK, "codebook.yaml: larger than", lambda folder: more("codebook.yaml", "# " + "x" * 50_000_000)(folder)
    ),
    # Tables
    "a lone quote": Fault(
        IMPORT.format("t.csv"),
        ("t.csv:2", "a quote in a quoted cell is doubled"),
        put("t.csv", TABLE.replace("We", '"We')),
    ),
    "a cell too few": Fault(
        IMPORT.format("t.csv"), "t.csv:4: 2 cells where the header has 4", put("t.csv", TABLE + "3,x\n")
    ),
    "packed, but without .gz in its name": Fault(
        IMPORT.format("t.jsonl"),
        ("t.jsonl: compressed with gzip", ".gz"),
        put("t.jsonl", gzip.compress(TABLE.encode())),
    ),
    "packed, and cut off": Fault(
        IMPORT.format("t.csv.gz"),
        ("t.csv.gz:", "the file is cut off; get it again"),
        put("t.csv.gz", gzip.compress(TABLE.encode())[:-20]),
    ),
    "a packed program": Fault(
        TAG.format("a.py.gz"), "packed .py is not read", put("a.py.gz", gzip.compress(TEXT.encode()))
    ),
    "Parquet cut off": Fault(TAG.format("a.parquet"), "a.parquet: not a Parquet file", damaged_parquet),
    "Parquet with texts in another encoding": Fault(
        TAG.format("a.parquet"), ("a.parquet", "utf-8"), not_utf_8_in_parquet
    ),
    "Parquet with times of an unknown zone": Fault(
        TAG.format("a.parquet"),
        "a.parquet: has times in the time zone 'Moon/Base', which is not known",
        zone_in_parquet,
    ),
    "a table of Parquet with times of an unknown zone": Fault(
        IMPORT.format("a.parquet"), "a.parquet: has times in the time zone 'Moon/Base'", zone_in_parquet
    ),
    "a list with an endless hexadecimal number": Fault(
        IMPORT.format("t.csv"),
        ("t.csv:2: ", "looks like a list but is not one"),
        put("t.csv", f"id,text,topics,stance\n1,We like tea,[0x{'f' * 5000}],favor\n"),
    ),
    "a set with an endless binary number": Fault(
        IMPORT.format("t.csv"),
        ("t.csv:2: ", "looks like a list but is not one"),
        put("t.csv", f"id,text,topics,stance\n1,We like tea,{{0b{'1' * 50_000}}},favor\n"),
    ),
    "characters of no width alone": Fault(TAG.format("a.txt"), "a.txt: empty", put("a.txt", "\u200b\u200d \ufeff\n")),
    "half a surrogate for a target": Fault(
        TAG.format("a.jsonl") + " --target about",
        "a.jsonl:1: not JSON: half a surrogate pair",
        put("a.jsonl", '{"about": "\\ud800", "text": "A text."}\n'),
    ),
    # The same id
    "an id twice in passages": Fault(
        CHECK,
        ("passages.jsonl:181", "rename one"),
        lambda folder: add_line("passages.jsonl", (folder / "passages.jsonl").read_text().splitlines()[0])(folder),
    ),
    # Messages stay short, however long the value that they quote
    "an id of 5 MB": Fault(
        CHECK,
        ("annotations.jsonl:181: passage 'xxx", "is not in passages.jsonl"),
        add_line(
            "annotations.jsonl",
            '{"passage": "' + "x" * 5_000_000 + '", "annotator": "one", "codebook": "tiny@1.0.0", "labels": []}',
        ),
    ),
    "a stance of 5 MB": Fault(
        CHECK,
        ("annotations.jsonl:181: labels.0.stance: 'xxx", "is not allowed"),
        add_line(
            "annotations.jsonl",
            '{"passage": "x", "annotator": "one", "codebook": "tiny@1.0.0", "labels": [{"topic": "tea", "stance": "'
            + "x" * 5_000_000
            + '"}]}',
        ),
    ),
    "a passage of 50 MB": Fault(
        CHECK,
        "passages.jsonl:181: text: 50,000,000 characters; cut",
        lambda folder: add_line(
            "passages.jsonl",
            '{"id": "x", "article": "x", "start": 0, "end": 50000000, "text": "' + "x" * 50_000_000 + '"}',
        )(folder),
    ),
    "control characters in an id": Fault(
        CHECK,
        "annotations.jsonl:181: passage '\\x1b[2J\\n'",
        add_line(
            "annotations.jsonl",
            '{"passage": "\\u001b[2J\\n", "annotator": "one", "codebook": "tiny@1.0.0", "labels": []}',
        ),
    ),
    # Too little
    "annotations for three passages": Fault(
        TRAIN + " --check",
        ("3 labelled passages", "label more"),
        lambda folder: put(
            "annotations.jsonl", b"".join((folder / "annotations.jsonl").read_bytes().splitlines(True)[:3])
        )(folder),
    ),
}


@pytest.mark.parametrize("fault", parameters(FAULTS))
def test_faulty_content_is_reported_in_a_line_and_nothing_is_lost(
    fault: Fault, town: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_fault(fault, town, model, monkeypatch)
