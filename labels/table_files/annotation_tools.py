"""Recognise the exports of annotation tools whose rows are not those of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LABEL_STUDIO = (
    "a Label Studio export in JSON, whose labels are not columns; export it as JSON-MIN or CSV, and name the columns of "
    "texts and choices"
)
_ARGILLA = (
    "an Argilla export, whose responses are not columns; save it as a table, e.g. with "
    '`dataset.records.to_datasets().to_parquet("records.parquet")`, and name the columns of texts and responses'
)


def explain_export(row: Mapping[str, Any]) -> str | None:
    """Return what the row is if it is a task of Label Studio or a record of Argilla, and what to export instead."""
    has_results = any(isinstance(row.get(name), list) for name in ("annotations", "completions"))
    if has_results and isinstance(row.get("data"), dict):
        return _LABEL_STUDIO
    if isinstance(row.get("fields"), dict) and "responses" in row:
        return _ARGILLA
    return _ARGILLA if isinstance(row.get("inputs"), dict) and "annotation" in row else None
