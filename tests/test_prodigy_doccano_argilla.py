"""What annotators do in Prodigy, Doccano and Argilla is read as they meant it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from labels.errors import DemarcheError
from labels.passages import Label
from labels.tools import argilla, doccano
from labels.tools.work import prepare
from tests.conftest import BOOK
from tests.tool_exports import USERS, export, of_argilla, of_doccano, passage, plain, read, reading, span, write


def answers(folder: Path, *rows: dict[str, Any]) -> Path:
    """Return the output of `prodigy db-out` with these answers to one task."""
    export("prodigy", folder)
    task = json.loads((folder / "tasks.jsonl").read_text(encoding="utf-8"))
    return write(folder / "answers.jsonl", "".join(json.dumps(task | row) + "\n" for row in rows))


def test_an_ignored_task_of_prodigy_is_unread(tmp_path: Path) -> None:
    file = answers(tmp_path, {"answer": "ignore", "_session_id": "a-anna"}, {"answer": "reject", "_session_id": "a-bert"},
                   {"answer": "accept", "accept": [], "_session_id": "a-carl"})  # fmt: skip
    imported = read("prodigy", file, names={"a-carl": "carl"})
    assert plain(imported.annotations) == plain([reading(by="carl")])
    assert sum(imported.left_out.values()) == 2


def test_a_rejected_binary_task_means_that_the_label_does_not_hold(tmp_path: Path) -> None:
    file = answers(
        tmp_path, {"label": "tea: favor", "answer": "accept"}, {"label": "rain", "answer": "reject"},
        {"label": "tea", "answer": "accept", "_session_id": "bert"},
    )  # fmt: skip
    imported = read("prodigy", file, annotator="anna")
    assert plain(imported.annotations) == plain([reading(Label(topic="tea", stance="favor"))])
    assert imported.left_out == {"readings in which some topics were not answered": 1}


def test_the_last_answer_to_a_binary_task_counts(tmp_path: Path) -> None:
    file = answers(
        tmp_path, {"label": "tea", "answer": "reject", "_timestamp": 20}, {"label": "rain", "answer": "accept"},
        {"label": "tea", "answer": "accept", "_timestamp": 10},
    )  # fmt: skip
    imported = read("prodigy", file, annotator="anna")
    assert plain(imported.annotations) == plain([reading(Label(topic="rain"))])
    assert imported.left_out == {"earlier answers to the same task": 1}


def test_a_topic_that_is_rejected_has_no_stance(tmp_path: Path) -> None:
    file = answers(tmp_path, {"label": "tea", "answer": "reject"}, {"label": "tea: favor", "answer": "accept"})
    with pytest.raises(DemarcheError, match=r"accepts and rejects labels of 'tea'"):
        read("prodigy", file, annotator="anna")


def test_answers_without_an_annotator_ask_for_the_name(tmp_path: Path) -> None:
    with pytest.raises(DemarcheError, match=r"answers.jsonl:1: .*--annotator-name"):
        read("prodigy", answers(tmp_path, {"answer": "accept"}))


def test_an_example_of_doccano_without_labels_is_a_question(tmp_path: Path) -> None:
    export("doccano", tmp_path, reading(Label(topic="tea")), passages=[passage(), passage("p 2")])
    file = of_doccano(tmp_path)
    with pytest.raises(DemarcheError, match=r"anna.jsonl:2: has no labels: add --empty none"):
        read("doccano", file, empty=None)
    assert plain(read("doccano", file, empty="unread").annotations) == plain([reading(Label(topic="tea"))])
    assert len(read("doccano", file, empty="none").annotations) == 2


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("text-classification", Label(topic="tea", stance="favor")),
        ("sequence-labeling", Label(topic="tea", stance="favor", evidence=span("umbrellas"))),
    ],
)
def test_a_project_of_doccano_of_one_kind_loses_the_rest(kind: Any, kept: Label, tmp_path: Path) -> None:
    label = Label(topic="tea", stance="favor", holder="The mayor", evidence=span("umbrellas"))
    lost: Counter[str] = Counter()
    tasks = prepare(BOOK, [passage()], [reading(label)], {}, lost)
    exported = doccano.export(tmp_path, BOOK, tasks, lost, kind=kind)
    assert exported.lost["holders"] == 1
    assert read("doccano", tmp_path / "data.jsonl", annotator="anna").annotations[0].labels == (kept,)


def test_doccano_takes_the_labels_of_one_annotator(tmp_path: Path) -> None:
    with pytest.raises(DemarcheError, match="anna, bert; name one with --annotator"):
        export("doccano", tmp_path, reading(), reading(by="bert"))


def test_two_annotators_are_not_one_user_of_argilla(tmp_path: Path) -> None:
    tasks = prepare(BOOK, [passage()], [reading(), reading(by="bert")], {}, Counter())
    with pytest.raises(DemarcheError, match="--user: 'anna' and 'bert' are one user"):
        argilla.export(tmp_path, BOOK, tasks, Counter(), users={"anna": USERS["anna"], "bert": USERS["anna"]})


def test_drafts_and_discarded_responses_of_argilla_are_left_out(tmp_path: Path) -> None:
    export("argilla", tmp_path, reading(Label(topic="tea")))
    assert read("argilla", of_argilla(tmp_path, "draft"), names={}).left_out == {"drafts": 1}
    assert read("argilla", of_argilla(tmp_path, "discarded"), names={}).left_out == {"discarded responses": 1}


def test_records_of_argilla_without_the_status_of_responses_are_refused(tmp_path: Path) -> None:
    export("argilla", tmp_path, reading(Label(topic="tea")))
    with pytest.raises(DemarcheError, match="flatten=True"):
        read("argilla", tmp_path / "records.json", names={})


def test_a_response_of_argilla_without_a_user_is_refused(tmp_path: Path) -> None:
    export("argilla", tmp_path, reading(Label(topic="tea")))
    file = of_argilla(tmp_path)
    write(file, file.read_text(encoding="utf-8").replace(f'"{USERS["anna"]}"', "null"))
    with pytest.raises(DemarcheError, match=r"has a response without a user; write who made it"):
        read("argilla", file, names={})
