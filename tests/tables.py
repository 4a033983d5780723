"""Helpers of the tests that import tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labels.check import read_labelled
from labels.codebook import Codebook, Topic, write_codebook
from labels.errors import DemarcheError
from labels.files import write_jsonl
from labels.tables.columns import ImportOptions, TableColumns
from labels.tables.imports import Imported, import_table

Labels = dict[tuple[str, str], list[tuple[str | None, str | None, str | None]]]


BOOK = Codebook(id="tiny", version="1.0.0", topics=(Topic(id="tea"), Topic(id="rain")))


def labels_of(imported: Imported) -> Labels:
    """Return {(passage, annotator): [(topic, target, stance) of each label]}."""
    return {
        (annotation.passage, annotation.annotator): [
            (label.topic, label.target, label.stance) for label in annotation.labels
        ]
        for annotation in imported.annotations
    }


def csv(folder: Path, text: str, *, name: str = "table.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def jsonl(folder: Path, *rows: dict[str, Any], name: str = "table.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def parquet(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "table.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


def refused(
    path: Path, columns: TableColumns, options: ImportOptions | None = None, codebook: Codebook | None = None
) -> str:
    with pytest.raises(DemarcheError) as raised:
        import_table(path, columns, options or ImportOptions(), codebook)
    return str(raised.value)


SEMEVAL = (
    "ID,Target,Tweet,Stance\r\n"
    '101,Atheism,"dear lord, thank u ""for all"" 🙏 #SemST",AGAINST\r\n'
    '102,Climate Change is a Real Concern,"two\r\nlines",FAVOR\r\n'
    "103,Climate Change is a Real Concern,@user ok,NONE\r\n"
)


def read_back(folder: Path, imported: Imported) -> Any:
    write_jsonl(folder / "passages.jsonl", imported.passages)
    write_jsonl(folder / "annotations.jsonl", imported.annotations)
    write_codebook(folder / "codebook.yaml", imported.codebook)
    return read_labelled(folder / "codebook.yaml", [folder / "passages.jsonl"], [folder / "annotations.jsonl"])
