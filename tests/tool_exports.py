"""Files as Label Studio, Prodigy, Doccano and Argilla export them, made from our labels."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labels.codebook import Codebook
from labels.passages import Annotation, Label, Passage
from labels.tools import argilla, doccano, label_studio, prodigy
from labels.tools.collected import Imported
from labels.tools.work import Exported, Suggestion, prepare
from tests.conftest import BOOK

TEXT = "😀 The mayor praised tea.\nRain fell 🌧 on the bakers,\r\nwho scorned umbrellas."
TOOLS = {"label-studio": label_studio, "prodigy": prodigy, "doccano": doccano, "argilla": argilla}
USERS = {"anna": "b4c7c3a2-9dab-467f-83a9-b5ebd687812b", "bert": "0c1f1c6e-7a86-4d1c-8f3f-1f6c6c1de0aa"}


def passage(id: str = "p 1", text: str = TEXT) -> Passage:
    return Passage(id=id, article=f"{id}'s", text=text, start=7, end=7 + len(text), title="T", meta={"n": 1, "ü": None})


def reading(*labels: Label, by: str = "anna", of: str = "p 1") -> Annotation:
    return Annotation(passage=of, annotator=by, codebook=BOOK.reference, labels=labels)


def span(words: str, text: str = TEXT) -> tuple[int, int]:
    return text.index(words), text.index(words) + len(words)


def export(
    tool: str, folder: Path, *annotations: Annotation, passages: list[Passage] | None = None, book: Codebook = BOOK,
    suggestions: dict[str, Suggestion] | None = None,
) -> Exported:  # fmt: skip
    lost: Counter[str] = Counter()
    tasks = prepare(book, passages or [passage()], annotations, suggestions or {}, lost)
    more: dict[str, Any] = {"users": USERS} if tool == "argilla" else {}
    return TOOLS[tool].export(folder, book, tasks, lost, **more)  # type: ignore[attr-defined, no-any-return]


def of_label_studio(folder: Path) -> Path:
    tasks = json.loads((folder / "tasks.json").read_text(encoding="utf-8"))
    for number, task in enumerate(tasks, start=1):
        task |= {"id": number, "drafts": [], "meta": {}, "inner_id": number}
        for annotation in task.setdefault("annotations", []):
            annotation |= {
                "import_id": annotation["id"], "id": 100, "updated_by": None, "completed_by": 1, "was_cancelled": False,
                "updated_at": "2026-01-01T00:00:00Z", "prediction": {},
            }  # fmt: skip
    return write(folder / "export.json", json.dumps(tasks))


def of_prodigy(folder: Path) -> Path:
    return folder / "answers.jsonl"


def of_doccano(folder: Path) -> Path:
    rows = [json.loads(line) for line in (folder / "data.jsonl").read_bytes().split(b"\n") if line]
    for number, row in enumerate(rows, start=1):
        row |= {"id": number, "cats": sorted(row["cats"]), "entities": sorted(row["entities"]), "Comments": []}
    return write(folder / "anna.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


def of_argilla(folder: Path, status: str = "submitted") -> Path:
    flat = []
    for record in json.loads((folder / "records.json").read_text(encoding="utf-8")):
        row = {"id": record["id"], "status": "pending", **record["fields"], **record["metadata"]}
        for question, responses in record["responses"].items():
            row[f"{question}.responses"] = [each["value"] for each in responses]
            row[f"{question}.responses.users"] = [each["user_id"] for each in responses]
            row[f"{question}.responses.status"] = [status for _ in responses]
        flat.append(row)
    columns = {column for row in flat for column in row}
    return write(folder / "flat.json", json.dumps([dict.fromkeys(columns) | row for row in flat]))


EXPORTS: dict[str, Callable[[Path], Path]] = {
    "label-studio": of_label_studio, "prodigy": of_prodigy, "doccano": of_doccano, "argilla": of_argilla,
}  # fmt: skip


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def read(tool: str, file: Path, book: Codebook = BOOK, **more: Any) -> Imported:
    if tool == "argilla":
        ids = {id: name for name, id in USERS.items() if id in file.read_text(encoding="utf-8")}
        more.setdefault("names", ids)
    if tool == "doccano":
        more.setdefault("empty", "none")
    return TOOLS[tool].read(file, book, **more)  # type: ignore[attr-defined, no-any-return]


def plain(annotations: Any) -> dict[tuple[str, str], Any]:
    """Return the readings, with the labels of each in any order, since tools sort them."""
    return {(a.passage, a.annotator): (a.codebook, sorted(map(repr, a.labels))) for a in annotations}


def without_spans(annotation: Annotation) -> Annotation:
    labels = tuple(Label(topic=label.topic, stance=label.stance) for label in annotation.labels)
    return annotation.model_copy(update={"labels": labels})
