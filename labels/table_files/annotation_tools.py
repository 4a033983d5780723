"""Recognise the exports of annotation tools whose rows are not those of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LABEL_STUDIO = (
    "a Label Studio export in JSON, whose labels are not columns; read a project made with `demarche labels export "
    "label-studio` with `demarche labels import label-studio`, or export another as JSON-MIN or CSV, and name the columns "
    "of texts and choices"
)
_ARGILLA = (
    "an Argilla export, whose responses are not columns; read a dataset made with `demarche labels export argilla` with "
    "`demarche labels import argilla`, or save another as a table, e.g. with "
    '`dataset.records.to_datasets().to_parquet("records.parquet")`, and name the columns of texts and responses'
)


def is_label_studio(row: Mapping[str, Any]) -> bool:
    """Return whether the row is a task of Label Studio, labelled or not."""
    has_results = any(isinstance(row.get(name), list) for name in ("annotations", "completions", "predictions"))
    return has_results and isinstance(row.get("data"), dict)


def is_argilla(row: Mapping[str, Any]) -> bool:
    """Return whether the row is a record of Argilla, of version 2 or 1."""
    if isinstance(row.get("fields"), dict) and "responses" in row:
        return True
    if any(name.endswith(".responses.users") for name in row):
        return True
    return isinstance(row.get("inputs"), dict) and "annotation" in row


def explain_export(row: Mapping[str, Any]) -> str | None:
    """Return what the row is if it is a task of Label Studio or a record of Argilla, and how to read it."""
    if is_label_studio(row):
        return _LABEL_STUDIO
    return _ARGILLA if is_argilla(row) else None
